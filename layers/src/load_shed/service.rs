use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, Request, Response, StatusCode, header};
use tower_service::Service;

use super::future::ResponseFuture;
use super::gate::Gate;
use crate::{DefaultRefuse, Refusal, Refuse, RequestHead, refusal};

const OVERLOADED: Refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded");

/// Bounds the requests in flight in the inner service. Made by [`LoadShedLayer`](super::LoadShedLayer).
#[derive(Clone, Debug)]
#[must_use]
pub struct LoadShed<S, R = DefaultRefuse> {
    inner: S,
    gate: Arc<Gate>,
    refuse: R,
}

impl<S, R> LoadShed<S, R> {
    pub(super) const fn new(inner: S, gate: Arc<Gate>, refuse: R) -> Self {
        Self { inner, gate, refuse }
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

    fn refusal<B>(&self, spent: Extensions) -> Response<B>
    where
        R: Refuse<B>,
    {
        let mut response = self.refuse.refuse(&OVERLOADED);
        refusal::reuse(spent, &mut response);
        let _full = response.headers_mut().try_insert(header::RETRY_AFTER, self.gate.retry_after.clone());
        response.extensions_mut().insert(OVERLOADED);
        response
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for LoadShed<S, R>
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
        match Gate::admit(&self.gate, RequestHead::from(&request)) {
            Some(permit) => ResponseFuture::inner(self.inner.call(request), permit),
            None => ResponseFuture::refused(self.refusal(mem::take(request.extensions_mut()))),
        }
    }
}
