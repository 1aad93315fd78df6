//! Version 1: one line of text.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// How every line begins.
pub(super) const PREFIX: &[u8] = b"PROXY ";
/// The longest line that the specification allows, CR and LF included.
pub(super) const LONGEST: usize = 107;

/// The source in a whole line; `Some(None)` where the line says that there is none, `None` where it says nothing that makes sense.
pub(super) fn parse(line: &[u8]) -> Option<Option<SocketAddr>> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix("\r\n")?;
    let mut words = line.split(' ');
    let (proxy, family) = (words.next()?, words.next()?);
    if proxy != "PROXY" {
        return None;
    }
    let same_family = match family {
        // Whatever follows is to be ignored.
        "UNKNOWN" => return Some(None),
        "TCP4" => IpAddr::is_ipv4,
        "TCP6" => IpAddr::is_ipv6,
        _ => return None,
    };
    let mut address = || words.next().and_then(|word| IpAddr::from_str(word).ok()).filter(same_family);
    let (source, _destination) = (address()?, address()?);
    let (port, _port) = (port(words.next()?)?, port(words.next()?)?);
    words.next().is_none().then_some(Some(SocketAddr::new(source, port)))
}

/// Digits alone, without leading zeros.
fn port(word: &str) -> Option<u16> {
    let plain = word == "0" || word.starts_with(|first: char| matches!(first, '1'..='9'));
    plain.then(|| word.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(line: &str) -> Option<Option<String>> {
        parse(line.as_bytes()).map(|source| source.map(|address| address.to_string()))
    }

    #[test]
    fn a_line_names_its_source() {
        for (line, expected) in [
            ("PROXY TCP4 203.0.113.9 10.0.0.1 56324 443\r\n", Some("203.0.113.9:56324")),
            ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", Some("255.255.255.255:65535")),
            ("PROXY TCP6 2001:db8::7 ::1 0 443\r\n", Some("[2001:db8::7]:0")),
            ("PROXY TCP6 ::ffff:203.0.113.9 ::1 1 2\r\n", Some("[::ffff:203.0.113.9]:1")),
            ("PROXY UNKNOWN\r\n", None),
            ("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", None),
            ("PROXY UNKNOWN whatever it is\r\n", None),
        ] {
            assert_eq!(source(line), Some(expected.map(str::to_owned)), "{line:?}");
        }
        let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        assert_eq!(format!("PROXY UNKNOWN {longest} {longest} 65535 65535\r\n").len(), LONGEST);
    }

    #[test]
    fn anything_else_is_no_header() {
        for line in [
            "",
            "\r\n",
            "PROXY\r\n",
            "PROXY \r\n",
            "PROXY UNKNOWN\n",
            "PROXY TCP4 203.0.113.9 10.0.0.1 56324 443",
            "PROXY TCP4 203.0.113.9 10.0.0.1 56324\r\n",
            "PROXY TCP4 203.0.113.9 10.0.0.1 56324 443 1\r\n",
            "PROXY TCP4 203.0.113.9 10.0.0.1 56324 443 \r\n",
            "PROXY  TCP4 203.0.113.9 10.0.0.1 56324 443\r\n",
            "PROXY TCP4 2001:db8::7 ::1 1 2\r\n",
            "PROXY TCP6 203.0.113.9 10.0.0.1 1 2\r\n",
            "PROXY TCP4 203.0.113.009 10.0.0.1 1 2\r\n",
            "PROXY TCP4 203.0.113.9 10.0.0.1 01 2\r\n",
            "PROXY TCP4 203.0.113.9 10.0.0.1 +1 2\r\n",
            "PROXY TCP4 203.0.113.9 10.0.0.1 65536 2\r\n",
            "PROXY TCP4 localhost 10.0.0.1 1 2\r\n",
            "PROXY UDP4 203.0.113.9 10.0.0.1 1 2\r\n",
            "proxy TCP4 203.0.113.9 10.0.0.1 1 2\r\n",
            "GET / HTTP/1.1\r\n",
        ] {
            assert_eq!(source(line), None, "{line:?}");
        }
        assert_eq!(parse(b"PROXY TCP4 203.0.113.9\xff 10.0.0.1 1 2\r\n"), None);
    }
}
