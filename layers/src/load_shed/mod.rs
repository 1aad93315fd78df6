//! Refuses at once what would only wait: a bound on the requests in flight.
//!
//! # Conditions
//!
//! 1. A request that finds fewer than the maximum in flight takes a permit and passes.
//! 2. Otherwise it is answered without calling the inner service: status 503, code `overloaded`, `Retry-After` (1 second by default).
//! 3. A request that the closure given to [`exempt`](Builder::exempt) names, such as a health check, passes without a permit.
//! 4. The permit is given back when the response head is there, when the inner service fails, and when the request is dropped. A body
//!    that streams on afterwards holds none.
//! 5. With [`lend_places`](Builder::lend_places) the request carries its [`Place`] as an extension. Whoever waits inside for something that
//!    costs nothing, above all for a slow sender's body, leaves it and takes a place again afterwards, or refuses if there is none.
//!
//! # Deployment
//!
//! All clones of a layer and of its services share one bound. Unlike `tower::load_shed`, the answer is a response, not an error, and the
//! readiness of the inner service is not touched: a service that is not ready makes callers wait, as without the layer.
//!
//! # Examples
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use portcullis_layers::load_shed::LoadShedLayer;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let service = ServiceBuilder::new()
//!     .layer(LoadShedLayer::new(NonZeroUsize::MIN))
//!     .service(service_fn(async |_: Request<()>| {
//!         std::future::pending::<()>().await;
//!         Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
//!     }));
//!
//! let waiting = tokio::spawn(service.clone().oneshot(Request::new(())));
//! tokio::task::yield_now().await;
//!
//! let response = service.oneshot(Request::new(())).await.unwrap();
//! assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
//! assert_eq!(response.headers()["retry-after"], "1");
//! # waiting.abort();
//! # }
//! ```
//!
//! With routes that always pass, and an answer of one's own:
//!
//! ```
//! # use http::Request;
//! # use tower::{Layer, Service, ServiceExt, service_fn};
//! use std::num::NonZeroUsize;
//! use std::time::Duration;
//!
//! use http::Response;
//! use portcullis_layers::Refusal;
//! use portcullis_layers::load_shed::LoadShedLayer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let layer = LoadShedLayer::builder(NonZeroUsize::MIN)
//!     .exempt(|head| head.uri.path().starts_with("/health"))
//!     .retry_after(Duration::from_secs(5))
//!     .refuse(|refusal: &Refusal| {
//!         let mut response = Response::new(format!(r#"{{"error":"{}"}}"#, refusal.code()));
//!         *response.status_mut() = refusal.status();
//!         response
//!     })
//!     .build();
//!
//! # let mut service = layer.layer(service_fn(async |_: Request<()>| {
//! #     Ok::<_, std::convert::Infallible>(Response::new("fine".to_owned()))
//! # }));
//! let first = service.call(Request::new(()));
//! let response = service.clone().oneshot(Request::new(())).await?;
//! assert_eq!(response.headers()["retry-after"], "5");
//! assert_eq!(response.body(), r#"{"error":"overloaded"}"#);
//! let health = service.oneshot(Request::get("/health/live").body(())?).await?;
//! assert_eq!(health.body(), "fine");
//! # drop(first);
//! # Ok(())
//! # }
//! ```

mod future;
mod gate;
mod layer;
mod place;
mod service;

pub use future::ResponseFuture;
pub use layer::{Builder, LoadShedLayer};
pub use place::Place;
pub use service::LoadShed;
