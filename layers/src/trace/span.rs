//! The span of a request, and the bounds of what goes into it.

use std::fmt;
use std::num::NonZeroU128;

use http::{Method, Request};
use tracing::field::Empty;
use tracing::{Level, Span};

use super::level::{TARGET, at_level};
use crate::{ClientIp, RequestId, RoutePattern, TraceContext};

const MAX_PATH: usize = 512;

/// Opens the span `http.request`. Its fields are computed only if somebody listens.
pub(super) fn open<B>(level: Level, request: &Request<B>) -> Span {
    let extensions = request.extensions();
    at_level!(
        level,
        span!(
            "http.request",
            http.request.method = method(request.method()),
            http.route = extensions.get::<RoutePattern>().map(|route| &*route.0),
            url.path = bounded(request.uri().path()),
            request.id = extensions.get::<RequestId>().map(RequestId::as_str),
            trace_id = TraceContext::of(extensions).map(|trace| display(TraceId(trace.trace_id()))),
            client.address = extensions.get::<ClientIp>().map(|client| display(client.0)),
            http.response.status_code = Empty,
            "error.type" = Empty,
        )
    )
}

/// A trace id in the form of the `traceparent` header.
struct TraceId(NonZeroU128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Clients may invent methods; their number must not become ours.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "_OTHER",
    }
}

/// At most [`MAX_PATH`] bytes, cut between characters.
fn bounded(path: &str) -> &str {
    let end = (0..=MAX_PATH.min(path.len())).rev().find(|end| path.is_char_boundary(*end));
    end.and_then(|end| path.get(..end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_methods_share_one_name() {
        assert_eq!(method(&Method::PATCH), "PATCH");
        assert_eq!(method(&Method::from_bytes(b"BREW").unwrap()), "_OTHER");
    }

    #[test]
    fn long_paths_are_cut_between_characters() {
        assert_eq!(bounded("/short"), "/short");
        assert_eq!(bounded(&"/".repeat(600)).len(), MAX_PATH);
        assert_eq!(bounded(&format!("/{}", "é".repeat(300))).len(), MAX_PATH - 1);
    }
}
