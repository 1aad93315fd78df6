//! The decision: does this response get a new body, and on whose word?

use http::{HeaderMap, Response, header};
use http_body::Body;

use super::render::MEDIA_TYPE;
use crate::Refusal;

/// Why a response gets a new body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Something refused the request and said why.
    Refused(Refusal),
    /// An error status and nothing worth keeping with it.
    Bare,
}

/// `None` leaves the response as it is. The rules are numbered in the module's documentation.
pub(super) fn reason<B: Body>(response: &Response<B>) -> Option<Reason> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let media_type = media_type(response.headers());
    if media_type.is_some_and(|media_type| media_type.eq_ignore_ascii_case(MEDIA_TYPE.as_bytes())) {
        return None;
    }
    if let Some(refusal) = response.extensions().get::<Refusal>()
        && refusal.status() == status
    {
        return Some(Reason::Refused(refusal.clone()));
    }
    let plain = media_type.is_none_or(|media_type| media_type.eq_ignore_ascii_case(b"text/plain"));
    (plain && response.body().size_hint().exact().is_some()).then_some(Reason::Bare)
}

/// The media type without its parameters.
fn media_type(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::CONTENT_TYPE)?.as_bytes();
    value.split(|byte| *byte == b';').next().map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderValue, StatusCode};
    use http_body_util::{BodyExt, Full};

    use super::*;

    fn response(status: u16, content_type: Option<&'static str>) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from("text"));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        if let Some(content_type) = content_type {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        response
    }

    fn refused(status: u16, content_type: Option<&'static str>) -> Response<Full<Bytes>> {
        let mut response = response(status, content_type);
        response.extensions_mut().insert(Refusal::new(StatusCode::FORBIDDEN, "not_yours"));
        response
    }

    #[test]
    fn only_errors_are_touched() {
        for status in [101, 200, 204, 303, 304, 600, 999] {
            assert_eq!(reason(&refused(status, None)), None, "{status}");
        }
    }

    #[test]
    fn an_error_without_a_representation_is_bare() {
        for content_type in [None, Some("text/plain"), Some("Text/Plain ; charset=utf-8")] {
            assert_eq!(reason(&response(404, content_type)), Some(Reason::Bare), "{content_type:?}");
        }
    }

    #[test]
    fn an_error_with_a_representation_is_kept() {
        for content_type in [
            "application/json",
            "application/problem+json; charset=utf-8",
            "application/problem+xml",
            "text/html",
            "text/event-stream",
            "text/plainly-not",
            "",
        ] {
            assert_eq!(reason(&response(500, Some(content_type))), None, "{content_type}");
        }
    }

    #[test]
    fn a_refusal_is_rendered_over_any_body_but_a_problem() {
        let expected = Some(Reason::Refused(Refusal::new(StatusCode::FORBIDDEN, "not_yours")));
        assert_eq!(reason(&refused(403, None)), expected);
        assert_eq!(reason(&refused(403, Some("text/html"))), expected);
        assert_eq!(reason(&refused(403, Some("application/problem+json"))), None);
    }

    #[test]
    fn a_refusal_of_another_status_is_stale() {
        assert_eq!(reason(&refused(404, None)), Some(Reason::Bare));
        assert_eq!(reason(&refused(404, Some("text/html"))), None);
    }

    #[test]
    fn a_body_of_unknown_length_is_a_stream_and_is_kept() {
        let boxed = response(502, None).map(BodyExt::boxed);
        assert_eq!(reason(&boxed), Some(Reason::Bare), "boxing alone hides no length");
        let (parts, _) = response(502, None).into_parts();
        assert_eq!(reason(&Response::from_parts(parts, Endless)), None);
    }

    struct Endless;

    impl Body for Endless {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
            std::task::Poll::Pending
        }
    }
}
