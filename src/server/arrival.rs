//! A connection before its first request: who is there, and what do they speak?

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use portcullis_layers::ClientScheme;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tower::Service;

use super::activity::Overdue;
use super::connection::{self, End, Greeted};
use super::gate::Place;
use super::protocol::{self, Protocol};
use super::{Endpoint, proxy_protocol};
use crate::lingering::Lingering;
use crate::stack::BoxError;

/// A connection that was just accepted.
pub(super) struct Arrival {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    /// `None` on a listener outside all caps.
    pub(super) place: Option<Place>,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) shutdown: watch::Receiver<bool>,
    /// Dropped last, when nothing of the connection is left.
    pub(super) alive: mpsc::Sender<Infallible>,
}

/// Why a connection never got to its first request.
enum Unserved {
    /// It was silent, or too slow.
    Late,
    /// It is not one that may connect here, or does not speak as it must.
    Denied,
    /// It ended, or spoke nonsense.
    Gone,
    /// Its network has too many. The answer may still be on its way.
    Full,
}

impl From<io::Error> for Unserved {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl Arrival {
    pub(super) async fn serve<S, B>(mut self, stack: S)
    where
        S: Service<Request<Lingering>, Response = Response<B>, Error = Infallible> + Clone + Send + Unpin + 'static,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let endpoint = Arc::clone(&self.endpoint);
        let stopping = self.shutdown.clone();
        // Small answers must not wait for more to come (Nagle); failing to say so costs latency, nothing else.
        let _ = self.stream.set_nodelay(true);
        let mut shutdown = self.shutdown;
        let greeting = greet(self.stream, self.peer, &mut self.place, &endpoint);
        // A connection that has asked for nothing yet must not hold up the end of the service.
        let greeted = tokio::select! {
            // One whose first bytes are in has asked.
            biased;
            greeted = greeting => greeted,
            _ = shutdown.wait_for(|stop| *stop) => Err(Unserved::Gone),
        };
        let (timeouts, answers) = (endpoint.timeouts, &endpoint.answers);
        let end = match greeted {
            Ok(Stream::Plain(greeted)) => Ok(connection::serve(greeted, stack, timeouts, answers, stopping).await),
            Ok(Stream::Tls(greeted)) => Ok(connection::serve(greeted, stack, timeouts, answers, stopping).await),
            Err(unserved) => Err(unserved),
        };
        if let Some(gate) = &endpoint.gate {
            match end {
                Err(Unserved::Late) | Ok(End::Late(Overdue::Head { .. })) => gate.metrics().refused_timeout.inc(),
                Err(Unserved::Denied) => gate.metrics().refused_denied.inc(),
                _ => {}
            }
        }
        drop(self.place);
        drop(self.alive);
    }
}

/// A connection whose protocol is known.
enum Stream {
    Plain(Greeted<TcpStream>),
    Tls(Greeted<Box<TlsStream<TcpStream>>>),
}

/// Finds out who is there and what they speak.
async fn greet(
    mut stream: TcpStream,
    peer: SocketAddr,
    place: &mut Option<Place>,
    endpoint: &Endpoint,
) -> Result<Stream, Unserved> {
    let limits = endpoint.timeouts;
    let source = source(&mut stream, peer, endpoint).await?;
    if place.as_mut().is_some_and(|place| place.charge(source.ip()).is_err()) {
        // Its place in the whole is for somebody else.
        *place = None;
        endpoint.turn_away(stream);
        return Err(Unserved::Full);
    }
    let Some(acceptor) = &endpoint.tls else {
        let protocol = within(limits.first_byte, protocol::sniff(&stream)).await?;
        return Ok(Stream::Plain(Greeted { io: stream, protocol, source, scheme: ClientScheme::Http }));
    };
    let stream = within(limits.handshake, acceptor.accept(stream)).await?;
    let protocol = Protocol::negotiated(stream.get_ref().1.alpn_protocol());
    Ok(Stream::Tls(Greeted { io: Box::new(stream), protocol, source, scheme: ClientScheme::Https }))
}

/// Whose connection it is: the peer's, or that of whom the proxy at the other end speaks for.
async fn source(stream: &mut TcpStream, peer: SocketAddr, endpoint: &Endpoint) -> Result<SocketAddr, Unserved> {
    let Some(proxies) = &endpoint.proxies else { return Ok(peer) };
    if !proxies.contains(peer.ip()) {
        tracing::debug!(%peer, "closed a connection that comes from no trusted proxy");
        return Err(Unserved::Denied);
    }
    let header = timeout(endpoint.timeouts.first_byte, proxy_protocol::read(stream)).await;
    match header.map_err(|_| Unserved::Late)? {
        Ok(source) => Ok(source.unwrap_or(peer)),
        Err(proxy_protocol::HeaderError::Io(_)) => Err(Unserved::Gone),
        Err(proxy_protocol::HeaderError::Malformed) => {
            tracing::warn!(%peer, "closed a connection of a trusted proxy that does not speak the PROXY protocol");
            Err(Unserved::Denied)
        }
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> Result<T, Unserved> {
    Ok(timeout(limit, work).await.map_err(|_| Unserved::Late)??)
}
