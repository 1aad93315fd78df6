use std::sync::Arc;
use std::task::{Context, Poll};
use std::{fmt, mem};

use http::{Request, Response};
use tower_service::Service;

use super::config::Config;
use super::fields;
use super::future::ResponseFuture;
use crate::{DefaultRefuse, Refuse, RequestHead};

/// Refuses requests of keys that have spent their quota. Made by [`RateLimitLayer`](super::RateLimitLayer).
#[must_use]
pub struct RateLimit<S, R = DefaultRefuse> {
    inner: S,
    config: Arc<Config<R>>,
}

impl<S, R> RateLimit<S, R> {
    pub(super) const fn new(inner: S, config: Arc<Config<R>>) -> Self {
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

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for RateLimit<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: Refuse<ResBody>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let outcome = self.config.charges(RequestHead::from(&request)).charge();
        if outcome.is_refused() {
            let spent = mem::take(request.extensions_mut());
            ResponseFuture::refused(fields::refusal_in(spent, &self.config.refuse, outcome))
        } else {
            ResponseFuture::inner(self.inner.call(request), outcome)
        }
    }
}

impl<S: Clone, R> Clone for RateLimit<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), config: Arc::clone(&self.config) }
    }
}

impl<S: fmt::Debug, R> fmt::Debug for RateLimit<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit").field("inner", &self.inner).field("config", &self.config).finish()
    }
}
