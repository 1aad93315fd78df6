use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::fields::Fields;
use super::future::ResponseFuture;

/// Completes the headers of each response of the inner service. Made by [`SecurityHeadersLayer`](super::SecurityHeadersLayer).
#[derive(Clone, Debug)]
#[must_use]
pub struct SecurityHeaders<S> {
    inner: S,
    fields: Arc<Fields>,
}

impl<S> SecurityHeaders<S> {
    pub(super) const fn new(inner: S, fields: Arc<Fields>) -> Self {
        Self { inner, fields }
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

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SecurityHeaders<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let seen = self.fields.see(&mut request);
        ResponseFuture::new(self.inner.call(request), Arc::clone(&self.fields), seen)
    }
}
