use std::fmt;

use tower_layer::Layer;

use super::limiter::RedisLimiter;
use super::service::RedisRateLimit;
use crate::DefaultRefuse;
use crate::rate_limit::RateLimitLayer;

/// Applies [`RedisRateLimit`]. See the [module](super) for what it does.
#[must_use]
pub struct RedisRateLimitLayer<R = DefaultRefuse> {
    limiter: RedisLimiter,
    rules: RateLimitLayer<R>,
}

impl<R> RedisRateLimitLayer<R> {
    /// Does what `rules` says, and charges the limits in Redis.
    pub fn new(limiter: RedisLimiter, rules: RateLimitLayer<R>) -> Self {
        Self { limiter, rules }
    }
}

impl<S, R> Layer<S> for RedisRateLimitLayer<R> {
    type Service = RedisRateLimit<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        RedisRateLimit::new(inner, self.limiter.clone(), self.rules.clone())
    }
}

impl<R> Clone for RedisRateLimitLayer<R> {
    fn clone(&self) -> Self {
        Self { limiter: self.limiter.clone(), rules: self.rules.clone() }
    }
}

impl<R> fmt::Debug for RedisRateLimitLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRateLimitLayer").field("limiter", &self.limiter).field("rules", &self.rules).finish()
    }
}
