//! Connections to the main listener.

use super::reader::Reader;

/// Who may connect, and how many.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionConfig {
    /// `PROXY_PROTOCOL`, whether connections open with a header of the PROXY protocol, which `TRUSTED_PROXIES` alone may send.
    pub proxy_protocol: bool,
    /// `MAX_CONNECTIONS`, connections at most; the next one is refused at once.
    pub max: usize,
    /// `MAX_CONNECTIONS_PER_NETWORK`, those of one IPv4 address or IPv6 /64 at most.
    pub max_per_network: usize,
}

pub(super) fn read(reader: &mut Reader<'_>) -> ConnectionConfig {
    let config = ConnectionConfig {
        proxy_protocol: reader.flag("PROXY_PROTOCOL", false),
        max: reader.number("MAX_CONNECTIONS", 10_000, 1..=1_000_000),
        max_per_network: reader.number("MAX_CONNECTIONS_PER_NETWORK", 256, 1..=1_000_000),
    };
    if config.proxy_protocol && reader.text("TRUSTED_PROXIES").is_none() {
        reader.fault("PROXY_PROTOCOL", "needs TRUSTED_PROXIES: nobody else may connect then");
    }
    config
}
