use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::future::ResponseFuture;
use super::identity::{Config, Identity};

/// Identifies each request, then calls the inner service. Made by [`RequestIdLayer`](super::RequestIdLayer).
#[derive(Clone, Debug)]
#[must_use]
pub struct SetRequestId<S> {
    inner: S,
    config: Arc<Config>,
}

impl<S> SetRequestId<S> {
    pub(super) const fn new(inner: S, config: Arc<Config>) -> Self {
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

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SetRequestId<S>
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
        let Identity { id, traceresponse } = self.config.identify(request.headers_mut());
        request.extensions_mut().insert(id.clone());
        let header = self.config.header.clone();
        ResponseFuture::new(self.inner.call(request), header, id.into_header(), traceresponse)
    }
}
