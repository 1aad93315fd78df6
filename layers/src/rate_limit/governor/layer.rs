use std::fmt;
use std::sync::Arc;

use ::governor::clock::QuantaInstant;
use ::governor::middleware::RateLimitingMiddleware;
use tower_governor::key_extractor::KeyExtractor;
use tower_layer::Layer;

use super::config::{Config, SharedLimiter, Sweeps};
use super::service::Governor;
use super::standing::Announced;
use crate::rate_limit::ConfigError;
use crate::rate_limit::policy::is_name;
use crate::{DefaultRefuse, RequestHead};

/// Applies [`Governor`]. See the [module](super) for what it does.
#[must_use]
pub struct GovernorLayer<K, M, R = DefaultRefuse>
where
    K: KeyExtractor,
    M: RateLimitingMiddleware<QuantaInstant>,
{
    config: Arc<Config<K, M, R>>,
}

impl<K, M> GovernorLayer<K, M>
where
    K: KeyExtractor,
    M: RateLimitingMiddleware<QuantaInstant>,
{
    /// Starts with an extractor, and a limiter that may serve elsewhere too: `config.limiter().clone()` of `tower_governor`.
    pub fn builder(extractor: K, limiter: SharedLimiter<K::Key, M>) -> Builder<K, M> {
        let announced = Announced::new("default".into());
        let config =
            Config { extractor, limiter, exempt: None, announced, sweeps: Sweeps::new(), refuse: DefaultRefuse };
        Builder { config, name: "default".into() }
    }
}

impl<S, K, M, R> Layer<S> for GovernorLayer<K, M, R>
where
    K: KeyExtractor,
    M: RateLimitingMiddleware<QuantaInstant>,
{
    type Service = Governor<S, K, M, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Governor::new(inner, Arc::clone(&self.config))
    }
}

impl<K, M, R> Clone for GovernorLayer<K, M, R>
where
    K: KeyExtractor,
    M: RateLimitingMiddleware<QuantaInstant>,
{
    fn clone(&self) -> Self {
        Self { config: Arc::clone(&self.config) }
    }
}

impl<K, M, R> fmt::Debug for GovernorLayer<K, M, R>
where
    K: KeyExtractor,
    M: RateLimitingMiddleware<QuantaInstant>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GovernorLayer").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Builds a [`GovernorLayer`].
#[must_use]
pub struct Builder<K, M, R = DefaultRefuse>
where
    K: KeyExtractor,
    M: RateLimitingMiddleware<QuantaInstant>,
{
    config: Config<K, M, R>,
    name: Box<str>,
}

impl<K, M, R> Builder<K, M, R>
where
    K: KeyExtractor,
    M: RateLimitingMiddleware<QuantaInstant>,
{
    /// What clients know the policy by. Default: `default`.
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// Which requests pay nothing. Default: none.
    pub fn exempt(mut self, exempt: impl Fn(RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.config.exempt = Some(Box::new(exempt));
        self
    }

    /// What makes the body of the answer. Default: [`DefaultRefuse`].
    pub fn refuse<T>(self, refuse: T) -> Builder<K, M, T> {
        let Config { extractor, limiter, exempt, announced, sweeps, refuse: _ } = self.config;
        Builder { config: Config { extractor, limiter, exempt, announced, sweeps, refuse }, name: self.name }
    }

    /// The layer.
    ///
    /// # Errors
    /// [`ConfigError::Name`] if the name is not 1 to 64 characters of `[A-Za-z0-9._-]`.
    pub fn build(self) -> Result<GovernorLayer<K, M, R>, ConfigError> {
        let Self { config, name } = self;
        if !is_name(&name) {
            return Err(ConfigError::Name(name));
        }
        let config = Config { announced: Announced::new(name), ..config };
        Ok(GovernorLayer { config: Arc::new(config) })
    }
}

impl<K, M, R> fmt::Debug for Builder<K, M, R>
where
    K: KeyExtractor,
    M: RateLimitingMiddleware<QuantaInstant>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("name", &self.name).finish_non_exhaustive()
    }
}
