//! Caps on connections.

use portcullis::metrics::connections::ConnectionMetrics;

use crate::support::{Answer, Client, TestApp, Wire, wait_for};
use crate::tls::Secured;

/// Connections that hold back the rest of a body.
const WAITING: usize = 500;

#[track_caller]
fn assert_turned_away(answer: &Answer) {
    answer.expect_problem(503, "overloaded");
    assert_eq!((answer.header("connection"), answer.header("retry-after")), ("close", "1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_too_many_is_told_to_come_back_and_the_others_go_on() {
    let app = TestApp::builder().set("MAX_CONNECTIONS", "2").spawn().await;
    let (mut first, mut second) = (Wire::connect(app.address).await, Wire::connect(app.address).await);
    first.get("/health/live").await.expect(200);
    second.get("/health/live").await.expect(200);
    for _ in 0..3 {
        let mut third = Wire::connect(app.address).await;
        assert_turned_away(&third.get("/health/live").await);
        assert!(third.ends().await);
    }
    let ConnectionMetrics { open, refused_total, refused_network, .. } = app.connections();
    assert_eq!((open.get(), refused_total.get(), refused_network.get()), (2, 3, 0));
    first.get("/health/live").await.expect(200);
    second.get("/health/live").await.expect(200);

    drop(first);
    app.holds(1).await;
    Wire::connect(app.address).await.get("/health/live").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_hears_why_the_connection_ends() {
    let app = TestApp::builder().set("MAX_CONNECTIONS", "1").spawn().await;
    let mut only = Wire::connect(app.address).await;
    only.get("/health/live").await.expect(200);
    assert_turned_away(&Wire::connect(app.address).await.answer().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_has_its_own_cap_by_the_address_that_its_proxy_names() {
    let builder = TestApp::builder().set("MAX_CONNECTIONS_PER_NETWORK", "2");
    let app =
        builder.set("PROXY_PROTOCOL", "true").set("TRUSTED_PROXIES", "127.0.0.0/8,2001:db8:ff::/48").spawn().await;
    let behind = |source: &'static str| async move {
        let family = if source.contains(':') { 6 } else { 4 };
        let other = if source.contains(':') { "::1" } else { "10.0.0.1" };
        Wire::behind(app.address, format!("PROXY TCP{family} {source} {other} 40000 443\r\n")).await
    };
    let mut open = Vec::new();
    for (source, has_room) in [
        ("203.0.113.1", true),
        ("203.0.113.1", true),
        ("203.0.113.1", false),
        ("203.0.113.2", true),
        ("2001:db8::1", true),
        ("2001:db8::ffff:2", true),
        ("2001:db8::3", false),
        ("2001:db8:0:1::1", true),
        // A trusted proxy behind the trusted proxy speaks for many.
        ("2001:db8:ff::1", true),
        ("2001:db8:ff::1", true),
        ("2001:db8:ff::1", true),
    ] {
        let mut wire = behind(source).await;
        let answer = wire.get("/health/live").await;
        if has_room {
            answer.expect(200);
            open.push(wire);
        } else {
            assert_turned_away(&answer);
        }
    }
    let ConnectionMetrics { open: gauge, refused_total, refused_network, .. } = app.connections();
    assert_eq!((gauge.get(), refused_total.get(), refused_network.get()), (9, 0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_proxy_protocol_the_cap_counts_the_peer_and_exempts_trusted_proxies() {
    let app = TestApp::builder().set("MAX_CONNECTIONS_PER_NETWORK", "1").spawn().await;
    let mut only = Wire::connect(app.address).await;
    only.get("/health/live").await.expect(200);
    assert_turned_away(&Wire::connect(app.address).await.get("/health/live").await);

    let app = TestApp::builder().set("MAX_CONNECTIONS_PER_NETWORK", "1").set("TRUSTED_PROXIES", "127.0.0.1/32");
    let app = app.spawn().await;
    let mut open = Vec::new();
    for _ in 0..5 {
        let mut wire = Wire::connect(app.address).await;
        wire.get("/health/live").await.expect(200);
        open.push(wire);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_tls_a_connection_too_many_just_ends() {
    let secured = Secured::new().await;
    let service = secured.program.set("MAX_CONNECTIONS", "1").serve().await;
    let _only = Wire::connect(service.address).await;
    assert!(Wire::connect(service.address).await.rest().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_of_connections_and_refusals() {
    let app = TestApp::builder().set("MAX_CONNECTIONS", "1").set("METRICS_ADDR", "127.0.0.1:0").spawn().await;
    let mut only = Wire::connect(app.address).await;
    only.get("/health/live").await.expect(200);
    Wire::connect(app.address).await.get("/health/live").await.expect(503);
    let metrics = Client::new(app.operations.unwrap()).get("/metrics").await.expect(200);
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    for line in [
        "portcullis_connections 1",
        r#"portcullis_connections_refused_total{reason="total"} 1"#,
        r#"portcullis_connections_refused_total{reason="network"} 0"#,
        r#"portcullis_connections_refused_total{reason="denied"} 0"#,
        r#"portcullis_connections_refused_total{reason="timeout"} 0"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_get_answers_while_all_connections_wait_for_bodies() {
    let app = TestApp::builder().set("MAX_CONNECTIONS", &(WAITING + 1).to_string()).set("METRICS_ADDR", "127.0.0.1:0");
    // As those of a proxy, which are exempt from the share of one network.
    let app = app.set("TRUSTED_PROXIES", "127.0.0.0/8").spawn().await;
    let mut probe = Wire::connect(app.address).await;
    probe.get("/health/live").await.expect(200);

    let body = "Content-Type: application/json\r\nContent-Length: 2\r\n";
    let request = format!("POST /api/v1/auth/login HTTP/1.1\r\nHost: a.example\r\n{body}\r\n{{");
    let mut held = Vec::new();
    for _ in 0..WAITING {
        held.push(Wire::behind(app.address, &request).await);
    }
    // A place in flight is only taken by what has its body.
    probe.get("/health/live").await.expect(200);
    probe.get("/.well-known/jwks.json").await.expect(200);
    wait_for("every connection to be taken", async || {
        let answer = Wire::connect(app.address).await.get("/health/live").await;
        (answer.status == 503).then(|| assert_turned_away(&answer))
    })
    .await;

    let operators = Client::new(app.operations.unwrap());
    for path in ["/health/live", "/health/ready", "/metrics"] {
        operators.get(path).await.expect(200);
    }
    // Those who held it all are served once they go on.
    held[0].write("}").await;
    held[0].answer().await.expect_problem(400, "validation_error");
}
