//! The PROXY protocol: a proxy that passes bytes on says on whose behalf, and only one that is trusted is believed.

mod headers;
mod resolved;

use std::net::SocketAddr;

use crate::support::{TestApp, TestAppBuilder};

/// A service that wants the header from this machine.
fn wanted() -> TestAppBuilder {
    TestApp::builder().set("PROXY_PROTOCOL", "true").set("TRUSTED_PROXIES", "127.0.0.1/32,10.0.0.0/8")
}

/// A header of version 1 for a source.
fn v1(source: &str) -> Vec<u8> {
    let source: SocketAddr = source.parse().unwrap();
    let (family, other) = if source.is_ipv4() { ("TCP4", "10.0.0.1") } else { ("TCP6", "::1") };
    format!("PROXY {family} {} {other} {} 443\r\n", source.ip(), source.port()).into_bytes()
}

/// A header of version 2 for a source, with bytes after the addresses.
fn v2(source: &str, tlvs: &[u8]) -> Vec<u8> {
    let source: SocketAddr = source.parse().unwrap();
    let mut addresses = match source {
        SocketAddr::V4(source) => [source.ip().octets(), [10, 0, 0, 1]].concat(),
        SocketAddr::V6(source) => [source.ip().octets(), std::net::Ipv6Addr::LOCALHOST.octets()].concat(),
    };
    addresses.extend(source.port().to_be_bytes());
    addresses.extend(443_u16.to_be_bytes());
    raw_v2(0x21, if source.is_ipv4() { 0x11 } else { 0x21 }, &[addresses.as_slice(), tlvs].concat())
}

/// A header of version 2 with any command, any family, and anything after them.
fn raw_v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[command, family], &length, rest].concat()
}
