//! Request lines and headers that are refused before anything else is looked at, as bytes on a connection.

use std::time::{Duration, Instant};

use super::{Fortress, SECRET, assert_refused};
use crate::support::{Answer, Wire};

const BODY: &str = r#"{"email":"a@b.example","password":"hunter2-hunter2"}"#;

impl Fortress {
    async fn raw(&self, bytes: &str) -> Answer {
        let mut wire = Wire::connect(self.app.address).await;
        wire.write(bytes).await;
        wire.answer().await
    }

    /// As [`Fortress::refuses`], for bytes.
    async fn refuses_raw(&self, what: &str, status: u16, code: &str, bytes: &str) {
        assert_refused(what, status, code, &self.raw(bytes).await);
    }
}

/// A log-in, with this target and these header lines.
fn log_in(target: &str, headers: &str) -> String {
    let length = BODY.len();
    format!(
        "POST {target} HTTP/1.1\r\n{headers}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{BODY}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_names_exactly_one_host() {
    let fortress = Fortress::build().await;
    for (what, headers) in [
        ("no host", ""),
        ("two hosts", "Host: a.example\r\nHost: b.example\r\n"),
        ("the same host twice", "Host: a.example\r\nHost: a.example\r\n"),
        ("an empty host", "Host: \r\n"),
    ] {
        fortress.refuses_raw(what, 400, "invalid_request", &log_in("/api/v1/auth/login", headers)).await;
    }
    fortress.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_in_odd_spellings_do_not_reach_the_log_in() {
    let fortress = Fortress::build().await;
    for (target, status, code) in [
        ("//api/v1/auth/login", 400, "invalid_request"),
        ("/api/v1//auth/login", 400, "invalid_request"),
        ("/api/v1/auth/login//", 400, "invalid_request"),
        ("/api/v1/./auth/login", 400, "invalid_request"),
        ("/api/v1/x/../auth/login", 400, "invalid_request"),
        ("/../api/v1/auth/login", 400, "invalid_request"),
        ("/api/v1/%2e/auth/login", 400, "invalid_request"),
        ("/api/v1/x/%2E%2e/auth/login", 400, "invalid_request"),
        ("/%61pi/v1/auth/login", 404, "not_found"),
        ("/api/v1/auth%2flogin", 404, "not_found"),
        ("/api%2Fv1%2Fauth%2Flogin", 404, "not_found"),
        ("/api/v1/auth/login/", 404, "not_found"),
        ("/api/v1/auth/login%00", 404, "not_found"),
        ("/api/v1/auth/login%0d%0a", 404, "not_found"),
        ("/api/v1/auth/login;jsessionid=1", 404, "not_found"),
        ("/API/V1/auth/login", 404, "not_found"),
        ("/api\\v1\\auth\\login", 404, "not_found"),
        ("/api/v1/auth/log%C3%ADn", 404, "not_found"),
    ] {
        fortress.refuses_raw(target, status, code, &log_in(target, "Host: a.example\r\n")).await;
    }
    fortress.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_beyond_4_kib_is_too_long() {
    let fortress = Fortress::build().await;
    for target in [
        format!("/{}", "a".repeat(4096)),
        format!("/api/v1/auth/login?{}", "a".repeat(4096)),
        format!("/{}", "a".repeat(20_000)),
    ] {
        fortress.refuses_raw("a long target", 414, "uri_too_long", &log_in(&target, "Host: a.example\r\n")).await;
    }
    let longest = format!("/{}", "a".repeat(4095));
    fortress.refuses_raw("the longest target", 404, "not_found", &log_in(&longest, "Host: a.example\r\n")).await;
    fortress.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_block_beyond_8_kib_is_too_large() {
    let fortress = Fortress::build().await;
    let many = |count: usize, length: usize| {
        (0..count).map(|index| format!("X-{index}: {}\r\n", "a".repeat(length))).collect::<String>()
    };
    for (what, headers) in [
        ("one header of 8 KiB", many(1, 8192)),
        ("a token of 8 KiB", format!("Authorization: Bearer {}\r\n", "a".repeat(8192))),
        ("a hundred headers of 100 bytes", many(100, 100)),
        ("one header of 40 KiB", many(1, 40_960)),
    ] {
        let bytes = log_in("/api/v1/auth/login", &format!("Host: a.example\r\n{headers}"));
        fortress.refuses_raw(what, 431, "headers_too_large", &bytes).await;
    }
    fortress.stands().await;
}

/// What hyper itself cannot parse never reaches us: hyper answers with a bare 400.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_at_all_gets_a_bare_400_and_ends_the_connection() {
    let fortress = Fortress::build().await;
    let no_colon = format!("GET / HTTP/1.1\r\nHost: a\r\nno colon {SECRET}\r\n\r\n");
    for bytes in [
        "\x16\x03\x01\x02\0\x01\0\x01\x7c\x03\x03\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET\r\n\r\n",
        &no_colon,
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
    ] {
        let mut wire = Wire::connect(fortress.app.address).await;
        wire.write(bytes).await;
        let answer = wire.answer().await;
        assert_eq!(answer.status, 400, "{bytes:.60?}");
        assert!(answer.body.is_empty() && wire.ends().await, "{bytes:.60?}");
    }
    fortress.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_request_does_not_hold_up_its_answer() {
    let fortress = Fortress::build().await;
    for next in ["\r\n", "GET /hea", "garbage"] {
        let mut wire = Wire::connect(fortress.app.address).await;
        let started = Instant::now();
        wire.write(format!("GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n{next}")).await;
        wire.answer().await.expect(200);
        assert!(started.elapsed() < Duration::from_secs(5), "{next:?}: {:?}", started.elapsed());
    }
    fortress.stands().await;
}
