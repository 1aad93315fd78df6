//! Gives every request an id and a place in a distributed trace.
//!
//! # Conditions
//!
//! 1. A single incoming `x-request-id` of 1 to 128 characters from `[A-Za-z0-9._-]` is accepted. Anything else (missing, repeated, too
//!    long, another character) is replaced by a new id of 32 lower-case hex digits.
//! 2. The id is put on the request (extension [`RequestId`](crate::RequestId) and header) and on the response (header, replacing one
//!    that the inner service may have set).
//! 3. A single well-formed `traceparent` header is continued: the request gets a new span id whose parent is the sender's. Otherwise a
//!    new trace begins, `tracestate` is removed, and where the id is new too, trace id and request id are the same number.
//! 4. The [`TraceContext`](crate::TraceContext) is put on the request as `traceparent` header, so that a handler which forwards the
//!    headers propagates the trace, and as a part of the extension: [`TraceContext::of`](crate::TraceContext::of) finds it.
//!
//! # Deployment
//!
//! New ids are unique, not unguessable: a random 128-bit start per layer, a counter, and a bijection that spreads it. They cost no system
//! call and must never serve as a secret.
//!
//! Behind a proxy that is not yours, ids and traces come from strangers: they are safe to log, but two requests may then carry the same
//! one. [`accept_incoming`](Builder::accept_incoming) and
//! [`continue_traces`](Builder::continue_traces) turn that off.
//!
//! # Examples
//!
//! ```
//! use http::{Request, Response};
//! use portcullis_layers::{RequestId, request_id::RequestIdLayer};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let service = ServiceBuilder::new().layer(RequestIdLayer::new()).service(service_fn(async |request: Request<()>| {
//!     let id = request.extensions().get::<RequestId>().cloned();
//!     Ok::<_, std::convert::Infallible>(Response::new(id))
//! }));
//!
//! let request = Request::builder().header("x-request-id", "order-17").body(()).unwrap();
//! let response = service.oneshot(request).await.unwrap();
//! assert_eq!(response.headers()["x-request-id"], "order-17");
//! assert_eq!(response.body().as_ref().unwrap().as_str(), "order-17");
//! # }
//! ```
//!
//! At the edge, with a header name of one's own and the trace shown to the client:
//!
//! ```
//! # use http::{Request, Response};
//! # use tower::{Layer, ServiceExt, service_fn};
//! use http::HeaderName;
//! use portcullis_layers::request_id::RequestIdLayer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let layer = RequestIdLayer::builder()
//!     .header(HeaderName::from_static("x-correlation-id"))
//!     .accept_incoming(false)
//!     .continue_traces(false)
//!     .trace_response(true)
//!     .build()?;
//!
//! # let service = layer.layer(service_fn(async |_: Request<()>| Ok::<_, std::convert::Infallible>(Response::new(()))));
//! let response = service.oneshot(Request::get("/").header("x-correlation-id", "of-a-stranger").body(())?).await?;
//! assert_ne!(response.headers()["x-correlation-id"], "of-a-stranger");
//! assert!(response.headers().contains_key("traceresponse"));
//! # Ok(())
//! # }
//! ```

mod future;
mod identity;
mod layer;
mod number;
mod service;

pub use future::ResponseFuture;
pub use layer::{Builder, ConfigError, RequestIdLayer};
pub use service::SetRequestId;
