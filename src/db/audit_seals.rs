//! Table `audit_seals`, and the rows of `audit_logs` as a sealer sees them.

use jiff::Timestamp;
use jiff::civil::Date;
use tokio_postgres::Row;
use uuid::Uuid;

use super::catalog::queries;
use super::{DbError, GenericClient, Query, query};

/// What a seal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealKind {
    /// These rows stand in the log.
    Rows,
    /// The month left the log by retention.
    Dropped,
}

impl SealKind {
    /// The name in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Dropped => "dropped",
        }
    }
}

/// A seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSeal {
    /// Its place in the chain, from 1.
    pub seq: i64,
    /// What it says.
    pub kind: SealKind,
    /// The first day of the month, in UTC, whose rows it covers.
    pub month: Date,
    /// The first transaction that it covers.
    pub from_txid: i64,
    /// The first transaction that it does not cover any more.
    pub to_txid: i64,
    /// How many rows it covers.
    pub row_count: i64,
    /// SHA-256 over the digests of the rows.
    pub rows_digest: Vec<u8>,
    /// The HMAC.
    pub seal: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An event with what seals are made of. The personal fields stand as the text from which the database made their digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealableRow {
    /// Identifier.
    pub id: Uuid,
    /// The transaction that wrote it.
    pub txid: i64,
    /// When it happened.
    pub created_at: Timestamp,
    /// Dotted name.
    pub event_type: String,
    /// Whether it succeeded.
    pub success: bool,
    /// In which session.
    pub session_id: Option<Uuid>,
    /// In which request.
    pub request_id: Option<String>,
    /// The salts of the personal fields; zeros where one was redacted.
    pub salts: Vec<u8>,
    /// The digests of the personal fields.
    pub personal_digests: Vec<u8>,
    /// `user_id`, `ip_address`, `user_agent` and `details`.
    pub personal: [Option<String>; 4],
}

/// Lets one instance seal at a time, for the length of a transaction.
pub const TRY_LOCK: &str = "select pg_try_advisory_xact_lock(hashtextextended('portcullis audit seals', 0)) as locked";

/// Takes the turn to seal; `false` if another instance has it.
///
/// # Errors
/// When the database does not answer.
pub async fn try_lock(client: &impl GenericClient) -> Result<bool, DbError> {
    Ok(query::one(client, TRY_LOCK, &[]).await?.try_get("locked")?)
}

macro_rules! columns {
    () => {
        "seq, kind, month, from_txid::text::bigint as from_txid, to_txid::text::bigint as to_txid, row_count, rows_digest, \
         seal, created_at"
    };
}

/// The end of the chain.
pub const LAST: &str = concat!("select ", columns!(), " from audit_seals order by seq desc limit 1");

/// The newest seal.
///
/// # Errors
/// When the database does not answer.
pub async fn last(client: &impl GenericClient) -> Result<Option<AuditSeal>, DbError> {
    query::optional(client, LAST, &[]).await?.map(|row| from_row(&row)).transpose()
}

/// A stretch of the chain.
pub const PAGE: &str = concat!("select ", columns!(), " from audit_seals where seq > $1 order by seq limit $2");

/// The seals after `seq`, in order.
///
/// # Errors
/// When the database does not answer.
pub async fn page(client: &impl GenericClient, seq: i64, limit: i64) -> Result<Vec<AuditSeal>, DbError> {
    query::all(client, PAGE, &[&seq, &limit]).await?.iter().map(from_row).collect()
}

/// Adds to the chain.
pub const INSERT: &str = "insert into audit_seals \
    (seq, kind, month, from_txid, to_txid, row_count, rows_digest, seal, created_at) \
    values ($1, $2, $3, $4::text::xid8, $5::text::xid8, $6, $7, $8, $9)";

/// Adds a seal.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(client: &impl GenericClient, seal: &AuditSeal) -> Result<(), DbError> {
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 9] = [
        &seal.seq,
        &seal.kind.name(),
        &seal.month,
        &seal.from_txid.to_string(),
        &seal.to_txid.to_string(),
        &seal.row_count,
        &seal.rows_digest,
        &seal.seal,
        &seal.created_at,
    ];
    query::execute(client, INSERT, &params).await.map(drop)
}

/// Up to where rows can be sealed now. Below `pg_snapshot_xmin` every transaction has ended, so that no row can appear there any more.
pub const HORIZON: &str = "select (max(due.txid)::text::bigint + 1) as horizon from (\
    select txid from audit_logs where txid >= $1::text::xid8 and txid < pg_snapshot_xmin(pg_current_snapshot()) \
    order by txid limit $2) due";

/// The end of the next stretch of rows from `from` on, of about `limit` rows; `None` when there are none.
///
/// # Errors
/// When the database does not answer.
pub async fn horizon(client: &impl GenericClient, from: i64, limit: i64) -> Result<Option<i64>, DbError> {
    Ok(query::one(client, HORIZON, &[&from.to_string(), &limit]).await?.try_get("horizon")?)
}

/// The rows that transactions of a stretch wrote.
pub const ROWS: &str = "select id, txid::text::bigint as txid, created_at, event_type, success, session_id, request_id, salts, \
    personal_digests, user_id::text as user_id, host(ip_address) as ip_address, user_agent, details::text as details \
    from audit_logs where txid >= $1::text::xid8 and txid < $2::text::xid8 order by txid, id";

