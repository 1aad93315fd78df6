//! The decision: which label values does a request get?

use http::{Method, StatusCode};

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

#[cfg(test)]
mod tests {
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
}
