use std::sync::Arc;
use std::task::{Context, Poll};
use std::{fmt, mem};

use http::{Extensions, Request, Response, StatusCode, header};
use tower_service::Service;

use super::future::ResponseFuture;
use super::gate::{Gate, Permit};
use super::layer::Config;
use crate::{DefaultRefuse, Refusal, Refuse, RequestHead, refusal};

const OVERLOADED: Refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded");

/// Bounds the requests in flight in the inner service. Made by [`LoadShedLayer`](super::LoadShedLayer).
#[must_use]
pub struct LoadShed<S, R = DefaultRefuse> {
    inner: S,
    config: Arc<Config<R>>,
}

impl<S, R> LoadShed<S, R> {
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

    fn refusal<B>(&self, spent: Extensions) -> Response<B>
    where
        R: Refuse<B>,
    {
        let mut response = self.config.refuse.refuse(&OVERLOADED);
        refusal::reuse(spent, &mut response);
        let _full = response.headers_mut().try_insert(header::RETRY_AFTER, self.config.gate.retry_after.clone());
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
        match Gate::admit(&self.config.gate, RequestHead::from(&request)) {
            Some(permit) => {
                if let Permit::Lent(place) = &permit {
                    request.extensions_mut().insert(place.clone());
                }
                ResponseFuture::inner(self.inner.call(request), permit)
            }
            None => ResponseFuture::refused(self.refusal(mem::take(request.extensions_mut()))),
        }
    }
}

impl<S: Clone, R> Clone for LoadShed<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), config: Arc::clone(&self.config) }
    }
}

impl<S: fmt::Debug, R> fmt::Debug for LoadShed<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadShed").field("inner", &self.inner).field("gate", &self.config.gate).finish_non_exhaustive()
    }
}
