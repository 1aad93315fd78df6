use std::fmt;
use std::sync::Arc;

use tower_layer::Layer;

use super::charges::Charges;
use super::config::Config;
use super::key::Key;
use super::limit::Limit;
use super::service::RateLimit;
use crate::{DefaultRefuse, RequestHead};

/// Applies [`RateLimit`]. See the [module](super) for what it does.
#[must_use]
pub struct RateLimitLayer<R = DefaultRefuse> {
    pub(crate) config: Arc<Config<R>>,
}

impl RateLimitLayer {
    /// Starts without limits: such a layer only tells clients what handlers report.
    pub fn builder() -> Builder {
        Builder { config: Config::new(DefaultRefuse) }
    }
}

impl<S, R> Layer<S> for RateLimitLayer<R> {
    type Service = RateLimit<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimit::new(inner, Arc::clone(&self.config))
    }
}

impl<R> Clone for RateLimitLayer<R> {
    fn clone(&self) -> Self {
        Self { config: Arc::clone(&self.config) }
    }
}

impl<R> fmt::Debug for RateLimitLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitLayer").field("config", &self.config).finish()
    }
}

/// Builds a [`RateLimitLayer`].
#[derive(Debug)]
#[must_use]
pub struct Builder<R = DefaultRefuse> {
    config: Config<R>,
}

impl<R> Builder<R> {
    /// Charges one unit at `limit` for each request, to the key that the closure makes of it; `None` charges nothing.
    pub fn limit(
        mut self,
        limit: &Limit,
        key: impl Fn(RequestHead<'_>) -> Option<Key> + Send + Sync + 'static,
    ) -> Self {
        self.config.limit(limit.clone(), key);
        self
    }

    /// Charges what the closure adds: for limits that depend on the route, and for requests of different cost.
    pub fn charges(mut self, charges: impl Fn(RequestHead<'_>, &mut Charges) + Send + Sync + 'static) -> Self {
        self.config.rule(charges);
        self
    }

    /// Which requests pay nothing. Default: none.
    pub fn exempt(mut self, exempt: impl Fn(RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.config.exempt(exempt);
        self
    }

    /// What makes the body of the answer. Default: [`DefaultRefuse`].
    pub fn refuse<T>(self, refuse: T) -> Builder<T> {
        Builder { config: self.config.refuse(refuse) }
    }

    /// The layer. Nothing that the builder accepts is wrong, so this cannot fail.
    pub fn build(self) -> RateLimitLayer<R> {
        RateLimitLayer { config: Arc::new(self.config) }
    }
}
