//! Inspects the path, the query and the body of requests before the handler sees them.
//!
//! The layer bounds what is read, holds JSON and forms to their grammar, and shows every value to inspectors: [`Structural`], which ships
//! here, and whatever implements [`Inspect`]. It refuses or reports. It never changes a request.
//!
//! # Conditions
//!
//! 1. The [`when`](Builder::when) closure names the request; any other passes with nothing read.
//! 2. The path, percent-decoded once, and the values of the query are inspected.
//! 3. A body is read if there is one and its `Content-Type` is JSON (`application/json`, `…+json`) or `application/x-www-form-urlencoded`.
//!    Any other body streams through untouched and uncounted.
//! 4. A body whose announced length exceeds [`max_body`](Structural::max_body) is refused before a byte is read; otherwise the bytes are
//!    counted as they come, and no more than the bound and one chunk is ever held.
//! 5. JSON is UTF-8 and well-formed (RFC 8259), and within the bounds on nesting, names and lengths. An empty body passes: whether there had
//!    to be one is the handler's business.
//! 6. Names hold no U+0000, no control character, and are UTF-8.
//! 7. The policy says which values are inspected, and as what. A skipped value is neither decoded nor looked at; it counts for the bounds.
//! 8. Each inspected value is shown to [`Structural`] (UTF-8, U+0000, control characters), then to the others in the order they were added.
//!
//! Everything takes time linear in the size of the request: one pass, no recursion, no tree of values.
//!
//! # Answers
//!
//! The first finding decides. Neither body nor headers say which field or pattern it was.
//!
//! | what was found | status, code |
//! |---|---|
//! | a body over its bound | 413 `payload_too_large` |
//! | JSON that is none; the detail tells what was expected at which byte | 400 `malformed_json` |
//! | bytes that are not UTF-8 | 400 `invalid_utf8` |
//! | too deep, too many names, too long; a finding of kind `length` or `format` | 400 `invalid_request` |
//! | every other finding | 400 `malicious_input` |
//!
//! The response carries the [`Refusal`](crate::Refusal) and a [`SanitizeReport`] with kind, place and reason of each finding (at most 16)
//! as extensions: for logs, metrics and audit. No value of a field is in it. With [`report_only`](Builder::report_only) every request goes
//! on, oversized and malformed ones too, and the report is on the response of the handler.
//!
//! # Single values
//!
//! [`InputSanitizer`] is for handlers that take an e-mail address, a name, a text or a path: it checks and cleans one value, by itself or as
//! an inspector of the layer. Its [`SanitizationResult`] has the clean value, what was found where, and the [`Risk`].
//!
//! # The body of the inner service
//!
//! The inner service gets its requests with [`Buffered<B>`](Buffered): a body that replays what was read, trailers included.
//! [`Buffered::content`] gives the bytes to a handler that would only collect them again. A body that fails while it is read goes on as a
//! body that fails at its first frame.
//!
//! # Deployment
//!
//! - Inspection is a second line. Queries still need parameters, and pages still need escaping.
//! - A handler must insist on its `Content-Type` (415): JSON that is declared as something else is not inspected.
//! - Decompress request bodies further out; a compressed one is not UTF-8 and is refused.
//! - A slow sender is not this layer's concern: put a timeout around it, and a bound on connections.
//! - The policy is asked by the *decoded* name, so `pass\u0077ord` is `password`. Of repeated names every value is inspected, since
//!   handlers differ in which of them they believe.
//! - A multipart body is not taken apart.
//!
//! # Examples
//!
//! ```
//! use std::convert::Infallible;
//!
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use portcullis_layers::sanitize::{Buffered, FieldKind, Place, Policy, SanitizeLayer};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let layer = SanitizeLayer::builder(|_, place| match place {
//!     Place::Body("/password") => Policy::Skip,
//!     Place::Body("/comment") => Policy::Inspect(FieldKind::Text),
//!     Place::Path => Policy::Inspect(FieldKind::Path),
//!     _ => Policy::Inspect(FieldKind::Name),
//! });
//! let service = ServiceBuilder::new().layer(layer.build()).service(service_fn(echo));
//!
//! let post = |json: &'static str| {
//!     Request::post("/notes").header("content-type", "application/json").body(Full::<Bytes>::from(json))
//! };
//! let passed = service.clone().oneshot(post(r#"{"name":"Zoë O'Brien","password":"\u0000"}"#)?).await?;
//! assert_eq!(passed.status(), StatusCode::OK);
//! let refused = service.clone().oneshot(post(r#"{"name":"a\u0000b"}"#)?).await?;
//! assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
//! # Ok(())
//! # }
//!
//! async fn echo(request: Request<Buffered<Full<Bytes>>>) -> Result<Response<Full<Bytes>>, Infallible> {
//!     Ok(Response::new(request.body().content().cloned().unwrap_or_default().into()))
//! }
//! ```
//!
//! With bounds and an inspector of the app, on some requests, and only to see what it would do:
//!
//! ```
//! # use std::convert::Infallible;
//! # use bytes::Bytes;
//! # use http::{Method, Request, Response};
//! # use http_body_util::Full;
//! # use tower::{Layer, ServiceExt, service_fn};
//! # use portcullis_layers::sanitize::Buffered;
//! use portcullis_layers::sanitize::{
//!     Field, FieldKind, Finding, FindingKind, Policy, SanitizeLayer, SanitizeReport, Structural,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let layer = SanitizeLayer::builder(|_, _| Policy::Inspect(FieldKind::Text))
//!     .when(|head| head.method == Method::POST)
//!     .structural(Structural::new().max_body(4096).max_depth(4))
//!     .inspect(|field: &Field<'_>| match field.bytes.windows(2).position(|pair| pair == b"--") {
//!         Some(at) => vec![Finding::new(FindingKind::SqlInjection, at, at + 2, "two dashes")],
//!         None => Vec::new(),
//!     })
//!     .report_only(true)
//!     .build();
//! # let service = layer.layer(service_fn(async |_: Request<Buffered<Full<Bytes>>>| {
//! #     Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
//! # }));
//! let request = Request::post("/search?q=1--").body(Full::<Bytes>::default())?;
//! let response = service.oneshot(request).await?;
//! let report = response.extensions().get::<SanitizeReport>().expect("something was found");
//! assert_eq!(report.findings()[0].place().to_string(), "query:q");
//! assert_eq!(report.findings()[0].finding().kind.as_str(), "sql_injection");
//! # Ok(())
//! # }
//! ```

mod buffered;
mod collect;
mod detect;
mod examine;
mod fault;
mod field;
mod finding;
mod future;
mod input;
mod inspect;
mod json;
mod json_text;
mod layer;
mod media;
mod pointer;
mod report;
mod service;
mod structural;
mod urlencoded;

pub use buffered::Buffered;
pub use field::{Field, FieldKind, Place, Policy};
pub use finding::{Finding, FindingKind};
pub use future::ResponseFuture;
pub use input::{InputSanitizer, Limit, Risk, SanitizationError, SanitizationResult};
pub use inspect::Inspect;
pub use layer::{Builder, SanitizeLayer};
pub use report::{FieldFinding, SanitizeReport};
pub use service::Sanitize;
pub use structural::{Controls, Structural};
