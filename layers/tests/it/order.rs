//! All layers together, in the order that the crate recommends: whatever goes wrong, the client gets the one body.

use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use portcullis_layers::client_ip::ClientIpLayer;
use portcullis_layers::jwt_auth::{Access, Algorithm, JwtAuthLayer, KeySet, KeySetHandle, Validation, VerifyingKey};
use portcullis_layers::load_shed::LoadShedLayer;
use portcullis_layers::metrics::{MetricsBody, MetricsLayer};
use portcullis_layers::problem::ProblemLayer;
use portcullis_layers::request_id::RequestIdLayer;
use portcullis_layers::security_headers::SecurityHeadersLayer;
use portcullis_layers::trace::{ResponseBody, TraceLayer};
use portcullis_layers::{Refusal, RequestId, RoutePattern};
use prometheus::{Registry, TextEncoder};
use serde_json::Value;
use tower::util::MapFutureLayer;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

type Reply = Response<Full<Bytes>>;
type ReplyBody = ResponseBody<MetricsBody<Full<Bytes>>>;

/// What the handlers and the app's own layers do wrong, by path.
#[expect(clippy::panic, reason = "a panic is one of the failures tested")]
async fn handle(request: Request<Full<Bytes>>) -> Result<Reply, Infallible> {
    match request.uri().path() {
        "/panic" => panic!("secret"),
        "/slow" => std::future::pending().await,
        "/bare" => Ok(bare(StatusCode::INTERNAL_SERVER_ERROR, "secret")),
        "/fine" => Ok(Response::new(Full::from("fine"))),
        "/upload" => Ok(match Limited::new(request.into_body(), 16).collect().await {
            Ok(_) => Response::new(Full::from("fine")),
            Err(_) => bare(StatusCode::PAYLOAD_TOO_LARGE, ""),
        }),
        _ => Ok(bare(StatusCode::NOT_FOUND, "")),
    }
}

fn bare(status: StatusCode, text: &'static str) -> Reply {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
}

/// A deadline as an app sets one: late answers become refusals.
async fn within_deadline(answer: impl Future<Output = Result<Reply, Infallible>>) -> Result<Reply, Infallible> {
    tokio::time::timeout(Duration::from_millis(20), answer).await.unwrap_or_else(|_| {
        let mut late = bare(StatusCode::GATEWAY_TIMEOUT, "");
        late.extensions_mut().insert(Refusal::new(StatusCode::GATEWAY_TIMEOUT, "timeout"));
        Ok(late)
    })
}

fn authentication() -> JwtAuthLayer<Value> {
    let key = VerifyingKey::from_secret(Algorithm::HS256, &[7; 32]).unwrap().with_kid("1");
    let keys = KeySetHandle::new(KeySet::new([key]).unwrap());
    let validation = Validation::builder().issuer("issuer").audience("audience").build().unwrap();
    JwtAuthLayer::builder(keys, validation)
        .access(|request| if request.uri.path() == "/private" { Access::Required } else { Access::Skip })
        .build()
        .unwrap()
}

/// The whole library around the handler, with room for one request at a time.
fn app(
    registry: &Registry,
) -> impl Service<Request<Full<Bytes>>, Response = Response<ReplyBody>, Error = Infallible> + Clone + use<> {
    let problem = ProblemLayer::builder().members(|context, members| {
        members.insert("request_id".to_owned(), context.request_id().map(RequestId::as_str).into());
    });
    ServiceBuilder::new()
        .layer(RequestIdLayer::new())
        .layer(TraceLayer::new())
        .layer(MetricsLayer::builder(registry).build().unwrap())
        .layer(SecurityHeadersLayer::api())
        .layer(problem.build().unwrap())
        .layer(ClientIpLayer::builder().build().unwrap())
        .layer(LoadShedLayer::new(NonZeroUsize::MIN))
        .layer(MapFutureLayer::new(within_deadline))
        .layer(authentication())
        .service(service_fn(handle))
}

fn request(method: &str, path: &'static str, body: &'static str) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(path).body(Full::from(body)).unwrap();
    request.extensions_mut().insert(RoutePattern(path.into()));
    request
}

/// What holds for every refusal; returns its machine code.
async fn assert_one_body(response: Response<ReplyBody>, path: &str) -> String {
    let (head, body) = response.into_parts();
    for (name, value) in [
        ("content-type", "application/problem+json"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(head.headers.get(name), Some(&HeaderValue::from_static(value)), "{path}: {name}");
    }
    let bytes = body.collect().await.unwrap().to_bytes();
    assert_eq!(head.headers[header::CONTENT_LENGTH], bytes.len().to_string());
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(body["status"], head.status.as_u16());
    assert_eq!(body["instance"], path);
    assert_eq!(body["request_id"], head.headers["x-request-id"].to_str().unwrap());
    assert!(!body.to_string().contains("secret"), "{body}");
    body["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_failure_gets_the_one_body_with_id_and_security_headers_and_is_counted() {
    let registry = Registry::new();
    let app = app(&registry);
    let too_much = "more than sixteen bytes";
    for (method, path, body, status, error) in [
        ("GET", "/panic", "", 500, "internal_error"),
        ("GET", "/slow", "", 504, "timeout"),
        ("GET", "/bare", "", 500, "internal_error"),
        ("POST", "/upload", too_much, 413, "payload_too_large"),
        ("GET", "/private", "", 401, "missing_token"),
        ("GET", "/nowhere", "", 404, "not_found"),
    ] {
        let response = app.clone().oneshot(request(method, path, body)).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers().contains_key(header::WWW_AUTHENTICATE), status == 401, "{path}");
        assert_eq!(assert_one_body(response, path).await, error, "{path}");
        assert_counted(&registry, &format!(r#"{{method="{method}",route="{path}",status="{status}"}} 1"#));
    }
    let fine = app.oneshot(request("GET", "/fine", "")).await.unwrap();
    assert_eq!(fine.status(), StatusCode::OK, "no failure has kept its place in the queue");
    assert_eq!(fine.into_body().collect().await.unwrap().to_bytes(), "fine");
}

#[tokio::test]
async fn a_request_over_capacity_gets_the_one_body_too() {
    let registry = Registry::new();
    let app = app(&registry);
    let (slow, refused) = tokio::join!(
        app.clone().oneshot(request("GET", "/slow", "")),
        app.clone().oneshot(request("GET", "/fine", "")),
    );
    let refused = refused.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
    assert_eq!(assert_one_body(refused, "/fine").await, "overloaded");
    assert_eq!(assert_one_body(slow.unwrap(), "/slow").await, "timeout");
    assert_counted(&registry, r#"{method="GET",route="/fine",status="503"} 1"#);
}

#[tokio::test]
async fn the_answer_to_head_has_the_headers_of_the_one_body_alone() {
    let app = app(&Registry::new());
    let response = app.oneshot(request("HEAD", "/nowhere", "")).await.unwrap();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    assert_ne!(response.headers()[header::CONTENT_LENGTH], "0");
    assert!(response.headers().contains_key("x-request-id"));
    assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
}

#[track_caller]
fn assert_counted(registry: &Registry, sample: &str) {
    let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
    assert!(text.contains(&format!("http_server_requests_total{sample}\n")), "{sample} is not in\n{text}");
}
