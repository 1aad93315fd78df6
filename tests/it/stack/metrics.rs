//! Metrics: their labels, and who may read them.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::IpAddr;

use http::{Method, Request};
use http_body_util::Full;
use portcullis::access::{AccessLayer, Listener};
use portcullis::reply::Response;
use portcullis::router::Match;
use portcullis::routes::{Access, LimitClass, ROUTES};
use portcullis_layers::{PeerAddr, Refusal};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{Client, TestApp, TestAppBuilder, address, good_request};

/// What production demands, besides the database of the test.
fn production() -> TestAppBuilder {
    [
        ("ENVIRONMENT", "production"),
        ("DATABASE_URL", "postgres://unused@localhost/unused"),
        ("PUBLIC_URL", "https://accounts.example.com"),
        ("SMTP_HOST", "smtp.example.com"),
        ("EMAIL_FROM", "accounts@example.com"),
    ]
    .into_iter()
    .fold(TestApp::builder(), |builder, (name, value)| builder.set(name, value))
}

async fn exposition(client: &Client) -> String {
    String::from_utf8(client.get("/metrics").await.expect(200).body.to_vec()).unwrap()
}

/// The values of a label.
fn values<'a>(text: &'a str, label: &str) -> BTreeSet<&'a str> {
    let start = format!("{label}=\"");
    text.split(start.as_str()).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_pattern_and_unknown_paths_under_one_name() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for route in ROUTES {
        let account = client.sign_up().await;
        client.send(good_request(route, &account)).await;
    }
    for number in 0..50 {
        client.get(&format!("/nothing/{number}")).await.expect(404);
        client.get(&format!("/docs/{number}")).await.expect(404);
        client.get(&format!("//{number}")).await.expect(400);
        let method = Method::from_bytes(format!("METHOD{number}").as_bytes()).unwrap();
        client.send(Request::builder().method(method).uri("/health").body(Full::default()).unwrap()).await.expect(405);
    }
    let text = exposition(&client).await;
    let mut patterns: BTreeSet<_> = ROUTES.iter().map(|route| route.path).collect();
    patterns.insert("unmatched");
    assert_eq!(values(&text, "route"), patterns);
    assert!(values(&text, "method").contains("other") && values(&text, "method").len() <= 10);
    assert!(values(&text, "status").is_superset(&BTreeSet::from(["200", "201", "308", "400", "404", "405"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exposition_has_the_process_the_requests_and_our_own_numbers() {
    let app = TestApp::spawn().await;
    let answer = app.client().get("/metrics").await.expect(200);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let text = exposition(&app.client()).await;
    for name in [
        "http_server_requests_total",
        "http_server_request_duration_seconds_bucket",
        "portcullis_build_info",
        "portcullis_hash_pool_waiting",
        "portcullis_hash_pool_running",
        "portcullis_audit_lost_total",
        "portcullis_panics_total",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
    ] {
        assert!(text.lines().any(|line| line.starts_with(name)), "{name} is missing in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_of_their_own_takes_the_metrics_away_from_the_main_one() {
    let app = TestApp::builder().set("METRICS_ADDR", "127.0.0.1:0").spawn().await;
    let operations = Client::new(app.operations.unwrap());
    for route in ROUTES {
        let account = app.client().sign_up().await;
        let main = app.client().send(good_request(route, &account)).await;
        if route.access == Access::Operator {
            main.expect_problem(404, "not_found");
        }
        let answer = operations.send(good_request(route, &account)).await;
        if route.limit == LimitClass::Exempt {
            assert_eq!(answer.status, 200, "{route:?}");
        } else {
            answer.expect_problem(404, "not_found");
        }
    }
    assert!(exposition(&operations).await.contains("route=\"/api/v1/auth/login\""), "the main listener is not counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn production_serves_metrics_to_this_machine_only() {
    let app = production().spawn().await;
    exposition(&app.client()).await;
    for route in ROUTES.iter().filter(|route| route.access == Access::Operator) {
        for (peer, may_read) in [
            ("127.0.0.1", true),
            ("127.8.0.1", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("10.0.0.7", false),
            ("192.0.2.1", false),
            ("2001:db8::1", false),
        ] {
            let inner = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::default()));
            let mut request = Request::get(address(route)).body(()).unwrap();
            request.extensions_mut().insert(Match::Row(route));
            request.extensions_mut().insert(PeerAddr((peer.parse::<IpAddr>().unwrap(), 40_000).into()));
            let answer = AccessLayer::new(&app.app, Listener::Main).layer(inner).oneshot(request).await.unwrap();
            let refusal =
                answer.extensions().get::<Refusal>().map(|refusal| (refusal.status().as_u16(), refusal.code()));
            assert_eq!(refusal, if may_read { None } else { Some((403, "forbidden")) }, "{peer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_on_this_machine_that_nobody_named_does_not_give_metrics_away() {
    let app = production().spawn().await;
    for (header, value) in
        [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "127.0.0.1"), ("forwarded", "for=192.0.2.1")]
    {
        let request = Request::get("/metrics").header(header, value).body(Full::default()).unwrap();
        app.client().send(request).await.expect_problem(403, "forbidden");
    }
    exposition(&app.client()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_through_a_trusted_proxy_on_this_machine_is_not_of_this_machine() {
    let app = production().set("TRUSTED_PROXIES", "127.0.0.1/32").spawn().await;
    for (forwarded_for, status) in [("192.0.2.1", 403), ("127.0.0.1, 192.0.2.1", 403), ("127.0.0.1", 200)] {
        let request = Request::get("/metrics").header("x-forwarded-for", forwarded_for).body(Full::default()).unwrap();
        app.client().send(request).await.expect(status);
    }
    exposition(&app.client()).await;
}
