//! The one body of every refusal (RFC 9457).

use serde_json::Value;

use super::Answer;

impl Answer {
    /// The problem body, whose every member is where and what it must be.
    #[track_caller]
    pub(crate) fn expect_problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(
            (self.status.as_u16(), self.header("content-type")),
            (status, "application/problem+json"),
            "{self:?}"
        );
        let body = self.json();
        let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}"));
        assert_eq!((body["status"].as_u64(), text("error")), (Some(status.into()), code), "{body}");
        assert_eq!(text("type"), "about:blank");
        assert_eq!(Some(text("title")), self.status.canonical_reason());
        assert_eq!(text("detail"), text("message"));
        assert!(!text("detail").is_empty() && text("instance").starts_with(['/', '*']), "{body}");
        assert_eq!(text("request_id"), self.header("x-request-id"));
        assert!(text("timestamp").parse::<jiff::Timestamp>().is_ok(), "{body}");
        assert_eq!(self.header("cache-control"), "no-store");
        for fault in body["details"].as_array().into_iter().flatten() {
            assert!(["field", "code", "message"].iter().all(|name| fault[name].is_string()), "{body}");
        }
        body
    }

    /// `(field, code)` of every fault in a problem body.
    #[track_caller]
    pub(crate) fn faults(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let body = self.json();
        let details = body["details"].as_array().unwrap_or_else(|| panic!("no details in {body}"));
        details.iter().map(|fault| (text(&fault["field"]), text(&fault["code"]))).collect()
    }
}
