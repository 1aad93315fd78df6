//! The service: branches on the decision, nothing more.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use serde::de::DeserializeOwned;
use tower_service::Service;

use super::config::{Config, Decision};
use super::future::ResponseFuture;
use super::revocation::{CheckRevocation, NoRevocation};
use crate::{DefaultRefuse, Refuse};

/// The service that [`JwtAuthLayer`](super::JwtAuthLayer) makes.
#[must_use]
pub struct JwtAuth<S, C, R = NoRevocation, F = DefaultRefuse> {
    inner: S,
    config: Arc<Config<C, R, F>>,
}

impl<S, C, R, F> JwtAuth<S, C, R, F> {
    pub(super) fn new(inner: S, config: Arc<Config<C, R, F>>) -> Self {
        Self { inner, config }
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, mutably.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Gives the inner service back.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, C, R, F, B, ResBody> Service<Request<B>> for JwtAuth<S, C, R, F>
where
    S: Service<Request<B>, Response = Response<ResBody>> + Clone,
    C: DeserializeOwned + Send + Sync + 'static,
    R: CheckRevocation<C> + 'static,
    F: Refuse<ResBody> + Send + Sync + 'static,
    ResBody: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, S::Future, B, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let ahead = self.config.settings.keys.refresh_ahead();
        let answer = match self.config.decide(&mut request) {
            Decision::Pass => ResponseFuture::inner(self.inner.call(request)),
            Decision::Refuse(rejection) => {
                let spent = mem::take(request.extensions_mut());
                ResponseFuture::ready(self.config.respond(rejection, spent))
            }
            Decision::Ask(question) => {
                let (parts, body) = request.into_parts();
                // The instance that was polled ready goes with the future; the clone has to be polled anew.
                let clone = self.inner.clone();
                let ready = mem::replace(&mut self.inner, clone);
                ResponseFuture::asking(Arc::clone(&self.config).answer(question, parts), ready, body)
            }
        };
        answer.alongside(ahead)
    }
}

impl<S: Clone, C, R, F> Clone for JwtAuth<S, C, R, F> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), config: Arc::clone(&self.config) }
    }
}

impl<S: fmt::Debug, C, R, F> fmt::Debug for JwtAuth<S, C, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuth").field("inner", &self.inner).field("settings", &self.config.settings).finish()
    }
}
