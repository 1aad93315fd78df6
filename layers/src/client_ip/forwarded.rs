//! Nodes and elements as proxies write them: `X-Forwarded-For` fields and `Forwarded` elements (RFC 7239).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4};

use super::elements::split_last;
use crate::ClientScheme;

/// What one `Forwarded` element says about the request as that hop received it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Forwarded {
    /// `None` for `unknown`, an obfuscated name, and everything malformed.
    pub(super) node: Option<IpAddr>,
    pub(super) scheme: Option<ClientScheme>,
}

impl Forwarded {
    /// Reads an element. A malformed one says nothing at all.
    pub(super) fn parse(element: &[u8]) -> Self {
        Self::pairs(element).unwrap_or_default()
    }

    fn pairs(element: &[u8]) -> Option<Self> {
        let (mut node, mut proto) = (None, None);
        let mut rest = Some(element);
        while let Some(pairs) = rest {
            let (left, pair) = split_last(pairs, b';', true);
            rest = left;
            let (name, value) = split_pair(pair)?;
            let seen = match name {
                name if name.eq_ignore_ascii_case(b"for") => &mut node,
                name if name.eq_ignore_ascii_case(b"proto") => &mut proto,
                _ => continue,
            };
            // RFC 7239, section 4: a parameter must not occur twice in an element.
            if seen.replace(value).is_some() {
                return None;
            }
        }
        Some(Self { node: node.and_then(bracketed_node), scheme: proto.and_then(scheme) })
    }
}

/// An `X-Forwarded-For` field: an address of either family, with or without a port.
pub(super) fn plain_node(field: &[u8]) -> Option<IpAddr> {
    if let Some(address) = dotted(field) {
        return Some(IpAddr::V4(address));
    }
    let text = std::str::from_utf8(field).ok()?;
    text.parse::<Ipv6Addr>().map(IpAddr::V6).ok().or_else(|| bracketed_node(field))
}

/// Four decimal numbers without leading zeros, as nearly every client has them.
fn dotted(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut rest = text;
    for (place, octet) in octets.iter_mut().enumerate() {
        if place > 0 {
            rest = rest.strip_prefix(b".")?;
        }
        let (number, after) = match rest {
            [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9', after @ ..] => (&rest[..3], after),
            [b'1'..=b'9', b'0'..=b'9', after @ ..] => (&rest[..2], after),
            [b'0'..=b'9', after @ ..] => (&rest[..1], after),
            _ => return None,
        };
        let number = number.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
        *octet = u8::try_from(number).ok()?;
        rest = after;
    }
    rest.is_empty().then(|| octets.into())
}

/// `http` or `https`, in any case.
pub(super) fn scheme(value: &[u8]) -> Option<ClientScheme> {
    if value.eq_ignore_ascii_case(b"https") {
        Some(ClientScheme::Https)
    } else if value.eq_ignore_ascii_case(b"http") {
        Some(ClientScheme::Http)
    } else {
        None
    }
}

/// The node of RFC 7239, section 6, as far as it is an address: `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]`, `[2001:db8::1]:_port`.
fn bracketed_node(value: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(value).ok()?;
    let Some(bracketed) = text.strip_prefix('[') else {
        let address = dotted(value);
        return address.or_else(|| text.parse().ok().map(|socket: SocketAddrV4| *socket.ip())).map(IpAddr::V4);
    };
    let (address, port) = bracketed.split_once(']')?;
    if !port.is_empty() && !is_port(port.strip_prefix(':')?) {
        return None;
    }
    address.parse().map(IpAddr::V6).ok()
}

/// One to five digits, or an obfuscated port.
fn is_port(text: &str) -> bool {
    let obfuscated = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    match text.strip_prefix('_') {
        Some(name) => obfuscated(name),
        None => (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// `name=value` or `name="value"`. A quoted value with a backslash is refused: no address and no scheme needs one.
fn split_pair(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let pair = pair.trim_ascii();
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (&pair[..equals], &pair[equals + 1..]);
    let value = match value {
        [b'"', quoted @ .., b'"'] => quoted,
        plain => plain,
    };
    let clean = !name.is_empty() && !value.iter().any(|byte| matches!(byte, b'"' | b'\\'));
    clean.then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_nodes() {
        let cases = [
            ("192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.1:8080", Some("192.0.2.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:db8::1]:443", Some("2001:db8::1")),
            ("::ffff:192.0.2.1", Some("::ffff:192.0.2.1")),
            ("", None),
            ("unknown", None),
            ("192.0.2.256", None),
            ("192.0.2.01", None),
            ("192.0.2.1:", None),
            ("192.0.2.1:80:80", None),
            ("[2001:db8::1", None),
            ("[2001:db8::1]x", None),
            ("[2001:db8::1]:", None),
            ("[2001:db8::1]:123456", None),
            ("[192.0.2.1]", None),
            ("fe80::1%eth0", None),
            ("127.1", None),
            ("0x7f000001", None),
        ];
        for (text, expected) in cases {
            assert_eq!(plain_node(text.as_bytes()).map(|ip| ip.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn forwarded_elements() {
        let (http, https) = (Some(ClientScheme::Http), Some(ClientScheme::Https));
        let cases = [
            ("for=192.0.2.43", Some("192.0.2.43"), None),
            (r#"For="[2001:db8:cafe::17]:4711""#, Some("2001:db8:cafe::17"), None),
            (r#"for="[2001:db8::1]:_http";proto=https"#, Some("2001:db8::1"), https),
            (r#"proto="HTTP";by=203.0.113.43;for=192.0.2.60"#, Some("192.0.2.60"), http),
            (r#"for="192.0.2.60:80"; host="a;b,c"; proto=https"#, Some("192.0.2.60"), https),
            ("for=unknown;proto=https", None, https),
            ("for=_hidden", None, None),
            (r#"for="_SEVKISEK""#, None, None),
            ("for=2001:db8::1", None, None),
            ("proto=https", None, https),
            ("proto=gopher;for=192.0.2.1", Some("192.0.2.1"), None),
            ("for=192.0.2.1;for=192.0.2.2", None, None),
            ("for=192.0.2.1;proto=http;Proto=https", None, None),
            (r#"for="192.0.2.1"#, None, None),
            (r#"for="192\.0.2.1""#, None, None),
            ("for", None, None),
            ("=192.0.2.1", None, None),
            (";for=192.0.2.1", None, None),
            ("", None, None),
        ];
        for (text, node, scheme) in cases {
            let element = Forwarded::parse(text.as_bytes());
            assert_eq!(element.node.map(|ip| ip.to_string()).as_deref(), node, "{text}");
            assert_eq!(element.scheme, scheme, "{text}");
        }
    }
}
