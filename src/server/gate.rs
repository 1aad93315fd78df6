//! How many connections there may be: in all, and from one network.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

use crate::auth::budget::network;
use crate::metrics::connections::ConnectionMetrics;

/// The networks whose word counts: `TRUSTED_PROXIES`.
#[derive(Clone, Debug, Default)]
pub(super) struct Trusted(Arc<[IpNet]>);

impl Trusted {
    pub(super) fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    /// Whether one of them contains the address. Both sides may write IPv4 as it is or mapped into IPv6.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let plain = address.to_canonical();
        let mapped = match plain {
            IpAddr::V4(address) => address.to_ipv6_mapped().into(),
            IpAddr::V6(_) => plain,
        };
        self.0.iter().any(|network| network.contains(&plain) || network.contains(&mapped))
    }
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// All places are taken.
    Total,
    /// Those of this network are.
    Network,
}

/// Counts connections, and lets no more in than there may be.
#[derive(Debug)]
pub(super) struct Gate {
    total: usize,
    per_network: usize,
    trusted: Trusted,
    taken: Mutex<Taken>,
    metrics: ConnectionMetrics,
}

/// Never more entries than connections.
#[derive(Debug, Default)]
struct Taken {
    total: usize,
    networks: HashMap<IpAddr, usize>,
}

impl Gate {
    pub(super) fn new(total: usize, per_network: usize, trusted: Trusted, metrics: ConnectionMetrics) -> Arc<Self> {
        Arc::new(Self { total, per_network, trusted, taken: Mutex::default(), metrics })
    }

    /// A place for one more connection, wherever it comes from.
    pub(super) fn enter(self: &Arc<Self>) -> Result<Place, Full> {
        let mut taken = self.taken();
        if taken.total >= self.total {
            self.metrics.refused_total.inc();
            return Err(Full::Total);
        }
        taken.total += 1;
        self.metrics.open.inc();
        Ok(Place { gate: Arc::clone(self), network: None })
    }

    pub(super) fn metrics(&self) -> &ConnectionMetrics {
        &self.metrics
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    gate: Arc<Gate>,
    network: Option<IpAddr>,
}

impl Place {
    /// Counts the connection for the network that it comes from, now that it is known. Proxies speak for many.
    pub(super) fn charge(&mut self, source: IpAddr) -> Result<(), Full> {
        if self.gate.trusted.contains(source) {
            return Ok(());
        }
        let network = network(source);
        let mut taken = self.gate.taken();
        let count = taken.networks.entry(network).or_default();
        if *count >= self.gate.per_network {
            self.gate.metrics.refused_network.inc();
            return Err(Full::Network);
        }
        *count += 1;
        self.network = Some(network);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.gate.taken();
        taken.total -= 1;
        self.gate.metrics.open.dec();
        let Some(network) = self.network else { return };
        if let Some(count) = taken.networks.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                taken.networks.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;

    use super::*;

    fn gate(total: usize, per_network: usize) -> Arc<Gate> {
        let trusted = Trusted::new(&["10.0.0.0/8".parse().unwrap(), "::ffff:172.16.0.0/108".parse().unwrap()]);
        Gate::new(total, per_network, trusted, ConnectionMetrics::register(&Registry::new()).unwrap())
    }

    fn enter(gate: &Arc<Gate>, source: &str) -> Result<Place, Full> {
        let mut place = gate.enter()?;
        place.charge(source.parse().unwrap())?;
        Ok(place)
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_ends() {
        let gate = gate(2, 2);
        let one = enter(&gate, "203.0.113.1").unwrap();
        let other = enter(&gate, "203.0.113.1").unwrap();
        assert_eq!(enter(&gate, "203.0.113.2").unwrap_err(), Full::Total);
        drop(one);
        let third = enter(&gate, "203.0.113.2").unwrap();
        assert_eq!(gate.metrics.open.get(), 2);
        assert_eq!(gate.metrics.refused_total.get(), 1);
        drop((other, third));
        assert_eq!(gate.metrics.open.get(), 0);
        assert!(gate.taken().networks.is_empty());
    }

    #[test]
    fn a_network_is_an_ipv4_address_or_a_64_of_ipv6() {
        for (one, other, same) in [
            ("203.0.113.1", "203.0.113.1", true),
            ("203.0.113.1", "::ffff:203.0.113.1", true),
            ("203.0.113.1", "203.0.113.2", false),
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
        ] {
            let gate = gate(9, 1);
            let _first = enter(&gate, one).unwrap();
            assert_eq!(enter(&gate, other).is_err(), same, "{one} {other}");
            assert_eq!(gate.metrics.refused_network.get(), u64::from(same));
        }
    }

    #[test]
    fn trusted_proxies_have_as_many_as_there_are() {
        for proxy in ["10.0.0.1", "::ffff:10.0.0.1", "172.16.0.1"] {
            let gate = gate(3, 1);
            let _places: Vec<_> = (0..3).map(|_| enter(&gate, proxy).unwrap()).collect();
            assert_eq!(enter(&gate, proxy).unwrap_err(), Full::Total);
        }
    }

    #[test]
    fn who_is_turned_away_takes_no_place() {
        let gate = gate(3, 1);
        let _first = enter(&gate, "203.0.113.1").unwrap();
        for _ in 0..10 {
            assert_eq!(enter(&gate, "203.0.113.1").unwrap_err(), Full::Network);
        }
        assert_eq!(gate.metrics.open.get(), 1);
        let _second = enter(&gate, "203.0.113.2").unwrap();
    }
}
