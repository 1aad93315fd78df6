//! TLS on the main listener.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{Answer, Program, Service, Wire, wait_for};

/// A program that serves TLS with a certificate of its own, and the certificate.
pub(crate) struct Secured {
    pub(crate) program: Program,
    pub(crate) certificate: rcgen::Certificate,
}

impl Secured {
    pub(crate) async fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let program = Program::on_fresh_database().await;
        let file = |name: &str, pem: String| -> PathBuf {
            let path = program.folder().join(name);
            std::fs::write(&path, pem).unwrap();
            path
        };
        let (cert, key) = (file("cert.pem", made.cert.pem()), file("key.pem", made.signing_key.serialize_pem()));
        let program = program.set("TLS_CERT", cert.to_str().unwrap()).set("TLS_KEY", key.to_str().unwrap());
        Self { program, certificate: made.cert }
    }

    /// A connection of a client that knows the certificate and speaks these versions and protocols.
    async fn connect(
        &self,
        service: &Service,
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&str],
    ) -> TlsStream<TcpStream> {
        self.over(TcpStream::connect(service.address).await.unwrap(), versions, protocols).await
    }

    /// The same over a connection that is there.
    pub(crate) async fn over(
        &self,
        stream: TcpStream,
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&str],
    ) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
    }
}

/// Asks for `/health/live` in the protocol that was agreed on.
pub(crate) async fn live(stream: TlsStream<TcpStream>) -> (Version, Answer) {
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let io = TokioIo::new(stream);
    let request = Request::get("https://localhost/health/live").header("host", "localhost");
    let response = if is_http2 {
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        // The authority says it all (RFC 9113 §8.3.1).
        let request = Request::get("https://localhost/health/live");
        sender.send_request(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap()
    } else {
        let (mut sender, connection) = http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap()
    };
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.version, Answer { status: head.status, headers: head.headers, body })
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_get_http2_or_http1_as_they_ask() {
    let secured = Secured::new().await;
    let service = secured.program.serve().await;
    assert!(service.stdout().contains("https://127.0.0.1:"), "{}", service.stdout());
    let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
    for (protocols, version) in [
        (&["h2", "http/1.1"][..], Version::HTTP_2),
        (&["h2"], Version::HTTP_2),
        (&["http/1.1"], Version::HTTP_11),
        (&[], Version::HTTP_11),
    ] {
        for tls in versions {
            let (spoken, answer) = live(secured.connect(&service, &[tls], protocols).await).await;
            assert_eq!(spoken, version, "{protocols:?}");
            assert_eq!(answer.expect(200).json()["status"], "alive", "{protocols:?}");
        }
    }
    assert_eq!(service.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_3_is_preferred() {
    let secured = Secured::new().await;
    let service = secured.program.serve().await;
    let stream = secured.connect(&service, rustls::ALL_VERSIONS, &["h2"]).await;
    assert_eq!(stream.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_3));
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_transport_security_is_demanded_over_tls_and_only_there() {
    let secured = Secured::new().await;
    let service = secured.program.serve().await;
    let (_, answer) = live(secured.connect(&service, rustls::ALL_VERSIONS, &["h2"]).await).await;
    assert_eq!(answer.header("strict-transport-security"), "max-age=63072000; includeSubDomains");

    let plain = Program::on_fresh_database().await.serve().await;
    let answer = plain.client().get("/health/live").await.expect(200);
    assert_eq!(answer.header("strict-transport-security"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_speaks_no_tls_is_turned_away_and_disturbs_nobody() {
    let secured = Secured::new().await;
    let service = secured.program.serve().await;
    let mut plain = Wire::connect(service.address).await;
    plain.write("GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    // An alert, if anything, and the end.
    let said = plain.rest().await;
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
    live(secured.connect(&service, rustls::ALL_VERSIONS, &[]).await).await.1.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_does_not_come_does_not_hold_up_the_end() {
    let secured = Secured::new().await;
    let service = secured.program.serve().await;
    let mut silent = Wire::connect(service.address).await;
    live(secured.connect(&service, rustls::ALL_VERSIONS, &[]).await).await.1.expect(200);
    let begun = tokio::time::Instant::now();
    assert_eq!(service.stop().await.code, Some(0));
    assert!(begun.elapsed() < std::time::Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(silent.rest().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_used_are_named() {
    let (secured, other) = (Secured::new().await, Secured::new().await);
    let folder = secured.program.folder().to_owned();
    let strangers_key = other.program.folder().join("key.pem");
    let program = secured.program.set("TLS_KEY", strangers_key.to_str().unwrap());
    let ended = program.run(&["serve"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("TLS_CERT and TLS_KEY cannot be used together"), "{ended:?}");

    let program = program.set("TLS_KEY", folder.join("cert.pem").to_str().unwrap());
    let ended = program.run(&["serve"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("cert.pem holds no usable PEM private key"), "{ended:?}");

    let ended = program.unset("TLS_KEY").run(&["serve"]).await;
    assert!(ended.stderr.contains("TLS_CERT and TLS_KEY belong together"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_check_knows_a_listener_with_tls() {
    let secured = Secured::new().await;
    let service = secured.program.serve().await;
    let program = secured.program.set("PORT", &service.address.port().to_string());
    assert_eq!(program.run(&["doctor", "--live"]).await.code, Some(0));
    service.stop().await;
    assert_eq!(program.run(&["doctor", "--live"]).await.code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_brings_a_renewed_certificate_to_connections_from_then_on() {
    let mut secured = Secured::new().await;
    let service = secured.program.serve().await;
    let mut early = secured.connect(&service, rustls::ALL_VERSIONS, &[]).await;
    let folder = secured.program.folder().to_owned();
    let renewed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();

    // Half of the way: a certificate without its key.
    std::fs::write(folder.join("cert.pem"), renewed.cert.pem()).unwrap();
    service.signal("HUP");
    wait_for("the old certificate to be kept", async || {
        service.stderr().contains("the old certificate stays in force").then_some(())
    })
    .await;
    live(secured.connect(&service, rustls::ALL_VERSIONS, &[]).await).await.1.expect(200);
    let report = secured.program.run(&["doctor"]).await;
    assert!(report.code == Some(1) && report.stdout.contains("FAIL  tls"), "{report:?}");

    std::fs::write(folder.join("key.pem"), renewed.signing_key.serialize_pem()).unwrap();
    service.signal("HUP");
    wait_for("the new certificate", async || service.stderr().contains("read TLS_CERT and TLS_KEY anew").then_some(()))
        .await;
    secured.certificate = renewed.cert;
    live(secured.connect(&service, rustls::ALL_VERSIONS, &[]).await).await.1.expect(200);
    assert!(secured.program.run(&["doctor"]).await.done().contains("ok    tls"));

    early.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    early.read_to_end(&mut said).await.unwrap();
    assert!(said.starts_with(b"HTTP/1.1 200"), "connections of before go on");
    assert_eq!(service.stop().await.code, Some(0));
}
