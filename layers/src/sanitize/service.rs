use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::buffered::Buffered;
use super::examine::Decision;
use super::future::{Reading, ResponseFuture};
use super::layer::Config;
use crate::{DefaultRefuse, Refuse};

/// Inspects requests before the inner service gets them. Made by [`SanitizeLayer`](super::SanitizeLayer).
#[derive(Debug)]
#[must_use]
pub struct Sanitize<S, R = DefaultRefuse> {
    inner: S,
    config: Arc<Config<R>>,
}

impl<S, R> Sanitize<S, R> {
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

impl<S: Clone, R> Clone for Sanitize<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), config: Arc::clone(&self.config) }
    }
}

impl<S, R, B, ResBody> Service<Request<B>> for Sanitize<S, R>
where
    S: Service<Request<Buffered<B>>, Response = Response<ResBody>> + Clone,
    R: Refuse<ResBody>,
    B: Body<Data = Bytes>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, S::Future, B, R, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.config.rules.decide(&request) {
            Decision::Settled(Ok(report)) => {
                ResponseFuture::inner(self.inner.call(request.map(Buffered::streamed)), report)
            }
            Decision::Settled(Err(refused)) => ResponseFuture::refused(refused.response(&self.config.refuse)),
            Decision::Read(format, findings) => {
                // The instance that was polled ready goes with the future; the clone has to be polled anew.
                let clone = self.inner.clone();
                let ready = mem::replace(&mut self.inner, clone);
                ResponseFuture::reading(Reading::new(request, ready, Arc::clone(&self.config), format, findings))
            }
        }
    }
}
