use std::convert::Infallible;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use portcullis_layers::ClientScheme;
use portcullis_layers::security_headers::{
    ConfigError, ContentSecurityPolicy, CspNonce, Directive, Hsts, PermissionsPolicy, SecurityHeadersLayer, Source,
};
use tower::{Layer, ServiceExt, service_fn};

/// The headers of the answer of an inner service that sets `own` and leaves `scheme` in its extensions, and the nonce it was given.
async fn answer(
    layer: SecurityHeadersLayer,
    request: Request<()>,
    own: &'static [(&'static str, &'static str)],
    scheme: Option<ClientScheme>,
) -> (HeaderMap, Option<CspNonce>) {
    let service = layer.layer(service_fn(async |request: Request<()>| {
        let mut response = Response::new(request.extensions().get::<CspNonce>().copied());
        for (name, value) in own {
            response.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        if let Some(scheme) = scheme {
            response.extensions_mut().insert(scheme);
        }
        Ok::<_, Infallible>(response)
    }));
    let (parts, nonce) = service.oneshot(request).await.unwrap().into_parts();
    (parts.headers, nonce)
}

async fn headers(layer: SecurityHeadersLayer) -> HeaderMap {
    answer(layer, Request::new(()), &[], None).await.0
}

fn over(scheme: ClientScheme) -> Request<()> {
    Request::builder().extension(scheme).body(()).unwrap()
}

fn nonce_policy() -> ContentSecurityPolicy {
    ContentSecurityPolicy::builder().allow(Directive::ScriptSrc, [Source::Nonce]).build().unwrap()
}

#[tokio::test]
async fn hsts_never_goes_out_over_plain_text_however_it_was_configured() {
    let by_hand = HeaderValue::from_static("max-age=60");
    let builder = || SecurityHeadersLayer::builder().set(header::STRICT_TRANSPORT_SECURITY, by_hand.clone());
    let sent = async |layer: SecurityHeadersLayer, scheme| {
        let (headers, _) = answer(layer, over(scheme), &[], None).await;
        headers.get(header::STRICT_TRANSPORT_SECURITY).cloned()
    };
    assert_eq!(sent(builder().build().unwrap(), ClientScheme::Http).await, None);
    assert_eq!(sent(builder().build().unwrap(), ClientScheme::Https).await, Some(by_hand.clone()));
    assert_eq!(sent(builder().hsts(None).build().unwrap(), ClientScheme::Https).await, None, "the last word counts");
    let stripped = builder().strip(header::STRICT_TRANSPORT_SECURITY).build();
    assert_eq!(stripped.err(), Some(ConfigError::SetAndStripped(header::STRICT_TRANSPORT_SECURITY)));
}

#[tokio::test]
async fn the_api_preset_sets_exactly_the_headers_of_its_table() {
    let headers = headers(SecurityHeadersLayer::api()).await;
    let expected = [
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("x-permitted-cross-domain-policies", "none"),
        ("x-xss-protection", "0"),
    ];
    for (name, value) in expected {
        assert_eq!(headers[name], value, "{name}");
    }
    assert!(headers["permissions-policy"].to_str().unwrap().contains("camera=()"));
    assert_eq!(headers.len(), expected.len() + 1);
}

#[tokio::test]
async fn a_header_of_the_inner_service_is_never_overwritten() {
    let own = &[("cache-control", "max-age=60"), ("x-frame-options", "SAMEORIGIN"), ("x-frame-options", "DENY")];
    let (headers, _) = answer(SecurityHeadersLayer::api(), Request::new(()), own, None).await;
    assert_eq!(headers["cache-control"], "max-age=60");
    assert_eq!(headers.get_all("x-frame-options").iter().collect::<Vec<_>>(), ["SAMEORIGIN", "DENY"]);
}

#[tokio::test]
async fn headers_that_name_the_software_are_stripped() {
    let own = &[("server", "a/1.0"), ("server", "b"), ("x-powered-by", "c"), ("x-backend", "d")];
    let layer = SecurityHeadersLayer::builder().strip(HeaderName::from_static("x-backend")).build().unwrap();
    let (headers, _) = answer(layer, Request::new(()), own, None).await;
    for (name, _) in own {
        assert!(!headers.contains_key(*name), "{name}");
    }
}

#[tokio::test]
async fn hsts_is_sent_over_tls_only() {
    use ClientScheme::{Http, Https};
    for (request, inner, sent) in [
        (Request::new(()), None, false),
        (over(Http), None, false),
        (over(Https), None, true),
        (Request::new(()), Some(Https), true),
        (over(Https), Some(Http), false),
    ] {
        let case = format!("{request:?}, {inner:?}");
        let (headers, _) = answer(SecurityHeadersLayer::api(), request, &[], inner).await;
        let expected = sent.then(|| HeaderValue::from_static("max-age=63072000; includeSubDomains"));
        assert_eq!(headers.get(header::STRICT_TRANSPORT_SECURITY), expected.as_ref(), "{case}");
    }
}

#[tokio::test]
async fn a_closure_has_the_last_word_about_tls() {
    let layer = SecurityHeadersLayer::builder().https(|head| head.headers.contains_key("x-tls")).build().unwrap();
    let (headers, _) = answer(layer.clone(), over(ClientScheme::Https), &[], Some(ClientScheme::Https)).await;
    assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    let request = Request::builder().header("x-tls", "1").body(()).unwrap();
    assert!(answer(layer, request, &[], None).await.0.contains_key(header::STRICT_TRANSPORT_SECURITY));
}

#[tokio::test]
async fn each_request_gets_its_own_nonce_in_extension_and_policy() {
    let layer = SecurityHeadersLayer::html(nonce_policy());
    let mut seen = std::collections::HashSet::new();
    for _ in 0..3 {
        let (headers, nonce) = answer(layer.clone(), Request::new(()), &[], None).await;
        let nonce = nonce.unwrap();
        assert_eq!(headers["content-security-policy"], format!("script-src 'nonce-{}'", nonce.as_str()));
        assert!(!format!("{nonce:?}").contains(nonce.as_str()));
        assert!(seen.insert(nonce.as_str().to_owned()));
        assert!(!headers.contains_key("cache-control"));
    }
}

#[tokio::test]
async fn two_policies_may_stand_side_by_side() {
    let layer = SecurityHeadersLayer::builder()
        .content_security_policy(ContentSecurityPolicy::deny_all())
        .content_security_policy_report_only(nonce_policy())
        .build()
        .unwrap();
    let (headers, nonce) = answer(layer, Request::new(()), &[], None).await;
    assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    assert!(headers["content-security-policy-report-only"].to_str().unwrap().contains(nonce.unwrap().as_str()));
}

#[tokio::test]
async fn what_is_configured_away_stays_away() {
    let layer = SecurityHeadersLayer::builder()
        .without(&header::X_FRAME_OPTIONS)
        .without(&header::SERVER)
        .hsts(None)
        .permissions_policy(PermissionsPolicy::builder().build().unwrap())
        .set(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"))
        .build()
        .unwrap();
    let (headers, _) = answer(layer, over(ClientScheme::Https), &[("server", "mine")], None).await;
    assert!(!headers.contains_key(header::X_FRAME_OPTIONS));
    assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    assert_eq!(headers[header::SERVER], "mine");
    assert_eq!(headers[header::REFERRER_POLICY], "same-origin");
}

#[test]
fn contradictory_configurations_do_not_build() {
    let builder = SecurityHeadersLayer::builder;
    let value = HeaderValue::from_static("1");
    for (built, expected) in [
        (builder().strip(header::X_FRAME_OPTIONS).build(), ConfigError::SetAndStripped(header::X_FRAME_OPTIONS)),
        (builder().strip(header::CONTENT_LENGTH).build(), ConfigError::ReservedHeader(header::CONTENT_LENGTH)),
        (builder().set(header::CONNECTION, value).build(), ConfigError::ReservedHeader(header::CONNECTION)),
        (
            builder().strip(header::STRICT_TRANSPORT_SECURITY).build(),
            ConfigError::SetAndStripped(header::STRICT_TRANSPORT_SECURITY),
        ),
        (builder().hsts(Hsts::default().exclude_subdomains().preload()).build(), ConfigError::NotPreloadable),
    ] {
        let error = built.unwrap_err();
        assert_eq!(error, expected);
        assert!(!error.to_string().is_empty());
    }
}
