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
    /// The cluster whose transactions it covers.
    pub epoch: i64,
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
        "seq, kind, month, epoch, from_txid::text::bigint as from_txid, to_txid::text::bigint as to_txid, row_count, \
         rows_digest, seal, created_at"
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
    (seq, kind, month, epoch, from_txid, to_txid, row_count, rows_digest, seal, created_at) \
    values ($1, $2, $3, $4, $5::text::xid8, $6::text::xid8, $7, $8, $9, $10)";

/// Adds a seal.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(client: &impl GenericClient, seal: &AuditSeal) -> Result<(), DbError> {
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 10] = [
        &seal.seq,
        &seal.kind.name(),
        &seal.month,
        &seal.epoch,
        &seal.from_txid.to_string(),
        &seal.to_txid.to_string(),
        &seal.row_count,
        &seal.rows_digest,
        &seal.seal,
        &seal.created_at,
    ];
    query::execute(client, INSERT, &params).await.map(drop)
}

/// Which cluster this is. Transaction ids of another one say nothing here.
pub const EPOCH: &str = "select system_identifier as epoch from pg_control_system()";

/// The system identifier of the cluster, with which every row is stamped that is written in it.
///
/// # Errors
/// When the database does not answer.
pub async fn epoch(client: &impl GenericClient) -> Result<i64, DbError> {
    Ok(query::one(client, EPOCH, &[]).await?.try_get("epoch")?)
}

/// The clusters that wrote rows of the log: one step along the index for each.
pub const EPOCHS: &str = "with recursive found as (\
    (select epoch from audit_logs order by epoch limit 1) union all \
    select (select a.epoch from audit_logs a where a.epoch > found.epoch order by a.epoch limit 1) from found \
    where found.epoch is not null) \
    select epoch from found where epoch is not null";

/// The clusters that wrote rows of the log, which a dump brought from one to the next.
///
/// # Errors
/// When the database does not answer.
pub async fn epochs(client: &impl GenericClient) -> Result<Vec<i64>, DbError> {
    query::all(client, EPOCHS, &[]).await?.iter().map(|row| Ok(row.try_get("epoch")?)).collect()
}

/// Where the chain stopped in a cluster.
pub const POSITION: &str =
    "select to_txid::text::bigint as position from audit_seals where epoch = $1 order by seq desc limit 1";

/// The first transaction of a cluster that no seal covers yet.
///
/// # Errors
/// When the database does not answer.
pub async fn position(client: &impl GenericClient, epoch: i64) -> Result<i64, DbError> {
    let row = query::optional(client, POSITION, &[&epoch]).await?;
    Ok(row.map(|row| row.try_get("position")).transpose()?.unwrap_or(0))
}

/// Up to where rows can be sealed now. Below `pg_snapshot_xmin` every transaction has ended, so that no row can appear there any more; in
/// another cluster all have.
pub const HORIZON: &str = "select (max(due.txid)::text::bigint + 1) as horizon from (\
    select txid from audit_logs where epoch = $1 and txid >= $2::text::xid8 and txid < \
    case when $3 then pg_snapshot_xmin(pg_current_snapshot()) else '9223372036854775807'::xid8 end \
    order by txid limit $4) due";

/// The end of the next stretch of rows from `from` on, of about `limit` rows; `None` when there are none. `is_here` tells whether `epoch`
/// is this cluster.
///
/// # Errors
/// When the database does not answer.
pub async fn horizon(
    client: &impl GenericClient,
    epoch: i64,
    from: i64,
    is_here: bool,
    limit: i64,
) -> Result<Option<i64>, DbError> {
    Ok(query::one(client, HORIZON, &[&epoch, &from.to_string(), &is_here, &limit]).await?.try_get("horizon")?)
}

/// A page of the rows that transactions of a stretch wrote.
pub const ROWS: &str = "select id, txid::text::bigint as txid, created_at, event_type, success, session_id, request_id, salts, \
    personal_digests, user_id::text as user_id, host(ip_address) as ip_address, user_agent, details::text as details \
    from audit_logs where epoch = $1 and (txid, id) > ($2::text::xid8, $3) and txid < $4::text::xid8 \
    order by txid, id limit $5";

