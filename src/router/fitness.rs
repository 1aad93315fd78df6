//! Whether a request is fit to be matched at all.

use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Request, Uri, Version, header};

use crate::error::ApiError;

/// Longest request target in bytes (RFC 9110 §4.1 asks for 8000 as a floor of support; our paths are far shorter).
const MAX_TARGET: usize = 4 * 1024;
/// Largest header block in bytes, names and values with separators.
const MAX_HEADERS: usize = 8 * 1024;

/// Why a request is refused before its path is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// The target is too long.
    Target,
    /// The header block is too large.
    Headers,
    /// No `Host`, more than one, or one that is none (RFC 9112 §3.2).
    Host,
    /// A body in a transfer coding that nobody here can undo (RFC 9112 §6.1).
    Coding,
    /// `//`, `.` or `..` in the path, plain or percent-encoded: rules about paths must not be dodged by other spellings.
    Path,
}

impl Unfit {
    /// The refusal.
    pub(super) fn error(self) -> ApiError {
        match self {
            Self::Target => ApiError::UriTooLong,
            Self::Headers => ApiError::HeadersTooLarge,
            Self::Host => ApiError::InvalidRequest("The request must name exactly one host."),
            Self::Coding => ApiError::InvalidRequest("The only transfer coding is chunked."),
            Self::Path => ApiError::InvalidRequest("The path must have neither empty nor dot segments."),
        }
    }
}

/// The first rule that the request breaks.
pub(super) fn unfit<B>(request: &Request<B>) -> Option<Unfit> {
    if target_length(request.uri()) > MAX_TARGET {
        return Some(Unfit::Target);
    }
    if header_bytes(request.headers()) > MAX_HEADERS {
        return Some(Unfit::Headers);
    }
    if !has_one_host(request) {
        return Some(Unfit::Host);
    }
    if !has_known_coding(request.headers()) {
        return Some(Unfit::Coding);
    }
    has_odd_segment(request.uri().path()).then_some(Unfit::Path)
}

fn target_length(uri: &Uri) -> usize {
    uri.path_and_query().map_or(0, |target| target.as_str().len())
}

fn header_bytes(headers: &HeaderMap) -> usize {
    // ": " and CRLF as on the wire of HTTP/1.
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

/// HTTP/2 names the host in `:authority`, where hyper puts it into the URI.
fn has_one_host<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => is_host(host),
        (None, None) => request.uri().authority().is_some() || request.version() <= Version::HTTP_10,
        _ => false,
    }
}

/// A host and perhaps a port (RFC 9110 §7.2): no user, which an authority may have elsewhere.
fn is_host(value: &HeaderValue) -> bool {
    let authority = value.to_str().ok().and_then(|text| text.parse::<Authority>().ok());
    authority.is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'))
}

fn has_known_coding(headers: &HeaderMap) -> bool {
    headers.get_all(header::TRANSFER_ENCODING).iter().all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
}

fn has_odd_segment(path: &str) -> bool {
    if path == "*" {
        return false;
    }
    let mut segments = path.split('/');
    if segments.next() != Some("") {
        return true;
    }
    let last = path.matches('/').count();
    segments.enumerate().any(|(index, segment)| (segment.is_empty() && index + 1 != last) || is_dot_segment(segment))
}

/// `.` and `..`, with any of their dots percent-encoded.
fn is_dot_segment(segment: &str) -> bool {
    let mut rest = segment;
    let mut dots = 0;
    while !rest.is_empty() {
        rest = match rest.strip_prefix('.').or_else(|| rest.strip_prefix("%2e")).or_else(|| rest.strip_prefix("%2E")) {
            Some(rest) => rest,
            None => return false,
        };
        dots += 1;
    }
    matches!(dots, 1 | 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(path: &str) -> Option<Unfit> {
        unfit(&Request::get(path).header(header::HOST, "a.example").body(()).unwrap())
    }

    #[test]
    fn odd_segments_are_refused_in_every_spelling() {
        for path in
            ["//", "//api", "/api//v1", "/a/./b", "/a/../b", "/..", "/.", "/a/%2e%2E/b", "/a/.%2e", "/%2e", "/a//"]
        {
            assert_eq!(judge(path), Some(Unfit::Path), "{path}");
        }
    }

    #[test]
    fn ordinary_paths_are_fit() {
        for path in ["/", "/api/v1/auth/login", "/api/", "/.well-known/jwks.json", "/a...b", "/...", "/%61pi", "*"] {
            assert_eq!(judge(path), None, "{path}");
        }
    }

    #[test]
    fn a_request_names_exactly_one_host() {
        let without = Request::get("/").body(()).unwrap();
        assert_eq!(unfit(&without), Some(Unfit::Host));
        let twice = Request::get("/").header(header::HOST, "a").header(header::HOST, "a").body(()).unwrap();
        assert_eq!(unfit(&twice), Some(Unfit::Host));
        for none in ["", "a b", "a/c", "user@a.example", ":80", "a#b", "[::1"] {
            let request = Request::get("/").header(header::HOST, none).body(()).unwrap();
            assert_eq!(unfit(&request), Some(Unfit::Host), "{none}");
        }
        for host in ["a", "a.example:8443", "192.0.2.1", "[2001:db8::1]:8080", "xn--bcher-kva.example"] {
            assert_eq!(unfit(&Request::get("/").header(header::HOST, host).body(()).unwrap()), None, "{host}");
        }
        let by_authority = Request::get("https://a.example/").version(Version::HTTP_2).body(()).unwrap();
        assert_eq!(unfit(&by_authority), None);
    }

    #[test]
    fn a_body_may_be_chunked_and_nothing_else() {
        let coded = |coding| {
            let request = Request::post("/").header(header::HOST, "a").header(header::TRANSFER_ENCODING, coding);
            unfit(&request.body(()).unwrap())
        };
        assert_eq!((coded("chunked"), coded("Chunked")), (None, None));
        for coding in ["gzip", "gzip, chunked", "chunked, chunked", "identity", "x"] {
            assert_eq!(coded(coding), Some(Unfit::Coding), "{coding}");
        }
    }

    #[test]
    fn targets_and_headers_are_bounded() {
        assert_eq!(judge(&format!("/{}", "a".repeat(MAX_TARGET - 1))), None);
        assert_eq!(judge(&format!("/{}", "a".repeat(MAX_TARGET))), Some(Unfit::Target));
        assert_eq!(judge(&format!("/?{}", "a".repeat(MAX_TARGET))), Some(Unfit::Target));
        let large =
            Request::get("/").header(header::HOST, "a").header("x-large", "a".repeat(MAX_HEADERS)).body(()).unwrap();
        assert_eq!(unfit(&large), Some(Unfit::Headers));
    }
}
