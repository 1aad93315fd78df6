use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use http::{Extensions, HeaderValue, Request, Response, StatusCode};
use portcullis_layers::client_ip::{ClientIpLayer, ConfigError, ForwardedHeader};
use portcullis_layers::{ClientIp, ClientScheme, PeerAddr, Refusal, WantsClientIp};
use tower::{Layer, ServiceExt, service_fn};

fn behind_proxies() -> ClientIpLayer {
    ClientIpLayer::builder().trusted(["10.0.0.0/8".parse().unwrap()]).build().unwrap()
}

/// The extensions as the inner service and as an outer layer that asks sees them.
async fn send(layer: ClientIpLayer, peer: Option<&str>, headers: &[(&'static str, &'static str)]) -> [Extensions; 2] {
    let service = layer.layer(service_fn(async |request: Request<()>| {
        Ok::<_, Infallible>(Response::new(request.into_parts().0.extensions))
    }));
    let mut request = Request::new(());
    request.extensions_mut().insert(WantsClientIp);
    if let Some(peer) = peer {
        request.extensions_mut().insert(PeerAddr(SocketAddr::new(peer.parse().unwrap(), 54_321)));
    }
    for (name, value) in headers {
        request.headers_mut().append(*name, HeaderValue::from_static(value));
    }
    let (parts, inner) = service.oneshot(request).await.unwrap().into_parts();
    [inner, parts.extensions]
}

fn ip(text: &str) -> Option<ClientIp> {
    Some(ClientIp(text.parse().unwrap()))
}

#[tokio::test]
async fn client_and_scheme_are_known_to_the_handler_and_to_outer_layers() {
    let headers = [("x-forwarded-for", "6.6.6.6, 203.0.113.9"), ("x-forwarded-proto", "https")];
    for extensions in send(behind_proxies(), Some("10.0.0.1"), &headers).await {
        assert_eq!(extensions.get().copied(), ip("203.0.113.9"));
        assert_eq!(extensions.get(), Some(&ClientScheme::Https));
    }
}

#[tokio::test]
async fn outer_layers_that_do_not_ask_learn_the_address_from_refusals_only() {
    for refuses in [false, true] {
        let service = behind_proxies().layer(service_fn(async |_: Request<()>| {
            let mut response = Response::new(());
            if refuses {
                response.extensions_mut().insert(Refusal::new(StatusCode::FORBIDDEN, "forbidden"));
            }
            Ok::<_, Infallible>(response)
        }));
        let mut request = Request::new(());
        request.extensions_mut().insert(PeerAddr(SocketAddr::from(([203, 0, 113, 9], 54_321))));
        let response = service.oneshot(request).await.unwrap();
        assert_eq!(response.extensions().get().copied(), ip("203.0.113.9").filter(|_| refuses));
        assert!(refuses || response.extensions().is_empty());
    }
}

#[tokio::test]
async fn a_stranger_who_sends_the_headers_himself_is_not_believed() {
    let headers = [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", "https"), ("forwarded", "for=127.0.0.1")];
    for extensions in send(behind_proxies(), Some("203.0.113.1"), &headers).await {
        assert_eq!(extensions.get().copied(), ip("203.0.113.1"));
        assert_eq!(extensions.get::<ClientScheme>(), None);
    }
}

#[tokio::test]
async fn without_configuration_the_peer_is_the_client() {
    let layer = ClientIpLayer::builder().build().unwrap();
    let [inner, _] = send(layer, Some("::ffff:192.0.2.7"), &[("x-forwarded-for", "6.6.6.6")]).await;
    assert_eq!(inner.get().copied(), ip("192.0.2.7"));
}

#[tokio::test]
async fn without_a_peer_nobody_is_made_up() {
    for extensions in send(behind_proxies(), None, &[("x-forwarded-for", "203.0.113.9")]).await {
        assert_eq!(extensions.get::<ClientIp>(), None);
    }
}

#[tokio::test]
async fn the_peer_may_come_from_elsewhere_and_the_standard_header_may_be_believed() {
    let layer = ClientIpLayer::builder()
        .trusted(["fd00::/8".parse().unwrap()])
        .header(ForwardedHeader::Forwarded)
        .peer(|_| "fd00::1".parse::<IpAddr>().ok())
        .build()
        .unwrap();
    let headers = [("forwarded", r#"for="[2001:db8::7]:443";proto=https"#), ("x-forwarded-for", "6.6.6.6")];
    let [inner, outer] = send(layer, None, &headers).await;
    assert_eq!(inner.get().copied(), ip("2001:db8::7"));
    assert_eq!(outer.get(), Some(&ClientScheme::Https));
}

#[tokio::test]
async fn no_header_value_can_make_it_panic() {
    let values = [
        "",
        ",",
        ",,,,",
        "\"",
        "\\\"",
        "for=\"\\",
        "[",
        "]",
        "[]",
        ":",
        "for=",
        "for=;",
        "=;=,=",
        "\u{e9}",
        "for=\"[::1\"",
    ];
    for header in [ForwardedHeader::Forwarded, ForwardedHeader::XForwardedFor] {
        for value in values {
            let layer =
                ClientIpLayer::builder().trusted(["10.0.0.0/8".parse().unwrap()]).header(header).build().unwrap();
            let mut request = Request::new(());
            request.extensions_mut().insert(PeerAddr(SocketAddr::from(([10, 0, 0, 1], 1))));
            for name in ["forwarded", "x-forwarded-for", "x-forwarded-proto"] {
                request.headers_mut().append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            let service = layer.layer(service_fn(async |request: Request<()>| {
                Ok::<_, Infallible>(Response::new(request.extensions().get::<ClientIp>().copied()))
            }));
            assert_eq!(service.oneshot(request).await.unwrap().into_body(), ip("10.0.0.1"), "{value}");
        }
    }
}

#[test]
fn trusting_everybody_does_not_build() {
    for everybody in ["0.0.0.0/0", "::/0", "::ffff:0:0/96"] {
        let error = ClientIpLayer::builder().trusted([everybody.parse().unwrap()]).build().unwrap_err();
        assert!(matches!(error, ConfigError::TrustsEveryone(_)), "{everybody}");
        assert!(error.to_string().contains("/0"));
    }
}
