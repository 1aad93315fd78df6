//! The decision: which label values does a request get, and when is its answer complete?

use http::{HeaderMap, Method, StatusCode, header};

/// `route` of a request that matched none.
pub(super) const UNMATCHED: &str = "unmatched";
/// `route` of a request whose pattern came after the cap.
pub(super) const OVERFLOW: &str = "overflow";

/// The value of the label `method`: an index into [`METHODS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MethodLabel(u8);

/// The nine standard methods, and one name for all others, of which a client could send any number.
pub(super) const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "other"];

impl MethodLabel {
    pub(super) fn of(method: &Method) -> Self {
        Self(match *method {
            Method::GET => 0,
            Method::HEAD => 1,
            Method::POST => 2,
            Method::PUT => 3,
            Method::DELETE => 4,
            Method::CONNECT => 5,
            Method::OPTIONS => 6,
            Method::TRACE => 7,
            Method::PATCH => 8,
            _ => 9,
        })
    }

    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }

    pub(super) fn as_str(self) -> &'static str {
        METHODS[self.index()]
    }

    /// Whether a response has no content to wait for (RFC 9110, 6.4.1): servers drop its body without looking at it.
    pub(super) fn is_answered_without_content(self, status: StatusCode) -> bool {
        matches!(self.as_str(), "HEAD" | "CONNECT")
            || status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
    }
}

/// How a request ended: the value of the label `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The answer was complete.
    Status(StatusCode),
    /// The service or the body failed.
    Error,
    /// Nobody waited for the end.
    Cancelled,
}

impl Outcome {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Status(status) => status.as_str(),
            Self::Error => "error",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The number of bytes that a message says its body has.
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn standard_methods_keep_their_names_and_all_others_share_one() {
        for name in &METHODS[..9] {
            assert_eq!(MethodLabel::of(&name.parse().unwrap()).as_str(), *name);
        }
        for name in ["PURGE", "get", "GETT"] {
            assert_eq!(MethodLabel::of(&name.parse().unwrap()).as_str(), "other");
        }
    }

    #[test]
    fn answers_without_content_are_known_by_method_and_status() {
        let without = |method, status: u16| {
            MethodLabel::of(&method).is_answered_without_content(StatusCode::from_u16(status).unwrap())
        };
        assert!(without(Method::HEAD, 200));
        assert!(without(Method::CONNECT, 200));
        assert!([101, 204, 205, 304].into_iter().all(|status| without(Method::GET, status)));
        assert!(![200, 206, 301, 404, 500].into_iter().any(|status| without(Method::GET, status)));
    }

    #[test]
    fn a_content_length_that_is_no_number_announces_nothing() {
        let announced =
            |value| content_length(&HeaderMap::from_iter([(header::CONTENT_LENGTH, HeaderValue::from_static(value))]));
        assert_eq!(announced("12"), Some(12));
        assert_eq!(announced("-1"), None);
        assert_eq!(announced("1, 1"), None);
        assert_eq!(content_length(&HeaderMap::new()), None);
    }
}
