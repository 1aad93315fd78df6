//! The examples answer as a reader would try them, and every layer in them acts.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;

use http::StatusCode;
use portcullis_layers::audit::{AuditEvents, AuditLog, AuditSink};
use prometheus::{Registry, TextEncoder};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tracing::Level;

use crate::token;
use crate::trace::Log;

#[path = "../../examples/axum.rs"]
#[expect(dead_code, reason = "`main` is for people")]
mod axum_example;
#[path = "../../examples/hyper.rs"]
#[expect(dead_code, reason = "`main` is for people")]
mod hyper_example;

/// An example that runs, and what its app would hold of it.
struct Server {
    address: SocketAddr,
    registry: Registry,
    events: AuditEvents,
}

struct Answer {
    status: StatusCode,
    head: String,
    body: String,
}

/// Runs an example for as long as `conversation` takes.
async fn while_running(
    serve: impl AsyncFnOnce(TcpListener, &Registry, AuditSink) -> Result<(), Box<dyn Error>>,
    conversation: impl AsyncFnOnce(Server),
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let registry = Registry::new();
    let (audit, events) = AuditLog::bounded(NonZeroUsize::try_from(100).unwrap());
    tokio::select! {
        () = conversation(Server { address, registry: registry.clone(), events }) => {}
        ended = serve(listener, &registry, audit) => panic!("the server ended: {ended:?}"),
    }
}

impl Server {
    async fn get(&self, path: &str, headers: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\n{headers}"), "").await
    }

    async fn post_json(&self, json: &str) -> Answer {
        let length = json.len();
        let head = format!("POST /echo HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n");
        self.send(&head, json).await
    }

    async fn send(&self, head: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{head}host: localhost\r\nconnection: close\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer { status: head[9..12].parse().unwrap(), head: head.to_owned(), body: body.to_owned() }
    }

    #[track_caller]
    fn assert_counted(&self, sample: &str) {
        let text = TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap();
        assert!(text.contains(&format!("http_server_requests_total{{{sample}\n")), "{sample} is not in\n{text}");
    }
}

impl Answer {
    #[track_caller]
    fn assert_has(&self, lines: &[&str]) {
        for line in lines {
            assert!(self.head.contains(line), "{line} is not in\n{}", self.head);
        }
    }

    #[track_caller]
    fn assert_problem(&self, status: u16, error: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        self.assert_has(&["content-type: application/problem+json", "x-request-id: ", "x-frame-options: DENY"]);
        assert_eq!(serde_json::from_str::<Value>(&self.body).unwrap()["error"], error);
    }
}

