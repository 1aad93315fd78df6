//! One [`tracing`] span per request and one event when its response has ended.
//!
//! # Conditions
//!
//! 1. The span `http.request` opens when the request arrives; the inner future and the response body run inside it. It knows the
//!    [`RoutePattern`](crate::RoutePattern), [`RequestId`](crate::RequestId) and [`TraceContext`](crate::TraceContext) if layers further
//!    out put them into the request extensions.
//! 2. [`ClientIp`](crate::ClientIp) and [`ClientScheme`](crate::ClientScheme) are taken from the request extensions, or from those of the
//!    response, where the layer asks a layer further in to leave them ([`WantsClientIp`](crate::WantsClientIp)).
//! 3. The event comes when the last byte of the body was handed over, not when the head was: its duration is what the client waited for.
//!    A request dropped before that, by a client that went away or by a time-out, has its event too.
//! 4. Statuses from 500, errors and panics of the inner service are events at level `ERROR`; all others have the configured level, or `DEBUG` where the closure
//!    given to [`quiet`](TraceLayer::quiet) says so.
//! 5. Neither query string nor header values are recorded: they carry secrets. A path is cut after 512 bytes.
//!
//! # Fields
//!
//! The names follow the OpenTelemetry semantic conventions where these have one. The target of span and event is
//! `portcullis_layers::trace` ([`TARGET`]).
//!
//! | field | on | value |
//! |---|---|---|
//! | `http.request.method` | span | a method of RFC 9110 or `PATCH`, else `_OTHER` |
//! | `http.request.method_original` | span | the first 32 bytes of a method that is `_OTHER`; absent for the others |
//! | `http.route` | span | the route pattern |
//! | `url.scheme` | span | `http` or `https`: [`ClientScheme`](crate::ClientScheme), else the scheme in the request's target |
//! | `url.path` | span | the path |
//! | `request.id` | span | the request id |
//! | `trace_id` | span | 32 hex digits |
//! | `client.address` | span | the client's address |
//! | `otel.name` | span\*\* | `{method} {route}`, or the method alone without a route; `HTTP` for `_OTHER` |
//! | `otel.kind` | span\*\* | `server` |
//! | `http.response.status_code` | span\*, event | the status |
//! | `error.type` | span\*, event | the status from 500, `service_error`, `body_error`, `body_dropped`, `cancelled` or `panic`; absent where all went well |
//! | `refusal` | event | the code of the [`Refusal`](crate::Refusal) in the response extensions |
//! | `http.response.body.size` | event | bytes of the body handed over |
//! | `duration_ms` | event | milliseconds from request to end of the response |
//!
//! \* Unless [`outcome_on_span`](TraceLayer::outcome_on_span) says that the event is enough.
//!
//! \*\* Where [`otel_fields`](TraceLayer::otel_fields) asks for them.
//!
//! # Deployment
//!
//! The response body becomes a [`ResponseBody`], since nothing else sees its end. Place the layer inside those that know id and route,
//! outside everything that refuses. Statuses from 500 are logged at `ERROR` even if they are meant, such as a 503 of an overloaded
//! service: filter by target if that is too much.
//!
//! # Examples
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use portcullis_layers::trace::TraceLayer;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let service = ServiceBuilder::new().layer(TraceLayer::new()).service(service_fn(async |_: Request<()>| {
//!     tracing::debug!("inside the span of its request");
//!     Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from("hello"))))
//! }));
//! let response = service.oneshot(Request::new(())).await.unwrap();
//! # drop(response);
//! # }
//! ```
//!
//! For a quiet log in which only failures speak, and still name their request:
//!
//! ```
//! # use http::{Request, Response, StatusCode};
//! # use http_body_util::{BodyExt, Full};
//! # use std::io::Write;
//! # use std::sync::{Arc, Mutex};
//! # use tower::{Layer, ServiceExt, service_fn};
//! use portcullis_layers::trace::TraceLayer;
//! use tracing::Level;
//!
//! # #[derive(Clone, Default)]
//! # struct Log(Arc<Mutex<Vec<u8>>>);
//! # impl Write for Log {
//! #     fn write(&mut self, text: &[u8]) -> std::io::Result<usize> { self.0.lock().unwrap().write(text) }
//! #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let log = Log::default();
//! # let writer = log.clone();
//! # tracing_subscriber::fmt().with_ansi(false).with_max_level(Level::ERROR).with_writer(move || writer.clone()).init();
//! let layer = TraceLayer::new().span_level(Level::ERROR).event_level(Level::DEBUG);
//!
//! # let service = layer.layer(service_fn(async |request: Request<()>| {
//! #     let mut response = Response::new(Full::<bytes::Bytes>::default());
//! #     if request.uri().path() == "/broken" { *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR; }
//! #     Ok::<_, std::convert::Infallible>(response)
//! # }));
//! for path in ["/fine", "/broken"] {
//!     service.clone().oneshot(Request::get(path).body(())?).await?.into_body().collect().await?;
//! }
//! # let written = String::from_utf8(log.0.lock().unwrap().clone())?;
//! assert_eq!(written.lines().count(), 1);
//! assert!(written.contains("/broken"));
//! # Ok(())
//! # }
//! ```

mod body;
mod exchange;
mod future;
mod layer;
mod level;
mod service;
mod span;

pub use body::ResponseBody;
pub use future::ResponseFuture;
pub use layer::TraceLayer;
pub use level::TARGET;
pub use service::Trace;
