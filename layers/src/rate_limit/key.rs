//! Whom a charge counts for.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use smallvec::SmallVec;

use crate::{ClientIp, PeerAddr, RequestHead};

const UNKNOWN: u8 = 0;
const IPV4: u8 = 4;
const IPV6: u8 = 6;
const BYTES: u8 = b'b';

/// The network that an address stands for where clients are counted: an IPv4 address by itself, also where it comes mapped into IPv6, and of
/// an IPv6 address its /64, all of which one customer usually holds.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// Whom a charge counts for, in one canonical form: a network, an account, or both together.
///
/// What you make a key of must be canonical itself: an e-mail address in the form by which you look accounts up. In a shared store the
/// bytes stand as they are; hash what must not be read there.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key(SmallVec<[u8; 24]>);

impl Key {
    /// The [`network`] of an address.
    #[must_use]
    pub fn network(address: IpAddr) -> Self {
        match network(address) {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                Self(SmallVec::from_slice(&[IPV4, a, b, c, d]))
            }
            IpAddr::V6(address) => Self::tagged(IPV6, &prefix(address)),
        }
    }

    /// The network that a request comes from: its [`ClientIp`], else its [`PeerAddr`].
    ///
    /// Requests with neither share one key, so that a forgotten extension limits too much rather than nothing.
    #[must_use]
    pub fn client(head: RequestHead<'_>) -> Self {
        let peer = || head.extensions.get().map(|PeerAddr(address)| address.ip());
        let client = head.extensions.get().map(|ClientIp(address)| *address);
        client.or_else(peer).map_or_else(|| Self::tagged(UNKNOWN, &[]), Self::network)
    }

    /// Any bytes: an account, an API token's id.
    #[must_use]
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        let mut key = Self::tagged(BYTES, &(bytes.len() as u64).to_be_bytes());
        key.0.extend_from_slice(bytes);
        key
    }

    /// Both together: an account as seen from one network, say. The order counts.
    #[must_use]
    pub fn and(mut self, other: impl Into<Self>) -> Self {
        self.0.extend_from_slice(&other.into().0);
        self
    }

    /// The canonical form. Every part tells its own length, so that no two lists of parts look alike.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn tagged(tag: u8, bytes: &[u8]) -> Self {
        let mut key = SmallVec::new();
        key.push(tag);
        key.extend_from_slice(bytes);
        Self(key)
    }
}

fn prefix(address: Ipv6Addr) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = address.octets();
    [a, b, c, d, e, f, g, h]
}

impl From<IpAddr> for Key {
    fn from(address: IpAddr) -> Self {
        Self::network(address)
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<&[u8]> for Key {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes)
    }
}

impl From<u64> for Key {
    fn from(number: u64) -> Self {
        Self::new(number.to_be_bytes())
    }
}

impl From<u128> for Key {
    fn from(number: u128) -> Self {
        Self::new(number.to_be_bytes())
    }
}

/// Tells no more than the length: a key may hold an e-mail address.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use http::{Extensions, Request};

    use super::*;

    fn network(address: &str) -> Key {
        Key::network(address.parse().unwrap())
    }

    #[test]
    fn a_network_is_written_as_the_first_of_its_addresses() {
        for (address, expected) in [
            ("203.0.113.9", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::"),
        ] {
            assert_eq!(super::network(address.parse().unwrap()).to_string(), expected);
        }
    }

    #[test]
    fn a_network_is_one_key_however_it_is_written() {
        for (one, other, same) in [
            ("203.0.113.9", "::ffff:203.0.113.9", true),
            ("203.0.113.9", "203.0.113.10", false),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
            ("203.0.113.9", "cb00:7109::", false),
        ] {
            assert_eq!(network(one) == network(other), same, "{one} {other}");
        }
    }

    #[test]
    fn parts_cannot_be_shifted_into_each_other() {
        let keys = [
            Key::new("ab").and("c"),
            Key::new("a").and("bc"),
            Key::new("abc"),
            Key::new("").and("abc"),
            Key::new(Key::new("abc").as_bytes()),
            network("97.98.99.100").and("abc"),
            Key::new("abc").and(network("97.98.99.100")),
            Key::new([4, 97, 98, 99, 100]),
            Key::from(7_u64),
            Key::from(7_u128),
        ];
        for (place, key) in keys.iter().enumerate() {
            assert_eq!(keys.iter().position(|other| other == key), Some(place));
        }
    }

    #[test]
    fn a_request_counts_for_its_client_else_for_its_peer_else_for_all_the_unknown() {
        let key = |extensions: Extensions| {
            let mut request = Request::new(());
            *request.extensions_mut() = extensions;
            Key::client(RequestHead::from(&request))
        };
        let mut extensions = Extensions::new();
        assert_eq!(key(extensions.clone()), key(Extensions::new()));
        extensions.insert(PeerAddr(SocketAddr::from(([10, 0, 0, 1], 1))));
        assert_eq!(key(extensions.clone()), network("10.0.0.1"));
        extensions.insert(ClientIp([203, 0, 113, 9].into()));
        assert_eq!(key(extensions), network("203.0.113.9"));
    }

    #[test]
    fn debug_output_keeps_the_key_to_itself() {
        assert_eq!(format!("{:?}", Key::new("someone@example.com")), "Key(28 bytes)");
    }
}
