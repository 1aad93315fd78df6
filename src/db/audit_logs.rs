//! Table `audit_logs`.

use std::net::IpAddr;

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::{DbError, query};

/// One security event as a row.
#[derive(Debug)]
pub struct NewAuditLog<'a> {
    /// Identifier.
    pub id: Uuid,
    /// Whose account.
    pub user_id: Option<Uuid>,
    /// Dotted name such as `login.failed`.
    pub event_type: &'a str,
    /// What else is known; never a secret.
    pub details: &'a Value,
    /// Where from.
    pub ip_address: Option<IpAddr>,
    /// With what.
    pub user_agent: Option<&'a str>,
    /// Whether it succeeded.
    pub success: bool,
    /// In which session.
    pub session_id: Option<Uuid>,
    /// In which request.
    pub request_id: Option<&'a str>,
    /// When.
    pub now: Timestamp,
}

/// Adds an event.
pub const INSERT: &str = "insert into audit_logs \
    (id, user_id, event_type, details, ip_address, user_agent, success, session_id, request_id, created_at) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// Adds an event.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(client: &impl GenericClient, new: &NewAuditLog<'_>) -> Result<(), DbError> {
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 10] = [
        &new.id,
        &new.user_id,
        &new.event_type,
        &new.details,
        &new.ip_address,
        &new.user_agent,
        &new.success,
        &new.session_id,
        &new.request_id,
        &new.now,
    ];
    query::execute(client, INSERT, &params).await.map(drop)
}

/// Creates the partition of a month ahead of time.
pub const ENSURE_PARTITION: &str = "select audit_logs_ensure_partition(($1::timestamptz at time zone 'UTC')::date)";

/// Creates the partition of the month in which `time` lies; tells whether it was missing.
///
/// # Errors
/// When the database does not answer, or rows of that month already lie in the default partition.
pub async fn ensure_partition(client: &impl GenericClient, time: Timestamp) -> Result<bool, DbError> {
    Ok(query::one(client, ENSURE_PARTITION, &[&time]).await?.try_get(0)?)
}

/// Every query of this table, for the test that prepares them all.
pub const QUERIES: &[&str] = &[INSERT, ENSURE_PARTITION];
