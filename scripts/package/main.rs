//! An app like any user's: an example of the packaged crate, which serves one request.

use std::error::Error;
use std::num::NonZeroUsize;

use portcullis_layers::audit::AuditLog;
use prometheus::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[expect(dead_code, reason = "its `main` would serve for ever")]
mod example;

/// What the layers put into the answer to a path that nobody serves.
const EXPECTED: [&str; 5] = [
    "HTTP/1.1 404 Not Found",
    "content-type: application/problem+json",
    "x-content-type-options: nosniff",
    "x-request-id: from-the-client",
    "\"status\":404",
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (audit, _events) = AuditLog::bounded(NonZeroUsize::MIN);
    let registry = Registry::new();
    let mut stream = TcpStream::connect(listener.local_addr()?).await?;
    let conversation = async {
        stream.write_all(b"GET /nowhere HTTP/1.1\r\nhost: localhost\r\n").await?;
        stream.write_all(b"x-request-id: from-the-client\r\nconnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, Box<dyn Error>>(answer)
    };
    let answer = tokio::select! {
        answer = conversation => answer?,
        ended = example::serve(listener, &registry, audit) => return Err(format!("the server ended: {ended:?}").into()),
    };
    match EXPECTED.into_iter().find(|expected| !answer.contains(expected)) {
        Some(missing) => Err(format!("no `{missing}` in this answer:\n{answer}").into()),
        None => Ok(()),
    }
}
