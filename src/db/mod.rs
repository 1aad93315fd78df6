//! One file per table; one query = one constant and one async function. No SQL stands anywhere else.

pub mod audit_logs;
pub mod error;
pub mod mail_jobs;
pub mod migrate;
pub mod pool;
pub mod query;
pub mod refresh_tokens;
pub mod sessions;
pub mod signing_keys;
mod tls;
pub mod users;

pub use error::DbError;
pub use pool::Database;
