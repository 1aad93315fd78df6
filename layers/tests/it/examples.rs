//! The examples answer as a reader would try them.

use std::error::Error;

use http::StatusCode;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::token;

#[path = "../../examples/axum.rs"]
#[expect(dead_code, reason = "`main` is for people")]
mod axum_example;
#[path = "../../examples/hyper.rs"]
#[expect(dead_code, reason = "`main` is for people")]
mod hyper_example;

/// Runs `serve` for one conversation; returns what it answered to `GET path`.
async fn get<F>(serve: impl FnOnce(TcpListener) -> F, path: &str, headers: &str) -> (StatusCode, String, String)
where
    F: Future<Output = Result<(), Box<dyn Error>>>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let talk = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = tokio::select! {
        answer = talk => answer,
        ended = serve(listener) => panic!("the server ended: {ended:?}"),
    };
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), head.to_owned(), body.to_owned())
}

macro_rules! answers_as_its_reader_expects {
    ($($name:ident: $example:ident, $public:literal;)+) => {$(
        #[tokio::test]
        async fn $name() {
            let (status, head, _) = get($example::serve, $public, "x-request-id: abc\r\n").await;
            assert_eq!(status, StatusCode::OK);
            for line in ["x-request-id: abc", "x-content-type-options: nosniff", "cache-control: no-store"] {
                assert!(head.contains(line), "{line}");
            }

            for (path, headers, status, error) in [
                ("/nowhere", "", 404, "not_found"),
                ("/me", "", 401, "missing_token"),
                ("/me", "authorization: Bearer nonsense\r\n", 401, "invalid_token"),
            ] {
                let (answered, head, body) = get($example::serve, path, headers).await;
                assert_eq!(answered, status, "{path}");
                assert!(head.contains("application/problem+json"), "{head}");
                assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["error"], error);
            }

            let token = token::long_lived(b"only an example: 32 bytes or more", "https://issuer.example", "example");
            let (status, _, body) = get($example::serve, "/me", &format!("authorization: Bearer {token}\r\n")).await;
            assert_eq!(status, StatusCode::OK);
            assert!(body.contains("somebody"), "{body}");
        }
    )+};
}

answers_as_its_reader_expects! {
    axum: axum_example, "/users/7";
    hyper: hyper_example, "/hello";
}
