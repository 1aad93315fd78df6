//! The limits of [`rate_limit`](crate::rate_limit), shared by several processes through Redis.
//!
//! # Conditions
//!
//! 1. The same [`RateLimitLayer`](crate::rate_limit::RateLimitLayer) says what a request is to pay. One that is to pay nothing passes,
//!    and Redis is not asked.
//! 2. All limits of a request are charged by one script in one round trip: all or none, by the server's clock, so that the clocks of the
//!    processes do not matter. Of parallel requests, wherever they arrive, exactly as many pass as there are units.
//! 3. The answer to a refused request, and the fields on the others, are those of [`rate_limit`](crate::rate_limit#the-answer).
//!
//! # When Redis fails
//!
//! 4. A request waits for Redis until the [deadline](Builder::deadline), 50 ms unless set. What is late, cut off or an error is a failure.
//! 5. A request that met a failure is settled as [`on_failure`](Builder::on_failure) says: by the limits of this process
//!    ([`OnFailure::Local`], the default), by letting it pass, or by 503 `service_unavailable` with `Retry-After`.
//! 6. After [five](Builder::failures) failures in a row no request asks any more. Every [second](Builder::retry_every) one request starts
//!    a probe beside itself, which runs the script on a key of its own; when that succeeds in time, requests ask again.
//! 7. [`on_event`](Builder::on_event) hears of both changes.
//!
//! What Redis says of a key is noted in the limits of this process too. So those who are at their limit remain so when Redis goes, as far
//! as this process has seen them; what is charged in the meantime, Redis does not learn.
//!
//! # Deployment
//!
//! - Redis 5 or later, or what speaks its protocol and runs Lua. Give it `maxmemory-policy volatile-ttl`, which evicts the keys closest to
//!   fresh; the keys expire by themselves. A server that takes no writes counts as failed.
//! - All keys of a limiter have one hash tag, so that in a cluster they are in one slot, on one node. Give the address of any node: the
//!   limiter follows `MOVED` to that one. To spread the load, use several [prefixes](Builder::prefix).
//! - For TLS (`rediss://`), enable the feature `tokio-rustls-comp` of [`redis`] in your app.
//! - A flush makes every key fresh, as a start of the process does to limits that are not shared. Keys hold the bytes of a [`Key`](crate::rate_limit::Key) as they are: hash what must not be read there.
//! - A process that is stopped between Redis's answer and its own has charged. A charge that missed the deadline may count as well, in
//!   Redis and here: failures never make the limits wider.
//! - It runs on Tokio. Connections are made when first needed, so Redis may come up later than the app.
//!
//! # Examples
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use portcullis_layers::rate_limit::{Charge, Key, Limiter, Policy, RateLimitLayer};
//! use portcullis_layers::rate_limit_redis::{RedisLimiter, RedisRateLimitLayer};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limiter = Limiter::builder()
//!     .policy(Policy::new("network", 600, Duration::from_secs(60)))
//!     .policy(Policy::new("login", 5, Duration::from_secs(900)))
//!     .build()?;
//! let network = limiter.limit("network").ok_or("a policy of this name")?;
//! let login = limiter.limit("login").ok_or("a policy of this name")?;
//!
//! let redis = RedisLimiter::builder("redis://localhost")
//!     .prefix("my-app")
//!     .on_event(|event| eprintln!("{event}"))
//!     .build()?;
//! let rules = RateLimitLayer::builder().limit(&network, |head| Some(Key::client(head))).build();
//!
//! let service = ServiceBuilder::new()
//!     .layer(RedisRateLimitLayer::new(redis.clone(), rules))
//!     .service(service_fn(async |_: Request<()>| {
//!         Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
//!     }));
//! let response = service.oneshot(Request::new(())).await?;
//! assert_eq!(response.headers()["ratelimit"], "\"network\";r=599;t=1");
//!
//! // In a handler:
//! let outcome = redis.charge(&Charge::new(&login, "someone@example.com").into()).await?;
//! assert!(!outcome.is_refused());
//! # Ok(())
//! # }
//! ```
//!
//! For what must rather not be served than served without its limit:
//!
//! ```
//! # use bytes::Bytes;
//! # use http::{Request, Response, StatusCode};
//! # use http_body_util::Full;
//! # use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use std::num::NonZeroU32;
//! use std::time::Duration;
//!
//! use portcullis_layers::rate_limit::{Key, Limiter, Policy, RateLimitLayer};
//! use portcullis_layers::rate_limit_redis::{OnFailure, RedisLimiter, RedisRateLimitLayer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limiter = Limiter::builder().policy(Policy::new("export", 10, Duration::from_secs(3_600))).build()?;
//! let export = limiter.limit("export").ok_or("a policy of this name")?;
//! let redis = RedisLimiter::builder("redis+unix:///where/no/server/listens.sock")
//!     .deadline(Duration::from_millis(20))
//!     .failures(NonZeroU32::MIN)
//!     .retry_every(Duration::from_secs(5))
//!     .on_failure(OnFailure::Closed)
//!     .build()?;
//! let rules = RateLimitLayer::builder().limit(&export, |head| Some(Key::client(head))).build();
//!
//! # let service = ServiceBuilder::new()
//! #     .layer(RedisRateLimitLayer::new(redis.clone(), rules))
//! #     .service(service_fn(async |_: Request<()>| {
//! #         Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
//! #     }));
//! let response = service.oneshot(Request::new(())).await?;
//! assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
//! assert_eq!(response.headers()["retry-after"], "5");
//! assert!(!redis.is_shared());
//! # Ok(())
//! # }
//! ```

mod answer;
mod breaker;
mod builder;
mod error;
mod future;
mod layer;
mod limiter;
mod link;
mod node;
mod script;
mod service;

pub use builder::Builder;
pub use error::{ConfigError, Event, Failure, Unavailable};
pub use future::ResponseFuture;
pub use layer::RedisRateLimitLayer;
pub use limiter::{OnFailure, RedisLimiter};
pub use redis;
pub use service::RedisRateLimit;
