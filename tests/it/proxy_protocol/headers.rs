//! Which headers are taken, from whom, and how they come in.

use std::time::Duration;

use portcullis::server::Timeouts;

use super::{raw_v2, v1, v2, wanted};
use crate::support::{TestApp, Wire, wait_for};
use crate::tls::{Secured, live};

const REQUEST: &[u8] = b"GET /health/live HTTP/1.1\r\nHost: a.example\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_the_header_is_taken_off_to_the_last_byte() {
    let app = wanted().spawn().await;
    let tlvs = [b"\x01\0\x02h2".as_slice(), b"\x04\x10\0", &[0; 4096]].concat();
    for header in [
        v1("203.0.113.9:56324"),
        v1("[2001:db8::7]:1"),
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n".to_vec(),
        v2("203.0.113.9:56324", &[]),
        v2("[2001:db8::7]:1", &[]),
        v2("203.0.113.9:56324", &tlvs),
        v2("[2001:db8::7]:1", &vec![0; usize::from(u16::MAX) - 36]),
        // A health check of the proxy itself.
        raw_v2(0x20, 0x00, &[]),
        raw_v2(0x20, 0x11, &[0; 12]),
        raw_v2(0x20, 0xff, b"anything"),
        // Somebody without an IP address.
        raw_v2(0x21, 0x00, &[]),
        raw_v2(0x21, 0x31, &[0; 216]),
    ] {
        let mut wire = Wire::behind(app.address, [&header, REQUEST].concat()).await;
        wire.answer().await.expect(200);
        // It is said once.
        wire.get("/health/live").await.expect(200);
    }
    assert_eq!(app.app.metrics.connections.refused_denied.get(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_may_come_byte_by_byte() {
    let app = wanted().spawn().await;
    for header in [v1("203.0.113.9:56324"), v2("203.0.113.9:56324", b"\x04\0\x01x"), b"PROXY UNKNOWN\r\n".to_vec()] {
        let mut wire = Wire::connect(app.address).await;
        for byte in header {
            wire.write([byte]).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        wire.get("/health/live").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn anything_but_a_header_ends_the_connection_without_an_answer() {
    let app = wanted().spawn().await;
    let long = [b"PROXY TCP4 ".as_slice(), &[b'1'; 200]].concat();
    let garbage: Vec<Vec<u8>> = vec![
        REQUEST.to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\0\x01\0\x01\x7c\x03\x03garbage".to_vec(),
        [b"proxy TCP4 203.0.113.9 10.0.0.1 1 2\r\n", REQUEST].concat(),
        [b"PROXY TCP4 203.0.113.9 10.0.0.1 1\r\n", REQUEST].concat(),
        [b"PROXY TCP4 999.0.113.9 10.0.0.1 1 2\r\n", REQUEST].concat(),
        [b"PROXY UDP4 203.0.113.9 10.0.0.1 1 2\r\n", REQUEST].concat(),
        [b"PROXY TCP4 203.0.113.9 10.0.0.1 1 2\n", REQUEST].concat(),
        [long.as_slice(), b"\r\n", REQUEST].concat(),
        // Another version, another command, datagrams, addresses that are announced and not there.
        [raw_v2(0x11, 0x11, &[0; 12]).as_slice(), REQUEST].concat(),
        [raw_v2(0x22, 0x11, &[0; 12]).as_slice(), REQUEST].concat(),
        [raw_v2(0x21, 0x12, &[0; 12]).as_slice(), REQUEST].concat(),
        [raw_v2(0x21, 0x11, &[0; 11]).as_slice(), REQUEST].concat(),
        [raw_v2(0x21, 0x21, &[0; 12]).as_slice(), REQUEST].concat(),
    ];
    for (number, bytes) in garbage.iter().enumerate() {
        let mut wire = Wire::behind(app.address, bytes).await;
        assert!(wire.rest().await.is_empty(), "{:?}", String::from_utf8_lossy(bytes));
        let denied = &app.app.metrics.connections.refused_denied;
        wait_for("the refusal to be counted", async || (denied.get() > number as u64).then_some(())).await;
        assert_eq!(denied.get(), number as u64 + 1);
    }
    Wire::behind(app.address, v1("203.0.113.9:1")).await.get("/health/live").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_header_is_no_request() {
    let app = wanted().spawn().await;
    let twice = [v1("203.0.113.9:1"), v1("203.0.113.10:1")].concat();
    Wire::behind(app.address, twice).await.answer().await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_trusted_proxy_cannot_connect_whatever_it_says() {
    let app = TestApp::builder().set("PROXY_PROTOCOL", "true").set("TRUSTED_PROXIES", "10.0.0.0/8").spawn().await;
    for bytes in [v1("10.0.0.1:1"), v2("10.0.0.1:1", &[]), raw_v2(0x20, 0, &[]), REQUEST.to_vec(), Vec::new()] {
        let mut wire = Wire::connect(app.address).await;
        wire.offer([&bytes, REQUEST].concat()).await;
        assert!(wire.rest().await.is_empty());
    }
    assert_eq!(app.app.metrics.connections.refused_denied.get(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_nobody_is_believed() {
    for (name, value) in [("PROXY_PROTOCOL", "false"), ("TRUSTED_PROXIES", "127.0.0.0/8")] {
        let app = TestApp::builder().set(name, value).spawn().await;
        for header in [v1("203.0.113.9:1"), v2("203.0.113.9:1", &[])] {
            let mut wire = Wire::behind(app.address, [&header, REQUEST].concat()).await;
            assert!(wire.answer().await.expect(400).body.is_empty());
            assert!(wire.ends().await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_does_not_come_is_not_waited_for() {
    let timeouts = Timeouts { first_byte: Duration::from_millis(300), ..Timeouts::default() };
    let app = wanted().timeouts(timeouts).spawn().await;
    let header = v1("203.0.113.9:56324");
    let binary = v2("203.0.113.9:56324", &[0; 100]);
    for part in [&[], &header[..3], &header[..20], &header[..header.len() - 1], &binary[..14], &binary[..60]] {
        assert!(Wire::behind(app.address, part).await.rest().await.is_empty());
    }
    assert_eq!(app.app.metrics.connections.refused_timeout.get(), 6);
    assert_eq!(app.app.metrics.connections.open.get(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_comes_before_the_tls_handshake() {
    let secured = Secured::new().await;
    let program = secured.program.set("PROXY_PROTOCOL", "true").set("TRUSTED_PROXIES", "127.0.0.1/32");
    let secured = Secured { program, ..secured };
    let service = secured.program.serve().await;
    for header in [v1("203.0.113.9:1"), v2("[2001:db8::7]:1", b"\x04\0\x01x")] {
        for protocols in [&["h2"][..], &["http/1.1"]] {
            let mut stream = tokio::net::TcpStream::connect(service.address).await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut stream, &header).await.unwrap();
            let stream = secured.over(stream, rustls::ALL_VERSIONS, protocols).await;
            live(stream).await.1.expect(200);
        }
    }
}
