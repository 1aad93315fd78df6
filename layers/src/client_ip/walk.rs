//! The decision: who the client is, given the peer, the headers, and whom to trust.

use std::net::IpAddr;

use http::header::FORWARDED;
use http::{Extensions, HeaderMap, HeaderName};
use ipnet::{IpNet, Ipv4Net};

use super::elements::Elements;
use super::forwarded::{Forwarded, plain_node, scheme};
use super::layer::ForwardedHeader;
use crate::{ClientIp, ClientScheme, Refusal};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// More hops than any deployment has. It bounds what a client can make the walk cost.
const MAX_ELEMENTS: usize = 32;

/// Who asked, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client {
    pub(super) ip: ClientIp,
    pub(super) scheme: Option<ClientScheme>,
}

impl Client {
    /// Writes on the request.
    pub(super) fn tell_inner(self, extensions: &mut Extensions) {
        extensions.insert(self.ip);
        self.tell_scheme(extensions);
    }

    /// Writes on the response. Most responses of most deployments get no extension, which saves its three allocations.
    pub(super) fn tell_outer(self, ip_wanted: bool, extensions: &mut Extensions) {
        if ip_wanted || extensions.get::<Refusal>().is_some() {
            extensions.insert(self.ip);
        }
        self.tell_scheme(extensions);
    }

    fn tell_scheme(self, extensions: &mut Extensions) {
        let Some(scheme) = self.scheme else { return };
        match extensions.get_mut() {
            Some(known) => *known = scheme,
            None => drop(extensions.insert(scheme)),
        }
    }
}

/// Whom to believe, and which header.
#[derive(Debug)]
pub(super) struct Trust {
    pub(super) networks: Box<[IpNet]>,
    pub(super) header: ForwardedHeader,
}

impl Trust {
    pub(super) fn find(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return Client { ip: ClientIp(peer), scheme: None };
        }
        match self.header {
            ForwardedHeader::XForwardedFor => self.walk_x_forwarded_for(peer, headers),
            ForwardedHeader::Forwarded => self.walk_forwarded(peer, headers),
        }
    }

    fn walk_x_forwarded_for(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let fields = headers.get_all(X_FORWARDED_FOR);
        let (ip, hops) = self.walk(peer, Elements::plain(&fields).map(plain_node));
        let protos = headers.get_all(X_FORWARDED_PROTO);
        let proto = Elements::plain(&protos).take(hops.max(1)).last();
        Client { ip: ClientIp(ip), scheme: proto.and_then(scheme) }
    }

    fn walk_forwarded(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let elements = headers.get_all(FORWARDED);
        let mut scheme = None;
        let nodes = Elements::quoted(&elements).map(|element| {
            let element = Forwarded::parse(element);
            scheme = element.scheme;
            element.node
        });
        let (ip, _) = self.walk(peer, nodes);
        Client { ip: ClientIp(ip), scheme }
    }

    /// The address at which the walk ends, and the number of elements it believed.
    fn walk(&self, peer: IpAddr, nodes: impl Iterator<Item = Option<IpAddr>>) -> (IpAddr, usize) {
        let (mut ip, mut hops) = (peer, 0);
        for node in nodes.take(MAX_ELEMENTS) {
            let Some(node) = node else { break };
            ip = node.to_canonical();
            hops += 1;
            if !self.trusts(ip) {
                break;
            }
        }
        (ip, hops)
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&ip))
    }
}

