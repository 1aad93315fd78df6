use std::sync::Arc;
use std::task::{Context, Poll};
use std::{fmt, mem};

use ::governor::NotUntil;
use ::governor::clock::QuantaInstant;
use ::governor::middleware::RateLimitingMiddleware;
use http::{Request, Response};
use tower_governor::key_extractor::KeyExtractor;
use tower_service::Service;

use super::config::{Config, NoKey};
use super::standing::Remaining;
use crate::rate_limit::{ResponseFuture, fields};
use crate::{DefaultRefuse, Refuse};

/// Refuses requests of keys that a governor limiter refuses. Made by [`GovernorLayer`](super::GovernorLayer).
#[must_use]
pub struct Governor<S, K, M, R = DefaultRefuse>
where
    K: KeyExtractor,
    M: RateLimitingMiddleware<QuantaInstant>,
{
    inner: S,
    config: Arc<Config<K, M, R>>,
}

impl<S, K, M, R> Governor<S, K, M, R>
where
    K: KeyExtractor,
    M: RateLimitingMiddleware<QuantaInstant>,
{
    pub(super) const fn new(inner: S, config: Arc<Config<K, M, R>>) -> Self {
        Self { inner, config }
    }

    /// The inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, mutable.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Gives the inner service back.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, K, M, R, ReqBody, ResBody> Service<Request<ReqBody>> for Governor<S, K, M, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    K: KeyExtractor,
    M: RateLimitingMiddleware<QuantaInstant, NegativeOutcome = NotUntil<QuantaInstant>>,
    M::PositiveOutcome: Remaining,
    R: Refuse<ResBody>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        match self.config.check(&request) {
            Ok(outcome) if outcome.is_refused() => {
                let spent = mem::take(request.extensions_mut());
                ResponseFuture::refused(fields::refusal_in(spent, &self.config.refuse, outcome))
            }
            Ok(outcome) => ResponseFuture::inner(self.inner.call(request), outcome),
            Err(no_key) => {
                let NoKey { refusal, headers } = *no_key;
                let mut response = self.config.refuse.refuse(&refusal);
                response.headers_mut().extend(headers);
                response.extensions_mut().insert(refusal);
                ResponseFuture::refused(response)
            }
        }
    }
}

impl<S, K, M, R> Clone for Governor<S, K, M, R>
where
    S: Clone,
    K: KeyExtractor,
    M: RateLimitingMiddleware<QuantaInstant>,
{
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), config: Arc::clone(&self.config) }
    }
}

impl<S, K, M, R> fmt::Debug for Governor<S, K, M, R>
where
    S: fmt::Debug,
    K: KeyExtractor,
    M: RateLimitingMiddleware<QuantaInstant>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Governor").field("inner", &self.inner).field("config", &self.config).finish_non_exhaustive()
    }
}
