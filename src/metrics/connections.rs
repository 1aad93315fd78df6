//! Connections to the main listener.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// How many there are, and how many were turned away.
#[derive(Clone, Debug)]
pub struct ConnectionMetrics {
    /// `portcullis_connections`: open connections.
    pub open: IntGauge,
    /// `portcullis_connections_refused_total{reason="total"}`: there were `MAX_CONNECTIONS` already.
    pub refused_total: IntCounter,
    /// `…{reason="network"}`: the network had `MAX_CONNECTIONS_PER_NETWORK` already.
    pub refused_network: IntCounter,
    /// `…{reason="denied"}`: with `PROXY_PROTOCOL`, no trusted proxy, or one that does not speak the protocol.
    pub refused_denied: IntCounter,
    /// `…{reason="timeout"}`: no whole request came in time.
    pub refused_timeout: IntCounter,
}

impl ConnectionMetrics {
    /// Registers all of them.
    ///
    /// # Errors
    /// When two metrics have one name.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let open = IntGauge::new("portcullis_connections", "Open connections of the main listener.")?;
        let refused = Opts::new("portcullis_connections_refused_total", "Connections turned away, by reason.");
        let refused = IntCounterVec::new(refused, &["reason"])?;
        registry.register(Box::new(open.clone()))?;
        registry.register(Box::new(refused.clone()))?;
        let reason = |reason| refused.get_metric_with_label_values(&[reason]);
        Ok(Self {
            open,
            refused_total: reason("total")?,
            refused_network: reason("network")?,
            refused_denied: reason("denied")?,
            refused_timeout: reason("timeout")?,
        })
    }
}
