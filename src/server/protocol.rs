//! HTTP/1 or HTTP/2, and the bounds of each.
//!
//! hyper-util's automatic choice reads the preface of HTTP/2 without any time limit, so we look ourselves: without TLS at the first bytes,
//! under TLS at what ALPN agreed on.

use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::net::TcpStream;

/// How long a new connection may stay silent.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a header block may take to arrive; hyper also applies it to the pause between two requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// The pause before another look at a first byte that decides nothing.
const SNIFF_PAUSE: Duration = Duration::from_millis(5);
/// The read buffer of a connection in bytes: above our own bounds on target and headers, so that those can answer with a body.
const BUFFER: usize = 32 * 1024;

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    /// What ALPN agreed on; a client without ALPN speaks HTTP/1.
    pub(super) fn negotiated(alpn: Option<&[u8]>) -> Self {
        if alpn == Some(b"h2") { Self::Http2 } else { Self::Http1 }
    }

    /// What the first bytes say; `None` while they may still be either. The preface of HTTP/2 begins with `PRI` (RFC 9113 §3.4), which is
    /// reserved so that it can be no method of HTTP/1.
    fn of(first: &[u8]) -> Option<Self> {
        match first {
            [] | [b'P'] | [b'P', b'R'] => None,
            [b'P', b'R', b'I', ..] => Some(Self::Http2),
            _ => Some(Self::Http1),
        }
    }
}

/// Looks at the first bytes without taking them. `None` when the client says nothing in time or hangs up.
pub(super) async fn sniff(stream: &TcpStream) -> Option<Protocol> {
    let look = async {
        let mut first = [0; 3];
        loop {
            match stream.peek(&mut first).await {
                Ok(0) | Err(_) => return None,
                Ok(read) => {
                    if let Some(protocol) = Protocol::of(first.get(..read).unwrap_or_default()) {
                        return Some(protocol);
                    }
                }
            }
            // A byte or two are there, and the socket stays readable: without a pause this loop would spin.
            tokio::time::sleep(SNIFF_PAUSE).await;
        }
    };
    tokio::time::timeout(FIRST_BYTE_TIMEOUT, look).await.ok().flatten()
}

pub(super) fn http1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // Without a timer the timeout below does nothing.
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(BUFFER)
        .max_headers(256);
    // Not `pipeline_flush`: while unread bytes are left it keeps answers back, hyper's own 400 for what it cannot parse included.
    builder
}

pub(super) fn http2() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(128)
        // Streams that were reset before we accepted them: few, or "rapid reset" (CVE-2023-44487) makes us work for nothing.
        .max_pending_accept_reset_streams(20)
        .max_header_list_size(32 * 1024)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    builder
}

#[cfg(test)]
mod tests {
    use super::Protocol;

    #[test]
    fn three_bytes_tell_the_protocols_apart() {
        for (first, protocol) in [
            (&b""[..], None),
            (b"P", None),
            (b"PR", None),
            (b"PRI", Some(Protocol::Http2)),
            (b"PROPFIND", Some(Protocol::Http1)),
            (b"PO", Some(Protocol::Http1)),
            (b"PU", Some(Protocol::Http1)),
            (b"G", Some(Protocol::Http1)),
            (b"\x16\x03", Some(Protocol::Http1)),
        ] {
            assert_eq!(Protocol::of(first), protocol, "{first:?}");
        }
    }
}
