use std::sync::Arc;
use std::task::{Context, Poll};
use std::{fmt, mem};

use http::{Request, Response};
use tower_service::Service;

use super::answer::Refuser;
use super::future::ResponseFuture;
use super::limiter::RedisLimiter;
use crate::rate_limit::{Config, RateLimitLayer};
use crate::{DefaultRefuse, Refuse, RequestHead};

/// Refuses requests of keys that have spent their quota, in all processes together. Made by
/// [`RedisRateLimitLayer`](super::RedisRateLimitLayer).
#[must_use]
pub struct RedisRateLimit<S, R = DefaultRefuse> {
    inner: S,
    limiter: RedisLimiter,
    rules: Arc<Config<R>>,
}

impl<S, R> RedisRateLimit<S, R> {
    pub(super) fn new(inner: S, limiter: RedisLimiter, rules: RateLimitLayer<R>) -> Self {
        Self { inner, limiter, rules: rules.config }
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

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for RedisRateLimit<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    R: Refuse<ResBody>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, S::Future, ReqBody, ResBody, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let charges = self.rules.charges(RequestHead::from(&request));
        let refuser = Refuser { rules: Arc::clone(&self.rules), pause: self.limiter.pause() };
        if let Some(settled) = self.limiter.without_asking(&charges) {
            return match refuser.settle(settled) {
                Ok(outcome) => ResponseFuture::inner(self.inner.call(request), outcome),
                Err(response) => ResponseFuture::refused(response),
            };
        }
        // The instance that was polled ready goes with the future; the clone has to be polled anew.
        let clone = self.inner.clone();
        let ready = mem::replace(&mut self.inner, clone);
        let limiter = self.limiter.clone();
        let answer = async move { limiter.charge_in_redis(&charges).await };
        ResponseFuture::asking(answer, ready, request, refuser)
    }
}

impl<S: Clone, R> Clone for RedisRateLimit<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), limiter: self.limiter.clone(), rules: Arc::clone(&self.rules) }
    }
}

impl<S: fmt::Debug, R> fmt::Debug for RedisRateLimit<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRateLimit")
            .field("inner", &self.inner)
            .field("limiter", &self.limiter)
            .field("rules", &self.rules)
            .finish()
    }
}
