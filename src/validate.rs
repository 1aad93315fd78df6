//! Is the body fit for the handler: its type, its size, its encoding, its grammar? It is read once here, and only on rows that want one.

mod waiting;

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Version, header};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError};
use ipnet::IpNet;
use pin_project_lite::pin_project;
use portcullis_layers::ClientIp;
use portcullis_layers::load_shed::Place;
use tower::{Layer, Service};

use self::waiting::WaitingRoom;
use crate::body::Form;
use crate::error::ApiError;
use crate::lingering::Stalled;
use crate::reply::Response;
use crate::router::Match;
use crate::routes::RequestBody;

/// The largest body that is held. Far above any honest one, far below what a hasher or parser would feel.
pub const MAX_BODY: usize = 64 * 1024;

/// How long a sender may take for its body.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads and checks bodies. While a request waits for its own it leaves its [`Place`] to others.
#[derive(Clone, Debug)]
pub struct ValidateLayer {
    room: Arc<WaitingRoom>,
}

impl ValidateLayer {
    /// Waits for a bounded number of bodies, in all and from each network. The addresses of `trusted` proxies are no networks of their own.
    #[must_use]
    pub fn new(trusted: &[IpNet]) -> Self {
        Self { room: WaitingRoom::new(trusted) }
    }
}

impl<S> Layer<S> for ValidateLayer {
    type Service = Validate<S>;
    fn layer(&self, inner: S) -> Validate<S> {
        Validate { room: self.room.clone(), inner }
    }
}

/// The service of [`ValidateLayer`].
#[derive(Clone, Debug)]
pub struct Validate<S> {
    room: Arc<WaitingRoom>,
    inner: S,
}

impl<S, B> Service<Request<B>> for Validate<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Validating<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let wanted = Match::of(&request).map_or(RequestBody::None, |row| row.body);
        let (parts, body) = request.into_parts();
        if wanted == RequestBody::None {
            let future = self.inner.call(Request::from_parts(parts, Full::default()));
            return Validating { state: State::Passed { future } };
        }
        // The instance that was polled ready goes with the future; the clone waits for its own turn.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let room = self.room.clone();
        let future = Box::pin(async move {
            match read(&room, &parts, body, wanted).await {
                Ok(bytes) => inner.call(Request::from_parts(parts, Full::new(bytes))).await,
                Err(error) => Ok(refuse(error, parts.version)),
            }
        });
        Validating { state: State::Reading { future } }
    }
}

pin_project! {
    /// The future of [`Validate`].
    pub struct Validating<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = Projected]
    enum State<F> {
        /// Nothing to read.
        Passed { #[pin] future: F },
        /// The body comes first. Boxed: it holds the request, and most requests have no body.
        Reading { future: Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>> },
    }
}

impl<F> fmt::Debug for Validating<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validating").finish_non_exhaustive()
    }
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for Validating<F> {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Projected::Passed { future } => future.poll(cx),
            Projected::Reading { future } => future.as_mut().poll(cx),
        }
    }
}

async fn read<B>(room: &Arc<WaitingRoom>, head: &Parts, body: B, wanted: RequestBody) -> Result<Bytes, ApiError>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let is_json = is_json(&head.headers) && !head.headers.contains_key(header::CONTENT_ENCODING);
    // Whether a body without a length is one is known at its end.
    let may_be_absent = wanted == RequestBody::OptionalJson
        && (body.is_end_stream() || !head.headers.contains_key(header::CONTENT_TYPE));
    if !is_json && !may_be_absent {
        return Err(ApiError::UnsupportedMediaType);
    }
    let bytes = receive(room, head, body).await?;
    if bytes.len() > MAX_BODY {
        return Err(ApiError::PayloadTooLarge);
    }
    match (bytes.is_empty() && wanted == RequestBody::OptionalJson, is_json) {
        (true, _) => {}
        (false, true) => drop(Form::parse(&bytes)?),
        (false, false) => return Err(ApiError::UnsupportedMediaType),
    }
    Ok(bytes)
}

/// The whole body, for which the request waits without a place among those in flight.
async fn receive<B>(room: &Arc<WaitingRoom>, head: &Parts, body: B) -> Result<Bytes, ApiError>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let place = head.extensions.get::<Place>();
    let mut seat = room.enter(head.extensions.get::<ClientIp>().map(|client| client.0));
    if let Some(place) = place {
        place.leave();
    }
    let collected = tokio::select! {
        biased;
        collected = tokio::time::timeout(BODY_TIMEOUT, body.collect()) => collected,
        () = seat.lost() => return Err(ApiError::RequestTimeout),
    };
    let bytes = match collected {
        Err(_) => return Err(ApiError::RequestTimeout),
        Ok(Err(error)) => return Err(unread(&*error.into())),
        Ok(Ok(collected)) => collected.to_bytes(),
    };
    if place.is_some_and(|place| !place.retake()) {
        return Err(ApiError::Overloaded);
    }
    Ok(bytes)
}

/// Why a body could not be read to its end: larger than the limit around it, or held back or cut off by its sender.
fn unread(error: &(dyn std::error::Error + 'static)) -> ApiError {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return ApiError::PayloadTooLarge;
        }
        if error.is::<Stalled>() {
            return ApiError::RequestTimeout;
        }
        cause = error.source();
    }
    ApiError::InvalidRequest("The request body ended early.")
}

/// `application/json`, said once, with parameters or without. A charset other than UTF-8 does not exist for JSON (RFC 8259 §8.1).
fn is_json(headers: &HeaderMap) -> bool {
    let mut stated = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(Ok(text)), None) = (stated.next().map(HeaderValue::to_str), stated.next()) else { return false };
    let (essence, _) = text.split_once(';').unwrap_or((text, ""));
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// After a sender that was too slow the connection is in the middle of a message and cannot be used again; HTTP/2 has streams for that.
fn refuse(error: ApiError, version: Version) -> Response {
    let close = matches!(error, ApiError::RequestTimeout) && version < Version::HTTP_2;
    let mut response = error.into_response();
    if close {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The bytes of a body that is in memory, and so there without waiting.
#[must_use]
pub fn in_memory(body: impl Body<Data = Bytes>) -> Bytes {
    let mut context = Context::from_waker(std::task::Waker::noop());
    let mut body = std::pin::pin!(body);
    match body.as_mut().poll_frame(&mut context) {
        Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        Poll::Ready(_) | Poll::Pending => Bytes::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_known_by_its_essence_alone() {
        for (value, good) in [
            ("application/json", true),
            ("application/json; charset=utf-8", true),
            ("Application/JSON ;charset=UTF-8", true),
            ("application/jsonp", false),
            ("application/problem+json", false),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("", false),
        ] {
            assert_eq!(
                is_json(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))])),
                good,
                "{value}"
            );
        }
        assert!(!is_json(&HeaderMap::new()));
    }

    #[test]
    fn a_body_in_memory_is_there_at_once() {
        assert_eq!(in_memory(Full::new(Bytes::from_static(b"{}"))), "{}");
        assert!(in_memory(Full::default()).is_empty());
    }
}
