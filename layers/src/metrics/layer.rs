use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::Extensions;
use prometheus::Registry;
use tower_layer::Layer;

use super::families::{DURATION_BUCKETS, Families};
use super::series::SeriesTable;
use super::service::Metrics;
use crate::RoutePattern;

type RouteOf = dyn for<'a> Fn(&'a Extensions) -> Option<Cow<'a, str>> + Send + Sync;

/// The most routes that [`Builder::max_routes`] accepts.
const MOST_ROUTES: usize = 1 << 14;

/// Counts and times requests; see the [module](super).
#[must_use = "a layer does nothing until it wraps a service"]
#[derive(Clone, Debug)]
pub struct MetricsLayer {
    config: Arc<Config>,
}

impl MetricsLayer {
    /// Starts from the defaults: no prefix, [`DURATION_BUCKETS`], no sizes, 256 routes by [`RoutePattern`].
    pub fn builder(registry: &Registry) -> Builder {
        Builder {
            registry: registry.clone(),
            namespace: String::new(),
            route: None,
            max_routes: 256,
            duration_buckets: DURATION_BUCKETS.to_vec(),
            body_sizes: None,
        }
    }
}

impl<S> Layer<S> for MetricsLayer {
    type Service = Metrics<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Metrics::new(inner, Arc::clone(&self.config))
    }
}

/// What all clones of one layer share.
pub(super) struct Config {
    pub(super) table: SeriesTable,
    route: Option<Box<RouteOf>>,
}

impl Config {
    pub(super) fn route_of<'a>(&self, extensions: &'a Extensions) -> Option<Cow<'a, str>> {
        match &self.route {
            Some(route) => route(extensions),
            None => extensions.get::<RoutePattern>().map(|RoutePattern(pattern)| Cow::Borrowed(pattern.as_ref())),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").finish_non_exhaustive()
    }
}

/// Configures a [`MetricsLayer`].
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    registry: Registry,
    namespace: String,
    route: Option<Box<RouteOf>>,
    max_routes: usize,
    duration_buckets: Vec<f64>,
    body_sizes: Option<Vec<f64>>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("namespace", &self.namespace)
            .field("max_routes", &self.max_routes)
            .field("duration_buckets", &self.duration_buckets)
            .field("body_sizes", &self.body_sizes)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// A prefix: `shop` makes `shop_http_server_requests_total`.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Finds the route pattern in the request extensions, in place of [`RoutePattern`]. `None` is `unmatched`. It must return patterns, not
    /// paths: paths fill the table with the first [`max_routes`](Self::max_routes) that come by.
    pub fn route<F>(mut self, route: F) -> Self
    where
        F: for<'a> Fn(&'a Extensions) -> Option<Cow<'a, str>> + Send + Sync + 'static,
    {
        self.route = Some(Box::new(route));
        self
    }

    /// How many patterns get a label of their own, 1 to 16 384; 256 by default.
    pub fn max_routes(mut self, max_routes: usize) -> Self {
        self.max_routes = max_routes;
        self
    }

    /// The upper bounds of the duration histogram, in seconds, ascending; [`DURATION_BUCKETS`] by default.
    pub fn duration_buckets(mut self, bounds: &[f64]) -> Self {
        self.duration_buckets = bounds.to_vec();
        self
    }

    /// Switches the two body size histograms on, with these upper bounds in bytes, ascending.
    pub fn body_sizes(mut self, bounds: &[f64]) -> Self {
        self.body_sizes = Some(bounds.to_vec());
        self
    }

    /// Registers the metrics and makes the layer. On an error, nothing is registered.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the value that cannot be used.
    pub fn build(self) -> Result<MetricsLayer, ConfigError> {
        if !(1..=MOST_ROUTES).contains(&self.max_routes) {
            return Err(ConfigError::MaxRoutes(self.max_routes));
        }
        for bounds in [Some(&self.duration_buckets), self.body_sizes.as_ref()].into_iter().flatten() {
            check(bounds)?;
        }
        let families = Families::new(&self.namespace, &self.duration_buckets, self.body_sizes.as_deref())
            .map_err(ConfigError::Registry)?;
        self.registry.register(Box::new(families.clone())).map_err(ConfigError::Registry)?;
        let config = Config { table: SeriesTable::new(families, self.max_routes), route: self.route };
        Ok(MetricsLayer { config: Arc::new(config) })
    }
}

/// `prometheus` itself checks bounds only when the first series is made, and panics then.
fn check(bounds: &[f64]) -> Result<(), ConfigError> {
    let ascending = bounds.windows(2).all(|pair| pair[0] < pair[1]);
    if bounds.is_empty() || !ascending || bounds.iter().any(|bound| !bound.is_finite()) {
        return Err(ConfigError::Buckets(bounds.to_vec()));
    }
    Ok(())
}

/// Why a [`MetricsLayer`] could not be built.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// The cap on routes is not within 1 to 16 384.
    MaxRoutes(usize),
    /// Bounds of a histogram are none, not finite, or not ascending.
    Buckets(Vec<f64>),
    /// The registry has a metric of such a name already, or the namespace is no metric name.
    Registry(prometheus::Error),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxRoutes(max) => write!(f, "the cap on routes is {max}, not 1 to {MOST_ROUTES}"),
            Self::Buckets(bounds) => write!(f, "histogram bounds must be finite and ascending: {bounds:?}"),
            Self::Registry(_) => f.write_str("the registry refused the metrics"),
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Registry(error) => Some(error),
            Self::MaxRoutes(_) | Self::Buckets(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder() -> Builder {
        MetricsLayer::builder(&Registry::new())
    }

    #[test]
    fn the_cap_on_routes_has_bounds() {
        for max in [0, MOST_ROUTES + 1, usize::MAX] {
            assert!(matches!(builder().max_routes(max).build(), Err(ConfigError::MaxRoutes(_))), "{max}");
        }
        assert!(builder().max_routes(1).build().is_ok());
        assert!(builder().max_routes(MOST_ROUTES).build().is_ok());
    }

    #[test]
    fn histogram_bounds_are_checked_before_the_first_request() {
        for bounds in [&[][..], &[1.0, 1.0], &[2.0, 1.0], &[f64::NAN], &[1.0, f64::NAN], &[f64::INFINITY]] {
            assert!(matches!(builder().duration_buckets(bounds).build(), Err(ConfigError::Buckets(_))), "{bounds:?}");
            assert!(matches!(builder().body_sizes(bounds).build(), Err(ConfigError::Buckets(_))), "{bounds:?}");
        }
    }

    #[test]
    fn a_name_clash_registers_nothing() {
        let registry = Registry::new();
        let clash = prometheus::IntCounter::new("http_server_request_duration_seconds", "Not ours.").unwrap();
        registry.register(Box::new(clash)).unwrap();
        assert!(matches!(MetricsLayer::builder(&registry).build(), Err(ConfigError::Registry(_))));
        assert_eq!(registry.gather().len(), 1, "not even the gauge in flight");
    }

    #[test]
    fn a_namespace_must_be_a_metric_name() {
        assert!(matches!(builder().namespace("not a name").build(), Err(ConfigError::Registry(_))));
        assert!(builder().namespace("shop").build().is_ok());
    }
}
