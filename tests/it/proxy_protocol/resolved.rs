//! Whom a connection is counted for: one address for audit, sessions, logs and limits.

use serde_json::json;

use super::{v1, v2, wanted};
use crate::support::{Answer, PASSWORD, Program, TestApp, Wire, fresh_database, wait_for};

/// Signs up over a connection that begins with `header`, with more header lines.
async fn sign_up(address: std::net::SocketAddr, header: &[u8], email: &str, lines: &str) -> Answer {
    let body = json!({ "email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "King" }).to_string();
    let mut wire = Wire::behind(address, header).await;
    let head = format!("POST /api/v1/auth/register HTTP/1.1\r\nHost: a.example\r\n{lines}");
    wire.write(format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    wire.answer().await
}

impl TestApp {
    /// The addresses in the audit log and in the sessions of an account.
    async fn addresses_of(&self, answer: &Answer) -> [String; 2] {
        let id: uuid::Uuid = answer.json()["user"]["id"].as_str().unwrap().parse().unwrap();
        let audited = "select distinct host(ip_address) from audit_logs where user_id = $1";
        let sessions = "select distinct host(ip_address) from sessions where user_id = $1";
        let client = self.database.connect().await;
        let mut found = [String::new(), String::new()];
        for (found, query) in found.iter_mut().zip([audited, sessions]) {
            *found = client.query_one(query, &[&id]).await.unwrap().get(0);
        }
        found
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_and_sessions_know_the_client_and_not_the_proxy() {
    let app = wanted().spawn().await;
    for (number, (header, lines, expected)) in [
        (v1("203.0.113.9:56324"), "", "203.0.113.9"),
        (v2("203.0.113.9:56324", &[]), "", "203.0.113.9"),
        (v1("[2001:db8::7]:1"), "", "2001:db8::7"),
        (v2("[2001:db8::7]:1", &[]), "", "2001:db8::7"),
        (v1("[::ffff:203.0.113.9]:1"), "", "203.0.113.9"),
        // What the client says about itself counts for nothing, well-formed or not.
        (v1("203.0.113.9:1"), "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n", "203.0.113.9"),
        (v1("203.0.113.9:1"), "X-Forwarded-For: garbage, ,,127.0.0.1\r\n", "203.0.113.9"),
        (v1("203.0.113.9:1"), "X-Real-IP: 6.6.6.6\r\nCF-Connecting-IP: 6.6.6.6\r\n", "203.0.113.9"),
        // A second proxy, which speaks HTTP and is trusted, behind the first one.
        (v1("10.0.0.7:1"), "X-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9"),
        (v1("10.0.0.7:1"), "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n", "203.0.113.9"),
        // The proxy itself, as in a health check.
        (b"PROXY UNKNOWN\r\n".to_vec(), "", "127.0.0.1"),
    ]
    .iter()
    .enumerate()
    {
        let answer = sign_up(app.address, header, &format!("user{number}@example.com"), lines).await.expect(201);
        assert_eq!(app.addresses_of(&answer).await, [*expected; 2], "{:?} {lines}", String::from_utf8_lossy(header));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_know_the_same_address() {
    let database = fresh_database().await;
    let program = Program::on(&database).set("PROXY_PROTOCOL", "true").set("TRUSTED_PROXIES", "127.0.0.1/32");
    let service = program.set("LOG_FORMAT", "json").serve().await;
    let answer =
        sign_up(service.address, &v1("203.0.113.9:1"), "ada@example.com", "X-Forwarded-For: 6.6.6.6\r\n").await;
    answer.expect(201);
    wait_for("the request in the log", async || {
        let log = service.stderr();
        assert!(!log.contains("6.6.6.6"), "{log}");
        log.lines().any(|line| line.contains("/auth/register") && line.contains("203.0.113.9")).then_some(())
    })
    .await;
}
