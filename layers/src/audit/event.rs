//! What the app gets.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use http::{Method, StatusCode};

use crate::RoutePattern;

/// One request, as an auditor wants to know it.
///
/// An event owns all it holds and is bounded in size; it keeps no buffer of its connection alive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditEvent {
    /// What was done or tried.
    pub action: Cow<'static, str>,
    /// Who did it, if anybody said so.
    pub actor: Option<Box<str>>,
    /// What else was said about it, in order.
    pub details: Vec<(&'static str, Box<str>)>,
    /// What came of it.
    pub result: AuditResult,
    /// The method of the request: one of RFC 9110 or `PATCH`, else `_OTHER`.
    pub method: Method,
    /// The route that it matched.
    pub route: Option<RoutePattern>,
    /// Where it came from: [`ClientIp`](crate::ClientIp), else the address of the socket's other end. IPv4-mapped IPv6 is folded to IPv4.
    pub client_ip: Option<IpAddr>,
    /// Its `User-Agent`, at most 256 bytes of it.
    pub user_agent: Option<Box<str>>,
    /// Its id.
    pub request_id: Option<Box<str>>,
    /// When its result was known.
    pub at: SystemTime,
    /// From its arrival until then.
    pub duration: Duration,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuditResult {
    /// It was answered.
    Answered {
        /// The status of the answer.
        status: StatusCode,
        /// The code of its [`Refusal`](crate::Refusal), if it carried one.
        refusal: Option<&'static str>,
    },
    /// The service failed: it returned an error or panicked.
    Failed,
    /// The request was dropped before it was answered: the client went away, or a deadline passed. Whether its work was done is unknown.
    Cancelled,
}

impl AuditResult {
    /// Whether the request was answered with a status below 400.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Answered { status, .. } if !status.is_client_error() && !status.is_server_error())
    }

    /// A short constant name: `success`, `refused` (4xx), `error` (5xx or a failure), `cancelled`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered { status, .. } if status.is_client_error() => "refused",
            Self::Answered { status, .. } if status.is_server_error() => "error",
            Self::Answered { .. } => "success",
            Self::Failed => "error",
            Self::Cancelled => "cancelled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_named_by_who_is_to_blame() {
        let answered =
            |status: u16| AuditResult::Answered { status: StatusCode::from_u16(status).unwrap(), refusal: None };
        for (result, name) in [
            (answered(200), "success"),
            (answered(303), "success"),
            (answered(401), "refused"),
            (answered(503), "error"),
            (AuditResult::Failed, "error"),
            (AuditResult::Cancelled, "cancelled"),
        ] {
            assert_eq!(result.as_str(), name, "{result:?}");
            assert_eq!(result.is_success(), name == "success");
        }
    }
}
