//! All layers around an axum router: `cargo run --example axum --features full`, then `curl -i localhost:3000/users/7`.

use std::{error::Error, net::SocketAddr, num::NonZeroUsize, time::Duration};

use axum::Router;
use axum::extract::{ConnectInfo, Extension, MatchedPath, Path, Request};
use axum::routing::{get, post};
use portcullis_layers::audit::{AuditLayer, AuditLog, AuditSink};
use portcullis_layers::jwt_auth::{self, Access, Verified, VerifyingKey};
use portcullis_layers::rate_limit::{Key, Limiter, Policy, RateLimitLayer};
use portcullis_layers::sanitize::{self, FieldKind, Place};
use portcullis_layers::{PeerAddr, RoutePattern};
use portcullis_layers::{client_ip, load_shed, metrics, problem, request_id, security_headers, trace};
use prometheus::Registry;
use serde_json::Value;
use tokio::net::TcpListener;
use tower::ServiceBuilder;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let (audit, mut events) = AuditLog::bounded(NonZeroUsize::try_from(10_000)?);
    tokio::spawn(async move {
        while let Some(batch) = events.next_batch(NonZeroUsize::MAX).await {
            tracing::info!(?batch, "audit");
        }
    });
    // What the registry gathers is for your scraper alone, at an address of its own.
    serve(TcpListener::bind("127.0.0.1:3000").await?, &Registry::new(), audit).await
}

pub(crate) async fn serve(listener: TcpListener, registry: &Registry, audit: AuditSink) -> Result<(), Box<dyn Error>> {
    let policy = Policy::new("network", 60, Duration::from_secs(60)).burst(20);
    let network = Limiter::builder().policy(policy).build()?.limit("network").ok_or("a policy of this name")?;
    let key = VerifyingKey::from_secret(jwt_auth::Algorithm::HS256, b"only an example: 32 bytes or more")?;
    let keys = jwt_auth::KeySetHandle::new(jwt_auth::KeySet::new([key])?);
    let claims = jwt_auth::Validation::<Value>::builder().issuer("https://issuer.example").audience("example");
    let authentication = jwt_auth::JwtAuthLayer::builder(keys, claims.build()?)
        .access(|head| if head.uri.path() == "/me" { Access::Required } else { Access::Skip });
    let fields = sanitize::SanitizeLayer::builder(|_, place| match place {
        Place::Path => sanitize::Policy::Inspect(FieldKind::Path),
        Place::Body("/password") => sanitize::Policy::Skip,
        _ => sanitize::Policy::Inspect(FieldKind::Text),
    });

    // Outermost first.
    let stack = ServiceBuilder::new()
        .map_request(introduce)
        .layer(request_id::RequestIdLayer::new())
        .layer(trace::TraceLayer::new())
        .layer(metrics::MetricsLayer::builder(registry).build()?)
        .layer(security_headers::SecurityHeadersLayer::api())
        .layer(problem::ProblemLayer::builder().build()?)
        .layer(client_ip::ClientIpLayer::builder().trusted(["127.0.0.0/8".parse()?]).build()?)
        .layer(AuditLayer::builder(audit).when(|head| (head.uri.path() == "/me").then_some("profile.read")).build())
        .layer(RateLimitLayer::builder().limit(&network, |head| Some(Key::client(head))).build())
        .layer(load_shed::LoadShedLayer::new(NonZeroUsize::try_from(64)?))
        .layer(authentication.build()?)
        .layer(fields.build());
    let app = Router::new()
        .route("/users/{id}", get(async |Path(id): Path<u64>| format!("user {id}\n")))
        .route("/me", get(async |Extension(token): Extension<Verified<Value>>| token.claims().to_string()))
        .route("/echo", post(async |json: String| json))
        .layer(stack);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}

/// Tells the layers in their own words what axum knows: the socket's other end, and the route.
fn introduce(mut request: Request) -> Request {
    let extensions = request.extensions_mut();
    if let Some(ConnectInfo(peer)) = extensions.get().copied() {
        extensions.insert(PeerAddr(peer));
    }
    if let Some(pattern) = extensions.get().map(|path: &MatchedPath| path.as_str().to_owned()) {
        extensions.insert(RoutePattern(pattern.into()));
    }
    request
}