/// Behind a proxy that ends TLS: id, headers, client address, span and metrics are all there.
async fn answers_with_everything_added(server: Server, path: &str, route: &str) {
    let log = Log::at(Level::INFO);
    let answer = server.get(path, "x-request-id: abc\r\nx-forwarded-proto: https\r\n").await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.assert_has(&[
        "x-request-id: abc",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
        "strict-transport-security: ",
        "ratelimit-policy: \"network\";q=60;w=60",
        "ratelimit: \"network\";r=19;t=1",
    ]);
    server.assert_counted(&format!(r#"method="GET",route="{route}",status="200"}} 1"#));
    let events = log.events();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["span"]["http.route"], route);
    assert_eq!(events[0]["span"]["request.id"], "abc");
    assert_eq!(events[0]["span"]["client.address"], "127.0.0.1");
}

async fn refuses_what_its_layers_refuse(server: Server) {
    server.get("/nowhere", "").await.assert_problem(404, "not_found");
    server.get("/me", "").await.assert_problem(401, "missing_token");
    server.get("/me", "authorization: Bearer nonsense\r\n").await.assert_problem(401, "invalid_token");
    server.get("/%00", "").await.assert_problem(400, "malicious_input");
    server.post_json(r#"{"name":"a\u0000b"}"#).await.assert_problem(400, "malicious_input");
    server.post_json(r#"{"name":"#).await.assert_problem(400, "malformed_json");
    server.assert_counted(r#"method="GET",route="unmatched",status="404"} 1"#);

    let harmless = r#"{"name":"Zoë O'Brien","password":"\u0000"}"#;
    let answer = server.post_json(harmless).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, harmless));
}

async fn knows_who_asked(mut server: Server) {
    let token = token::long_lived(b"only an example: 32 bytes or more", "https://issuer.example", "example");
    let answer = server.get("/me", &format!("authorization: Bearer {token}\r\n")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.contains("somebody"), "{}", answer.body);
    server.get("/me", "x-request-id: abc\r\nuser-agent: curl/8\r\nx-forwarded-for: 6.6.6.6, 203.0.113.9\r\n").await;

    let events = server.events.try_drain();
    let results: Vec<_> = events.iter().map(|event| (event.action.as_ref(), event.result.as_str())).collect();
    assert_eq!(results, [("profile.read", "success"), ("profile.read", "refused")]);
    assert_eq!(events[1].client_ip, Some(IpAddr::from([203, 0, 113, 9])));
    assert_eq!(events[1].user_agent.as_deref(), Some("curl/8"));
    assert_eq!(events[1].request_id.as_deref(), Some("abc"));
    assert_eq!(events[1].route.as_ref().map(|route| route.0.as_ref()), Some("/me"));
}

async fn limits_each_client_by_itself(server: Server) {
    let mut passed = 0;
    let refused = loop {
        let answer = server.get("/nowhere", "").await;
        if answer.status != StatusCode::NOT_FOUND || passed > 60 {
            break answer;
        }
        passed += 1;
    };
    // One comes back each second, so a slow machine lets more pass.
    assert!(passed >= 20, "{passed}");
    refused.assert_problem(429, "rate_limited");
    refused.assert_has(&[
        "retry-after: 1",
        "ratelimit: \"network\";r=0;t=",
        "ratelimit-policy: ",
        "cache-control: no-store",
    ]);
    server.get("/nowhere", "x-forwarded-for: 203.0.113.9\r\n").await.assert_problem(404, "not_found");
}

/// 64 clients that never finish their bodies take all places.
async fn sheds_load(server: Server) {
    let mut waiting = Vec::new();
    for client in 0..64 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = format!("POST /echo HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: 203.0.113.{client}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(b"content-type: application/json\r\ncontent-length: 9\r\n\r\n{").await.unwrap();
        waiting.push(stream);
    }
    // The server may not have come to the last of them when the next client asks.
    let mut client = 0_u8;
    let answer = loop {
        client += 1;
        let answer = server.get("/nowhere", &format!("x-forwarded-for: 198.51.100.{client}\r\n")).await;
        if answer.status != StatusCode::NOT_FOUND || client == u8::MAX {
            break answer;
        }
    };
    answer.assert_problem(503, "overloaded");
    answer.assert_has(&["retry-after: 1"]);
}

macro_rules! answers_as_its_reader_expects {
    ($($example:ident: $module:ident, $path:literal, $route:literal;)+) => {$(
        mod $example {
            use super::*;

            #[tokio::test]
            async fn answers_with_everything_that_the_layers_add() {
                while_running($module::serve, async |server| answers_with_everything_added(server, $path, $route).await).await;
            }

            #[tokio::test]
            async fn refuses_what_its_layers_refuse_with_the_one_body() {
                while_running($module::serve, refuses_what_its_layers_refuse).await;
            }

            #[tokio::test]
            async fn knows_who_asked_and_writes_it_to_the_audit_log() {
                while_running($module::serve, knows_who_asked).await;
            }

            #[tokio::test]
            async fn limits_each_client_by_itself() {
                while_running($module::serve, super::limits_each_client_by_itself).await;
            }

            #[tokio::test]
            async fn sheds_load_at_once() {
                while_running($module::serve, sheds_load).await;
            }
        }
    )+};
}

answers_as_its_reader_expects! {
    axum: axum_example, "/users/7", "/users/{id}";
    hyper: hyper_example, "/hello", "/hello";
}
