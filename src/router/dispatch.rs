//! The late half: runs the handler of the row, or refuses for want of one.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use portcullis_layers::rate_limit::Outcome;
use tower::Service;
use tracing::Instrument;

use super::{Match, Router};
use crate::access::Authenticated;
use crate::error::ApiError;
use crate::handlers::Call;
use crate::limits::Who;
use crate::reply::Response;
use crate::state::App;
use crate::telemetry::SPANS;

/// Marks a response that is the same for everybody; a response extension.
#[derive(Clone, Copy, Debug)]
pub struct Compressible;

/// The innermost service.
#[derive(Clone, Debug)]
pub struct Dispatch {
    app: Arc<App>,
    router: Arc<Router>,
}

impl Dispatch {
    /// Runs the rows of `router` over `app`.
    #[must_use]
    pub fn new(app: Arc<App>, router: Arc<Router>) -> Self {
        Self { app, router }
    }

    /// The answer to a request that no row answers.
    fn without_row(&self, method: &Method, found: Option<&Match>) -> Response {
        let error = match found {
            Some(Match::WrongMethod(index)) => match self.router.entries.get(*index) {
                Some(entry) if *method == Method::OPTIONS => return options(&entry.allow),
                Some(entry) => ApiError::MethodNotAllowed { allow: entry.allow.clone() },
                None => ApiError::NotFound,
            },
            Some(Match::Unfit(rule)) => rule.error(),
            Some(Match::NoPath | Match::Row(_)) | None => ApiError::NotFound,
        };
        error.into_response()
    }
}

/// RFC 9110 §9.3.7: what may be asked here. Pre-flight requests of browsers are answered further out, by the CORS layer.
fn options(allow: &HeaderValue) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::ALLOW, allow.clone());
    response
}

impl Service<Request<Full<Bytes>>> for Dispatch {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let Some(row) = Match::of(&request) else {
            let response = self.without_row(request.method(), request.extensions().get());
            return Box::pin(std::future::ready(Ok(response)));
        };
        let app = self.app.clone();
        let user = request.extensions().get::<Authenticated>().map(|who| who.user.id);
        let answer = (row.handler)(Call::new(app.clone(), request));
        let span = tracing::debug_span!(target: SPANS, "handler", http.route = row.path);
        Box::pin(async move {
            let charged = match user {
                Some(id) => app.limits.charge(Who::User, id.as_bytes()).await,
                None => None,
            };
            if let Some(outcome) = charged.clone().filter(Outcome::is_refused) {
                return Ok(ApiError::RateLimited(Box::new(outcome)).into_response());
            }
            let result = answer.instrument(span).await;
            app.metrics.operations.ended(row, &result);
            let is_static = row.is_static && result.is_ok();
            let mut response = result.unwrap_or_else(ApiError::into_response);
            if is_static {
                response.extensions_mut().insert(Compressible);
            }
            if let Some(outcome) = charged {
                response.extensions_mut().get_or_insert(outcome);
            }
            Ok(response)
        })
    }
}
