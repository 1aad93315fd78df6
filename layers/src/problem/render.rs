//! Turns a refusal or a bare error into its problem response.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};
use http::{Method, Response, StatusCode};
use http_body::Body;

use super::context::{Asked, Context};
use super::defaults;
use super::instance::instance;
use super::json::{self, Members, Object, Standard};
use super::layer::Config;
use super::reason::{Reason, reason};
use crate::Refusal;

/// The media type of a problem body (RFC 9457, 3).
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Headers that describe the body that goes away (the digests: RFC 9530, and RFC 3230 before it). `Content-Range` is not among them: on a
/// 416 it tells the size of the resource.
const REPRESENTATION: [HeaderName; 12] = [
    header::CONTENT_DISPOSITION,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
    header::ETAG,
    header::LAST_MODIFIED,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];

/// The problem body of a refusal, as the layer renders it without settings of the app: for an answer that passes no layer, such as that to
/// a connection on which no request arrived. It belongs to the [`MEDIA_TYPE`].
///
/// The path is that of the request, or `/` where there is none.
#[must_use]
pub fn body(refusal: &Refusal, path: &str, members: &Members) -> Bytes {
    let status = refusal.status();
    let standard = Standard {
        type_uri: BLANK,
        title: phrase(status),
        status,
        detail: if refusal.detail().is_empty() { defaults::sentence(status) } else { refusal.detail() },
        instance: &instance(path),
        code: refusal.code(),
    };
    json::object(&standard, &members.0).json
}

/// The `type` of a problem that its status describes (RFC 9457, 4.2.1).
const BLANK: &str = "about:blank";

impl Config {
    /// The answer to a request whose handling panicked.
    pub(super) fn panicked<B: Body + From<Bytes>>(&self, text: &str, asked: &Asked) -> Response<B> {
        let refusal = Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error");
        if let Some(on_panic) = &self.on_panic {
            on_panic(text, &Context::new(asked, refusal.status(), refusal.code()));
        }
        let mut response = Response::new(B::from(Bytes::new()));
        *response.status_mut() = refusal.status();
        response.extensions_mut().insert(refusal);
        self.render(response, asked)
    }

    /// The response, with a problem body where it needs one.
    pub(super) fn render<B: Body + From<Bytes>>(&self, response: Response<B>, asked: &Asked) -> Response<B> {
        match reason(&response) {
            None => response,
            Some(reason) => self.replace(response, &reason, asked),
        }
    }

    fn replace<B: From<Bytes>>(&self, mut response: Response<B>, reason: &Reason, asked: &Asked) -> Response<B> {
        let status = response.status();
        let (code, title) = self.code_and_title(reason, status, response.headers());
        let detail = match reason {
            Reason::Refused(refusal) if !refusal.detail().is_empty() => refusal.detail(),
            _ => defaults::sentence(status),
        };
        let context = Context::new(asked, status, code);
        let Members(mut others) = response.extensions_mut().remove().unwrap_or_default();
        if let Some(members) = &self.members {
            members(&context, &mut others);
        }
        let Object { json, length } = json::object(
            &Standard {
                type_uri: &self.type_uri(code),
                title: &title,
                status,
                detail,
                instance: &context.instance(),
                code,
            },
            &others,
        );
        self.set_headers(response.headers_mut(), status, length);
        *response.body_mut() = B::from(if context.method() == Method::HEAD { Bytes::new() } else { json });
        response
    }

    fn code_and_title(
        &self,
        reason: &Reason,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> (&'static str, Cow<'static, str>) {
        let code = match reason {
            Reason::Refused(refusal) => refusal.code(),
            Reason::Bare => match self.codes.as_ref().and_then(|codes| codes(status)) {
                Some((code, title)) => return (code, title.into()),
                None => defaults::code(status, headers),
            },
        };
        (code, if self.type_base.is_some() { in_words(code).into() } else { phrase(status).into() })
    }

    fn type_uri(&self, code: &str) -> Cow<'static, str> {
        match &self.type_base {
            Some(base) => format!("{base}{code}").into(),
            None => BLANK.into(),
        }
    }

    fn set_headers(&self, headers: &mut HeaderMap, status: StatusCode, length: Bytes) {
        while let Some(name) = headers.keys().find(|name| REPRESENTATION.contains(name)).cloned() {
            headers.remove(name);
        }
        replace(headers, header::CONTENT_TYPE, Ok(HeaderValue::from_static(MEDIA_TYPE)));
        // Digits are a value always.
        replace(headers, header::CONTENT_LENGTH, HeaderValue::from_maybe_shared(length));
        set_if_absent(headers, header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            set_if_absent(headers, header::RETRY_AFTER, self.retry_after.clone());
        }
    }
}

/// A map at its limit of 32 768 entries takes no more: then the header goes rather than describe the old body.
fn replace(headers: &mut HeaderMap, name: HeaderName, value: Result<HeaderValue, InvalidHeaderValue>) {
    if value.is_ok_and(|value| headers.try_insert(&name, value).is_err()) {
        headers.remove(name);
    }
}

fn set_if_absent(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    if let Ok(header::Entry::Vacant(vacant)) = headers.try_entry(name) {
        let _full = vacant.try_insert(value);
    }
}

fn phrase(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or(if status.is_server_error() { "Server Error" } else { "Client Error" })
}

/// `token_expired` as "Token expired".
fn in_words(code: &str) -> String {
    let mut words = code.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_as_words() {
        assert_eq!(in_words("token_expired"), "Token expired");
        assert_eq!(in_words("été"), "été");
        assert_eq!(in_words(""), "");
    }

    #[test]
    fn a_status_without_a_phrase_is_named_by_its_class() {
        assert_eq!(phrase(StatusCode::from_u16(499).unwrap()), "Client Error");
        assert_eq!(phrase(StatusCode::from_u16(599).unwrap()), "Server Error");
    }
}
