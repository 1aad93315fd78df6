//! Rate, errors and duration of HTTP requests, on the [`prometheus`] registry of the app.
//!
//! [`MetricsLayer`] registers its metrics in the [`Registry`](prometheus::Registry) that it is given and nowhere else: no process globals, and
//! the app exposes the text with `prometheus::TextEncoder` as it does for its own.
//!
//! | metric | labels | |
//! |---|---|---|
//! | `http_server_requests_total` | `method`, `route`, `status` | counter |
//! | `http_server_request_duration_seconds` | `method`, `route`, `status` | histogram, to the end of the body |
//! | `http_server_requests_in_flight` | | gauge |
//! | `http_server_request_body_size_bytes` | `method`, `route`, `status` | histogram, with [`body_sizes`](Builder::body_sizes) |
//! | `http_server_response_body_size_bytes` | `method`, `route`, `status` | histogram, with [`body_sizes`](Builder::body_sizes) |
//!
//! Names and default buckets are those of the OpenTelemetry semantic conventions in Prometheus spelling;
//! [`namespace`](Builder::namespace) puts a prefix in front.
//!
//! # What is counted, and when
//!
//! 1. A request is in flight from the call of the service until it is counted.
//! 2. It is counted once, as soon as the first of these happens:
//!    - the response has no body to send (to `HEAD`, 2xx to `CONNECT`, 1xx, 204, 205, 304, or a body that is at its end): when its head is ready;
//!    - the body yields its last frame, or as many bytes as it announced: `status` is the code;
//!    - the service or the body fails, or the service panics: `status="error"`;
//!    - the future or the body is dropped before that, because the client is gone or an outer layer gave up: `status="cancelled"`.
//! 3. `method` is one of the nine of RFC 9110 and RFC 5789, or `other`.
//! 4. `route` comes from [`route`](Builder::route), else from the request extension [`RoutePattern`](crate::RoutePattern). A request without is
//!    `unmatched`; the raw path is never used. Once [`max_routes`](Builder::max_routes) patterns are known, further ones are `overflow`.
//! 5. The request size is what `Content-Length` declares, and is not observed where that is absent; the response size is the bytes of the
//!    body that were handed on, before any transfer coding.
//!
//! So there are at most (`max_routes` + 2) × 10 label pairs of route and method, whatever clients send. The handles of a pair are kept after the
//! first use: counting looks nothing up in the registry, takes no lock and allocates nothing.
//!
//! # The body type
//!
//! The response body becomes [`MetricsBody<B>`], because only the body knows when an answer ends: a latency that stops at the headers hides slow
//! streams and counts clients that hang up as served. It forwards frames, trailers, size hints and the end of the stream as they are, and is
//! `Default` and `From<Bytes>` where `B` is.
//!
//! # Deployment
//!
//! - Place it outside everything that refuses, or refusals are not counted, and inside the part that finds the route.
//! - Build the layer once and clone it: the metrics of a second one with the same names are refused by the registry.
//! - Expose the metrics to your scraper only: routes and statuses are telling.
//! - The end is when the last frame leaves the app, not when it reaches the client: what the kernel's buffers hold counts as sent.
//!
//! # Examples
//!
//! ```
//! use std::convert::Infallible;
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::{BodyExt, Full};
//! use portcullis_layers::RoutePattern;
//! use portcullis_layers::metrics::MetricsLayer;
//! use prometheus::{Registry, TextEncoder};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let registry = Registry::new();
//! let service = MetricsLayer::builder(&registry)
//!     .build()?
//!     .layer(service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("hello"))) }));
//!
//! let mut request = Request::get("/users/7").body(())?;
//! request.extensions_mut().insert(RoutePattern("/users/{id}".into()));
//! service.oneshot(request).await?.into_body().collect().await?;
//!
//! let text = TextEncoder::new().encode_to_string(&registry.gather())?;
//! assert!(text.contains(r#"http_server_requests_total{method="GET",route="/users/{id}",status="200"} 1"#));
//! # Ok(())
//! # }
//! ```
//!
//! With axum's own route extension, a prefix and sizes:
//!
//! ```
//! # use http::{Request, Response};
//! # use http_body_util::{BodyExt, Full};
//! # use tower::{Layer, ServiceExt, service_fn};
//! use std::borrow::Cow;
//!
//! use portcullis_layers::metrics::{BODY_SIZE_BUCKETS, MetricsLayer};
//! use prometheus::{Registry, TextEncoder};
//!
//! # #[derive(Clone)]
//! # struct MatchedPath(String);
//! # impl MatchedPath { fn as_str(&self) -> &str { &self.0 } }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let registry = Registry::new();
//! let layer = MetricsLayer::builder(&registry)
//!     .namespace("shop")
//!     .route(|extensions| extensions.get::<MatchedPath>().map(|path| Cow::Borrowed(path.as_str())))
//!     .body_sizes(BODY_SIZE_BUCKETS)
//!     .build()?;
//!
//! # let service = layer.layer(service_fn(async |_: Request<()>| {
//! #     Ok::<_, std::convert::Infallible>(Response::new(Full::<bytes::Bytes>::from("hello")))
//! # }));
//! let request = Request::get("/users/7").extension(MatchedPath("/users/{id}".into())).body(())?;
//! service.oneshot(request).await?.into_body().collect().await?;
//! let text = TextEncoder::new().encode_to_string(&registry.gather())?;
//! assert!(text.contains(r#"shop_http_server_requests_total{method="GET",route="/users/{id}",status="200"} 1"#), "{text}");
//! # Ok(())
//! # }
//! ```

mod body;
mod families;
mod future;
mod labels;
mod layer;
mod series;
mod service;
mod tracker;

pub use body::MetricsBody;
pub use families::{BODY_SIZE_BUCKETS, DURATION_BUCKETS};
pub use future::ResponseFuture;
pub use layer::{Builder, ConfigError, MetricsLayer};
pub use service::Metrics;
