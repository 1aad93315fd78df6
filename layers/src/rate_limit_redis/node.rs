//! Which server to connect to: the one that was configured, or the node of a cluster that this one names.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use bb8_redis::RedisConnectionManager;
use bb8_redis::bb8::ManageConnection;
use redis::aio::MultiplexedConnection;
use redis::{ConnectionAddr, ConnectionInfo, RedisError};

/// All keys are in one slot, and so on one node: following `MOVED` to it is all there is to being a client of a cluster.
pub(super) struct Node {
    configured: ConnectionInfo,
    current: Mutex<RedisConnectionManager>,
}

impl Node {
    pub(super) fn new(configured: ConnectionInfo) -> Result<Self, RedisError> {
        let current = Mutex::new(RedisConnectionManager::new(configured.clone())?);
        Ok(Self { configured, current })
    }

    pub(super) async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        let current = self.lock().clone();
        let connected = current.connect().await;
        if connected.is_err() {
            // A node that was named may have left the cluster: ask again where we were told to.
            self.turn_to(self.configured.clone());
        }
        connected
    }

    /// Connects to the node that `error` names from now on. Tells whether it names one.
    pub(super) fn follow(&self, error: &RedisError) -> bool {
        if error.code() != Some("MOVED") {
            return false;
        }
        let named = error.redirect_node().and_then(|(node, _)| at(self.configured.addr(), node));
        let is_named = named.is_some();
        if let Some(address) = named {
            self.turn_to(self.configured.clone().set_addr(address));
        }
        is_named
    }

    fn turn_to(&self, address: ConnectionInfo) {
        // An address that the client takes once it takes again.
        if let Ok(manager) = RedisConnectionManager::new(address) {
            *self.lock() = manager;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, RedisConnectionManager> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address of a node named as `host:port`, spoken to as the configured server is. A node that does not know its own name leaves it
/// out, and means the host that was asked.
fn at(configured: &ConnectionAddr, node: &str) -> Option<ConnectionAddr> {
    let (host, port) = node.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let host = |asked: &str| match host {
        "" | "?" => asked.to_owned(),
        named => named.trim_matches(['[', ']']).to_owned(),
    };
    match configured {
        ConnectionAddr::Tcp(asked, _) => Some(ConnectionAddr::Tcp(host(asked), port)),
        ConnectionAddr::TcpTls { host: asked, insecure, tls_params, .. } => Some(ConnectionAddr::TcpTls {
            host: host(asked),
            port,
            insecure: *insecure,
            tls_params: tls_params.clone(),
        }),
        _ => None,
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_spoken_to_as_the_configured_server_is() {
        let plain = ConnectionAddr::Tcp("seed".to_owned(), 6379);
        for (node, expected) in [
            ("10.0.0.7:7001", Some(("10.0.0.7", 7001))),
            ("cache-1.internal:6379", Some(("cache-1.internal", 6379))),
            ("2001:db8::7:7001", Some(("2001:db8::7", 7001))),
            (":7002", Some(("seed", 7002))),
            ("?:7002", Some(("seed", 7002))),
            ("10.0.0.7", None),
            ("10.0.0.7:x", None),
        ] {
            let expected = expected.map(|(host, port)| ConnectionAddr::Tcp(host.to_owned(), port));
            assert_eq!(at(&plain, node), expected, "{node}");
        }
        assert_eq!(at(&ConnectionAddr::Unix("/run/redis.sock".into()), "10.0.0.7:7001"), None);
    }
}
