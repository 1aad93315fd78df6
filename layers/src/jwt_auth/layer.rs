//! The layer and its builder.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use tower_layer::Layer;

use super::access::Access;
use super::cache::TokenCache;
use super::challenge::Challenges;
use super::config::{Config, Settings};
use super::error::ConfigError;
use super::keys::KeySource;
use super::revocation::{NoRevocation, OnUnavailable};
use super::service::JwtAuth;
use super::validation::Validation;
use crate::{DefaultRefuse, RequestHead};

/// Lets only requests with a good bearer token through. See the [module](super) for the exact conditions.
///
/// `C` is the type of the claims, `R` checks for revocation, `F` makes the refusing responses.
#[must_use]
pub struct JwtAuthLayer<C, R = NoRevocation, F = DefaultRefuse> {
    config: Arc<Config<C, R, F>>,
}

impl<C> JwtAuthLayer<C> {
    /// Starts a layer that takes its keys from `keys` (a [`KeySetHandle`](super::KeySetHandle), say) and asks of tokens what
    /// `validation` says.
    pub fn builder(keys: impl KeySource, validation: Validation<C>) -> Builder<C> {
        Builder {
            settings: Settings {
                keys: Box::new(keys),
                validation,
                access: Box::new(|_| Access::Required),
                clock: Box::new(system_time),
                max_token_len: 4096,
                cache: None,
                on_unavailable: OnUnavailable::Refuse,
                retry_after: HeaderValue::from_static("5"),
            },
            challenges: Challenges::new("api"),
            revocation: NoRevocation,
            refuse: DefaultRefuse,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the default clock; apps and tests hand in another")]
fn system_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

impl<S, C, R, F> Layer<S> for JwtAuthLayer<C, R, F> {
    type Service = JwtAuth<S, C, R, F>;

    fn layer(&self, inner: S) -> Self::Service {
        JwtAuth::new(inner, Arc::clone(&self.config))
    }
}

impl<C, R, F> Clone for JwtAuthLayer<C, R, F> {
    fn clone(&self) -> Self {
        Self { config: Arc::clone(&self.config) }
    }
}

impl<C, R, F> fmt::Debug for JwtAuthLayer<C, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuthLayer").field("settings", &self.config.settings).finish_non_exhaustive()
    }
}

/// Sets up a [`JwtAuthLayer`].
#[must_use]
pub struct Builder<C, R = NoRevocation, F = DefaultRefuse> {
    settings: Settings<C>,
    challenges: Result<Challenges, ConfigError>,
    revocation: R,
    refuse: F,
}

impl<C, R, F> Builder<C, R, F> {
    /// What each request needs. Without this every request needs a token.
    ///
    /// The closure sees what outer layers left in the request extensions: the matched row of a route table, say.
    pub fn access(mut self, access: impl Fn(RequestHead<'_>) -> Access + Send + Sync + 'static) -> Self {
        self.settings.access = Box::new(access);
        self
    }

    /// The realm that challenges name (RFC 9110 §11.5); `api` without this.
    pub fn realm(mut self, realm: &str) -> Self {
        self.challenges = Challenges::new(realm);
        self
    }

    /// The longest token that is parsed, in bytes; 4096 without this. A longer one is invalid.
    pub fn max_token_len(mut self, bytes: usize) -> Self {
        self.settings.max_token_len = bytes;
        self
    }

    /// The time in seconds since the epoch; the clock of the machine without this.
    pub fn clock(mut self, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.settings.clock = Box::new(clock);
        self
    }

    /// Remembers verified tokens, so that a token costs a signature once and a digest afterwards; nothing is remembered without this.
    ///
    /// What a token says is checked once, then: the [`Validation`] with the app's
    /// [`claims_check`](super::ValidationBuilder::claims_check). Its expiry, its scopes and its revocation are looked at with every request.
    pub fn cache(mut self, cache: TokenCache<C>) -> Self {
        self.settings.cache = Some(cache);
        self
    }

    /// Asks `check` about every token that is good otherwise.
    pub fn revocation<R2>(self, check: R2) -> Builder<C, R2, F> {
        let Self { settings, challenges, revocation: _, refuse } = self;
        Builder { settings, challenges, revocation: check, refuse }
    }

    /// What to do when the revocation check cannot answer; refuse without this.
    pub fn on_unavailable(mut self, mode: OnUnavailable) -> Self {
        self.settings.on_unavailable = mode;
        self
    }

    /// The `Retry-After` of the 503 for an unavailable check or missing keys, in seconds; 5 without this.
    pub fn retry_after(mut self, seconds: NonZeroU32) -> Self {
        self.settings.retry_after = HeaderValue::from(seconds.get());
        self
    }

    /// Makes the refusing responses; plain text without this. The layer adds the headers.
    pub fn refuse<F2>(self, refuse: F2) -> Builder<C, R, F2> {
        let Self { settings, challenges, revocation, refuse: _ } = self;
        Builder { settings, challenges, revocation, refuse }
    }

    /// The finished layer.
    ///
    /// # Errors
    /// [`ConfigError::Realm`] if no header can carry the realm.
    pub fn build(self) -> Result<JwtAuthLayer<C, R, F>, ConfigError> {
        let Self { settings, challenges, revocation, refuse } = self;
        Ok(JwtAuthLayer { config: Arc::new(Config { settings, challenges: challenges?, revocation, refuse }) })
    }
}

impl<C, R, F> fmt::Debug for Builder<C, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
