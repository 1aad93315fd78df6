//! What is wrong with a request as a whole, and the refusal that each trouble becomes.

use http::StatusCode;

use super::finding::{Finding, FindingKind};
use crate::Refusal;

/// A body or query that breaks its own grammar or a bound. Offsets are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The body is larger than this.
    TooLarge { max: usize },
    /// A JSON body holds bytes that are not UTF-8.
    InvalidUtf8 { at: usize },
    /// A JSON body is not JSON.
    Syntax { expected: &'static str, at: usize },
    /// There is more of something than the limit.
    Limit { what: &'static str, max: usize, at: usize },
}

impl Fault {
    pub(super) fn refusal(self) -> Refusal {
        match self {
            Self::TooLarge { max } => Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large")
                .with_detail(format!("The body is larger than {max} bytes.")),
            Self::InvalidUtf8 { at } => {
                bad("invalid_utf8").with_detail(format!("The body is not UTF-8: see byte {at}."))
            }
            Self::Syntax { expected, at } => bad("malformed_json")
                .with_detail(format!("The body is not JSON: {expected} was expected at byte {at}.")),
            Self::Limit { what, max, .. } => {
                bad("invalid_request").with_detail(format!("The request has more than {max} {what}."))
            }
        }
    }

    pub(super) fn finding(self) -> Finding {
        match self {
            Self::TooLarge { max } => Finding::new(FindingKind::Length, max, max, "the body is too large"),
            Self::InvalidUtf8 { at } => Finding::new(FindingKind::InvalidUtf8, at, at, "not UTF-8"),
            Self::Syntax { expected, at } => {
                Finding::new(FindingKind::Format, at, at, format!("not JSON: {expected} was expected"))
            }
            Self::Limit { what, max, at } => {
                Finding::new(FindingKind::Length, at, at, format!("more than {max} {what}"))
            }
        }
    }
}

/// The refusal of a value. It names neither field nor pattern: whoever tries attacks learns nothing from it.
pub(super) fn refusal(kind: FindingKind) -> Refusal {
    match kind {
        FindingKind::InvalidUtf8 => bad("invalid_utf8").with_detail("A value is not UTF-8."),
        FindingKind::Length | FindingKind::Format => {
            bad("invalid_request").with_detail("A value is too long, or not of the form that it should have.")
        }
        FindingKind::SqlInjection
        | FindingKind::Xss
        | FindingKind::PathTraversal
        | FindingKind::ControlCharacter
        | FindingKind::NullByte
        | FindingKind::Unicode => bad("malicious_input").with_detail("The request holds input that is not accepted."),
    }
}

const fn bad(code: &'static str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, code)
}
