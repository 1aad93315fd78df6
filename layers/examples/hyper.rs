//! All layers around a plain hyper service: `cargo run --example hyper --features full`, then `curl -i localhost:3000/me`.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::num::NonZeroUsize;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use portcullis_layers::client_ip::ClientIpLayer;
use portcullis_layers::jwt_auth::{
    Access, Algorithm, JwtAuthLayer, KeySet, KeySetHandle, Validation, Verified, VerifyingKey,
};
use portcullis_layers::load_shed::LoadShedLayer;
use portcullis_layers::metrics::MetricsLayer;
use portcullis_layers::problem::ProblemLayer;
use portcullis_layers::request_id::RequestIdLayer;
use portcullis_layers::security_headers::SecurityHeadersLayer;
use portcullis_layers::trace::TraceLayer;
use portcullis_layers::{PeerAddr, RoutePattern};
use prometheus::Registry;
use serde_json::Value;
use tokio::net::TcpListener;
use tower::{ServiceBuilder, service_fn};

const ROUTES: [&str; 2] = ["/hello", "/me"];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    serve(TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 3000))).await?).await
}

pub(crate) async fn serve(listener: TcpListener) -> Result<(), Box<dyn Error>> {
    let key = VerifyingKey::from_secret(Algorithm::HS256, b"only an example: 32 bytes or more")?;
    let validation = Validation::<Value>::builder().issuer("https://issuer.example").audience("example").build()?;
    let authentication = JwtAuthLayer::builder(KeySetHandle::new(KeySet::new([key])?), validation)
        .access(|head| if head.uri.path() == "/me" { Access::Required } else { Access::Skip });

    // Outermost first.
    let stack = ServiceBuilder::new()
        .layer(RequestIdLayer::new())
        .layer(TraceLayer::new())
        .layer(MetricsLayer::builder(&Registry::new()).build()?)
        .layer(SecurityHeadersLayer::api())
        .layer(ProblemLayer::builder().build()?)
        .layer(ClientIpLayer::builder().trusted(["10.0.0.0/8".parse()?]).build()?)
        .layer(LoadShedLayer::new(NonZeroUsize::try_from(512)?))
        .layer(authentication.build()?)
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
    let route = ROUTES.into_iter().find(|route| *route == request.uri().path());
    let extensions = request.extensions_mut();
    extensions.insert(PeerAddr(peer));
    if let Some(route) = route {
        extensions.insert(RoutePattern(route.into()));
    }
    request
}

async fn handle(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let claims = request.extensions().get().map(Verified::<Value>::claims);
    let mut response = Response::new(Full::from(match (request.uri().path(), claims) {
        ("/hello", _) => "hello\n".to_owned(),
        ("/me", Some(claims)) => claims.to_string(),
        _ => String::new(),
    }));
    if !ROUTES.contains(&request.uri().path()) {
        // The problem layer writes the body.
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    Ok(response)
}
