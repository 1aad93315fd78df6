//! The request extensions by which layers and the app tell each other what they found.
//!
//! They live outside every feature, so that a layer that writes one and a layer that reads it need not know each other.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use http::HeaderValue;

use crate::{TraceContext, hex};

/// The id of this request, as it stands in the `x-request-id` header of the answer.
///
/// Always visible ASCII, at most 128 bytes. A clone is a reference count. It carries the [`TraceContext`] of its request along, so that
/// one extension holds both; two ids are equal if their texts are.
#[derive(Clone, Debug)]
pub struct RequestId {
    text: HeaderValue,
    trace: Option<TraceContext>,
}

impl RequestId {
    /// Accepts 1 to 128 characters of `[A-Za-z0-9._-]`, the set that is safe in logs, headers and shells; `None` otherwise.
    #[must_use]
    pub fn new(value: &HeaderValue) -> Option<Self> {
        let bytes = value.as_bytes();
        let safe = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        ((1..=128).contains(&bytes.len()) && bytes.iter().all(safe)).then(|| Self { text: value.clone(), trace: None })
    }

    /// Takes a text that [`new`](Self::new) would accept.
    #[cfg(feature = "request_id")]
    pub(crate) const fn from_safe(text: HeaderValue) -> Self {
        Self { text, trace: None }
    }

    /// 32 lower-case hex digits: an id as unique, and as guessable, as `number` is.
    #[must_use]
    pub fn from_u128(number: u128) -> Self {
        let mut digits = [b'0'; 32];
        hex::write(&mut digits, number);
        Self { text: hex::header_value(digits), trace: None }
    }

    /// The same id, for a request that belongs to `trace`. It is found by [`TraceContext::of`].
    #[must_use]
    pub fn with_trace(self, trace: TraceContext) -> Self {
        Self { trace: Some(trace), ..self }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.to_str().unwrap_or_default()
    }

    /// The id as a header value.
    #[must_use]
    pub fn header(&self) -> &HeaderValue {
        &self.text
    }

    #[cfg(feature = "request_id")]
    pub(crate) fn into_header(self) -> HeaderValue {
        self.text
    }

    /// The place of the request in a distributed trace; `None` if nobody gave it one.
    #[must_use]
    pub const fn trace(&self) -> Option<TraceContext> {
        self.trace
    }
}

impl PartialEq for RequestId {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for RequestId {}

impl Hash for RequestId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// The pattern of the route that a request matched, such as `/users/{id}`: bounded in number, so fit for labels and span names.
///
/// The app's router inserts it; a request that matched nothing carries none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoutePattern(pub Cow<'static, str>);

/// The address of the socket's other end; the app inserts it when it accepts a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddr(pub SocketAddr);

/// The address a request came from, after trusted proxies were taken into account. IPv4-mapped IPv6 is folded to IPv4.
///
/// In the extensions of the request. Those of the response have it too where the response is a refusal, and where [`WantsClientIp`] asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientIp(pub IpAddr);

/// Asks for the [`ClientIp`] in the extensions of the response. A layer outside the one that finds it puts this into the request; most need
/// not know, and an extension of every response would cost allocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct WantsClientIp;

/// How the client reached the service: the app inserts it where it accepts TLS itself, `client_ip` where a trusted proxy said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClientScheme {
    /// Plain text.
    Http,
    /// TLS, on the client's side of the outermost trusted hop.
    Https,
}
