//! Serves a limiter of the [`governor`] crate with a key extractor of [`tower_governor`], on plain hyper as in axum.
//!
//! For apps that have both and want to keep them. What they get here: any response body, the IETF header fields, a `Retry-After` that is
//! never 0, a refusal that costs no more than an allowance, and a limiter that forgets fresh keys by itself.
//!
//! # Conditions
//!
//! 1. A request that the closure given to [`exempt`](Builder::exempt) names passes.
//! 2. The extractor makes a key of the request. If it cannot, the request is refused with the status, message and headers of its error;
//!    500 unless it says otherwise. The code is `key_extraction_failed`.
//! 3. The limiter charges the key one unit, and the request passes or is refused as the [parent module](super#the-answer) describes. The
//!    fields stand on answers to requests that passed only if the limiter uses `StateInformationMiddleware` (`use_headers()` of
//!    `tower_governor`), for no other tells what is left.
//! 4. As often as the limiter has keys, and at least every 1024 checks, a request makes it forget those that are fresh.
//!
//! # Deployment
//!
//! `tower_governor` keeps its list of methods to itself: say it again by `exempt`. Its `SmartIpKeyExtractor` believes the leftmost
//! `X-Forwarded-For`, which clients forge; and the number of keys of a governor limiter has no bound but its clients. A
//! [`Limiter`](super::Limiter) has neither weakness.
//!
//! # Examples
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use portcullis_layers::rate_limit::governor::GovernorLayer;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_governor::governor::GovernorConfigBuilder;
//! use tower_governor::key_extractor::GlobalKeyExtractor;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = GovernorConfigBuilder::default()
//!     .per_second(60)
//!     .burst_size(1)
//!     .key_extractor(GlobalKeyExtractor)
//!     .use_headers()
//!     .finish()
//!     .ok_or("burst and period are not 0")?;
//!
//! let service = ServiceBuilder::new()
//!     .layer(GovernorLayer::builder(GlobalKeyExtractor, config.limiter().clone()).name("everybody").build()?)
//!     .service(service_fn(async |_: Request<()>| {
//!         Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
//!     }));
//!
//! let response = service.clone().oneshot(Request::new(())).await?;
//! assert_eq!(response.headers()["ratelimit"], "\"everybody\";r=0;t=60");
//! let response = service.oneshot(Request::new(())).await?;
//! assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
//! assert_eq!(response.headers()["retry-after"], "60");
//! # Ok(())
//! # }
//! ```
//!
//! With an extractor of the app, routes that always pass, and an answer of one's own:
//!
//! ```
//! # use http::{Request, Response};
//! # use tower::{Layer, ServiceExt, service_fn};
//! use portcullis_layers::Refusal;
//! use portcullis_layers::rate_limit::governor::GovernorLayer;
//! use tower_governor::GovernorError;
//! use tower_governor::governor::GovernorConfigBuilder;
//! use tower_governor::key_extractor::KeyExtractor;
//!
//! #[derive(Clone, Debug)]
//! struct ApiKey;
//!
//! impl KeyExtractor for ApiKey {
//!     type Key = String;
//!
//!     fn extract<B>(&self, request: &Request<B>) -> Result<String, GovernorError> {
//!         let key = request.headers().get("x-api-key").and_then(|key| key.to_str().ok());
//!         key.map(str::to_owned).ok_or(GovernorError::UnableToExtractKey)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = GovernorConfigBuilder::default().key_extractor(ApiKey).finish().ok_or("burst and period are not 0")?;
//! let layer = GovernorLayer::builder(ApiKey, config.limiter().clone())
//!     .name("api-key")
//!     .exempt(|head| head.uri.path() == "/health")
//!     .refuse(|refusal: &Refusal| {
//!         let mut response = Response::new(format!(r#"{{"error":"{}"}}"#, refusal.code()));
//!         *response.status_mut() = refusal.status();
//!         response
//!     })
//!     .build()?;
//!
//! # let service = layer.layer(service_fn(async |_: Request<()>| Ok::<_, std::convert::Infallible>(Response::new("fine".to_owned()))));
//! let health = service.clone().oneshot(Request::get("/health").body(())?).await?;
//! assert_eq!(health.body(), "fine");
//! let nobody = service.oneshot(Request::get("/").body(())?).await?;
//! assert_eq!(nobody.body(), r#"{"error":"key_extraction_failed"}"#);
//! # Ok(())
//! # }
//! ```

mod config;
mod layer;
mod service;
mod standing;

pub use layer::{Builder, GovernorLayer};
pub use service::Governor;
pub use standing::Remaining;
