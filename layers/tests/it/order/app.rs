//! The whole library around a handler that does everything wrong.

use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use portcullis_layers::audit::{AuditEvents, AuditLayer, AuditLog};
use portcullis_layers::client_ip::ClientIpLayer;
use portcullis_layers::jwt_auth::{Access, Algorithm, JwtAuthLayer, KeySet, KeySetHandle, Validation, VerifyingKey};
use portcullis_layers::load_shed::LoadShedLayer;
use portcullis_layers::metrics::{MetricsBody, MetricsLayer};
use portcullis_layers::problem::ProblemLayer;
use portcullis_layers::rate_limit::{Key, Limit, Limiter, Policy, RateLimitLayer};
use portcullis_layers::request_id::RequestIdLayer;
use portcullis_layers::sanitize::{
    self, Buffered, Field, FieldKind, Finding, FindingKind, Place, SanitizeLayer, Structural,
};
use portcullis_layers::security_headers::SecurityHeadersLayer;
use portcullis_layers::trace::{ResponseBody, TraceLayer};
use portcullis_layers::{Refusal, RequestId};
use prometheus::{Registry, TextEncoder};
use serde_json::Value;
use tower::util::{BoxCloneService, MapFutureLayer};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_http::cors::CorsLayer;

pub(super) const ORIGIN: &str = "https://app.example";

type Reply = Response<Full<Bytes>>;
pub(super) type ReplyBody = ResponseBody<MetricsBody<Full<Bytes>>>;

pub(super) struct App {
    pub(super) service: BoxCloneService<Request<Full<Bytes>>, Response<ReplyBody>, Infallible>,
    pub(super) events: AuditEvents,
    registry: Registry,
}

impl App {
    /// With room for one request at a time.
    pub(super) fn new() -> Self {
        let registry = Registry::new();
        let (sink, events) = AuditLog::bounded(NonZeroUsize::MAX);
        let problem = ProblemLayer::builder().members(|context, members| {
            members.insert("request_id".to_owned(), context.request_id().map(RequestId::as_str).into());
        });
        let limiter = Limiter::builder()
            .policy(Policy::new("network", 1, Duration::from_secs(900)))
            .policy(Policy::new("account", 1, Duration::from_secs(900)));
        let limiter = limiter.build().unwrap();
        let (network, account) = (limiter.limit("network").unwrap(), limiter.limit("account").unwrap());
        let service = ServiceBuilder::new()
            .layer(RequestIdLayer::new())
            .layer(TraceLayer::new())
            .layer(MetricsLayer::builder(&registry).build().unwrap())
            .layer(SecurityHeadersLayer::api())
            .layer(CorsLayer::new().allow_origin(HeaderValue::from_static(ORIGIN)))
            .layer(problem.build().unwrap())
            .layer(ClientIpLayer::builder().build().unwrap())
            .layer(AuditLayer::builder(sink).when(|_| Some("request")).build())
            .layer(limit(&network))
            .layer(LoadShedLayer::new(NonZeroUsize::MIN))
            .layer(MapFutureLayer::new(within_deadline))
            .layer(authentication())
            .layer(fields())
            .service(service_fn(move |request| handle(request, account.clone())));
        Self { service: service.boxed_clone(), events, registry }
    }

    /// Makes the two limits refuse what comes next.
    pub(super) async fn use_limits_up(&self) {
        for path in ["/limited", "/limited-account"] {
            let request = Request::get(path).body(Full::default()).unwrap();
            let response = self.service.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
        }
    }

    /// How often this has been counted.
    pub(super) fn count(&self, method: &str, route: &str, status: u16) -> u64 {
        let text = TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap();
        let series = format!(r#"http_server_requests_total{{method="{method}",route="{route}",status="{status}"}} "#);
        let count = text.lines().find_map(|line| line.strip_prefix(&series));
        count.map_or(0, |count| count.parse().unwrap())
    }
}

fn limit(network: &Limit) -> RateLimitLayer {
    let key = |head: portcullis_layers::RequestHead<'_>| (head.uri.path() == "/limited").then(|| Key::client(head));
    RateLimitLayer::builder().limit(network, key).build()
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

/// Small bounds, and an inspector that knows one attack.
fn fields() -> SanitizeLayer {
    let attack = |field: &Field<'_>| match field.bytes.windows(10).position(|text| text == b"drop table") {
        Some(at) => vec![Finding::new(FindingKind::SqlInjection, at, at + 10, "drops a table")],
        None => Vec::new(),
    };
    SanitizeLayer::builder(|_, place| match place {
        Place::Path => sanitize::Policy::Inspect(FieldKind::Path),
        _ => sanitize::Policy::Inspect(FieldKind::Text),
    })
    .structural(Structural::new().max_body(256).max_depth(8))
    .inspect(attack)
    .build()
}

/// A deadline as an app sets one: late answers become refusals.
async fn within_deadline(answer: impl Future<Output = Result<Reply, Infallible>>) -> Result<Reply, Infallible> {
    tokio::time::timeout(Duration::from_millis(20), answer).await.unwrap_or_else(|_| {
        let mut late = bare(StatusCode::GATEWAY_TIMEOUT, "");
        late.extensions_mut().insert(Refusal::new(StatusCode::GATEWAY_TIMEOUT, "timeout"));
        Ok(late)
    })
}

/// What the handlers and the app's own layers do wrong, by path.
#[expect(clippy::panic, reason = "a panic is one of the failures tested")]
async fn handle(request: Request<Buffered<Full<Bytes>>>, account: Limit) -> Result<Reply, Infallible> {
    Ok(match request.uri().path() {
        "/panic" => panic!("secret"),
        "/panic-later" => {
            tokio::task::yield_now().await;
            panic!("secret, later")
        }
        "/slow" => std::future::pending().await,
        "/bare" => bare(StatusCode::INTERNAL_SERVER_ERROR, "secret"),
        "/fine" | "/limited" | "/notes" => Response::new(Full::from("fine")),
        "/limited-account" => charge(&account),
        "/no-such-method" => {
            let mut response = bare(StatusCode::METHOD_NOT_ALLOWED, "");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
            response
        }
        _ => bare(StatusCode::NOT_FOUND, ""),
    })
}

/// A handler that limits by what only it knows.
fn charge(account: &Limit) -> Reply {
    let outcome = account.charge("somebody");
    let status = if outcome.is_refused() { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::OK };
    let mut response = bare(status, "");
    response.extensions_mut().insert(outcome);
    response
}

fn bare(status: StatusCode, text: &'static str) -> Reply {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
}
