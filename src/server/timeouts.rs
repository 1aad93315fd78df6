use std::time::Duration;

/// How long a client may take for what. A connection that is late with any of it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// The first byte of a new connection, and the whole header of the PROXY protocol. Default: 5 s.
    pub first_byte: Duration,
    /// The TLS handshake. Default: 10 s.
    pub handshake: Duration,
    /// The head of a request, from its first byte; of the first request, from the moment when the protocol is known. Default: 10 s.
    pub head: Duration,
    /// The pause between two pieces of a request body; all of it is bounded by [`BODY_TIMEOUT`](crate::validate::BODY_TIMEOUT).
    /// Default: 5 s.
    pub body_pause: Duration,
    /// The pause between two requests. Default: 60 s.
    pub idle: Duration,
    /// For how long nothing of an answer that waits to be sent is taken. Default: 30 s.
    pub write: Duration,
    /// From the head of a request until its answer, and between two pieces of it: a client of HTTP/2 that keeps the window of a stream
    /// closed is caught by it. Default: 60 s, twice what the stack may take.
    pub exchange: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(5),
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            body_pause: Duration::from_secs(5),
            idle: Duration::from_secs(60),
            write: Duration::from_secs(30),
            exchange: Duration::from_secs(60),
        }
    }
}
