//! The request of every row, and the handlers that answer it.

use std::convert::Infallible;
use std::future::{self, Ready};
use std::hint::black_box;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{Empty, Full};
use portcullis_layers::{PeerAddr, RoutePattern};
use tower::Service;

pub(crate) type Failure = Box<dyn std::error::Error>;
pub(crate) type Get = Request<Empty<Bytes>>;

/// What a browser behind a proxy sends, after the router has found its route.
pub(crate) fn get() -> Result<Get, Failure> {
    let request = Request::get("/api/v1/users/7?fields=name")
        .header(header::HOST, "auth.example.com")
        .header(header::USER_AGENT, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        .header(header::ACCEPT, "application/json")
        .header("x-forwarded-for", "203.0.113.9")
        .extension(PeerAddr(SocketAddr::from(([10, 0, 0, 1], 50_000))))
        .extension(RoutePattern("/api/v1/users/{id}".into()))
        .body(Empty::new())?;
    Ok(request)
}

/// A log-in: the body that most of a service's small ones look like.
pub(crate) fn post() -> Result<Request<Full<Bytes>>, Failure> {
    let body =
        r#"{"email":"someone@example.com","password":"correct horse battery staple","device":"Firefox on Linux"}"#;
    let mut request = get()?.map(|_| Full::from(body));
    *request.method_mut() = Method::POST;
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    Ok(request)
}

/// [`get`] with a bearer token.
pub(crate) fn get_with(token: &str) -> Result<Get, Failure> {
    let mut request = get()?;
    request.headers_mut().insert(header::AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}"))?);
    Ok(request)
}

/// Answers at once, with a body of type `B`.
pub(crate) struct Handler<B> {
    status: StatusCode,
    content: &'static [u8],
    body: PhantomData<fn() -> B>,
}

/// The one that plain hyper apps would have.
pub(crate) type Plain = Handler<Full<Bytes>>;

impl<B> Handler<B> {
    pub(crate) const fn ok() -> Self {
        Self { status: StatusCode::OK, content: b"{}", body: PhantomData }
    }

    pub(crate) const fn not_found() -> Self {
        Self { status: StatusCode::NOT_FOUND, content: b"", body: PhantomData }
    }
}

// By hand, because derived ones would demand them of the body.
impl<B> Copy for Handler<B> {}

impl<B> Clone for Handler<B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, B: From<Bytes>> Service<Request<R>> for Handler<B> {
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Ready<Result<Response<B>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<R>) -> Self::Future {
        black_box(&request);
        let mut response = Response::new(B::from(Bytes::from_static(self.content)));
        *response.status_mut() = self.status;
        if !self.content.is_empty() {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        future::ready(Ok(response))
    }
}
