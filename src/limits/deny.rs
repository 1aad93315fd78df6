//! The deny list at the door.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use portcullis_layers::ClientIp;
use tower::{Layer, Service};

use crate::access::Guarded;
use crate::error::ApiError;
use crate::reply::Response;
use crate::state::App;

/// Refuses every request of a network on the deny list. Stands where the client's address is known, before anything costs.
#[derive(Clone, Debug)]
pub struct DenyLayer {
    app: Arc<App>,
}

impl DenyLayer {
    /// Refuses whom the lists of `app` deny.
    #[must_use]
    pub fn new(app: &Arc<App>) -> Self {
        Self { app: app.clone() }
    }
}

impl<S> Layer<S> for DenyLayer {
    type Service = Deny<S>;
    fn layer(&self, inner: S) -> Deny<S> {
        Deny { app: self.app.clone(), inner }
    }
}

/// The service of [`DenyLayer`].
#[derive(Clone, Debug)]
pub struct Deny<S> {
    app: Arc<App>,
    inner: S,
}

impl<S, B> Service<Request<B>> for Deny<S>
where
    S: Service<Request<B>, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Guarded<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let client = request.extensions().get::<ClientIp>().map(|ip| ip.0);
        if !client.is_some_and(|address| self.app.limits.networks.is_denied(address)) {
            return Guarded::passed(self.inner.call(request));
        }
        self.app.metrics.limits.denied.inc();
        if !self.app.refusals.note("network.denied", "forbidden", client, self.app.clock.now()) {
            self.app.metrics.audit_lost.inc();
        }
        Guarded::refused(ApiError::Forbidden("Requests from this network are not accepted.").into_response())
    }
}
