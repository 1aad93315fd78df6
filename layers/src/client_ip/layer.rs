use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::Extensions;
use ipnet::IpNet;
use tower_layer::Layer;

use super::service::FindClientIp;
use super::walk::{Trust, canonical};
use crate::PeerAddr;

type Peer = dyn Fn(&Extensions) -> Option<IpAddr> + Send + Sync;

/// The header by which the trusted proxies say whom they serve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, with `X-Forwarded-Proto`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// What the layer was told.
pub(super) struct Config {
    pub(super) trust: Trust,
    pub(super) peer: Box<Peer>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("trust", &self.trust).finish_non_exhaustive()
    }
}

/// Applies [`FindClientIp`]. See the [module](super) for what it does.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientIpLayer {
    config: Arc<Config>,
}

impl ClientIpLayer {
    /// Starts with no trusted network: the peer is the client.
    pub fn builder() -> Builder {
        Builder {
            networks: Vec::new(),
            header: ForwardedHeader::default(),
            peer: Box::new(|extensions| extensions.get().map(|PeerAddr(address)| address.ip())),
        }
    }
}

impl<S> Layer<S> for ClientIpLayer {
    type Service = FindClientIp<S>;

    fn layer(&self, inner: S) -> Self::Service {
        FindClientIp::new(inner, Arc::clone(&self.config))
    }
}

/// Builds a [`ClientIpLayer`].
#[must_use]
pub struct Builder {
    networks: Vec<IpNet>,
    header: ForwardedHeader,
    peer: Box<Peer>,
}

impl Builder {
    /// Adds networks that proxies of yours connect from.
    pub fn trusted(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.networks.extend(networks.into_iter().map(canonical));
        self
    }

    /// The header to believe when the peer is trusted; the other is ignored. Default: `X-Forwarded-For`.
    pub fn header(mut self, header: ForwardedHeader) -> Self {
        self.header = header;
        self
    }

    /// How to find the address of the socket's other end. Default: the [`PeerAddr`] extension.
    pub fn peer(mut self, peer: impl Fn(&Extensions) -> Option<IpAddr> + Send + Sync + 'static) -> Self {
        self.peer = Box::new(peer);
        self
    }

    /// The layer.
    ///
    /// # Errors
    ///
    /// [`ConfigError::TrustsEveryone`] for a network of prefix length 0, with which every client could choose its own address.
    pub fn build(self) -> Result<ClientIpLayer, ConfigError> {
        if let Some(network) = self.networks.iter().find(|network| network.prefix_len() == 0) {
            return Err(ConfigError::TrustsEveryone(*network));
        }
        let trust = Trust { networks: self.networks.into(), header: self.header };
        Ok(ClientIpLayer { config: Arc::new(Config { trust, peer: self.peer }) })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("networks", &self.networks)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// Why a [`Builder`] cannot build: the caller's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// This network contains every address of its family.
    TrustsEveryone(IpNet),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TrustsEveryone(network) => {
                write!(
                    f,
                    "trusting {network} would let every client choose its own address; name the networks of your proxies"
                )
            }
        }
    }
}

impl std::error::Error for ConfigError {}