/// The rows of a cluster behind `after`, a transaction and the id of a row, that transactions before `to` wrote, in the order of sealing.
///
/// # Errors
/// When the database does not answer.
pub async fn rows(
    client: &impl GenericClient,
    epoch: i64,
    after: (i64, Uuid),
    to: i64,
    limit: i64,
) -> Result<Vec<SealableRow>, DbError> {
    let (txid, id) = (after.0.to_string(), after.1);
    let rows = query::all(client, ROWS, &[&epoch, &txid, &id, &to.to_string(), &limit]).await?;
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
    "select created_at from audit_logs where epoch = $1 and txid >= $2::text::xid8 order by txid limit 1";

/// When the oldest event of a cluster from transaction `from` on happened.
///
/// # Errors
/// When the database does not answer.
pub async fn oldest_unsealed(client: &impl GenericClient, epoch: i64, from: i64) -> Result<Option<Timestamp>, DbError> {
    let row = query::optional(client, OLDEST_UNSEALED, &[&epoch, &from.to_string()]).await?;
    Ok(row.map(|row| row.try_get("created_at")).transpose()?)
}

/// Rows that bypassed the stamp: none, unless somebody switched the trigger off. No transaction that writes has an id below 3.
pub const COUNT_UNSTAMPED: &str =
    "select count(*) as rows from audit_logs where epoch = $1 and (txid is null or txid < '3'::xid8)";

/// How many events of a cluster carry no id of a transaction.
///
/// # Errors
/// When the database does not answer.
pub async fn count_unstamped(client: &impl GenericClient, epoch: i64) -> Result<i64, DbError> {
    Ok(query::one(client, COUNT_UNSTAMPED, &[&epoch]).await?.try_get("rows")?)
}

/// Rows of transactions that have not begun: no sealer would ever get there.
pub const COUNT_AHEAD: &str = "select count(*) as rows from audit_logs \
    where epoch = $1 and txid >= pg_snapshot_xmax(pg_current_snapshot())";

/// How many events of this cluster claim a transaction that it has not seen yet.
///
/// # Errors
/// When the database does not answer.
pub async fn count_ahead(client: &impl GenericClient, epoch: i64) -> Result<i64, DbError> {
    Ok(query::one(client, COUNT_AHEAD, &[&epoch]).await?.try_get("rows")?)
}

/// Rows behind the end of what was sealed of another cluster.
pub const COUNT_FROM: &str = "select count(*) as rows from audit_logs where epoch = $1 and txid >= $2::text::xid8";

/// How many events of a cluster claim a transaction from `txid` on.
///
/// # Errors
/// When the database does not answer.
pub async fn count_from(client: &impl GenericClient, epoch: i64, txid: i64) -> Result<i64, DbError> {
    Ok(query::one(client, COUNT_FROM, &[&epoch, &txid.to_string()]).await?.try_get("rows")?)
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
    where created_at >= $1 and created_at < $2 and epoch = $3 and txid >= $4::text::xid8) as unsealed";

/// Whether events in `from..to` were written by transactions of a cluster from `txid` on.
///
/// # Errors
/// When the database does not answer.
pub async fn has_unsealed(
    client: &impl GenericClient,
    from: Timestamp,
    to: Timestamp,
    epoch: i64,
    txid: i64,
) -> Result<bool, DbError> {
    Ok(query::one(client, HAS_UNSEALED, &[&from, &to, &epoch, &txid.to_string()]).await?.try_get("unsealed")?)
}

/// Takes a month out of the log.
pub const DETACH_MONTH: &str = "select audit_logs_detach_month($1) as detached";

/// Takes the partition of a month out of the log; `false` if there is none. What it held is there until [`drop_detached`].
///
/// # Errors
/// When the database does not answer, or a reader of the log is in the way: everybody would have to wait behind us.
pub async fn detach_month(client: &impl GenericClient, month: Date) -> Result<bool, DbError> {
    Ok(query::one(client, DETACH_MONTH, &[&month]).await?.try_get("detached")?)
}

/// Removes a month that is no part of the log any more.
pub const DROP_DETACHED: &str = "select audit_logs_drop_detached() as dropped";

/// Removes one month that was detached; `false` if there is none.
///
/// # Errors
/// When the database does not answer, or somebody still reads it.
pub async fn drop_detached(client: &impl GenericClient) -> Result<bool, DbError> {
    Ok(query::one(client, DROP_DETACHED, &[]).await?.try_get("dropped")?)
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
        epoch: row.try_get("epoch")?,
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
    EPOCH,
    EPOCHS,
    POSITION,
    HORIZON,
    ROWS,
    OLDEST_UNSEALED,
    COUNT_UNSTAMPED,
    COUNT_AHEAD,
    COUNT_FROM,
    MONTHS,
    HAS_UNSEALED,
    DETACH_MONTH,
    DROP_DETACHED
];
