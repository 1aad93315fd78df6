//! The service under each layer, and the request that passes all of them.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, Request, Response, header};
use http_body::{Body, Frame, SizeHint};
use portcullis_layers::jwt_auth::{CheckRevocation, Denied, Verified};
use portcullis_layers::{PeerAddr, RoutePattern};
use serde_json::Value;
use tower::Service;

use crate::token;

pub(super) const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
pub(super) const SECRET: [u8; 32] = [7; 32];
pub(super) const DATA: &str = "hello";
pub(super) const TRAILER: &str = "x-checksum";

/// A request that every layer lets pass, after its own work.
pub(super) fn request(method: Method) -> Request<Payload> {
    let mut request = Request::new(Payload::default());
    *request.method_mut() = method;
    let token = format!("Bearer {}", token::long_lived(&SECRET, "issuer", "audience"));
    request.headers_mut().insert(header::AUTHORIZATION, token.parse().unwrap());
    request.headers_mut().insert("x-forwarded-for", "203.0.113.9".parse().unwrap());
    request.extensions_mut().insert(PeerAddr(SocketAddr::new(PROXY, 54_321)));
    request.extensions_mut().insert(RoutePattern("/".into()));
    request
}

/// A revocation check that takes a turn of the executor, as one that asks a database does.
#[derive(Clone, Debug)]
pub(super) struct Session;

impl CheckRevocation<Value> for Session {
    async fn check(&self, _: &Verified<Value>, _: &mut Extensions) -> Result<(), Denied> {
        tokio::task::yield_now().await;
        Ok(())
    }
}

/// The error of the inner service.
#[derive(Debug, PartialEq)]
pub(super) struct Broken;

/// What the inner service does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Conduct {
    Answer,
    Fail,
    Hang,
}

/// An inner service that is ready at the second poll only, and notes every call of an instance that was not readied.
#[derive(Debug)]
pub(super) struct Probe {
    conduct: Conduct,
    polls: u8,
    pub(super) notes: Arc<Notes>,
}

/// What happened to any clone of a probe.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) called: AtomicBool,
    pub(super) called_unready: AtomicBool,
    pub(super) future_dropped: AtomicBool,
}

impl Probe {
    pub(super) fn new(conduct: Conduct) -> Self {
        Self { conduct, polls: 0, notes: Arc::default() }
    }
}

/// Readiness belongs to one instance.
impl Clone for Probe {
    fn clone(&self) -> Self {
        Self { conduct: self.conduct, polls: 0, notes: Arc::clone(&self.notes) }
    }
}

impl<B> Service<Request<B>> for Probe {
    type Response = Response<Payload>;
    type Error = Broken;
    type Future = Outcome;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        self.polls = self.polls.saturating_add(1);
        if self.polls < 2 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Outcome {
        self.notes.called.store(true, Ordering::Relaxed);
        self.notes.called_unready.fetch_or(self.polls < 2, Ordering::Relaxed);
        self.polls = 0;
        let answer = match self.conduct {
            Conduct::Answer => Some(Ok(answer(request.method()))),
            Conduct::Fail => Some(Err(Broken)),
            Conduct::Hang => None,
        };
        Outcome { answer, notes: Arc::clone(&self.notes) }
    }
}

/// The answer to `HEAD` announces the length that the one to `GET` has.
fn answer(method: &Method) -> Response<Payload> {
    let mut response = Response::new(Payload::default());
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain"));
    response.headers_mut().insert(header::CONTENT_LENGTH, header::HeaderValue::from_static("5"));
    if method != Method::HEAD {
        *response.body_mut() = Payload { data: Some(Bytes::from_static(DATA.as_bytes())), trailers: true };
    }
    response
}

/// The future of a [`Probe`]; without an answer it never ends.
pub(super) struct Outcome {
    answer: Option<Result<Response<Payload>, Broken>>,
    notes: Arc<Notes>,
}

impl Future for Outcome {
    type Output = Result<Response<Payload>, Broken>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        self.answer.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        self.notes.future_dropped.store(true, Ordering::Relaxed);
    }
}

/// A body of at most one frame of data and one of trailers.
#[derive(Debug, Default)]
pub(super) struct Payload {
    data: Option<Bytes>,
    trailers: bool,
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self { data: Some(bytes), trailers: false }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if std::mem::take(&mut self.trailers) {
            let trailers = HeaderMap::from_iter([(TRAILER.parse().unwrap(), "1".parse().unwrap())]);
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && !self.trailers
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.len() as u64))
    }
}
