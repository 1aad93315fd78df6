#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "metrics", feature = "trace"))]
mod body_end;
mod extensions;
mod head;
#[cfg(any(feature = "rate_limit", feature = "request_id"))]
mod header_text;
mod hex;
mod refusal;
mod trace_context;

pub use extensions::{ClientIp, ClientScheme, PeerAddr, RequestId, RoutePattern, WantsClientIp};
pub use head::RequestHead;
pub use refusal::{DefaultRefuse, Refusal, Refuse};
pub use trace_context::TraceContext;

#[cfg(feature = "audit")]
pub mod audit;
#[cfg(feature = "client_ip")]
pub mod client_ip;
#[cfg(feature = "jwt_auth")]
pub mod jwt_auth;
#[cfg(feature = "load_shed")]
pub mod load_shed;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "problem")]
pub mod problem;
#[cfg(feature = "rate_limit")]
pub mod rate_limit;
#[cfg(feature = "rate_limit_redis")]
pub mod rate_limit_redis;
#[cfg(feature = "request_id")]
pub mod request_id;
#[cfg(feature = "sanitize")]
pub mod sanitize;
#[cfg(feature = "security_headers")]
pub mod security_headers;
#[cfg(feature = "trace")]
pub mod trace;
