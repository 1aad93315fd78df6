//! What the stack promises of every answer, held against every row of the route table.

mod cors;
mod methods;
mod metrics;
mod representation;

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Request, Version, header};
use http_body_util::Full;
use portcullis::pages::PAGES;
use portcullis::routes::{Access, ROUTES, RequestBody};

use crate::support::{
    Account, Answer, Client, TestApp, address, anonymous_request, bare_request, good_request, takes_a_link,
};

/// A service, and one answer of each kind from each row: what was asked, and the answer.
struct Tour {
    app: TestApp,
    answers: Vec<(String, Answer)>,
}

impl Tour {
    /// Every row answers its good request, and every refusal that it knows.
    async fn of(app: TestApp) -> Self {
        let client = app.client();
        let mut answers = Vec::new();
        for route in ROUTES {
            let account = client.sign_up().await;
            answers.push((format!("{route:?}"), client.send(good_request(route, &account)).await));
            if route.access == Access::User {
                let answer = client.send(anonymous_request(route, &account)).await;
                answers.push((format!("{route:?} for nobody"), answer.expect(401)));
            }
            if route.body != RequestBody::None {
                let account = client.sign_up().await;
                let mut request = good_request(route, &account);
                request.headers_mut().insert(header::CONTENT_TYPE, "text/plain".parse().unwrap());
                *request.body_mut() = Full::new(Bytes::from_static(b"{}"));
                answers.push((format!("{route:?} with text"), client.send(request).await.expect(415)));
            }
            let path = address(route);
            for (what, method, status) in [("an odd method", "PURGE", 405), ("OPTIONS", "OPTIONS", 204)] {
                let request = Request::builder().method(method).uri(&path).body(Full::default()).unwrap();
                answers.push((format!("{path} with {what}"), client.send(request).await.expect(status)));
            }
        }
        for path in ["/", "/nothing", "/docs/nothing.js", "/api/v1/auth/login/", "//health"] {
            answers.push((path.to_owned(), client.get(path).await));
        }
        Self { app, answers }
    }

    fn refusals(&self) -> impl Iterator<Item = &(String, Answer)> {
        self.answers.iter().filter(|(_, answer)| answer.status.as_u16() >= 400)
    }
}

/// OWASP Secure Headers, for answers that are data.
const SECURITY_HEADERS: [(&str, &str); 8] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("x-permitted-cross-domain-policies", "none"),
    ("x-xss-protection", "0"),
    ("content-security-policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
];

fn is_page(what: &str) -> bool {
    PAGES.iter().map(|page| page.path).chain(["/docs"]).any(|path| what == format!("GET {path} (Public)"))
}

