//! `portcullis doctor --live`: is the instance on HOST and PORT up? For container health checks, which have no curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::output::say;
use crate::config::Config;
use crate::setup::Failure;

const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks `/health/live`, on `METRICS_ADDR` if there is one, since that listener never speaks TLS and stands outside all caps.
pub(super) async fn run(config: Config) -> Result<(), Failure> {
    let address = config.metrics_addr.unwrap_or(SocketAddr::new(config.host, config.port));
    let address = reachable(address);
    if config.metrics_addr.is_none() && (config.tls.is_some() || config.connections.proxy_protocol) {
        // The handshake alone says that the process accepts; a certificate for another name, or not being a trusted proxy, would get in
        // the way of more.
        tokio::time::timeout(TIMEOUT, TcpStream::connect(address)).await??;
        say(&format!("live: {address} accepts connections"));
        return Ok(());
    }
    let status = tokio::time::timeout(TIMEOUT, status_line(address))
        .await
        .map_err(|_| format!("{address} does not answer"))??;
    if status.starts_with("HTTP/1.1 200") {
        say(&format!("live: {address}"));
        return Ok(());
    }
    Err(format!("{address} answers {status:?} to GET /health/live").into())
}

async fn status_line(address: SocketAddr) -> Result<String, Failure> {
    let mut stream =
        TcpStream::connect(address).await.map_err(|error| format!("nothing answers on {address}: {error}"))?;
    let request = format!("GET /health/live HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(16 * 1024).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
}

/// Where to find a listener that listens everywhere.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
