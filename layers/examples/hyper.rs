//! All layers around a plain hyper service: `cargo run --example hyper --features full`, then `curl -i localhost:3000/hello`.

use std::{convert::Infallible, error::Error, net::SocketAddr, num::NonZeroUsize, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use portcullis_layers::audit::{AuditLayer, AuditLog, AuditSink};
use portcullis_layers::jwt_auth::{self, Access, Verified, VerifyingKey};
use portcullis_layers::rate_limit::{Key, Limiter, Policy, RateLimitLayer};
use portcullis_layers::sanitize::{self, Buffered, FieldKind, Place};
use portcullis_layers::{PeerAddr, RoutePattern, client_ip, load_shed, metrics, problem, request_id, trace};
use serde_json::Value;
use tower::{ServiceBuilder, service_fn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let (audit, mut events) = AuditLog::bounded(NonZeroUsize::try_from(10_000)?);
    tokio::spawn(async move {
        while events.next_batch(NonZeroUsize::MAX).await.inspect(|batch| tracing::info!(?batch)).is_some() {}
    });
    // What the registry gathers is for your scraper alone, at an address of its own.
    serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, &prometheus::Registry::new(), audit).await
}

pub(crate) async fn serve(
    listener: tokio::net::TcpListener,
    registry: &prometheus::Registry,
    audit: AuditSink,
) -> Result<(), Box<dyn Error>> {
    let policy = Policy::new("network", 60, Duration::from_secs(60)).burst(20);
    let network = Limiter::builder().policy(policy).build()?.limit("network").ok_or("a policy of this name")?;
    let key = VerifyingKey::from_secret(jwt_auth::Algorithm::HS256, b"only an example: 32 bytes or more")?;
    let keys = jwt_auth::KeySetHandle::new(jwt_auth::KeySet::new([key])?);
    let claims =
        jwt_auth::Validation::<Value>::builder().issuer("https://issuer.example").audience("example").build()?;

    // Outermost first.
    let stack = ServiceBuilder::new()
        .layer(request_id::RequestIdLayer::new())
        .layer(trace::TraceLayer::new())
        .layer(metrics::MetricsLayer::builder(registry).build()?)
        .layer(portcullis_layers::security_headers::SecurityHeadersLayer::api())
        .layer(problem::ProblemLayer::builder().build()?)
        .layer(client_ip::ClientIpLayer::builder().trusted(["127.0.0.0/8".parse()?]).build()?)
        .layer(AuditLayer::builder(audit).when(|head| (head.uri.path() == "/me").then_some("profile.read")).build())
        .layer(RateLimitLayer::builder().limit(&network, |head| Some(Key::client(head))).build())
        .layer(load_shed::LoadShedLayer::new(NonZeroUsize::try_from(64)?))
        .layer(jwt_auth::JwtAuthLayer::builder(keys, claims).access(access).build()?)
        .layer(sanitize::SanitizeLayer::builder(|_, place| fields(place)).build())
        .service(service_fn(handle));

    loop {
        let (stream, peer) = listener.accept().await?;
        let stack = ServiceBuilder::new().map_request(move |request| introduce(request, peer)).service(stack.clone());
        let service = hyper_util::service::TowerToHyperService::new(stack);
        tokio::spawn(http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service));
    }
}
