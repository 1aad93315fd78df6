//! Slow heads, slow bodies, readers that do not read, silence, and heads without end.

use portcullis::metrics::connections::ConnectionMetrics;
use tokio::net::TcpStream;

use crate::support::{TestApp, Wire};

const FEW: usize = 300;
/// As many as a test may hold without taking the descriptors of its neighbours; `make floods` holds 10 000.
const MANY: usize = 2000;

const PARTIAL_HEAD: &str = "POST /api/v1/auth/login HTTP/1.1\r\nHost: a.example\r\nX-Slow: ";
const PARTIAL_BODY: &str = "POST /api/v1/auth/login HTTP/1.1\r\nHost: a.example\r\n\
                            Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{";

#[tokio::test(flavor = "multi_thread")]
async fn slow_heads_and_slow_bodies_hold_up_nobody() {
    let app = TestApp::spawn().await;
    let mut attackers = Vec::new();
    for number in 0..FEW {
        let part = if number % 2 == 0 { PARTIAL_HEAD } else { PARTIAL_BODY };
        attackers.push(Wire::behind(app.address, part).await);
    }
    for _ in 0..5 {
        for attacker in &mut attackers {
            attacker.offer("x").await;
        }
        app.client().get("/health/live").await.expect(200);
    }
    app.serves_honest_clients().await;
}

/// A place in flight is for those who have something to do.
#[tokio::test(flavor = "multi_thread")]
async fn more_slow_bodies_than_there_are_places_keep_nobody_out() {
    let app = TestApp::builder().set("TRUSTED_PROXIES", "127.0.0.0/8").spawn().await;
    let mut attackers = Vec::new();
    for number in 0..1100 {
        let head = format!(
            "POST /api/v1/auth/refresh HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 192.0.2.{}\r\n\
             Content-Type: application/json\r\nContent-Length: 22\r\n\r\n{{\"refresh",
            number % 55
        );
        attackers.push(Wire::behind(app.address, head).await);
    }
    crate::support::wait_for("as many to wait as may", async || {
        let families = app.app.metrics.registry.gather();
        let waiting = families.iter().find(|family| family.name() == "http_server_requests_in_flight")?;
        let waiting: f64 = waiting.get_metric().iter().map(|metric| metric.get_gauge().get_value()).sum();
        (waiting >= 1024.0).then_some(())
    })
    .await;
    app.serves_honest_clients().await;
    app.client().get("/.well-known/jwks.json").await.expect(200);
    // Those that waited longest made room; the others are answered once their bodies are there.
    let mut last = attackers.pop().unwrap();
    last.write("_token\": \"x\"}").await;
    assert_eq!(last.answer().await.status, 401);
    attackers[0].answer().await.expect_problem(408, "request_timeout");
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_do_not_read_hold_up_nobody() {
    let app = TestApp::spawn().await;
    let requests = "GET /openapi.json HTTP/1.1\r\nHost: a.example\r\n\r\n".repeat(20);
    let mut attackers = Vec::new();
    for _ in 0..FEW / 10 {
        attackers.push(Wire::behind(app.address, &requests).await);
    }
    app.serves_honest_clients().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_hold_up_nobody() {
    let app = TestApp::spawn().await;
    let mut silent = Vec::new();
    for _ in 0..MANY {
        silent.push(TcpStream::connect(app.address).await.unwrap());
    }
    app.serves_honest_clients().await;
    let ConnectionMetrics { refused_total, refused_network, .. } = &app.app.metrics.connections;
    assert_eq!((refused_total.get(), refused_network.get()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_network_cannot_take_the_connections_of_the_others() {
    let settings = [
        ("MAX_CONNECTIONS", "200"),
        ("MAX_CONNECTIONS_PER_NETWORK", "50"),
        ("PROXY_PROTOCOL", "true"),
        ("TRUSTED_PROXIES", "127.0.0.1/32"),
    ];
    let app = settings.iter().fold(TestApp::builder(), |builder, (name, value)| builder.set(name, value)).spawn().await;
    let mut attackers = Vec::new();
    for _ in 0..FEW {
        attackers.push(Wire::behind(app.address, "PROXY TCP4 203.0.113.66 10.0.0.1 1 443\r\n").await);
    }
    for number in 1..=20 {
        let header = format!("PROXY TCP4 198.51.100.{number} 10.0.0.1 1 443\r\n");
        // Places of connections that are being turned away are free again in a moment.
        crate::support::wait_for("an honest client to be served", async || {
            let mut honest = Wire::behind(app.address, &header).await;
            (honest.get("/health/live").await.status == 200).then_some(())
        })
        .await;
    }
    assert!(app.app.metrics.connections.refused_network.get() > 0);
}

/// Our own bound refuses what fits into hyper's buffer; the rest hyper refuses by itself, with the same status.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_without_end_is_cut_off_with_431() {
    let app = TestApp::spawn().await;
    let line = format!("X-Bomb: {}\r\n", "a".repeat(1000));
    let short_lines = (0..5000).map(|number| format!("X-{number}: a\r\n")).collect::<String>();
    for bomb in [line.repeat(200), line.repeat(2000), short_lines, "a".repeat(2_000_000)] {
        let mut wire = Wire::connect(app.address).await;
        let whole = wire.offer(format!("GET /health/live HTTP/1.1\r\nHost: a.example\r\nX-First: {bomb}")).await;
        let whole = whole && wire.offer("\r\n\r\n").await;
        let said = wire.rest().await;
        // Whoever sends megabytes into a connection that has ended may be reset before the answer arrives.
        assert!(!whole || said.is_empty() || said.starts_with(b"HTTP/1.1 431 "), "{}", String::from_utf8_lossy(&said));
    }
    let mut wire = Wire::connect(app.address).await;
    wire.write(format!("GET /health/live HTTP/1.1\r\nHost: a.example\r\n{}\r\n", line.repeat(12))).await;
    wire.answer().await.expect_problem(431, "headers_too_large");
    app.serves_honest_clients().await;
}
