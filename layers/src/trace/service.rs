use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::body::ResponseBody;
use super::exchange::Exchange;
use super::future::ResponseFuture;
use super::layer::Config;
use crate::{ClientIp, WantsClientIp};

/// Runs the inner service in a span and reports how each request ended. Made by [`TraceLayer`](super::TraceLayer).
#[derive(Clone, Debug)]
#[must_use]
pub struct Trace<S> {
    inner: S,
    config: Arc<Config>,
}

impl<S> Trace<S> {
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

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Trace<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Body,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let exchange = Exchange::open(&self.config, &request);
        if !exchange.span.is_disabled() && request.extensions().get::<ClientIp>().is_none() {
            request.extensions_mut().insert(WantsClientIp);
        }
        let inner = {
            let _entered = exchange.span.enter();
            self.inner.call(request)
        };
        ResponseFuture::new(inner, exchange)
    }
}