/// The rows that transactions in `from..to` wrote, in the order of sealing.
///
/// # Errors
/// When the database does not answer.
pub async fn rows(client: &impl GenericClient, from: i64, to: i64) -> Result<Vec<SealableRow>, DbError> {
    let rows = query::all(client, ROWS, &[&from.to_string(), &to.to_string()]).await?;
    rows.iter().map(|row| Ok(sealable(row)?)).collect()
}

fn sealable(row: &Row) -> Result<SealableRow, tokio_postgres::Error> {
    Ok(SealableRow {
        id: row.try_get("id")?,
        txid: row.try_get("txid")?,
        created_at: row.try_get("created_at")?,
        event_type: row.try_get("event_type")?,
        success: row.try_get("success")?,
        session_id: row.try_get("session_id")?,
        request_id: row.try_get("request_id")?,
        // Null only if somebody made it so: an empty digest fits nothing.
        salts: row.try_get::<_, Option<_>>("salts")?.unwrap_or_default(),
        personal_digests: row.try_get::<_, Option<_>>("personal_digests")?.unwrap_or_default(),
        personal: [
            row.try_get("user_id")?,
            row.try_get("ip_address")?,
            row.try_get("user_agent")?,
            row.try_get("details")?,
        ],
    })
}

/// The oldest event that no seal covers yet.
pub const OLDEST_UNSEALED: &str =
    "select created_at from audit_logs where txid >= $1::text::xid8 order by txid limit 1";

/// When the oldest event from transaction `from` on happened.
///
/// # Errors
/// When the database does not answer.
pub async fn oldest_unsealed(client: &impl GenericClient, from: i64) -> Result<Option<Timestamp>, DbError> {
    let row = query::optional(client, OLDEST_UNSEALED, &[&from.to_string()]).await?;
    Ok(row.map(|row| row.try_get("created_at")).transpose()?)
}

/// Rows that bypassed the stamp: none since sealing began, unless somebody switched the trigger off.
pub const COUNT_UNSTAMPED: &str = "select count(*) as rows from audit_logs where txid is null and created_at >= $1";

/// How many events since `from` carry no transaction id.
///
/// # Errors
/// When the database does not answer.
pub async fn count_unstamped(client: &impl GenericClient, from: Timestamp) -> Result<i64, DbError> {
    Ok(query::one(client, COUNT_UNSTAMPED, &[&from]).await?.try_get("rows")?)
}

/// The months that have a partition.
pub const MONTHS: &str = "select to_date(right(c.relname, 7), 'YYYY_MM') as month \
    from pg_inherits i join pg_class c on c.oid = i.inhrelid \
    where i.inhparent = 'audit_logs'::regclass and c.relname ~ '^audit_logs_[0-9]{4}_[0-9]{2}$' order by month";

/// The first days of the months that have a partition, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn months(client: &impl GenericClient) -> Result<Vec<Date>, DbError> {
    let rows = query::all(client, MONTHS, &[]).await?;
    rows.iter().map(|row| Ok(row.try_get("month")?)).collect()
}

/// Whether a month has rows that no seal covers.
pub const HAS_UNSEALED: &str = "select exists (select 1 from audit_logs \
    where created_at >= $1 and created_at < $2 and txid >= $3::text::xid8) as unsealed";

/// Whether events in `from..to` were written by transactions from `txid` on.
///
/// # Errors
/// When the database does not answer.
pub async fn has_unsealed(
    client: &impl GenericClient,
    from: Timestamp,
    to: Timestamp,
    txid: i64,
) -> Result<bool, DbError> {
    Ok(query::one(client, HAS_UNSEALED, &[&from, &to, &txid.to_string()]).await?.try_get("unsealed")?)
}

/// Removes a month.
pub const DROP_MONTH: &str = "select audit_logs_drop_month($1) as dropped";

/// Takes the partition of a month out of the log; `false` if there is none.
///
/// # Errors
/// When the database does not answer.
pub async fn drop_month(client: &impl GenericClient, month: Date) -> Result<bool, DbError> {
    Ok(query::one(client, DROP_MONTH, &[&month]).await?.try_get("dropped")?)
}

fn from_row(row: &Row) -> Result<AuditSeal, DbError> {
    let kind = match row.try_get("kind")? {
        "dropped" => SealKind::Dropped,
        _ => SealKind::Rows,
    };
    Ok(AuditSeal {
        seq: row.try_get("seq")?,
        kind,
        month: row.try_get("month")?,
        from_txid: row.try_get("from_txid")?,
        to_txid: row.try_get("to_txid")?,
        row_count: row.try_get("row_count")?,
        rows_digest: row.try_get("rows_digest")?,
        seal: row.try_get("seal")?,
        created_at: row.try_get("created_at")?,
    })
}

/// Every query of this file.
pub const QUERIES: &[Query] = queries![
    TRY_LOCK,
    LAST,
    PAGE,
    INSERT,
    HORIZON,
    ROWS,
    OLDEST_UNSEALED,
    COUNT_UNSTAMPED,
    MONTHS,
    HAS_UNSEALED,
    DROP_MONTH
];
