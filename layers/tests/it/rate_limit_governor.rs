use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use portcullis_layers::Refusal;
use portcullis_layers::rate_limit::ConfigError;
use portcullis_layers::rate_limit::governor::GovernorLayer;
use tower::{Layer, ServiceExt, service_fn};
use tower_governor::GovernorError;
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::{GlobalKeyExtractor, KeyExtractor};

type Body = Full<Bytes>;

/// The key is a header, as an app's own extractor may have it.
#[derive(Clone, Debug)]
struct Tenant;

impl KeyExtractor for Tenant {
    type Key = String;

    fn extract<T>(&self, request: &Request<T>) -> Result<String, GovernorError> {
        let tenant = request.headers().get("tenant").and_then(|tenant| tenant.to_str().ok());
        tenant.map(str::to_owned).ok_or_else(|| GovernorError::Other {
            code: StatusCode::BAD_REQUEST,
            msg: Some("who are you?".to_owned()),
            headers: Some(HeaderMap::from_iter([("x-hint".parse().unwrap(), "tenant".parse().unwrap())])),
        })
    }
}

async fn serve(_: Request<()>) -> Result<Response<Body>, Infallible> {
    Ok(Response::new(Body::default()))
}

fn tenant(name: &str) -> Request<()> {
    Request::get("/").header("tenant", name).body(()).unwrap()
}

#[tokio::test]
async fn the_limiter_and_extractor_of_tower_governor_serve_a_plain_body() {
    let config = GovernorConfigBuilder::default().per_second(30).burst_size(2).key_extractor(Tenant).finish().unwrap();
    let layer = GovernorLayer::builder(Tenant, config.limiter().clone()).name("tenant").build().unwrap();
    let service = layer.layer(service_fn(serve));
    for status in [200, 200, 429] {
        let response = service.clone().oneshot(tenant("a")).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers().contains_key("ratelimit"), status == 429, "this middleware tells only refusals");
    }
    let refused = service.clone().oneshot(tenant("a")).await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "30");
    assert_eq!(refused.headers()["ratelimit-policy"], "\"tenant\";q=2;w=60");
    assert_eq!(refused.headers()["ratelimit"], "\"tenant\";r=0;t=60");
    assert_eq!(refused.extensions().get::<Refusal>().unwrap().code(), "rate_limited");
    assert_eq!(service.oneshot(tenant("b")).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn retry_after_is_never_zero() {
    let config = GovernorConfigBuilder::default()
        .per_millisecond(900)
        .burst_size(1)
        .key_extractor(GlobalKeyExtractor)
        .finish()
        .unwrap();
    let layer = GovernorLayer::builder(GlobalKeyExtractor, config.limiter().clone()).build().unwrap();
    let service = layer.layer(service_fn(serve));
    service.clone().oneshot(Request::new(())).await.unwrap();
    assert_eq!(service.oneshot(Request::new(())).await.unwrap().headers()["retry-after"], "1");
}

#[tokio::test]
async fn a_limiter_that_tells_its_state_tells_the_client_what_is_left() {
    let config = GovernorConfigBuilder::default()
        .per_second(30)
        .burst_size(3)
        .key_extractor(Tenant)
        .use_headers()
        .finish()
        .unwrap();
    let layer = GovernorLayer::builder(Tenant, config.limiter().clone())
        .exempt(|head| head.uri.path() == "/health")
        .build()
        .unwrap();
    let service = layer.layer(service_fn(serve));
    for left in ["\"default\";r=2;t=30", "\"default\";r=1;t=60", "\"default\";r=0;t=90"] {
        assert_eq!(service.clone().oneshot(tenant("a")).await.unwrap().headers()["ratelimit"], left);
    }
    let health = service.oneshot(Request::get("/health").body(()).unwrap()).await.unwrap();
    assert!(health.status() == StatusCode::OK && health.headers().is_empty());
}

#[tokio::test]
async fn without_a_key_the_extractor_has_the_word() {
    let config = GovernorConfigBuilder::default().key_extractor(Tenant).finish().unwrap();
    let layer = GovernorLayer::builder(Tenant, config.limiter().clone()).build().unwrap();
    let refused = layer.layer(service_fn(serve)).oneshot(Request::new(())).await.unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert_eq!(refused.headers()["x-hint"], "tenant");
    let refusal = refused.extensions().get::<Refusal>().unwrap();
    assert_eq!((refusal.code(), refusal.detail()), ("key_extraction_failed", "who are you?"));
}

#[tokio::test]
async fn keys_that_are_fresh_again_are_forgotten_under_way() {
    let config = GovernorConfigBuilder::default().per_nanosecond(1).key_extractor(Tenant).finish().unwrap();
    let layer = GovernorLayer::builder(Tenant, config.limiter().clone()).build().unwrap();
    let service = layer.layer(service_fn(serve));
    for name in 0..10_000 {
        service.clone().oneshot(tenant(&name.to_string())).await.unwrap();
    }
    assert!(config.limiter().len() <= 1_024, "{} keys", config.limiter().len());
}

#[test]
fn the_name_must_fit_a_header() {
    let config = GovernorConfigBuilder::default().key_extractor(Tenant).finish().unwrap();
    let built = GovernorLayer::builder(Tenant, config.limiter().clone()).name("no \"quotes\"").build();
    assert_eq!(built.err(), Some(ConfigError::Name("no \"quotes\"".into())));
}
