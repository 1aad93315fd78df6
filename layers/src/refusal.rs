//! How a layer turns a request away: a response, never an `Err`, since hyper cuts the connection on an error.

use std::borrow::Cow;

use bytes::Bytes;
#[cfg(any(feature = "jwt_auth", feature = "load_shed", feature = "rate_limit"))]
use http::Extensions;
use http::{HeaderValue, Response, StatusCode, header};

/// The typed reason of a refusal. It travels in the extensions of the refusing response, so that one layer further out can render all
/// refusals alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
}

impl Refusal {
    /// A refusal with a status and a stable machine code such as `token_expired`.
    #[must_use]
    pub const fn new(status: StatusCode, code: &'static str) -> Self {
        Self { status, code, detail: Cow::Borrowed("") }
    }

    /// Adds a sentence for people. It is sent to the client: nothing internal belongs in it.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// The HTTP status of the answer.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The machine code, stable between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The sentence for people; empty when the code says it all.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

/// Makes the short-circuit response of a layer.
///
/// Closures `Fn(&Refusal) -> Response<B>` implement it, and so does [`DefaultRefuse`] for every body that can be made from bytes. The
/// layer adds the headers that its refusal demands (`Retry-After`, `WWW-Authenticate`, …) and the [`Refusal`] extension afterwards.
pub trait Refuse<B> {
    /// The response for `refusal`.
    fn refuse(&self, refusal: &Refusal) -> Response<B>;
}

impl<B, F> Refuse<B> for F
where
    F: Fn(&Refusal) -> Response<B>,
{
    fn refuse(&self, refusal: &Refusal) -> Response<B> {
        self(refusal)
    }
}

/// Answers with the status and, as plain text, the detail (or the code where there is none).
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultRefuse;

impl<B: From<Bytes>> Refuse<B> for DefaultRefuse {
    fn refuse(&self, refusal: &Refusal) -> Response<B> {
        let text = match &refusal.detail {
            Cow::Borrowed("") => Bytes::from_static(refusal.code.as_bytes()),
            Cow::Borrowed(detail) => Bytes::from_static(detail.as_bytes()),
            Cow::Owned(detail) => Bytes::copy_from_slice(detail.as_bytes()),
        };
        let mut response = Response::new(B::from(text));
        *response.status_mut() = refusal.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response
    }
}

/// Gives a response that has no extensions the memory of those of its request, which end here: a map that a refusal need not allocate.
#[cfg(any(feature = "jwt_auth", feature = "load_shed", feature = "rate_limit"))]
pub(crate) fn reuse<B>(mut spent: Extensions, response: &mut Response<B>) {
    if response.extensions().is_empty() {
        spent.clear();
        *response.extensions_mut() = spent;
    }
}
