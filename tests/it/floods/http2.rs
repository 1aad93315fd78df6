//! What a client can do to HTTP/2 within its rules, or just outside of them.

use bytes::Bytes;
use h2::{Reason, client};
use http::Request;
use tokio::net::TcpStream;

use crate::support::{TestApp, Wire};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: u8 = 4;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A frame (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `GET http://a/health/live` in HPACK: three indexed fields, and a path and an authority that stay out of the table (RFC 7541 §6).
fn get_live() -> Vec<u8> {
    let literal = |index: u8, value: &str| [&[index, u8::try_from(value.len()).unwrap()], value.as_bytes()].concat();
    [vec![0x82, 0x86], literal(0x04, "/health/live"), literal(0x01, "a.example")].concat()
}

/// A connection that has shaken hands.
async fn greeted(app: &TestApp) -> Wire {
    Wire::behind(app.address, [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await
}

/// The reason of the GOAWAY frame in what a server said, if there is one.
fn goodbye(said: &[u8]) -> Option<u32> {
    let mut rest = said;
    let mut reason = None;
    while let Some((head, more)) = rest.split_first_chunk::<9>() {
        let length = usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).unwrap();
        let payload = more.get(..length)?;
        if head[3] == GOAWAY {
            reason = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        rest = &more[length..];
    }
    reason
}

#[tokio::test(flavor = "multi_thread")]
async fn the_frames_of_these_tests_are_a_request() {
    let app = TestApp::spawn().await;
    let mut wire = greeted(&app).await;
    wire.write(frame(HEADERS, END_STREAM | END_HEADERS, 1, &get_live())).await;
    wire.write(frame(GOAWAY, 0, 0, &[0; 8])).await;
    let said = wire.rest().await;
    assert!(String::from_utf8_lossy(&said).contains(r#""status":"alive""#), "{said:?}");
    assert!(goodbye(&said).is_none_or(|reason| reason == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn rapid_resets_end_the_connection() {
    let app = TestApp::spawn().await;
    let mut wire = greeted(&app).await;
    let mut burst = Vec::new();
    for number in 0..500 {
        let stream = 2 * number + 1;
        burst.extend(frame(HEADERS, END_STREAM | END_HEADERS, stream, &get_live()));
        burst.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    // It may end before all of it is sent.
    wire.offer(&burst).await;
    let said = wire.rest().await;
    assert!(said.is_empty() || goodbye(&said) == Some(Reason::ENHANCE_YOUR_CALM.into()), "{said:?}");
    app.serves_honest_clients().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_break_a_rule_again_and_again_end_the_connection() {
    let app = TestApp::spawn().await;
    let mut wire = greeted(&app).await;
    // Without a method a request is malformed (RFC 9113 §8.3.1), and the server resets its stream.
    let malformed = get_live().split_off(1);
    let mut burst = Vec::new();
    for number in 0..500 {
        burst.extend(frame(HEADERS, END_STREAM | END_HEADERS, 2 * number + 1, &malformed));
    }
    wire.offer(&burst).await;
    let said = wire.rest().await;
    assert!(said.is_empty() || goodbye(&said) == Some(Reason::ENHANCE_YOUR_CALM.into()), "{said:?}");
    app.serves_honest_clients().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_in_endless_continuations_ends_the_connection() {
    let app = TestApp::spawn().await;
    let mut wire = greeted(&app).await;
    wire.write(frame(HEADERS, END_STREAM, 1, &get_live())).await;
    // A field of 1000 bytes with a new name, again and again, in a head that never ends.
    let field = [b"\0\x01x\x7f\xe9\x06".as_slice(), &[b'a'; 1000]].concat();
    let mut sent = 0;
    while sent < 10_000 && wire.offer(frame(CONTINUATION, 0, 1, &field)).await {
        sent += 1;
    }
    assert!(sent < 10_000, "10 MB of a head were taken");
    app.serves_honest_clients().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_continuations_without_end_end_the_connection() {
    let app = TestApp::spawn().await;
    let mut wire = greeted(&app).await;
    wire.write(frame(HEADERS, END_STREAM, 1, &get_live())).await;
    // Far more than the buffers between us hold: the other end must have read.
    let mut sent = 0;
    while sent < 5_000_000 && wire.offer(frame(CONTINUATION, 0, 1, &[]).repeat(1000)).await {
        sent += 1000;
    }
    assert!(sent < 5_000_000, "{sent} frames were taken");
    app.serves_honest_clients().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_beyond_the_announced_size_is_refused() {
    let app = TestApp::spawn().await;
    let stream = TcpStream::connect(app.address).await.unwrap();
    let (sender, connection) = client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut sender = sender.ready().await.unwrap();
    let request = |length: usize| {
        Request::get("http://a.example/health/live").header("x-bomb", "a".repeat(length)).body(()).unwrap()
    };
    let (answer, _) = sender.send_request(request(12_000), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 431);
    let (answer, _) = sender.send_request(request(100_000), true).unwrap();
    // Told so, or the stream is reset.
    assert!(answer.await.map_or(true, |answer| answer.status() == 431));
    connection.abort();
    app.serves_honest_clients().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_cannot_have_more_streams_than_it_was_told() {
    let app = TestApp::spawn().await;
    let stream = TcpStream::connect(app.address).await.unwrap();
    let (sender, connection) = client::handshake(stream).await.unwrap();
    let driver = tokio::spawn(connection);
    let mut sender = sender.ready().await.unwrap();
    // The announcement has come with the first answer.
    let live = || Request::get("http://a.example/health/live").body(()).unwrap();
    let (answer, _) = sender.send_request(live(), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
    assert_eq!(sender.current_max_send_streams(), 128);
    drop(sender);
    driver.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_and_settings_without_end_hold_up_nobody() {
    let app = TestApp::spawn().await;
    let mut wire = greeted(&app).await;
    let burst = [frame(PING, 0, 0, &[7; 8]), frame(SETTINGS, 0, 0, &[])].concat().repeat(500);
    for _ in 0..20 {
        // The answers are never read: when the buffers are full, so is the patience of the server.
        let offered = tokio::time::timeout(std::time::Duration::from_millis(200), wire.offer(&burst)).await;
        if !matches!(offered, Ok(true)) {
            break;
        }
    }
    app.serves_honest_clients().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_for_which_there_is_no_window_breaks_the_rules() {
    let app = TestApp::spawn().await;
    let stream = TcpStream::connect(app.address).await.unwrap();
    let (sender, connection) = client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut sender = sender.ready().await.unwrap();
    let request = Request::post("http://a.example/api/v1/auth/login").header("content-type", "application/json");
    let (answer, mut body) = sender.send_request(request.body(()).unwrap(), false).unwrap();
    // h2 keeps back what the window has no room for; the answer comes without it.
    body.send_data(Bytes::from(vec![b' '; 10 << 20]), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 413);
}
