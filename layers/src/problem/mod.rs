//! One [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) body for every refusal, whoever refuses.
//!
//! Layers, routers and handlers refuse in their own ways: an empty 404, a line of plain text, a panic. [`ProblemLayer`] stands outside all of
//! them and gives each the same `application/problem+json` body, so that clients parse one shape.
//!
//! # When a body is replaced
//!
//! The first rule that fits decides:
//!
//! 1. The inner service panics, in `call` or while its future runs: 500 `internal_error`. The text of the panic goes to
//!    [`on_panic`](Builder::on_panic) and never into the answer.
//! 2. The status is not 4xx or 5xx: untouched.
//! 3. The `Content-Type` is `application/problem+json`: untouched, so nested layers render once.
//! 4. The response carries a [`Refusal`](crate::Refusal) extension of the same status: its code and detail are rendered. A refusal of another
//!    status is stale (something in between decided anew) and is ignored.
//! 5. There is no `Content-Type`, or it is `text/plain`, and the length of the body is known: a bare error. Its code comes from
//!    [`codes`](Builder::codes), else from a built-in table; the text of the old body is dropped, since parsers quote input in it.
//! 6. All else is untouched: JSON, HTML, event streams, bodies of unknown length.
//!
//! # The answer
//!
//! | member | value |
//! |---|---|
//! | `type` | [`type_base`](Builder::type_base) + code, else `about:blank` |
//! | `title` | from `codes`, else the code in words; with `about:blank` the status phrase (RFC 9457, 4.2.1) |
//! | `status` | that of the response |
//! | `detail`, `message` | the refusal's detail, else one fixed sentence per status |
//! | `instance` | the path of the request as a URI reference to this service, at most 1,024 bytes of it, never its query |
//! | `error` | the stable machine code |
//! | others | what [`Members`] in the response extensions and [`members`](Builder::members) add; the names above are taken |
//!
//! Headers stay (`WWW-Authenticate`, `Retry-After`, `Allow`, `Set-Cookie`, CORS, …) except those that describe the replaced body. A rendered
//! answer gets `Cache-Control: no-store` unless it has a `Cache-Control`, and a rendered 503 gets a `Retry-After` unless it has one.
//! `WWW-Authenticate` is not made up for a bare 401: only the layer that refused knows the scheme. The answer to `HEAD` has the headers of the
//! body and no body. A 5xx says nothing beyond its fixed sentence unless a [`Refusal`](crate::Refusal) brings a detail.
//!
//! # Deployment
//!
//! - Place it inside CORS and header layers, outside everything that refuses. [`RequestId`](crate::RequestId) must be in the request
//!   extensions by then to be seen by the closures.
//! - An `Err` of the inner service passes unchanged: turn the errors of `tower::timeout` and the like into responses further in.
//! - With `panic = "abort"` no panic is caught, and a panic inside a response *body* comes too late for any answer. Nor is a panic caught
//!   in the closures given to [`codes`](Builder::codes), [`members`](Builder::members) and [`on_panic`](Builder::on_panic): it ends the
//!   request without an answer.
//! - The response body must be `From<Bytes>`: `Full<Bytes>` and axum's `Body` are.
//!
//! # Examples
//!
//! ```
//! use std::convert::Infallible;
//!
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::{BodyExt, Full};
//! use portcullis_layers::problem::ProblemLayer;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let nothing_here = service_fn(|_: Request<()>| async {
//!     let mut response = Response::new(Full::<Bytes>::default());
//!     *response.status_mut() = StatusCode::NOT_FOUND;
//!     Ok::<_, Infallible>(response)
//! });
//! let service = ProblemLayer::builder().build()?.layer(nothing_here);
//!
//! let response = service.oneshot(Request::get("/nowhere?secret=1").body(())?).await?;
//! assert_eq!(response.headers()["content-type"], "application/problem+json");
//! let body: serde_json::Value = serde_json::from_slice(&response.into_body().collect().await?.to_bytes())?;
//! assert_eq!(body["error"], "not_found");
//! assert_eq!(body["instance"], "/nowhere");
//! # Ok(())
//! # }
//! ```
//!
//! An app with codes, documentation pages and members of its own:
//!
//! ```
//! # use bytes::Bytes;
//! # use http::{Request, Response};
//! # use http_body_util::{BodyExt, Full};
//! # use tower::{Layer, ServiceExt, service_fn};
//! use http::StatusCode;
//! use portcullis_layers::RequestId;
//! use portcullis_layers::problem::ProblemLayer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let layer = ProblemLayer::builder()
//!     .type_base("https://example.com/problems/")
//!     .codes(|status| (status == StatusCode::CONFLICT).then_some(("already_exists", "Already exists")))
//!     .members(|context, members| {
//!         if let Some(id) = context.request_id() {
//!             members.insert("request_id".to_owned(), id.as_str().into());
//!         }
//!     })
//!     .on_panic(|text, context| eprintln!("panic at {} {}: {text}", context.method(), context.path()))
//!     .build()?;
//!
//! # let service = layer.layer(service_fn(async |_: Request<()>| {
//! #     let mut response = Response::new(Full::<Bytes>::default());
//! #     *response.status_mut() = StatusCode::CONFLICT;
//! #     Ok::<_, std::convert::Infallible>(response)
//! # }));
//! let request = Request::get("/").extension(RequestId::from_u128(0xab)).body(())?;
//! let body = service.oneshot(request).await?.into_body().collect().await?.to_bytes();
//! let body: serde_json::Value = serde_json::from_slice(&body)?;
//! assert_eq!(body["type"], "https://example.com/problems/already_exists");
//! assert_eq!(body["title"], "Already exists");
//! assert_eq!(body["request_id"], "000000000000000000000000000000ab");
//! # Ok(())
//! # }
//! ```

mod context;
mod defaults;
mod future;
mod instance;
mod json;
mod layer;
mod reason;
mod render;
mod service;

pub use context::Context;
pub use future::ResponseFuture;
pub use json::Members;
pub use layer::{Builder, ConfigError, ProblemLayer};
pub use render::{MEDIA_TYPE, body};
pub use serde_json::{Map, Value};
pub use service::Problem;
