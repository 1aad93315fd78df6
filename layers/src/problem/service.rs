use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::context::Asked;
use super::future::ResponseFuture;
use super::layer::Config;

/// The service that [`ProblemLayer`](super::ProblemLayer) makes.
#[must_use = "a service does nothing until it is called"]
#[derive(Clone, Debug)]
pub struct Problem<S> {
    inner: S,
    config: Arc<Config>,
}

impl<S> Problem<S> {
    pub(super) fn new(inner: S, config: Arc<Config>) -> Self {
        Self { inner, config }
    }

    /// The wrapped service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The wrapped service, mutable.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Gives the wrapped service back.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Problem<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Body + From<Bytes>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let asked = Asked::of(&request, self.config.shows_requests());
        // A service that panicked may be left inconsistent: as with a panic that ends a task, the next caller sees what its author left.
        let called = catch_unwind(AssertUnwindSafe(|| self.inner.call(request)));
        ResponseFuture::new(called, asked, Arc::clone(&self.config))
    }
}
