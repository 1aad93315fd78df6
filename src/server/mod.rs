//! Accept, serve, drain.
//!
//! A connection passes, in this order: the caps (`gate`), the header of the PROXY protocol, the cap of its network, the TLS handshake, the
//! choice of protocol (`arrival`); then hyper serves it under the eyes of `activity` (`connection`). Whatever takes too long on the way
//! ends at one of the [`Timeouts`].

mod activity;
mod answer_body;
mod arrival;
mod connection;
mod gate;
mod observed;
mod open_files;
mod protocol;
mod proxy_protocol;
mod timeouts;
pub mod tls;
mod turn_away;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tower::Service;

pub(crate) use activity::Exchange;
use arrival::Arrival;
use gate::{Gate, Trusted};
pub use timeouts::Timeouts;
use turn_away::Answers;

use crate::lingering::Lingering;
use crate::stack::BoxError;
use crate::state::App;

/// How long requests in flight may take to finish once the service is asked to stop.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(25);
/// The pause after `accept` failed for want of file descriptors: the next attempt at once would fail alike and burn a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What connections to a listener are held to.
#[derive(Clone)]
pub struct Endpoint {
    tls: Option<TlsAcceptor>,
    /// Who must open with the header of the PROXY protocol; `None` where nobody may.
    proxies: Option<Trusted>,
    /// `None` outside all caps.
    gate: Option<Arc<Gate>>,
    timeouts: Timeouts,
    answers: Arc<Answers>,
}

impl Endpoint {
    /// The main listener: as the configuration says.
    #[must_use]
    pub fn main(app: &App, tls: Option<TlsAcceptor>) -> Self {
        let settings = &app.config.connections;
        let trusted = Trusted::new(&app.config.trusted_proxies);
        let metrics = app.metrics.connections.clone();
        let total = open_files::affordable(settings.max);
        Self {
            tls,
            proxies: settings.proxy_protocol.then(|| trusted.clone()),
            gate: Some(Gate::new(total, settings.max_per_network, trusted, metrics)),
            timeouts: Timeouts::default(),
            answers: Arc::new(Answers::new(app.clock.clone(), app.random.clone())),
        }
    }

    /// The listener of `METRICS_ADDR`: outside all caps, without TLS.
    #[must_use]
    pub fn operations(app: &App) -> Self {
        let answers = Arc::new(Answers::new(app.clock.clone(), app.random.clone()));
        Self { tls: None, proxies: None, gate: None, timeouts: Timeouts::default(), answers }
    }

    /// With other time limits.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Tells a client that it has to come back later. Under TLS there is no telling without a handshake, which would be work for nothing.
    fn turn_away(&self, stream: TcpStream) {
        if self.tls.is_none() {
            self.answers.turn_away(stream);
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("tls", &self.tls.is_some())
            .field("proxies", &self.proxies)
            .field("gate", &self.gate)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

/// Serves `stack` on `listener` until `shutdown` says `true`; then refuses new connections and waits for the requests in flight, up to
/// [`DRAIN_DEADLINE`].
pub async fn run<S, B>(listener: TcpListener, endpoint: Endpoint, stack: S, mut shutdown: watch::Receiver<bool>)
where
    S: Service<Request<Lingering>, Response = Response<B>, Error = Infallible> + Clone + Send + Unpin + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let endpoint = Arc::new(endpoint);
    // Every connection holds a sender; the receiver hears when the last one is gone.
    let (alive, mut all_gone) = mpsc::channel::<Infallible>(1);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = shutdown.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = endpoint.gate.as_ref().map(Gate::enter).transpose() else {
            endpoint.turn_away(stream);
            continue;
        };
        let (endpoint, shutdown, alive) = (Arc::clone(&endpoint), shutdown.clone(), alive.clone());
        tokio::spawn(Arrival { stream, peer, place, endpoint, shutdown, alive }.serve(stack.clone()));
    }
    drop((listener, alive));
    if tokio::time::timeout(DRAIN_DEADLINE, all_gone.recv()).await.is_err() {
        tracing::warn!("some requests did not finish before the deadline and were cut off");
    }
}
