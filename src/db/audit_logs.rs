//! Table `audit_logs`.

use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::Row;
use uuid::Uuid;

use super::catalog::queries;
use super::{DbError, GenericClient, Query, query};

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

/// Rows that no month covers, up to a limit.
pub const COUNT_DEFAULT: &str = "select count(*) as rows from (select from audit_logs_default limit $1) found";

/// How many events lie in the default partition, up to `limit`: retention never takes them out.
///
/// # Errors
/// When the database does not answer.
pub async fn count_default(client: &impl GenericClient, limit: i64) -> Result<i64, DbError> {
    Ok(query::one(client, COUNT_DEFAULT, &[&limit]).await?.try_get("rows")?)
}

/// An event as it is read back.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditLog {
    /// Identifier.
    pub id: Uuid,
    /// Whose account.
    pub user_id: Option<Uuid>,
    /// Dotted name.
    pub event_type: String,
    /// What else is known.
    pub details: Value,
    /// Where from.
    pub ip_address: Option<IpAddr>,
    /// With what.
    pub user_agent: Option<String>,
    /// Whether it succeeded.
    pub success: bool,
    /// In which session.
    pub session_id: Option<Uuid>,
    /// In which request.
    pub request_id: Option<String>,
    /// When.
    pub created_at: Timestamp,
}

/// Which events, newest first.
#[derive(Clone, Debug)]
pub struct Search<'a> {
    /// Whose account.
    pub user_id: Option<Uuid>,
    /// Of one kind.
    pub event_type: Option<&'a str>,
    /// From one address.
    pub ip_address: Option<IpAddr>,
    /// Not before.
    pub from: Timestamp,
    /// Before.
    pub to: Timestamp,
    /// Only what stands behind this row (keyset paging).
    pub after: Option<(Timestamp, Uuid)>,
    /// So many at most.
    pub limit: i64,
}

macro_rules! columns {
    () => {
        "id, user_id, event_type, details, ip_address, user_agent, success, session_id, request_id, created_at"
    };
}

macro_rules! filters {
    () => {
        " created_at >= $1 and created_at < $2 and (created_at, id) < ($3, $4) \
         and ($5::text is null or event_type = $5) and ($6::inet is null or ip_address = $6)"
    };
}

/// Events of one account: an index answers, however deep the page.
pub const SEARCH_BY_USER: &str = concat!(
    "select ",
    columns!(),
    " from audit_logs where user_id = $7 and",
    filters!(),
    " order by created_at desc, id desc limit $8"
);

/// Events of everybody.
pub const SEARCH: &str =
    concat!("select ", columns!(), " from audit_logs where", filters!(), " order by created_at desc, id desc limit $7");

/// A page of events, newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn search(client: &impl GenericClient, search: &Search<'_>) -> Result<Vec<AuditLog>, DbError> {
    // Where nothing was seen yet, the end of the range stands for it: no row has its time.
    let (time, id) = search.after.unwrap_or((search.to, Uuid::nil()));
    let Search { user_id, event_type, ip_address, from, to, limit, .. } = search;
    let rows = match user_id {
        Some(user_id) => {
            let params: [&(dyn tokio_postgres::types::ToSql + Sync); 8] =
                [from, to, &time, &id, event_type, ip_address, user_id, limit];
            query::all(client, SEARCH_BY_USER, &params).await?
        }
        None => {
            let params: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
                [from, to, &time, &id, event_type, ip_address, limit];
            query::all(client, SEARCH, &params).await?
        }
    };
    rows.iter().map(|row| Ok(from_row(row)?)).collect()
}

fn from_row(row: &Row) -> Result<AuditLog, tokio_postgres::Error> {
    Ok(AuditLog {
        id: row.try_get("id")?,
        user_id: row.try_get("user_id")?,
        event_type: row.try_get("event_type")?,
        details: row.try_get("details")?,
        ip_address: row.try_get("ip_address")?,
        user_agent: row.try_get("user_agent")?,
        success: row.try_get("success")?,
        session_id: row.try_get("session_id")?,
        request_id: row.try_get("request_id")?,
        created_at: row.try_get("created_at")?,
    })
}

/// Every query of this table, for the test that prepares them all.
pub const QUERIES: &[Query] = queries![INSERT, ENSURE_PARTITION, COUNT_DEFAULT, SEARCH_BY_USER, SEARCH];
