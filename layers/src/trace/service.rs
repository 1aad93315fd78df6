use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;
use tracing::Level;

use super::body::ResponseBody;
use super::exchange::Exchange;
use super::future::ResponseFuture;
use crate::{ClientIp, WantsClientIp};

/// Runs the inner service in a span and reports how each request ended. Made by [`TraceLayer`](super::TraceLayer).
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Trace<S> {
    inner: S,
    span_level: Level,
    event_level: Level,
}

impl<S> Trace<S> {
    pub(super) const fn new(inner: S, span_level: Level, event_level: Level) -> Self {
        Self { inner, span_level, event_level }
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
        let exchange = Exchange::open(self.span_level, self.event_level, &request);
        if !exchange.span.is_disabled() && request.extensions().get::<ClientIp>().is_none() {
            request.extensions_mut().insert(WantsClientIp);
        }
        let inner = exchange.span.in_scope(|| self.inner.call(request));
        ResponseFuture::new(inner, exchange)
    }
}
