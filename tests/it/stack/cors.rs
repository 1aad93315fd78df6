//! Browsers of other origins.

use http::{HeaderName, Request, header};
use http_body_util::Full;
use portcullis::routes::ROUTES;

use crate::support::{Answer, TestApp, address, good_request};

const APP: &str = "https://app.example.com";
const ADMIN: &str = "http://localhost:5173";
const STRANGER: &str = "https://evil.example";

async fn with_origins(origins: &str) -> TestApp {
    TestApp::builder().set("CORS_ALLOWED_ORIGINS", origins).spawn().await
}

async fn preflight(app: &TestApp, path: &str, origin: &str, method: &str) -> Answer {
    let request = Request::options(path)
        .header(header::ORIGIN, origin)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, method)
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,content-type")
        .body(Full::default());
    app.client().send(request.unwrap()).await
}

/// A request of a page that has no token.
async fn actual(app: &TestApp, path: &str, origin: &str) -> Answer {
    app.client().send(Request::get(path).header(header::ORIGIN, origin).body(Full::default()).unwrap()).await
}

fn headers_of_cors(answer: &Answer) -> Vec<&str> {
    answer.headers.keys().map(HeaderName::as_str).filter(|name| name.starts_with("access-control-")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allowed_origin_may_ask_every_row() {
    let app = with_origins(&format!("{APP}, {ADMIN}")).await;
    for route in ROUTES {
        for origin in [APP, ADMIN] {
            let answer = preflight(&app, &address(route), origin, route.method.as_str()).await;
            assert!(answer.status.is_success(), "{route:?}: {answer:?}");
            assert_eq!(answer.header("access-control-allow-origin"), origin, "{route:?}");
            assert_eq!(answer.header("access-control-allow-credentials"), "true");
            assert!(answer.header("access-control-allow-methods").contains(route.method.as_str()), "{route:?}");
            let headers = answer.header("access-control-allow-headers").to_ascii_lowercase();
            assert!(
                ["authorization", "content-type", "x-request-id"].iter().all(|name| headers.contains(name)),
                "{headers}"
            );
            assert!(answer.header("access-control-max-age").parse::<u32>().unwrap() > 0);
            assert!(answer.header("vary").to_ascii_lowercase().contains("origin"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allowed_origin_sees_answers_and_the_bodies_of_refusals() {
    let app = with_origins(APP).await;
    let client = app.client();
    for route in ROUTES {
        let account = client.sign_up().await;
        let mut request = good_request(route, &account);
        request.headers_mut().insert(header::ORIGIN, APP.parse().unwrap());
        let answer = client.send(request).await;
        assert_eq!(answer.header("access-control-allow-origin"), APP, "{route:?}");
    }
    for (path, status) in [("/api/v1/auth/me", 401), ("/nothing", 404), ("/api/v1/auth/login", 405), ("//", 400)] {
        let answer = actual(&app, path, APP).await.expect(status);
        assert_eq!(answer.header("access-control-allow-origin"), APP, "{path}");
        let exposed = answer.header("access-control-expose-headers").to_ascii_lowercase();
        for name in ["retry-after", "www-authenticate", "x-request-id"] {
            assert!(exposed.contains(name), "{path}: {exposed}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_origin_is_told_nothing() {
    let app = with_origins(&format!("{APP}, {ADMIN}")).await;
    for origin in [
        STRANGER,
        "null",
        "https://app.example.com.evil.example",
        "http://app.example.com",
        "https://app.example.com:8443",
    ] {
        for answer in
            [preflight(&app, "/api/v1/auth/login", origin, "POST").await, actual(&app, "/api/v1/auth/me", origin).await]
        {
            assert!(!headers_of_cors(&answer).contains(&"access-control-allow-origin"), "{origin}: {answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_origin_may_ask_without_credentials_if_the_operator_says_so() {
    let app = with_origins("*").await;
    let answer = actual(&app, "/api/v1/auth/me", STRANGER).await.expect(401);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_setting_there_is_no_cors_at_all() {
    let app = TestApp::spawn().await;
    for answer in [preflight(&app, "/api/v1/auth/login", APP, "POST").await, actual(&app, "/health/live", APP).await] {
        assert_eq!(headers_of_cors(&answer), [""; 0], "{answer:?}");
    }
}
