use std::sync::Arc;

use tower_layer::Layer;

use super::charges::Charges;
use super::config::Config;
use super::key::Key;
use super::limit::Limit;
use super::service::RateLimit;
use crate::{DefaultRefuse, RequestHead};

/// Applies [`RateLimit`]. See the [module](super) for what it does.
#[derive(Clone, Debug)]
#[must_use]
pub struct RateLimitLayer<R = DefaultRefuse> {
    pub(crate) config: Arc<Config>,
    pub(crate) refuse: R,
}

impl RateLimitLayer {
    /// Starts without limits: such a layer only tells clients what handlers report.
    pub fn builder() -> Builder {
        Builder { config: Config::default(), refuse: DefaultRefuse }
    }
}

impl<S, R: Clone> Layer<S> for RateLimitLayer<R> {
    type Service = RateLimit<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimit::new(inner, Arc::clone(&self.config), self.refuse.clone())
    }
}

/// Builds a [`RateLimitLayer`].
#[derive(Debug)]
#[must_use]
pub struct Builder<R = DefaultRefuse> {
    config: Config,
    refuse: R,
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
        Builder { config: self.config, refuse }
    }

    /// The layer. Nothing that the builder accepts is wrong, so this cannot fail.
    pub fn build(self) -> RateLimitLayer<R> {
        RateLimitLayer { config: Arc::new(self.config), refuse: self.refuse }
    }
}
