//! One file per table; one query = one constant and one async function. No SQL stands anywhere else, but for the two statements that make
//! role and database of the embedded server. Some files go over whole accounts or tables ([`export`], [`retention`] and [`user_imports`]),
//! and [`server`] has none.

pub mod audit_logs;
pub mod audit_seals;
pub mod catalog;
mod client;
pub mod devices;
pub mod email_changes;
pub mod email_tokens;
pub mod error;
pub mod export;
pub mod login_attempts;
pub mod mail_jobs;
pub mod migrate;
pub mod notices;
pub mod password_reset_tokens;
pub mod pending_registrations;
pub mod person;
pub mod pool;
pub mod probe;
pub mod query;
pub mod refresh_tokens;
pub mod retention;
pub mod server;
pub mod sessions;
pub mod signing_keys;
mod tls;
pub mod user_imports;
pub mod users;

pub use catalog::Query;
pub use client::{Client, GenericClient, Transaction};
pub use error::DbError;
pub use pool::Database;
