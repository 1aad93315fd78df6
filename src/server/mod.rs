//! Accept, serve, drain.

mod protocol;
pub mod tls;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use portcullis_layers::{ClientScheme, PeerAddr};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::{Service, ServiceExt};

use crate::lingering::Lingering;
use crate::stack::BoxError;
use protocol::Protocol;

/// How long requests in flight may take to finish once the service is asked to stop.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(25);
/// How long a client may take for its TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause after `accept` failed for want of file descriptors: the next attempt at once would fail alike and burn a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `stack` on `listener` until `shutdown` says `true`; then refuses new connections and waits for the requests in flight, up to
/// [`DRAIN_DEADLINE`].
pub async fn run<S, B>(listener: TcpListener, tls: Option<TlsAcceptor>, stack: S, mut shutdown: watch::Receiver<bool>)
where
    S: Service<Request<Lingering>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = shutdown.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let arrival =
                    Arrival { stream, peer, tls: tls.clone(), watcher: graceful.watcher(), shutdown: shutdown.clone() };
                tokio::spawn(arrival.serve(stack.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_DEADLINE, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish before the deadline and were cut off");
    }
}

/// A connection before its first request.
struct Arrival {
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    watcher: Watcher,
    shutdown: watch::Receiver<bool>,
}

impl Arrival {
    async fn serve<S, B>(self, stack: S)
    where
        S: Service<Request<Lingering>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let Self { stream, peer, tls, watcher, mut shutdown } = self;
        // Small answers must not wait for more to come (Nagle); failing to say so costs latency, nothing else.
        let _ = stream.set_nodelay(true);
        // A connection that has asked for nothing yet must not hold up the end of the service.
        let greeted = tokio::select! {
            // One whose first bytes are in has asked.
            biased;
            greeted = greet(stream, tls) => greeted,
            _ = shutdown.wait_for(|stop| *stop) => None,
        };
        match greeted {
            Some(Greeted::Plain(stream, protocol)) => {
                serve(stream, protocol, peer, ClientScheme::Http, stack, watcher).await;
            }
            Some(Greeted::Tls(stream, protocol)) => {
                serve(*stream, protocol, peer, ClientScheme::Https, stack, watcher).await;
            }
            None => {}
        }
    }
}

/// A connection whose protocol is known.
enum Greeted {
    Plain(TcpStream, Protocol),
    Tls(Box<TlsStream<TcpStream>>, Protocol),
}

/// Finds out what the other end speaks; `None` when it says nothing that we understand in time.
async fn greet(stream: TcpStream, tls: Option<TlsAcceptor>) -> Option<Greeted> {
    let Some(acceptor) = tls else {
        let protocol = protocol::sniff(&stream).await?;
        return Some(Greeted::Plain(stream, protocol));
    };
    let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await.ok()?.ok()?;
    let protocol = Protocol::negotiated(stream.get_ref().1.alpn_protocol());
    Some(Greeted::Tls(Box::new(stream), protocol))
}

async fn serve<I, S, B>(io: I, protocol: Protocol, peer: SocketAddr, scheme: ClientScheme, stack: S, watcher: Watcher)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Lingering>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = Lingering::wrap(request);
        request.extensions_mut().insert(PeerAddr(peer));
        request.extensions_mut().insert(scheme);
        stack.clone().oneshot(request)
    });
    let io = TokioIo::new(io);
    let result = match protocol {
        Protocol::Http1 => watcher.watch(protocol::http1().serve_connection(io, service)).await,
        Protocol::Http2 => watcher.watch(protocol::http2().serve_connection(io, service)).await,
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}
