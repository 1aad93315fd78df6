//! Time limits. Each test shortens the one limit that it is about, and leaves the others long.

use std::time::Duration;

use portcullis::server::Timeouts;
use tokio::time::{Instant, sleep};

use super::{HEAD, LONG};
use crate::support::{TestApp, Wire};

const SHORT: Duration = Duration::from_millis(500);
/// Far more than [`SHORT`], far less than [`LONG`].
const SOON: Duration = Duration::from_secs(15);
const LOG_IN: &str = "POST /api/v1/auth/login HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\n";

/// Limits that no test reaches.
fn patient() -> Timeouts {
    Timeouts {
        first_byte: LONG,
        handshake: LONG,
        head: LONG,
        body_pause: LONG,
        idle: LONG,
        write: LONG,
        exchange: LONG,
    }
}

async fn app(timeouts: Timeouts) -> TestApp {
    TestApp::builder().timeouts(timeouts).spawn().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_never_says_anything_ends() {
    let app = app(Timeouts { first_byte: SHORT, ..patient() }).await;
    for said in ["", "P", "PR"] {
        let begun = Instant::now();
        let mut wire = Wire::behind(app.address, said).await;
        assert!(wire.rest().await.is_empty(), "{said:?}");
        assert!((SHORT..SOON).contains(&begun.elapsed()), "{said:?}: {:?}", begun.elapsed());
    }
    app.holds(0).await;
    assert_eq!(app.connections().refused_timeout.get(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_trickles_in_is_answered_with_408_when_its_time_is_up() {
    let app = app(Timeouts { head: SHORT, ..patient() }).await;
    let mut wire = Wire::behind(app.address, HEAD).await;
    let begun = Instant::now();
    // A byte every now and then does not buy time.
    while begun.elapsed() < SOON && wire.offer("X").await && app.connections().refused_timeout.get() == 0 {
        sleep(SHORT / 5).await;
    }
    let answer = wire.answer().await;
    answer.expect_problem(408, "request_timeout");
    assert_eq!(answer.header("connection"), "close");
    assert!(wire.ends().await && begun.elapsed() < SOON);
    app.holds(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_of_a_later_request_has_the_same_time() {
    let app = app(Timeouts { head: SHORT, ..patient() }).await;
    let mut wire = Wire::connect(app.address).await;
    wire.get("/health/live").await.expect(200);
    // The pause between two requests is none of a head.
    sleep(2 * SHORT).await;
    wire.get("/health/live").await.expect(200);
    wire.write(HEAD).await;
    wire.answer().await.expect_problem(408, "request_timeout");
    assert!(wire.ends().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preface_of_http2_alone_is_no_request() {
    let app = app(Timeouts { head: SHORT, ..patient() }).await;
    let mut wire = Wire::behind(app.address, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    wire.rest().await;
    assert_eq!(app.connections().refused_timeout.get(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_ends_without_a_word_when_nothing_more_is_asked() {
    let app = app(Timeouts { idle: SHORT, ..patient() }).await;
    let mut wire = Wire::connect(app.address).await;
    for _ in 0..5 {
        wire.get("/health/live").await.expect(200);
        sleep(SHORT / 5).await;
    }
    let begun = Instant::now();
    assert!(wire.rest().await.is_empty());
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    app.holds(0).await;
    assert_eq!(app.connections().refused_timeout.get(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_whose_sender_pauses_is_given_up() {
    let app = app(Timeouts { body_pause: SHORT, ..patient() }).await;
    for framing in
        ["Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", "Content-Length: 9\r\n\r\n"]
    {
        let mut wire = Wire::behind(app.address, format!("{LOG_IN}{framing}")).await;
        let begun = Instant::now();
        let answer = wire.answer().await;
        answer.expect_problem(408, "request_timeout");
        assert_eq!(answer.header("connection"), "close", "{framing:?}");
        assert!(wire.ends().await && begun.elapsed() < SOON, "{framing:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_in_pieces_is_read_as_long_as_they_come() {
    let app = app(Timeouts { body_pause: SHORT, ..patient() }).await;
    let body = r#"{"email":"ada@example.com","password":"a wrong password"}"#;
    let mut wire = Wire::behind(app.address, format!("{LOG_IN}Content-Length: {}\r\n\r\n", body.len())).await;
    for piece in body.as_bytes().chunks(8) {
        sleep(SHORT / 4).await;
        wire.write(piece).await;
    }
    wire.answer().await.expect_problem(401, "invalid_credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_cut_off() {
    let app = app(Timeouts { write: SHORT, ..patient() }).await;
    let mut wire = Wire::connect(app.address).await;
    // Far more answers than all buffers on the way hold. Whether the last of these requests still find a listener does not matter.
    let request = "GET /openapi.json HTTP/1.1\r\nHost: a.example\r\n\r\n".repeat(50);
    for _ in 0..40 {
        if !matches!(tokio::time::timeout(SHORT, wire.offer(&request)).await, Ok(true)) {
            break;
        }
    }
    app.holds(0).await;
    // The one who reads in time is served.
    Wire::connect(app.address).await.get("/openapi.json").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_window_stays_closed_does_not_keep_its_connection() {
    let app = app(Timeouts { exchange: SHORT, ..patient() }).await;
    let stream = tokio::net::TcpStream::connect(app.address).await.unwrap();
    let mut builder = h2::client::Builder::new();
    let (mut sender, connection) = builder.initial_window_size(0).handshake::<_, bytes::Bytes>(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get("http://a.example/openapi.json").body(()).unwrap();
    let (answer, _) = sender.send_request(request, true).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    app.holds(0).await;
    drop((answer, sender));
    let _ = connection.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_of_http2_ends_however_many_pings_it_answers() {
    let app = app(Timeouts { idle: SHORT, ..patient() }).await;
    let stream = tokio::net::TcpStream::connect(app.address).await.unwrap();
    let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get("http://a.example/health/live").body(()).unwrap();
    let (answer, _) = sender.send_request(request, true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
    app.holds(0).await;
    // It was told so, and did not just break.
    connection.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_silence_while_the_service_works_is_no_fault_of_the_client() {
    let app = app(Timeouts { head: SHORT, idle: SHORT, body_pause: SHORT, write: SHORT, ..patient() }).await;
    let account = app.client().sign_up().await;
    let lock = app.database.connect().await;
    lock.batch_execute("begin; lock table refresh_tokens in exclusive mode").await.unwrap();
    let body = serde_json::json!({ "email": account.email, "password": account.password }).to_string();
    let mut wire = Wire::behind(app.address, format!("{LOG_IN}Content-Length: {}\r\n\r\n{body}", body.len())).await;
    sleep(3 * SHORT).await;
    lock.batch_execute("rollback").await.unwrap();
    wire.answer().await.expect(200);
}
