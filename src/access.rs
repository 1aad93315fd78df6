//! WHO becomes WHETHER: the session look-up behind the token, and the row's demand on the caller.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, Request};
use pin_project_lite::pin_project;
use portcullis_layers::jwt_auth::{CheckRevocation, Denied, Verified};
use portcullis_layers::{ClientIp, PeerAddr};
use tower::{Layer, Service};
use uuid::Uuid;

use crate::auth::jwt::AccessClaims;
use crate::db::sessions;
use crate::db::users::User;
use crate::error::{ApiError, chain};
use crate::reply::Response;
use crate::router::Match;
use crate::routes::Access;
use crate::state::App;

/// Who is asking: the owner of a live session. A request extension on every row that demands a user.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The account as it is now.
    pub user: User,
    /// The session of the access token.
    pub session_id: Uuid,
}

/// Looks at the session and its owner on every request, so that a revocation on any replica is felt by the very next one.
#[derive(Clone, Debug)]
pub struct SessionCheck(pub Arc<App>);

impl CheckRevocation<AccessClaims> for SessionCheck {
    async fn check(&self, token: &Verified<AccessClaims>, extensions: &mut Extensions) -> Result<(), Denied> {
        let claims = token.claims();
        let found = async {
            let client = self.0.database.get().await?;
            sessions::find_state(&client, claims.sid, claims.sub).await
        };
        match found.await {
            Ok(Some(state)) if state.is_live(self.0.clock.now(), self.0.config.tokens.session_idle) => {
                extensions.insert(Authenticated { user: state.user, session_id: claims.sid });
                Ok(())
            }
            Ok(_) => Err(Denied::Revoked),
            Err(error) => {
                tracing::warn!(error = chain(&error), "a session could not be looked up");
                Err(Denied::Unavailable)
            }
        }
    }
}

/// Which listener a request came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// The API's.
    Main,
    /// That of `METRICS_ADDR`, which only operators reach.
    Operations,
}

/// Holds every request to the access value of its row, before a byte of its body is read.
#[derive(Clone, Debug)]
pub struct AccessLayer {
    app: Arc<App>,
    listener: Listener,
}

impl AccessLayer {
    /// Guards the rows behind a listener.
    #[must_use]
    pub fn new(app: &Arc<App>, listener: Listener) -> Self {
        Self { app: app.clone(), listener }
    }
}

impl<S> Layer<S> for AccessLayer {
    type Service = AccessGuard<S>;
    fn layer(&self, inner: S) -> AccessGuard<S> {
        AccessGuard { app: self.app.clone(), listener: self.listener, inner }
    }
}

/// The service of [`AccessLayer`].
#[derive(Clone, Debug)]
pub struct AccessGuard<S> {
    app: Arc<App>,
    listener: Listener,
    inner: S,
}

impl<S> AccessGuard<S> {
    /// A refusal, unless the caller may pass.
    fn refusal<B>(&self, request: &Request<B>) -> Option<ApiError> {
        match Match::of(request)?.access {
            Access::Public => None,
            Access::User => request.extensions().get::<Authenticated>().is_none().then_some(ApiError::MissingToken),
            Access::Operator if self.listener == Listener::Operations => None,
            // A listener of its own is where they are looked for then: nothing here.
            Access::Operator if self.app.config.metrics_addr.is_some() => Some(ApiError::NotFound),
            Access::Operator if !self.app.config.is_production() => None,
            Access::Operator => {
                (!self.is_local(request)).then_some(ApiError::Forbidden("Metrics are served to this machine only."))
            }
        }
    }

    /// Whether the request was made on this machine. A proxy on this machine speaks for others: a trusted one says for whom, any other
    /// is known by saying so.
    fn is_local<B>(&self, request: &Request<B>) -> bool {
        let extensions = request.extensions();
        let Some(peer) = extensions.get::<PeerAddr>().map(|peer| peer.0.ip().to_canonical()) else { return false };
        let is_trusted = self.app.config.trusted_proxies.iter().any(|network| network.contains(&peer));
        let is_forwarded = ["forwarded", "x-forwarded-for"].iter().any(|name| request.headers().contains_key(*name));
        let client = extensions.get::<ClientIp>().is_none_or(|client| client.0.is_loopback());
        peer.is_loopback() && client && (is_trusted || !is_forwarded)
    }
}

impl<S, B> Service<Request<B>> for AccessGuard<S>
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
        match self.refusal(&request) {
            Some(error) => Guarded::refused(error.into_response()),
            None => Guarded::passed(self.inner.call(request)),
        }
    }
}

pin_project! {
    /// The future of [`AccessGuard`], and of what else refuses at the door.
    #[derive(Debug)]
    pub struct Guarded<F> {
        #[pin]
        state: Guard<F>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = GuardProjected]
    enum Guard<F> {
        Refused { response: Option<Response> },
        Passed { #[pin] future: F },
    }
}

impl<F> Guarded<F> {
    pub(crate) fn passed(future: F) -> Self {
        Self { state: Guard::Passed { future } }
    }

    pub(crate) fn refused(response: Response) -> Self {
        Self { state: Guard::Refused { response: Some(response) } }
    }
}

impl<F, E> Future for Guarded<F>
where
    F: Future<Output = Result<Response, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            GuardProjected::Refused { response } => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
            }
            GuardProjected::Passed { future } => future.poll(cx),
        }
    }
}
