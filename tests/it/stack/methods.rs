//! Methods: those of the table, HEAD and OPTIONS for free, and no other.

use std::collections::{BTreeMap, BTreeSet};

use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use portcullis::routes::ROUTES;

use crate::support::{Answer, Client, TestApp, address, good_request};

const METHODS: [&str; 10] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE", "get"];

async fn send(client: &Client, method: &str, path: &str) -> Answer {
    client.send(Request::builder().method(method).uri(path).body(Full::default()).unwrap()).await
}

/// The methods of every path of the table.
fn table() -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut table = BTreeMap::<_, BTreeSet<_>>::new();
    for route in ROUTES {
        let methods = table.entry(address(route)).or_default();
        methods.extend([route.method.as_str(), "OPTIONS"]);
        if route.method == Method::GET {
            methods.insert("HEAD");
        }
    }
    table
}

fn allowed(answer: &Answer) -> BTreeSet<&str> {
    answer.header("allow").split(", ").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_no_row_of_the_path_has_is_refused_with_those_that_it_has() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for (path, methods) in table() {
        for method in METHODS {
            let answer = send(&client, method, &path).await;
            let is_refused = answer.status == 405;
            assert_eq!(is_refused, !methods.contains(method), "{method} {path}: {answer:?}");
            if is_refused {
                assert_eq!(allowed(&answer), methods, "{method} {path}");
                if method != "HEAD" {
                    answer.expect_problem(405, "method_not_allowed");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn options_tells_the_methods_of_a_path() {
    let app = TestApp::spawn().await;
    for (path, methods) in table() {
        let answer = send(&app.client(), "OPTIONS", &path).await.expect(204);
        assert_eq!(allowed(&answer), methods, "{path}");
        assert!(answer.body.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_answers_with_the_headers_of_get_and_no_body() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    for route in ROUTES.iter().filter(|route| route.method == Method::GET) {
        let get = client.send(good_request(route, &account)).await;
        let mut request = good_request(route, &account);
        *request.method_mut() = Method::HEAD;
        let head = client.send(request).await;
        assert_eq!(head.status, get.status, "{route:?}");
        assert!(head.body.is_empty(), "{route:?}");
        // These two bodies tell how long something took, so their lengths vary.
        let varies = route.path.contains("health") || route.path.contains("metrics");
        let comparable = |answer: &Answer| {
            let mut headers = answer.headers.clone();
            for name in ["date", "x-request-id"] {
                headers.insert(name, HeaderValue::from_static("any")).unwrap_or_else(|| panic!("{route:?}: no {name}"));
            }
            // The second request finds less left than the first.
            headers.remove("ratelimit");
            // RFC 9110 §9.3.2: what is only known while the body is made may be left out.
            headers.remove("transfer-encoding");
            // RFC 9110 §8.6: a length of nothing may be left out.
            if varies || get.body.is_empty() {
                headers.remove("content-length");
            }
            headers
        };
        assert_eq!(comparable(&head), comparable(&get), "{route:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_head_has_the_headers_of_the_refusal_and_no_body() {
    let app = TestApp::spawn().await;
    for (path, status) in [("/nothing", 404), ("/api/v1/auth/me", 401), ("/api/v1/auth/login", 405), ("//", 400)] {
        let head = send(&app.client(), "HEAD", path).await.expect(status);
        assert_eq!(head.header("content-type"), "application/problem+json", "{path}");
        assert!(head.body.is_empty(), "{path}");
        let get = send(&app.client(), "GET", path).await.expect(status);
        let names = |answer: &Answer| answer.headers.keys().map(ToString::to_string).collect::<BTreeSet<_>>();
        assert_eq!(names(&head), names(&get), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_path_is_not_found_whatever_the_method() {
    let app = TestApp::spawn().await;
    for path in [
        "/",
        "/nothing",
        "/api",
        "/api/v1",
        "/api/v1/auth",
        "/api/v2/auth/login",
        "/.well-known/",
        "/docs/nothing.js",
        "/docs/",
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PURGE"] {
            let answer = send(&app.client(), method, path).await;
            if path == "/docs/nothing.js" && method != "GET" {
                continue; // The pattern of the table has this path; only its content is missing.
            }
            answer.expect_problem(404, "not_found");
        }
    }
}

/// Other spellings must not reach a row, or rules about paths, here or in a proxy, would be dodged.
#[tokio::test(flavor = "multi_thread")]
async fn no_other_spelling_of_a_path_reaches_its_row() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for route in ROUTES {
        let path = address(route);
        let encoded = format!("/%{:02x}{}", path.as_bytes()[1], &path[2..]);
        for (spelling, status) in [
            (format!("/{path}"), 400),
            (path.replacen('/', "//", 2), 400),
            (format!("/.{path}"), 400),
            (format!("/x/..{path}"), 400),
            (format!("/%2e%2E{path}"), 400),
            (format!("{path}//"), 400),
            (format!("{path}/"), 404),
            (format!("{path}%00"), 404),
            (format!("{path};v=1"), 404),
            (encoded, 404),
            (path.to_uppercase(), 404),
            (format!("/api{path}"), 404),
        ] {
            let answer = send(&client, route.method.as_str(), &spelling).await;
            // Behind /sessions/ these are ids, of the row that ends a session and under its rules.
            let is_id = path.starts_with("/api/v1/auth/sessions/")
                && [format!("{path}%00"), format!("{path};v=1")].contains(&spelling);
            let refusal = match (is_id, status) {
                (true, _) if route.method == Method::DELETE => (401, "missing_token"),
                (true, _) => (405, "method_not_allowed"),
                (false, 400) => (400, "invalid_request"),
                (false, _) => (404, "not_found"),
            };
            assert_eq!(answer.refusal(), (refusal.0, refusal.1.to_owned()), "{spelling}");
        }
    }
}
