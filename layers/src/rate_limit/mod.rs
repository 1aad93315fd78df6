//! Limits how much each client, account or other key may do in a time, within this process.
//!
//! # Conditions
//!
//! 1. A request that the closure given to [`exempt`](Builder::exempt) names pays nothing.
//! 2. Otherwise the closures given to [`limit`](Builder::limit) and [`charges`](Builder::charges) say what it is to pay: so many units for
//!    a [`Key`] at a [`Limit`]. A request that is to pay nothing passes.
//! 3. If every limit has the units left, all are charged and the request passes. If one has not, none is charged and the request is
//!    refused. Of parallel requests exactly as many pass as there are units.
//! 4. Units come back evenly, one every window ÷ quota (the generic cell rate algorithm), up to the burst, which is the quota unless
//!    [set](Policy::burst). So a key spends at most its burst and its quota over any window, and there is no edge of a window to wait
//!    for.
//!
//! # The answer
//!
//! A refused request is answered without calling the inner service: status 429, code `rate_limited`, and
//!
//! | field | value |
//! |---|---|
//! | `Retry-After` | seconds until the request would pass, rounded up, at least 1 |
//! | `RateLimit-Policy` | `"login";q=5;w=900`: name, quota and window of the tightest policy |
//! | `RateLimit` | `"login";r=4;t=120`: the units it has left at once, and the seconds until all are back |
//! | `Cache-Control` | `no-store` |
//!
//! `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers) also stand on the answers to requests that passed. The
//! tightest policy is the one to wait longest for, else the one with the least left. Fields that an inner layer or the handler has set
//! are left alone.
//!
//! # Handlers
//!
//! A layer sees the head of a request; who logs in stands in its body. A handler therefore charges limits itself, by the same
//! [`Limit`] handles, alone or [several at once](Charges), and [refunds](Limit::refund) what turned out not to count. It puts the
//! [`Outcome`] into the extensions of its response; the layer tells the client about the tighter of that and its own, and adds
//! `Retry-After` and `Cache-Control` to a 429 whose outcome is a refusal. What a counter elsewhere found out, in a database say, becomes an
//! outcome by [`Standing::new`].
//!
//! # Bounded memory
//!
//! Each policy remembers a fixed number of keys ([`max_keys`](Policy::max_keys), 65 536 unless set) in memory of a fixed size, 16.5
//! bytes per key, whatever the keys are: they are remembered as a digest under a random key of this process. A key that is fresh again
//! takes no place, so nothing needs sweeping.
//!
//! Places are grouped by sixteen. A new key that finds its group taken replaces the key that is closest to fresh. A key at its limit is
//! never replaced: where all sixteen are, the new key is refused until the first of them is not. Nobody gets rid of a limit by flooding
//! the table with other keys; who floods it with other keys *at their limit* gets new clients refused, so size it generously, and watch
//! [`Event::Evicted`] and [`Limit::held_keys`].
//!
//! # Deployment
//!
//! - Each process counts for itself. To share the limits of several, see [`rate_limit_redis`](crate#the-layers).
//! - Place the layer inside whatever finds the client's address ([`ClientIp`](crate::ClientIp), else [`PeerAddr`](crate::PeerAddr), see
//!   [`Key::client`]), and outside whatever is dear.
//! - A limit on a network alone is felt by all who share an address. One on an account alone lets strangers lock its owner out; pair it
//!   with the network ([`Key::and`]).
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//!
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use portcullis_layers::rate_limit::{Key, Limiter, Policy, RateLimitLayer};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limiter = Limiter::builder().policy(Policy::new("network", 2, Duration::from_secs(60))).build()?;
//! let network = limiter.limit("network").ok_or("a policy of this name")?;
//!
//! let service = ServiceBuilder::new()
//!     .layer(RateLimitLayer::builder().limit(&network, |head| Some(Key::client(head))).build())
//!     .service(service_fn(async |_: Request<()>| {
//!         Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
//!     }));
//!
//! for left in ["\"network\";r=1;t=30", "\"network\";r=0;t=60"] {
//!     let response = service.clone().oneshot(Request::new(())).await?;
//!     assert_eq!(response.headers()["ratelimit"], left);
//! }
//! let response = service.oneshot(Request::new(())).await?;
//! assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
//! assert_eq!(response.headers()["retry-after"], "30");
//! # Ok(())
//! # }
//! ```
//!
//! Limits by route and cost, metrics, and a handler that charges the account:
//!
//! ```
//! use std::time::Duration;
//!
//! # use bytes::Bytes;
//! # use http::Request;
//! # use http_body_util::Full;
//! # use tower::{Layer, ServiceExt, service_fn};
//! use http::{Response, StatusCode};
//! use portcullis_layers::ClientIp;
//! use portcullis_layers::rate_limit::{Charge, Key, Limit, Limiter, Policy, RateLimitLayer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limiter = Limiter::builder()
//!     .policy(Policy::new("requests", 600, Duration::from_secs(60)).burst(100))
//!     .policy(Policy::new("login", 5, Duration::from_secs(900)).max_keys(1_000_000))
//!     .observe(|policy, event| println!("limit={policy} event={}", event.as_str()))
//!     .build()?;
//! let requests = limiter.limit("requests").ok_or("a policy of this name")?;
//! let login = limiter.limit("login").ok_or("a policy of this name")?;
//!
//! let layer = RateLimitLayer::builder()
//!     .exempt(|head| head.uri.path() == "/health")
//!     .charges(move |head, charges| {
//!         let cost = if head.uri.path() == "/search" { 10 } else { 1 };
//!         charges.push(Charge::new(&requests, Key::client(head)).cost(cost));
//!     })
//!     .build();
//! # let service = layer.layer(service_fn(async |_: Request<()>| {
//! #     Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
//! # }));
//! let response = service.clone().oneshot(Request::get("/search").body(())?).await?;
//! assert_eq!(response.headers()["ratelimit"], "\"requests\";r=90;t=1");
//! let response = service.oneshot(Request::get("/health").body(())?).await?;
//! assert!(!response.headers().contains_key("ratelimit"));
//!
//! fn log_in(login: &Limit, ClientIp(address): ClientIp, account: &str) -> Response<()> {
//!     let outcome = login.charge(Key::new(account).and(address));
//!     let mut response = Response::new(());
//!     if outcome.is_refused() {
//!         *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
//!     }
//!     response.extensions_mut().insert(outcome);
//!     response
//! }
//! # let address = ClientIp([203, 0, 113, 9].into());
//! # for _ in 0..5 {
//! #     assert_eq!(log_in(&login, address, "someone").status(), StatusCode::OK);
//! # }
//! # assert_eq!(log_in(&login, address, "someone").status(), StatusCode::TOO_MANY_REQUESTS);
//! # Ok(())
//! # }
//! ```

mod charges;
mod config;
mod error;
mod fields;
mod future;
mod gcra;
#[cfg(feature = "governor")]
pub mod governor;
mod key;
mod layer;
mod limit;
mod limiter;
mod outcome;
mod policy;
mod service;
mod set;
mod settle;
#[cfg(feature = "rate_limit_redis")]
mod shared;
mod table;

pub use charges::{Charge, Charges};
#[cfg(feature = "rate_limit_redis")]
pub(crate) use config::Config;
pub use error::ConfigError;
#[cfg(feature = "rate_limit_redis")]
pub(crate) use fields::refusal;
pub use future::ResponseFuture;
#[cfg(feature = "rate_limit_redis")]
pub(crate) use gcra::Decision;
pub use key::{Key, network};
pub use layer::{Builder, RateLimitLayer};
pub use limit::Limit;
pub use limiter::{Builder as LimiterBuilder, Event, Limiter};
#[cfg(feature = "rate_limit_redis")]
pub(crate) use outcome::whole_seconds;
pub use outcome::{Outcome, Standing};
pub use policy::Policy;
pub use service::RateLimit;