/// The directives of a policy, in no order.
fn directives(policy: &str) -> BTreeSet<&str> {
    policy.split(';').map(str::trim).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_security_headers_once() {
    let tour = Tour::of(TestApp::spawn().await).await;
    for (what, answer) in &tour.answers {
        for (name, value) in SECURITY_HEADERS {
            assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{what}: {name}");
            // Pages have policies of their own, with scripts and styles of ours.
            let is_page = is_page(what) && name == "content-security-policy";
            if !is_page {
                assert_eq!(directives(answer.header(name)), directives(value), "{what}: {name}");
            }
        }
        let denied: Vec<_> = answer.header("permissions-policy").split(',').map(str::trim).collect();
        assert!(denied.len() > 20 && denied.iter().all(|feature| feature.ends_with("=()")), "{what}: {denied:?}");
        for name in ["server", "x-powered-by", "strict-transport-security"] {
            assert_eq!(answer.headers.get(name), None, "{what}: {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentation_page_allows_nothing_from_elsewhere_and_nothing_inline() {
    let app = TestApp::spawn().await;
    let page = app.client().get("/docs").await.expect(200);
    let policy = directives(page.header("content-security-policy"));
    for directive in
        ["default-src 'none'", "script-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]
    {
        assert!(policy.contains(directive), "{directive} is not in {policy:?}");
    }
    assert!(!policy.iter().any(|directive| directive.contains("unsafe") || directive.contains("http")), "{policy:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_transport_security_goes_out_only_where_the_client_came_over_tls() {
    let app = TestApp::builder().set("TRUSTED_PROXIES", "127.0.0.1/32").spawn().await;
    let stranger = TestApp::spawn().await;
    for (app, scheme, value) in [
        (&app, "https", "max-age=63072000; includeSubDomains"),
        (&app, "http", ""),
        // Nobody has vouched for who says so.
        (&stranger, "https", ""),
    ] {
        let request =
            Request::get("/health/live").header("x-forwarded-for", "192.0.2.1").header("x-forwarded-proto", scheme);
        let answer = app.client().send(request.body(Full::default()).unwrap()).await.expect(200);
        assert_eq!(answer.header("strict-transport-security"), value, "{scheme}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_carries_tokens_or_personal_data_may_be_stored() {
    let tour = Tour::of(TestApp::spawn().await).await;
    for (what, answer) in &tour.answers {
        let is_for_everybody = answer.status.is_success()
            && ["/docs", "/pages/", "openapi", "jwks"].iter().any(|part| what.contains(part));
        if !is_for_everybody {
            assert_eq!(answer.header("cache-control"), "no-store", "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_an_id_of_its_own() {
    let tour = Tour::of(TestApp::spawn().await).await;
    let ids: BTreeSet<_> = tour.answers.iter().map(|(_, answer)| answer.header("x-request-id")).collect();
    assert!(!ids.contains(""));
    assert_eq!(ids.len(), tour.answers.len());
}

async fn id_for(client: &Client, account: &Account, route: &portcullis::routes::Route, ids: &[&[u8]]) -> Answer {
    let mut request = good_request(route, account);
    for id in ids {
        request.headers_mut().append("x-request-id", http::HeaderValue::from_bytes(id).unwrap());
    }
    client.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_the_client_is_kept_if_it_is_safe_in_logs_and_replaced_otherwise() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for route in ROUTES {
        let longest = "a".repeat(128);
        for safe in ["a", "req-1_2.3", "550e8400-e29b-41d4-a716-446655440000", &longest] {
            let account = client.sign_up().await;
            let answer = id_for(&client, &account, route, &[safe.as_bytes()]).await;
            assert_eq!(answer.header("x-request-id"), safe, "{route:?}");
            let body = serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap_or_default();
            assert!(body["request_id"].is_null() || body["request_id"] == safe, "{route:?}: {body}");
        }
    }
    let account = client.sign_up().await;
    let too_long = "a".repeat(129);
    for odd in [
        &[&b""[..]][..],
        &[b"a b"],
        &[b"a\"b"],
        &[b"<b>"],
        &[b"a;b"],
        &[b"\xc3\xa9"],
        &[too_long.as_bytes()],
        &[b"a", b"b"],
    ] {
        let answer = id_for(&client, &account, &ROUTES[0], odd).await;
        let id = answer.header("x-request-id");
        assert!(id.len() >= 16 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-'), "{odd:?} became {id}");
        assert_eq!(answer.headers.get_all("x-request-id").iter().count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_the_one_problem_body() {
    let tour = Tour::of(TestApp::spawn().await).await;
    assert!(tour.refusals().count() > ROUTES.len());
    for (what, answer) in tour.refusals() {
        let code = match answer.status.as_u16() {
            400 if ROUTES.iter().any(|route| takes_a_link(route) && *what == format!("{route:?}")) => "invalid_token",
            400 => "invalid_request",
            401 => "missing_token",
            404 => "not_found",
            405 => "method_not_allowed",
            415 => "unsupported_media_type",
            status => panic!("{what}: {status}"),
        };
        let body = answer.expect_problem(answer.status.as_u16(), code);
        let instance = body["instance"].as_str().unwrap();
        // A path that begins with `//` would be another host.
        let instance = instance.strip_prefix("/./").map_or(instance, |_| &instance[2..]);
        let pattern = what.split_whitespace().nth(1).unwrap_or_default();
        let is_told = match pattern.split_once('{') {
            Some((stem, _)) => instance.starts_with(stem) && !instance.contains('{'),
            None => what.contains(instance),
        };
        assert!(is_told, "{what}: {body}");
    }
    drop(tour.app);
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_from_the_first_byte_on_gets_the_same_bodies() {
    let app = TestApp::spawn().await;
    let (one, two) = (app.client(), Client::http2(app.address));
    let account = two.sign_up().await;
    two.me(&account.tokens.access).await.expect(200);
    for route in ROUTES {
        let bad = || {
            bare_request(route).header(header::CONTENT_TYPE, "application/json").body(Full::from("{\"a\":")).unwrap()
        };
        let (mut first, mut second) = (one.send(bad()).await, two.send(bad()).await);
        assert_eq!(first.status, second.status, "{route:?}");
        if first.status.as_u16() >= 400 {
            let without_id = |answer: &mut Answer| {
                let mut body = answer.json();
                body.as_object_mut().unwrap().remove("request_id");
                body
            };
            assert_eq!(without_id(&mut first), without_id(&mut second), "{route:?}");
        }
    }
    let request = Request::get("/nothing").version(Version::HTTP_2).body(Full::default()).unwrap();
    two.send(request).await.expect_problem(404, "not_found");
}
