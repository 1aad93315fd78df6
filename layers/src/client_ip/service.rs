use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::future::ResponseFuture;
use super::layer::Config;
use crate::WantsClientIp;

/// Finds the client of each request, then calls the inner service. Made by [`ClientIpLayer`](super::ClientIpLayer).
#[derive(Clone, Debug)]
#[must_use]
pub struct FindClientIp<S> {
    inner: S,
    config: Arc<Config>,
}

impl<S> FindClientIp<S> {
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

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for FindClientIp<S>
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
        let peer = (self.config.peer)(request.extensions());
        let client = peer.map(|peer| self.config.trust.find(peer, request.headers()));
        if let Some(client) = client {
            client.tell_inner(request.extensions_mut());
        }
        let wanted = request.extensions().get::<WantsClientIp>().is_some();
        ResponseFuture::new(self.inner.call(request), client, wanted)
    }
}
