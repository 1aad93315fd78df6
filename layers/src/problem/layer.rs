use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, StatusCode, Uri};
use serde_json::{Map, Value};
use tower_layer::Layer;

use super::context::Context;
use super::service::Problem;

type Codes = dyn Fn(StatusCode) -> Option<(&'static str, &'static str)> + Send + Sync;
type AddMembers = dyn Fn(&Context<'_>, &mut Map<String, Value>) + Send + Sync;
type OnPanic = dyn Fn(&str, &Context<'_>) + Send + Sync;

/// Gives every refusal the same RFC 9457 body; see the [module](super).
#[must_use = "a layer does nothing until it wraps a service"]
#[derive(Clone, Debug)]
pub struct ProblemLayer {
    config: Arc<Config>,
}

impl ProblemLayer {
    /// Starts from the defaults: `about:blank`, the built-in codes, no extra members, `Retry-After: 1`.
    pub fn builder() -> Builder {
        Builder {
            config: Config {
                type_base: None,
                codes: None,
                members: None,
                on_panic: None,
                retry_after: HeaderValue::from_static("1"),
            },
            retry_after: None,
        }
    }
}

impl<S> Layer<S> for ProblemLayer {
    type Service = Problem<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Problem::new(inner, Arc::clone(&self.config))
    }
}

/// What all clones of one layer share.
pub(super) struct Config {
    pub(super) type_base: Option<String>,
    pub(super) codes: Option<Box<Codes>>,
    pub(super) members: Option<Box<AddMembers>>,
    pub(super) on_panic: Option<Box<OnPanic>>,
    pub(super) retry_after: HeaderValue,
}

impl Config {
    /// Whether there is a closure of the app that sees requests.
    pub(super) fn shows_requests(&self) -> bool {
        self.members.is_some() || self.on_panic.is_some()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("type_base", &self.type_base)
            .field("retry_after", &self.retry_after)
            .finish_non_exhaustive()
    }
}

/// Configures a [`ProblemLayer`].
#[must_use = "a builder does nothing until `build`"]
#[derive(Debug)]
pub struct Builder {
    config: Config,
    retry_after: Option<Duration>,
}

impl Builder {
    /// The absolute URI in front of every code in the member `type`; it should lead to pages that explain the codes.
    pub fn type_base(mut self, base: impl Into<String>) -> Self {
        self.config.type_base = Some(base.into());
        self
    }

    /// Names the code and the title for bare error responses of a status. `None` falls back to the built-in table, whose codes are
    /// `not_found`, `method_not_allowed`, `payload_too_large`, `internal_error` and the like.
    pub fn codes<F>(mut self, codes: F) -> Self
    where
        F: Fn(StatusCode) -> Option<(&'static str, &'static str)> + Send + Sync + 'static,
    {
        self.config.codes = Some(Box::new(codes));
        self
    }

    /// Adds members to every rendered body, after those of [`Members`](super::Members) are in the map.
    pub fn members<F>(mut self, members: F) -> Self
    where
        F: Fn(&Context<'_>, &mut Map<String, Value>) + Send + Sync + 'static,
    {
        self.config.members = Some(Box::new(members));
        self
    }

    /// Is told the text of every panic caught. The panic hook of the process has run before.
    pub fn on_panic<F>(mut self, on_panic: F) -> Self
    where
        F: Fn(&str, &Context<'_>) + Send + Sync + 'static,
    {
        self.config.on_panic = Some(Box::new(on_panic));
        self
    }

    /// The `Retry-After` of a rendered 503 that has none, rounded up to whole seconds. One second by default.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The layer.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the value that cannot be used.
    pub fn build(mut self) -> Result<ProblemLayer, ConfigError> {
        if let Some(base) = &self.config.type_base
            && base.parse::<Uri>().map_or(true, |uri| uri.scheme().is_none())
        {
            return Err(ConfigError::TypeBase(base.clone()));
        }
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
            if seconds == 0 {
                return Err(ConfigError::RetryAfter);
            }
            self.config.retry_after = HeaderValue::from(seconds);
        }
        Ok(ProblemLayer { config: Arc::new(self.config) })
    }
}

/// Why a [`ProblemLayer`] could not be built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The type base is not an absolute URI.
    TypeBase(String),
    /// `Retry-After` must be at least one second.
    RetryAfter,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TypeBase(base) => write!(f, "the type base {base:?} is not an absolute URI"),
            Self::RetryAfter => f.write_str("Retry-After must be at least one second"),
        }
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_base_must_be_absolute() {
        for base in ["", "/problems/", "problems/", "https://", "https://example.com/ problems/"] {
            let built = ProblemLayer::builder().type_base(base).build();
            assert_eq!(built.map(drop), Err(ConfigError::TypeBase(base.to_owned())), "{base}");
        }
        assert!(ProblemLayer::builder().type_base("https://example.com/problems/").build().is_ok());
    }

    #[test]
    fn retry_after_is_whole_seconds_and_never_zero() {
        let build =
            |wait| ProblemLayer::builder().retry_after(wait).build().map(|layer| layer.config.retry_after.clone());
        assert_eq!(build(Duration::ZERO), Err(ConfigError::RetryAfter));
        assert_eq!(build(Duration::from_millis(1)), Ok(HeaderValue::from_static("1")));
        assert_eq!(build(Duration::from_millis(2001)), Ok(HeaderValue::from_static("3")));
        assert_eq!(build(Duration::MAX), Ok(HeaderValue::from(u64::MAX)));
    }
}
