//! Version 2: a fixed part, addresses, and TLVs.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// The most bytes that the addresses of a family we know take: two of IPv6, and two ports.
pub(super) const LONGEST: usize = 36;

/// What the fixed part announces about the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// None: the proxy speaks for itself, or for somebody without an IP address.
    Peer,
    Ipv4,
    Ipv6,
}

impl Source {
    /// Reads the byte of version and command, and that of family and transport. `None` for another version, a command that does not
    /// exist, or a transport that no TCP connection stands for.
    pub(super) fn announced(command: u8, family: u8) -> Option<Self> {
        match (command, family) {
            // LOCAL: whatever the rest says is to be ignored. PROXY for an unknown family, or for a Unix socket.
            (0x20, _) | (0x21, 0x00 | 0x31) => Some(Self::Peer),
            (0x21, 0x11) => Some(Self::Ipv4),
            (0x21, 0x21) => Some(Self::Ipv6),
            _ => None,
        }
    }

    /// The bytes of its addresses.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Peer => 0,
            Self::Ipv4 => 12,
            Self::Ipv6 => LONGEST,
        }
    }

    /// Reads source and source port from addresses of the right length.
    pub(super) fn parse(self, addresses: &[u8]) -> Option<SocketAddr> {
        let number = |at: usize| addresses.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes);
        match self {
            Self::Peer => None,
            Self::Ipv4 => {
                let octets: [u8; 4] = addresses.get(..4)?.try_into().ok()?;
                Some(SocketAddr::new(Ipv4Addr::from(octets).into(), number(8)?))
            }
            Self::Ipv6 => {
                let octets: [u8; 16] = addresses.get(..16)?.try_into().ok()?;
                Some(SocketAddr::new(Ipv6Addr::from(octets).into(), number(32)?))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_part_tells_whose_addresses_follow() {
        for (command, family, expected) in [
            (0x21, 0x11, Some(Source::Ipv4)),
            (0x21, 0x21, Some(Source::Ipv6)),
            (0x21, 0x00, Some(Source::Peer)),
            (0x21, 0x31, Some(Source::Peer)),
            (0x20, 0x00, Some(Source::Peer)),
            (0x20, 0x11, Some(Source::Peer)),
            // Datagrams, families that do not exist, another command, other versions.
            (0x21, 0x12, None),
            (0x21, 0x22, None),
            (0x21, 0x41, None),
            (0x21, 0x10, None),
            (0x22, 0x11, None),
            (0x11, 0x11, None),
            (0x31, 0x11, None),
        ] {
            assert_eq!(Source::announced(command, family), expected, "{command:#x} {family:#x}");
        }
    }

    #[test]
    fn addresses_come_before_ports_and_the_source_before_the_destination() {
        let ipv4 = [203, 0, 113, 9, 10, 0, 0, 1, 0xdc, 0x04, 0x01, 0xbb];
        assert_eq!(Source::Ipv4.parse(&ipv4), Some("203.0.113.9:56324".parse().unwrap()));
        let mut ipv6 = [0; LONGEST];
        ipv6[..2].copy_from_slice(&[0x20, 0x01]);
        ipv6[15] = 7;
        ipv6[31] = 1;
        ipv6[32..34].copy_from_slice(&[0x1f, 0x90]);
        assert_eq!(Source::Ipv6.parse(&ipv6), Some("[2001::7]:8080".parse().unwrap()));
        assert_eq!(Source::Peer.parse(&ipv4), None);
        assert_eq!(Source::Ipv4.parse(&ipv4[..9]), None);
    }
}
