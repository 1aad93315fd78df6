//! All layers together, in the order that the crate recommends: whatever goes wrong, the client gets the one body.

mod app;

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use portcullis_layers::RoutePattern;
use portcullis_layers::audit::AuditResult;
use serde_json::Value;
use tower::ServiceExt;

use self::app::{App, ORIGIN, ReplyBody};

/// A failure: what the client sends, and what comes of it.
struct Case {
    method: Method,
    path: &'static str,
    body: &'static [u8],
    status: u16,
    error: &'static str,
    header: Option<&'static str>,
}

const fn case(method: Method, path: &'static str, status: u16, error: &'static str) -> Case {
    Case { method, path, body: b"", status, error, header: None }
}

impl Case {
    const fn sending(mut self, body: &'static [u8]) -> Self {
        self.body = body;
        self
    }

    /// The header that the refusal demands.
    const fn answered_with(mut self, header: &'static str) -> Self {
        self.header = Some(header);
        self
    }

    fn request(&self, method: Method) -> Request<Full<bytes::Bytes>> {
        let mut request = Request::new(Full::from(self.body));
        *request.method_mut() = method;
        *request.uri_mut() = self.path.parse().unwrap();
        request.headers_mut().insert(header::ORIGIN, HeaderValue::from_static(ORIGIN));
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.path != "/nowhere" {
            request.extensions_mut().insert(RoutePattern(self.path.into()));
        }
        request
    }

    /// The label of the route.
    fn route(&self) -> &'static str {
        if self.path == "/nowhere" { "unmatched" } else { self.path }
    }
}

const FAILURES: [Case; 15] = [
    case(Method::GET, "/panic", 500, "internal_error"),
    case(Method::GET, "/panic-later", 500, "internal_error"),
    case(Method::GET, "/slow", 504, "timeout"),
    case(Method::GET, "/bare", 500, "internal_error"),
    case(Method::GET, "/nowhere", 404, "not_found"),
    case(Method::DELETE, "/no-such-method", 405, "method_not_allowed").answered_with("allow"),
    case(Method::GET, "/private", 401, "missing_token").answered_with("www-authenticate"),
    case(Method::GET, "/limited", 429, "rate_limited").answered_with("retry-after"),
    case(Method::GET, "/limited-account", 429, "rate_limited").answered_with("retry-after"),
    case(Method::POST, "/notes", 413, "payload_too_large").sending(&[b'1'; 300]),
    case(Method::POST, "/notes", 400, "malicious_input").sending(br#"{"name":"a\u0000b"}"#),
    case(Method::POST, "/notes", 400, "malicious_input").sending(br#"{"name":"secret drop table"}"#),
    case(Method::POST, "/notes", 400, "malformed_json").sending(br#"{"secret":"#),
    case(Method::POST, "/notes", 400, "invalid_utf8").sending(b"{\"secret\":\"\xff\"}"),
    case(Method::POST, "/notes", 400, "invalid_request").sending(br#"[[[[[[[[[[[[]]]]]]]]]]]]"#),
];

/// What holds for the head of every refusal.
#[track_caller]
fn assert_head(response: &Response<ReplyBody>, case: &Case) {
    assert_eq!(response.status(), case.status, "{}", case.path);
    for (name, value) in [
        ("content-type", "application/problem+json"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("access-control-allow-origin", ORIGIN),
    ] {
        assert_eq!(response.headers().get(name), Some(&HeaderValue::from_static(value)), "{}: {name}", case.path);
    }
    assert_eq!(response.headers()["x-request-id"].len(), 32);
    assert_ne!(response.headers()[header::CONTENT_LENGTH], "0");
    if let Some(name) = case.header {
        assert!(response.headers().contains_key(name), "{}: {name}", case.path);
    }
}

/// What holds for every refusal.
async fn assert_one_body(response: Response<ReplyBody>, case: &Case) {
    assert_head(&response, case);
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    assert_eq!(head.headers[header::CONTENT_LENGTH], bytes.len().to_string());
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(body["status"], case.status);
    assert_eq!(body["error"], case.error, "{}", case.path);
    assert_eq!(body["instance"], case.path);
    assert_eq!(body["request_id"], head.headers["x-request-id"].to_str().unwrap());
    assert!(!body.to_string().contains("secret"), "{body}");
}

#[tokio::test]
async fn every_failure_gets_the_one_body_with_id_security_and_cors_headers() {
    let app = App::new();
    app.use_limits_up().await;
    for case in &FAILURES {
        let response = app.service.clone().oneshot(case.request(case.method.clone())).await.unwrap();
        assert_one_body(response, case).await;
    }
}

#[tokio::test]
async fn every_failure_is_counted_and_audited() {
    let mut app = App::new();
    app.use_limits_up().await;
    app.events.try_drain();
    for case in &FAILURES {
        let counted = |app: &App| app.count(case.method.as_str(), case.route(), case.status);
        let before = counted(&app);
        let response = app.service.clone().oneshot(case.request(case.method.clone())).await.unwrap();
        response.into_body().collect().await.unwrap();
        assert_eq!(counted(&app), before + 1, "{}", case.path);

        let events = app.events.try_drain();
        assert_eq!(events.len(), 1, "{}", case.path);
        match events[0].result {
            AuditResult::Answered { status, .. } => assert_eq!(status, case.status, "{}", case.path),
            result => assert_eq!((case.error, result), ("internal_error", AuditResult::Failed), "{}", case.path),
        }
    }
}

#[tokio::test]
async fn the_answer_to_head_has_the_headers_of_the_one_body_alone() {
    let app = App::new();
    app.use_limits_up().await;
    for case in &FAILURES {
        let response = app.service.clone().oneshot(case.request(Method::HEAD)).await.unwrap();
        assert_head(&response, case);
        assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty(), "{}", case.path);
    }
}

#[tokio::test]
async fn a_request_over_capacity_gets_the_one_body_too() {
    for method in [Method::GET, Method::HEAD] {
        let app = App::new();
        let slow = case(method.clone(), "/slow", 504, "timeout");
        let refused = case(method.clone(), "/fine", 503, "overloaded").answered_with("retry-after");
        let call = |case: &Case| app.service.clone().oneshot(case.request(method.clone()));
        let (to_slow, to_refused) = tokio::join!(call(&slow), call(&refused));
        for (response, case) in [(to_slow.unwrap(), slow), (to_refused.unwrap(), refused)] {
            match method {
                Method::HEAD => assert_head(&response, &case),
                _ => assert_one_body(response, &case).await,
            }
        }
    }
}

#[tokio::test]
async fn no_failure_keeps_its_place_in_the_queue() {
    let app = App::new();
    let fine = case(Method::GET, "/fine", 200, "");
    for case in FAILURES.iter().chain([&fine]) {
        let response = app.service.clone().oneshot(case.request(case.method.clone())).await.unwrap();
        assert_ne!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{}", case.path);
    }
    let response = app.service.oneshot(fine.request(Method::GET)).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "fine");
}

#[tokio::test]
async fn a_preflight_request_needs_no_token_and_has_the_headers_of_all() {
    let app = App::new();
    let mut preflight = case(Method::OPTIONS, "/private", 200, "").request(Method::OPTIONS);
    preflight.headers_mut().insert(header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("GET"));
    let response = app.service.oneshot(preflight).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], ORIGIN);
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert!(response.headers().contains_key("x-request-id"));
}
