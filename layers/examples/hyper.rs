//! All layers around a plain hyper service: `cargo run --example hyper --features full`, then `curl -i localhost:3000/hello`.

use std::{convert::Infallible, error::Error, net::SocketAddr, num::NonZeroUsize, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, rt::TokioTimer, service::TowerToHyperService};
use portcullis_layers::audit::{AuditLayer, AuditLog, AuditSink};
use portcullis_layers::jwt_auth::{self, Access, Verified, VerifyingKey};
use portcullis_layers::rate_limit::{Key, Limiter, Policy, RateLimitLayer};
use portcullis_layers::sanitize::{self, Buffered, FieldKind, Place};
use portcullis_layers::{PeerAddr, RoutePattern};
use portcullis_layers::{client_ip, load_shed, metrics, problem, request_id, security_headers, trace};
use prometheus::Registry;
use serde_json::Value;
use tokio::net::TcpListener;
use tower::{ServiceBuilder, service_fn};

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
        .layer(fields.build())
        .service(service_fn(handle));
    loop {
        let (stream, peer) = listener.accept().await?;
        let stack = ServiceBuilder::new().map_request(move |request| introduce(request, peer)).service(stack.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(stack));
        tokio::spawn(connection);
    }
}

/// Tells the layers what only the app knows: the socket's other end, and the route.
fn introduce(mut request: Request<Incoming>, peer: SocketAddr) -> Request<Incoming> {
    let route = ["/hello", "/me", "/echo"].into_iter().find(|route| *route == request.uri().path());
    request.extensions_mut().insert(PeerAddr(peer));
    if let Some(route) = route {
        request.extensions_mut().insert(RoutePattern(route.into()));
    }
    request
}

async fn handle(request: Request<Buffered<Incoming>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    match (request.uri().path(), request.extensions().get().map(Verified::<Value>::claims)) {
        ("/hello", _) => *response.body_mut() = "hello\n".into(),
        ("/me", Some(claims)) => *response.body_mut() = claims.to_string().into(),
        ("/echo", _) => *response.body_mut() = request.body().content().cloned().unwrap_or_default().into(),
        // The problem layer writes the body.
        _ => *response.status_mut() = StatusCode::NOT_FOUND,
    }
    Ok(response)
}
