#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod extensions;
mod refusal;

pub use extensions::{ClientIp, PeerAddr, RequestId, RoutePattern};
pub use refusal::{DefaultRefuse, Refusal, Refuse};

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
#[cfg(feature = "request_id")]
pub mod request_id;
#[cfg(feature = "security_headers")]
pub mod security_headers;
#[cfg(feature = "trace")]
pub mod trace;
