//! The layers as their users meet them: through tower, on real requests.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod audit;
mod client_ip;
mod contract;
mod corpus;
mod examples;
mod jwt_auth;
mod load_shed;
mod metrics;
mod order;
mod problem;
mod rate_limit;
mod rate_limit_governor;
mod rate_limit_redis;
mod request_id;
mod sanitize;
mod security_headers;
mod token;
mod trace;
