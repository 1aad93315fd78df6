//! All layers around a plain hyper service: `cargo run --example hyper --features full`, then `curl -i localhost:3000/hello`.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use portcullis_layers::audit::{AuditLayer, AuditLog, AuditSink};
use portcullis_layers::client_ip::ClientIpLayer;
use portcullis_layers::jwt_auth::{
    Access, Algorithm, JwtAuthLayer, KeySet, KeySetHandle, Validation, Verified, VerifyingKey,
};
use portcullis_layers::load_shed::LoadShedLayer;
use portcullis_layers::metrics::MetricsLayer;
use portcullis_layers::problem::ProblemLayer;
use portcullis_layers::rate_limit::{Key, Limiter, Policy, RateLimitLayer};
use portcullis_layers::request_id::RequestIdLayer;
use portcullis_layers::sanitize::{self, Buffered, FieldKind, Place, SanitizeLayer};
use portcullis_layers::security_headers::SecurityHeadersLayer;
use portcullis_layers::trace::TraceLayer;
use portcullis_layers::{PeerAddr, RoutePattern};
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
            batch.iter().for_each(|event| tracing::info!(?event, "audit"));
        }
    });
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 3000))).await?;
    // What the registry gathers is for your scraper alone, at an address of its own.
    serve(listener, &Registry::new(), audit).await
}

pub(crate) async fn serve(listener: TcpListener, registry: &Registry, audit: AuditSink) -> Result<(), Box<dyn Error>> {
    let policy = Policy::new("network", 60, Duration::from_secs(60)).burst(20);
    let network = Limiter::builder().policy(policy).build()?.limit("network").ok_or("a policy of this name")?;
    let key = VerifyingKey::from_secret(Algorithm::HS256, b"only an example: 32 bytes or more")?;
    let validation = Validation::<Value>::builder().issuer("https://issuer.example").audience("example").build()?;
    let authentication = JwtAuthLayer::builder(KeySetHandle::new(KeySet::new([key])?), validation)
        .access(|head| if head.uri.path() == "/me" { Access::Required } else { Access::Skip });
    let fields = SanitizeLayer::builder(|_, place| match place {
        Place::Path => sanitize::Policy::Inspect(FieldKind::Path),
        Place::Body("/password") => sanitize::Policy::Skip,
        _ => sanitize::Policy::Inspect(FieldKind::Text),
    });

    // Outermost first.
    let stack = ServiceBuilder::new()
        .layer(RequestIdLayer::new())
        .layer(TraceLayer::new())
        .layer(MetricsLayer::builder(registry).build()?)
        .layer(SecurityHeadersLayer::api())
        .layer(ProblemLayer::builder().build()?)
        .layer(ClientIpLayer::builder().trusted(["127.0.0.0/8".parse()?]).build()?)
        .layer(AuditLayer::builder(audit).when(|head| (head.uri.path() == "/me").then_some("profile.read")).build())
        .layer(RateLimitLayer::builder().limit(&network, |head| Some(Key::client(head))).build())
        .layer(LoadShedLayer::new(NonZeroUsize::try_from(64)?))
        .layer(authentication.build()?)
        .layer(fields.build())
        .service(service_fn(handle));

    loop {
        let (stream, peer) = listener.accept().await?;
        let service = ServiceBuilder::new().map_request(move |request| introduce(request, peer)).service(stack.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        tokio::spawn(connection);
    }
}

/// Tells the layers what only the app knows: the socket's other end, and the route.
fn introduce(mut request: Request<Incoming>, peer: SocketAddr) -> Request<Incoming> {
    let route = ["/hello", "/me", "/echo"].into_iter().find(|route| *route == request.uri().path());
    let extensions = request.extensions_mut();
    extensions.insert(PeerAddr(peer));
    if let Some(route) = route {
        extensions.insert(RoutePattern(route.into()));
    }
    request
}

async fn handle(request: Request<Buffered<Incoming>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let claims = request.extensions().get().map(Verified::<Value>::claims);
    let body = match (request.uri().path(), claims) {
        ("/hello", _) => Bytes::from("hello\n"),
        ("/me", Some(claims)) => claims.to_string().into(),
        ("/echo", _) => request.body().content().cloned().unwrap_or_default(),
        _ => {
            let mut response = Response::new(Full::default());
            // The problem layer writes the body.
            *response.status_mut() = StatusCode::NOT_FOUND;
            return Ok(response);
        }
    };
    Ok(Response::new(Full::from(body)))
}
