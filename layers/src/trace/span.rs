//! The span of a request, and the bounds of what goes into it.

use std::fmt;
use std::num::NonZeroU128;

use http::uri::Scheme;
use http::{Method, Request};
use tracing::Span;
use tracing::field::Empty;

use super::layer::Config;
use super::level::{TARGET, at_level};
use crate::{ClientIp, ClientScheme, RequestId, RoutePattern, TraceContext};

const MAX_PATH: usize = 512;
const MAX_METHOD: usize = 32;

/// Opens the span `http.request`. Its fields are computed only if somebody listens.
pub(super) fn open<B>(config: &Config, request: &Request<B>) -> Span {
    let extensions = request.extensions();
    let name = || Name { method: request.method(), route: extensions.get() };
    at_level!(
        config.span_level,
        span!(
            "http.request",
            http.request.method = method(request.method()),
            http.request.method_original = original(request.method()),
            http.route = extensions.get::<RoutePattern>().map(|route| &*route.0),
            url.scheme = scheme(request),
            url.path = bounded(request.uri().path(), MAX_PATH),
            request.id = extensions.get::<RequestId>().map(RequestId::as_str),
            trace_id = TraceContext::of(extensions).map(|trace| display(TraceId(trace.trace_id()))),
            client.address = extensions.get::<ClientIp>().map(|client| display(client.0)),
            http.response.status_code = Empty,
            "error.type" = Empty,
            otel.name = config.otel_fields.then(|| display(name())),
            otel.kind = config.otel_fields.then_some("server"),
        )
    )
}

/// What a span of a server is called (OpenTelemetry semantic conventions for HTTP).
struct Name<'a> {
    method: &'a Method,
    route: Option<&'a RoutePattern>,
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if is_known(self.method) { self.method.as_str() } else { "HTTP" })?;
        self.route.map_or(Ok(()), |route| write!(f, " {}", route.0))
    }
}

/// The scheme of the client's connection as far as the request tells.
pub(super) fn scheme<B>(request: &Request<B>) -> Option<&'static str> {
    match (request.extensions().get(), request.uri().scheme()) {
        (Some(scheme), _) => Some(scheme_name(*scheme)),
        (None, Some(scheme)) if *scheme == Scheme::HTTPS => Some("https"),
        (None, Some(scheme)) if *scheme == Scheme::HTTP => Some("http"),
        (None, _) => None,
    }
}

pub(super) const fn scheme_name(scheme: ClientScheme) -> &'static str {
    match scheme {
        ClientScheme::Http => "http",
        ClientScheme::Https => "https",
    }
}

/// A trace id in the form of the `traceparent` header.
struct TraceId(NonZeroU128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// What methods without a name of their own are called.
const OTHER: &str = "_OTHER";

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
        _ => OTHER,
    }
}

fn is_known(name: &Method) -> bool {
    method(name) != OTHER
}

/// The beginning of a method that has no name of its own.
fn original(method: &Method) -> Option<&str> {
    (!is_known(method)).then(|| bounded(method.as_str(), MAX_METHOD))
}

/// At most so many bytes, cut between characters.
fn bounded(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_methods_share_one_name() {
        assert_eq!(method(&Method::PATCH), "PATCH");
        assert_eq!(method(&Method::from_bytes(b"BREW").unwrap()), "_OTHER");
        assert_eq!(original(&Method::from_bytes(b"BREW").unwrap()), Some("BREW"));
        assert_eq!(original(&Method::from_bytes(&[b'B'; 20_000]).unwrap()).unwrap().len(), MAX_METHOD);
        assert_eq!(original(&Method::PATCH), None);
    }

    #[test]
    fn long_paths_are_cut_between_characters() {
        let bounded = |path: &str| bounded(path, MAX_PATH).to_owned();
        assert_eq!(bounded("/short"), "/short");
        assert_eq!(bounded(&"/".repeat(600)).len(), MAX_PATH);
        assert_eq!(bounded(&format!("/{}", "é".repeat(300))).len(), MAX_PATH - 1);
    }
}
