//! HTTP/1 or HTTP/2, and the bounds of each.
//!
//! hyper-util's automatic choice reads the preface of HTTP/2 without any time limit, so we look ourselves: without TLS at the first bytes,
//! under TLS at what ALPN agreed on.

use std::io;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::net::TcpStream;

/// The pause before another look at a first byte that decides nothing.
const SNIFF_PAUSE: Duration = Duration::from_millis(5);
/// The read buffer of a connection in bytes: above our own bounds on target and headers, so that those can answer with a body.
const BUFFER: usize = 32 * 1024;
/// The window of an HTTP/2 stream in bytes, as large as the largest body.
const WINDOW: u32 = 64 * 1024;

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

/// Looks at the first bytes without taking them, for as long as it takes: the caller sets the limit.
pub(super) async fn sniff(stream: &TcpStream) -> io::Result<Protocol> {
    let mut first = [0; 3];
    loop {
        let read = stream.peek(&mut first).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(protocol) = Protocol::of(first.get(..read).unwrap_or_default()) {
            return Ok(protocol);
        }
        // A byte or two are there, and the socket stays readable: without a pause this loop would spin.
        tokio::time::sleep(SNIFF_PAUSE).await;
    }
}

pub(super) fn http1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // One limit for a head and the pause before it, after which hyper hangs up without a word: `Activity` knows more.
        .header_read_timeout(None)
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
        // Streams that we reset since the client broke a rule, which is the same attack by other means (RUSTSEC-2024-0003).
        .max_local_error_reset_streams(64)
        // What a client may send without being asked, and what may wait for it to read: a body of the largest size in a stream, four in
        // all.
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(4 * WINDOW)
        .max_send_buf_size(64 * 1024)
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
