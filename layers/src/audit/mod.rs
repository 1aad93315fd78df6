//! Hands the app one structured event for each request that is to be audited: who, what, with which result, from where.
//!
//! The layer collects and the app stores. Between them is a queue of a fixed size: a request never waits for the log, a log that is slow
//! never fills the memory, and what does not fit is counted.
//!
//! # Conditions
//!
//! A request becomes an event if
//!
//! 1. the [`when`](Builder::when) closure names it, before the inner service is called; or
//! 2. its response carries an [`AuditRecord`] extension, put there by a handler or a layer further in. The layer takes it out, so nested
//!    layers record once.
//!
//! Where both ask it is one event: the response says what it was, and the details of both are kept. The event is made when the head of the
//! response is there, when the service fails or panics, or when the request is dropped; in the last two cases only (1) can have asked.
//!
//! # The event
//!
//! | what | from |
//! |---|---|
//! | action, actor, details | the [`AuditRecord`] |
//! | result | the status and the code of its [`Refusal`](crate::Refusal), failed, or cancelled |
//! | address | [`ClientIp`](crate::ClientIp) of the response or request, else [`PeerAddr`](crate::PeerAddr) |
//! | user agent | the header, at most 256 bytes |
//! | id, route | [`RequestId`](crate::RequestId) and [`RoutePattern`](crate::RoutePattern), of either |
//! | method, time, duration | the request and the clock |
//!
//! Neither path nor query nor any other header is in it: they carry tokens. Whoever knows better adds a detail.
//!
//! # Deployment
//!
//! - An audit that must not lose a line is written in the transaction of its cause. This log is for what may be lost under a flood as long
//!   as the loss is known: refusals, reads, attempts.
//! - Write the events in one task, in batches, and publish [`AuditEvents::lost`]. The task ends by itself once the layer and all its
//!   services are gone. Where something keeps one, [`close`](AuditEvents::close) and [`try_drain`](AuditEvents::try_drain) end it.
//! - Place the layer inside what inserts id and route, and outside everything whose refusals matter. Behind proxies it needs the
//!   [`ClientIp`](crate::ClientIp) of a layer on either side of it.
//!
//! # Examples
//!
//! ```
//! use std::convert::Infallible;
//! use std::num::NonZeroUsize;
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use portcullis_layers::audit::{AuditLayer, AuditLog, AuditRecord};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (sink, mut events) = AuditLog::bounded(NonZeroUsize::try_from(10_000)?);
//! let service = ServiceBuilder::new().layer(AuditLayer::new(sink)).service(service_fn(async |_: Request<()>| {
//!     let mut response = Response::new(Full::<Bytes>::default());
//!     response.extensions_mut().insert(AuditRecord::new("login.succeeded").actor("user 7").detail("method", "password"));
//!     Ok::<_, Infallible>(response)
//! }));
//!
//! service.oneshot(Request::post("/login").header("user-agent", "curl/8").body(())?).await?;
//! let event = &events.try_drain()[0];
//! assert_eq!((event.action.as_ref(), event.actor.as_deref()), ("login.succeeded", Some("user 7")));
//! assert_eq!(event.user_agent.as_deref(), Some("curl/8"));
//! assert!(event.result.is_success());
//! # Ok(())
//! # }
//! ```
//!
//! A policy for whole routes, and the task that writes:
//!
//! ```
//! # use std::convert::Infallible;
//! # use bytes::Bytes;
//! # use http::{Request, Response, StatusCode};
//! # use http_body_util::Full;
//! # use tower::{Layer, ServiceExt, service_fn};
//! use std::num::NonZeroUsize;
//!
//! use portcullis_layers::audit::{AuditLayer, AuditLog};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (sink, mut events) = AuditLog::bounded(NonZeroUsize::try_from(10_000)?);
//! let layer = AuditLayer::builder(sink)
//!     .when(|head| head.uri.path().starts_with("/admin/").then_some("admin.request"))
//!     .build();
//!
//! let writer = tokio::spawn(async move {
//!     let mut lines = Vec::new();
//!     while let Some(batch) = events.next_batch(NonZeroUsize::MAX).await {
//!         lines.extend(batch.iter().map(|event| format!("{} {}", event.action, event.result.as_str())));
//!     }
//!     lines
//! });
//!
//! # let service = layer.layer(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))));
//! # drop(layer);
//! service.oneshot(Request::get("/admin/users").body(())?).await?;
//! assert_eq!(writer.await?, ["admin.request success"]);
//! # Ok(())
//! # }
//! ```

mod event;
mod future;
mod layer;
mod log;
mod pending;
mod record;
mod service;

pub use event::{AuditEvent, AuditResult};
pub use future::ResponseFuture;
pub use layer::{AuditLayer, Builder};
pub use log::{AuditEvents, AuditLog, AuditSink, NextBatch};
pub use record::AuditRecord;
pub use service::Audit;