/// A network of IPv4-mapped IPv6 addresses as the IPv4 network it stands for, since addresses are compared in that form.
pub(super) fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    let mapped = v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    mapped.and_then(|(addr, prefix)| Ipv4Net::new(addr, prefix).ok()).map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn find(header: ForwardedHeader, peer: &str, headers: &[(HeaderName, &str)]) -> (String, Option<ClientScheme>) {
        let networks =
            ["10.0.0.0/8", "fd00::/8", "::ffff:172.16.0.0/108"].map(|network| canonical(network.parse().unwrap()));
        let trust = Trust { networks: networks.into(), header };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let client = trust.find(peer.parse().unwrap(), &map);
        (client.ip.0.to_string(), client.scheme)
    }

    #[test]
    fn x_forwarded_for_is_walked_from_the_right_over_trusted_hops() {
        let cases: [(&str, &str, &[&str], &str); 18] = [
            ("no header", PROXY, &[], PROXY),
            ("one client", PROXY, &["203.0.113.9"], "203.0.113.9"),
            ("untrusted peer", "203.0.113.1", &["6.6.6.6"], "203.0.113.1"),
            ("spoofed on the left", PROXY, &["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
            ("two proxies", PROXY, &["203.0.113.9, 10.1.1.1"], "203.0.113.9"),
            ("two lines", PROXY, &["6.6.6.6, 203.0.113.9", "10.1.1.1, 10.2.2.2"], "203.0.113.9"),
            ("all trusted: the leftmost", PROXY, &["10.3.3.3, 10.1.1.1"], "10.3.3.3"),
            ("garbage at once", PROXY, &["203.0.113.9, garbage"], PROXY),
            ("garbage after a trusted hop", PROXY, &["203.0.113.9, x, 10.1.1.1"], "10.1.1.1"),
            ("empty element", PROXY, &["203.0.113.9,"], PROXY),
            ("empty line", PROXY, &["203.0.113.9", ""], PROXY),
            ("unknown", PROXY, &["unknown"], PROXY),
            ("port", PROXY, &["203.0.113.9:1234"], "203.0.113.9"),
            ("IPv6 client", PROXY, &["2001:db8::7"], "2001:db8::7"),
            ("IPv6 hop", "fd00::1", &["2001:db8::7, [fd00::2]:80"], "2001:db8::7"),
            ("mapped peer", "::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("mapped hop and client", PROXY, &["::ffff:203.0.113.9, ::ffff:10.1.1.1"], "203.0.113.9"),
            ("network given as mapped", "172.16.3.4", &["203.0.113.9"], "203.0.113.9"),
        ];
        for (case, peer, lines, expected) in cases {
            let lines: Vec<_> = lines.iter().map(|line| (X_FORWARDED_FOR, *line)).collect();
            assert_eq!(find(ForwardedHeader::XForwardedFor, peer, &lines).0, expected, "{case}");
        }
    }

    #[test]
    fn only_the_configured_header_is_believed() {
        let headers = [(X_FORWARDED_FOR, "203.0.113.9"), (FORWARDED, "for=203.0.113.8")];
        assert_eq!(find(ForwardedHeader::XForwardedFor, PROXY, &headers).0, "203.0.113.9");
        assert_eq!(find(ForwardedHeader::Forwarded, PROXY, &headers).0, "203.0.113.8");
    }

    #[test]
    fn forwarded_is_walked_alike_and_carries_the_scheme_of_the_same_hop() {
        let (http, https) = (Some(ClientScheme::Http), Some(ClientScheme::Https));
        let cases = [
            ("client over TLS", PROXY, "for=203.0.113.9;proto=https, for=10.1.1.1;proto=http", "203.0.113.9", https),
            ("spoofed on the left", PROXY, "for=6.6.6.6;proto=https, for=203.0.113.9;proto=http", "203.0.113.9", http),
            ("hidden client", PROXY, "for=203.0.113.9, for=_hidden;proto=https", PROXY, https),
            ("unclosed quote", PROXY, r#"for="6.6.6.6, for=203.0.113.9"#, "203.0.113.9", None),
            ("malformed", PROXY, "for=203.0.113.9;proto=https, for=;;", PROXY, None),
            ("untrusted peer", "203.0.113.1", "for=6.6.6.6;proto=https", "203.0.113.1", None),
        ];
        for (case, peer, value, ip, scheme) in cases {
            let found = find(ForwardedHeader::Forwarded, peer, &[(FORWARDED, value)]);
            assert_eq!(found, (ip.to_owned(), scheme), "{case}");
        }
    }

    #[test]
    fn x_forwarded_proto_is_read_at_the_distance_of_the_client() {
        let (http, https) = (Some(ClientScheme::Http), Some(ClientScheme::Https));
        let cases = [
            ("one proxy", "203.0.113.9", "https", https),
            ("overwritten by the nearest", "203.0.113.9, 10.1.1.1", "https", https),
            ("appended by each", "203.0.113.9, 10.1.1.1", "https, http", https),
            ("spoofed on the left", "6.6.6.6, 203.0.113.9", "https, http", http),
            ("client unknown", "unknown", "https", https),
            ("neither", "203.0.113.9", "wss", None),
        ];
        for (case, hops, proto, scheme) in cases {
            let headers = [(X_FORWARDED_FOR, hops), (X_FORWARDED_PROTO, proto)];
            assert_eq!(find(ForwardedHeader::XForwardedFor, PROXY, &headers).1, scheme, "{case}");
            assert_eq!(find(ForwardedHeader::XForwardedFor, "203.0.113.1", &headers).1, None, "{case}, untrusted peer");
        }
    }

    #[test]
    fn the_walk_ends_after_32_elements() {
        let endless = format!("203.0.113.9{}", ", 10.1.1.1".repeat(1_000));
        assert_eq!(find(ForwardedHeader::XForwardedFor, PROXY, &[(X_FORWARDED_FOR, &endless)]).0, "10.1.1.1");
    }
}
