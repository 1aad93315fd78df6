//! All layers around an axum router: `cargo run --example axum --features full`, then `curl -i localhost:3000/users/7`.

use std::borrow::Cow;
use std::error::Error;
use std::net::SocketAddr;
use std::num::NonZeroUsize;

use axum::Router;
use axum::extract::{ConnectInfo, Extension, MatchedPath, Path, Request};
use axum::routing::get;
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
use tower::ServiceBuilder;

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
        .map_request(introduce)
        .layer(RequestIdLayer::new())
        .layer(TraceLayer::new())
        .layer(MetricsLayer::builder(&Registry::new()).build()?)
        .layer(SecurityHeadersLayer::api())
        .layer(ProblemLayer::builder().build()?)
        .layer(ClientIpLayer::builder().trusted(["10.0.0.0/8".parse()?]).build()?)
        .layer(LoadShedLayer::new(NonZeroUsize::try_from(512)?))
        .layer(authentication.build()?);

    let app = Router::new()
        .route("/users/{id}", get(async |Path(id): Path<u64>| format!("user {id}\n")))
        .route("/me", get(async |Extension(token): Extension<Verified<Value>>| token.claims().to_string()))
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
    if let Some(path) = extensions.get().map(MatchedPath::as_str) {
        let pattern = Cow::Owned(path.to_owned());
        extensions.insert(RoutePattern(pattern));
    }
    request
}
