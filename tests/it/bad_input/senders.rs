//! Senders who send too much, too slowly, or stop in the middle.

use std::time::{Duration, Instant};

use portcullis::validate::BODY_TIMEOUT;

use super::{Fortress, assert_refused};
use crate::support::{PASSWORD, TestApp, Wire};

const LOG_IN: &str = "POST /api/v1/auth/login HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\n";
const TEN_MEGABYTES: usize = 10 * 1024 * 1024;

fn head(length: usize) -> String {
    format!("{LOG_IN}Content-Length: {length}\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_are_refused_and_the_answer_reaches_a_client_that_reads_only_once_all_is_sent() {
    let fortress = Fortress::build().await;
    let piece = vec![b'x'; 64 * 1024];
    for target in
        [LOG_IN, "POST /nothing HTTP/1.1\r\nHost: a.example\r\n", "POST /health HTTP/1.1\r\nHost: a.example\r\n"]
    {
        let mut wire = Wire::connect(fortress.app.address).await;
        wire.write(format!("{target}Content-Length: {TEN_MEGABYTES}\r\n\r\n")).await;
        for _ in 0..TEN_MEGABYTES / piece.len() {
            wire.write(&piece).await;
        }
        let (status, code) = match target {
            LOG_IN => (413, "payload_too_large"),
            other if other.contains("nothing") => (404, "not_found"),
            _ => (405, "method_not_allowed"),
        };
        // Larger than any row takes, whatever else is wrong with the request.
        let answer = wire.answer().await;
        let found = answer.refusal();
        assert!(found == (status, code.to_owned()) || found.0 == 413, "{target}: {answer:?}");
    }
    fortress.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_are_refused_to_an_ordinary_client() {
    let fortress = Fortress::build().await;
    for client in [fortress.app.client(), crate::support::Client::http2(fortress.app.address)] {
        let body = bytes::Bytes::from(vec![b' '; TEN_MEGABYTES]);
        let request = http::Request::post("/api/v1/auth/login").header("content-type", "application/json");
        let answer = client.send(request.body(http_body_util::Full::new(body)).unwrap()).await;
        assert_refused("10 MB", 413, "payload_too_large", &answer);
    }
    fortress.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_chunks_is_refused_once_it_is_too_large() {
    let fortress = Fortress::build().await;
    let mut wire = Wire::connect(fortress.app.address).await;
    wire.write(format!("{LOG_IN}Transfer-Encoding: chunked\r\n\r\n")).await;
    let chunk = format!("2000\r\n{}\r\n", " ".repeat(0x2000));
    for _ in 0..128 {
        wire.write(&chunk).await;
    }
    wire.write("0\r\n\r\n").await;
    assert_refused("a megabyte in chunks", 413, "payload_too_large", &wire.answer().await);
    fortress.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_before_it_sends_too_much_is_told_not_to() {
    let fortress = Fortress::build().await;
    let mut wire = Wire::connect(fortress.app.address).await;
    wire.write(format!("{LOG_IN}Content-Length: {TEN_MEGABYTES}\r\nExpect: 100-continue\r\n\r\n")).await;
    assert_refused("an expectation", 413, "payload_too_large", &wire.answer().await);
    fortress.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_trickles_in_is_given_up_and_the_connection_with_it() {
    let fortress = Fortress::build().await;
    let mut wire = Wire::connect(fortress.app.address).await;
    let started = Instant::now();
    wire.write(format!("{}{{\"email\":", head(100))).await;
    // Never a pause that is too long, and yet too slow.
    while started.elapsed() < BODY_TIMEOUT {
        tokio::time::sleep(Duration::from_millis(500)).await;
        wire.offer(" ").await;
    }
    let answer = wire.answer().await;
    assert_refused("a slow body", 408, "request_timeout", &answer);
    assert_eq!(answer.header("connection"), "close");
    assert!(wire.ends().await);
    assert!(started.elapsed() >= BODY_TIMEOUT && started.elapsed() < BODY_TIMEOUT + Duration::from_secs(8));
    fortress.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_in_the_middle_of_a_body_changes_nothing() {
    let fortress = Fortress::build().await;
    let body = format!(r#"{{"email":"new@example.com","password":"{PASSWORD}","first_name":"A","last_name":"B"}}"#);
    let register = LOG_IN.replace("login", "register");
    for sent in [0, 1, body.len() / 2, body.len() - 1] {
        let mut wire = Wire::connect(fortress.app.address).await;
        wire.write(format!("{register}Content-Length: {}\r\n\r\n{}", body.len(), &body[..sent])).await;
        drop(wire);
    }
    let mut wire = Wire::connect(fortress.app.address).await;
    wire.write(format!("{register}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n", body.len())).await;
    drop(wire);
    tokio::time::sleep(Duration::from_millis(200)).await;
    fortress.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_length_that_turns_out_empty_is_none_where_none_is_needed() {
    let app = TestApp::spawn().await;
    let log_out = |access: &str, headers: &str| {
        let head = "POST /api/v1/auth/logout HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked";
        format!("{head}\r\nAuthorization: Bearer {access}\r\n{headers}\r\n")
    };
    let account = app.client().sign_up().await;
    let mut wire = Wire::connect(app.address).await;
    // Something that is said not to be JSON is not guessed at.
    wire.write(log_out(&account.tokens.access, "") + "2\r\n{}\r\n0\r\n\r\n").await;
    wire.answer().await.expect_problem(415, "unsupported_media_type");
    for twice in ["application/json", "text/plain"] {
        let headers = format!("Content-Type: application/json\r\nContent-Type: {twice}\r\n");
        let mut wire = Wire::connect(app.address).await;
        wire.write(log_out(&account.tokens.access, &headers) + "2\r\n{}\r\n0\r\n\r\n").await;
        wire.answer().await.expect_problem(415, "unsupported_media_type");
    }
    app.client().me(&account.tokens.access).await.expect(200);

    let mut wire = Wire::connect(app.address).await;
    wire.write(log_out(&account.tokens.access, "") + "0\r\n\r\n").await;
    assert!(wire.answer().await.status.is_success());
    app.client().me(&account.tokens.access).await.expect(401);
}
