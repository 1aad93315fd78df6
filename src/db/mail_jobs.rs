//! Table `mail_jobs`.

use std::net::IpAddr;

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::catalog::queries;
use super::{DbError, GenericClient, Query, query};

/// A new job.
#[derive(Debug)]
pub struct NewMailJob<'a> {
    /// Identifier, from which the links of the mail are derived.
    pub id: Uuid,
    /// What the mail is about.
    pub kind: &'a str,
    /// The reader, if it is known who.
    pub user_id: Option<Uuid>,
    /// The folded address of whoever may be the reader.
    pub email_key: Option<&'a str>,
    /// The row that it is about.
    pub subject_id: Option<Uuid>,
    /// The language of the mail.
    pub language: &'a str,
    /// Whence its cause came.
    pub ip_address: Option<IpAddr>,
    /// From which device, in words.
    pub device_info: &'a str,
    /// Creation; it is due at once.
    pub now: Timestamp,
}

/// Adds a job.
pub const INSERT: &str = "insert into mail_jobs \
    (id, kind, user_id, email_key, subject_id, language, ip_address, device_info, created_at, due_at) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)";

/// Adds a job.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(client: &impl GenericClient, new: &NewMailJob<'_>) -> Result<(), DbError> {
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 9] = [
        &new.id,
        &new.kind,
        &new.user_id,
        &new.email_key,
        &new.subject_id,
        &new.language,
        &new.ip_address,
        &new.device_info,
        &new.now,
    ];
    query::execute(client, INSERT, &params).await.map(drop)
}

/// A job that this instance works on.
#[derive(Clone, Debug)]
pub struct ClaimedMailJob {
    /// Identifier.
    pub id: Uuid,
    /// What the mail is about.
    pub kind: String,
    /// The reader, if it is known who.
    pub user_id: Option<Uuid>,
    /// The folded address of whoever may be the reader.
    pub email_key: Option<String>,
    /// The row that it is about.
    pub subject_id: Option<Uuid>,
    /// The language of the mail.
    pub language: String,
    /// Whence its cause came.
    pub ip_address: Option<IpAddr>,
    /// From which device, in words.
    pub device_info: String,
    /// Creation.
    pub created_at: Timestamp,
    /// How many attempts there were, this one included. It also names the claim: whoever claims the job later has a higher number.
    pub attempts: i32,
}

impl ClaimedMailJob {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            kind: row.try_get("kind")?,
            user_id: row.try_get("user_id")?,
            email_key: row.try_get("email_key")?,
            subject_id: row.try_get("subject_id")?,
            language: row.try_get("language")?,
            ip_address: row.try_get("ip_address")?,
            device_info: row.try_get("device_info")?,
            created_at: row.try_get("created_at")?,
            attempts: row.try_get("attempts")?,
        })
    }
}

/// Takes what is due. Rows that another instance is taking are skipped, so that nobody waits for anybody.
pub const CLAIM: &str = "with due as materialized ( \
        select id from mail_jobs where finished_at is null and due_at <= $1 \
        and (locked_until is null or locked_until <= $1) and kind = any($4) \
        order by due_at limit $3 for update skip locked) \
    update mail_jobs j set locked_until = $2, attempts = j.attempts + 1 from due where j.id = due.id \
    returning j.id, j.kind, j.user_id, j.email_key, j.subject_id, j.language, j.ip_address, j.device_info, \
    j.created_at, j.attempts";

/// Takes up to `limit` jobs of these kinds that are due, for as long as `locked_until` says.
///
/// # Errors
/// When the database does not answer.
pub async fn claim(
    client: &impl GenericClient,
    kinds: &[&str],
    limit: i64,
    now: Timestamp,
    locked_until: Timestamp,
) -> Result<Vec<ClaimedMailJob>, DbError> {
    let rows = query::all(client, CLAIM, &[&now, &locked_until, &limit, &kinds]).await?;
    rows.iter().map(|row| ClaimedMailJob::from_row(row).map_err(DbError::from)).collect()
}

/// Ends a job, if the claim still holds.
pub const FINISH: &str = "update mail_jobs set finished_at = $3, outcome = $4, last_error = $5, locked_until = null \
    where id = $1 and attempts = $2 and finished_at is null";

/// Ends a job with `sent`, `dropped` or `failed`. `false` when somebody else has claimed it since.
///
/// # Errors
/// When the database does not answer.
pub async fn finish(
    client: &impl GenericClient,
    id: Uuid,
    attempts: i32,
    now: Timestamp,
    outcome: &str,
    last_error: Option<&str>,
) -> Result<bool, DbError> {
    Ok(query::execute(client, FINISH, &[&id, &attempts, &now, &outcome, &last_error]).await? == 1)
}

/// Gives a job back, if the claim still holds.
pub const POSTPONE: &str = "update mail_jobs set due_at = $3, last_error = $4, locked_until = null \
    where id = $1 and attempts = $2 and finished_at is null";

/// Gives a job back, to be tried again at `due_at`. `false` when somebody else has claimed it since.
///
/// # Errors
/// When the database does not answer.
pub async fn postpone(
    client: &impl GenericClient,
    id: Uuid,
    attempts: i32,
    due_at: Timestamp,
    last_error: &str,
) -> Result<bool, DbError> {
    Ok(query::execute(client, POSTPONE, &[&id, &attempts, &due_at, &last_error]).await? == 1)
}

/// Looks for a newer job. Ids begin with their time, so the primary key leads straight to what is newer.
pub const FIND_NEWER: &str = "select j.id from mail_jobs j where j.id > $1 and j.created_at > $2 and j.kind = $3 \
    and j.outcome is distinct from 'dropped' and j.outcome is distinct from 'failed' \
    and (j.user_id = $4 or j.email_key = (select u.email_key from users u where u.id = $4)) limit 1";

/// Whether the same reader was written to, or will be, for the same reason later than this job says.
///
/// # Errors
/// When the database does not answer.
pub async fn is_superseded(client: &impl GenericClient, job: &ClaimedMailJob, reader: Uuid) -> Result<bool, DbError> {
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 4] = [&job.id, &job.created_at, &job.kind, &reader];
    Ok(query::optional(client, FIND_NEWER, &params).await?.is_some())
}

/// Lets the workers of all instances take turns over one reader.
pub const TAKE_TURN: &str =
    "select pg_advisory_xact_lock(hashtextextended('mail ' || $1::uuid::text, 0))::text as turn";

/// Waits until no other worker prepares a mail about `reader`, and keeps others waiting until the transaction ends.
///
/// # Errors
/// When the database does not answer.
pub async fn take_turn(client: &impl GenericClient, reader: Uuid) -> Result<(), DbError> {
    query::one(client, TAKE_TURN, &[&reader]).await.map(drop)
}

/// Counts what waits.
pub const COUNT_QUEUED: &str =
    "select count(*) as queued, min(created_at) as oldest from mail_jobs where finished_at is null";

/// How many jobs wait, and since when the oldest of them does.
///
/// # Errors
/// When the database does not answer.
pub async fn queued(client: &impl GenericClient) -> Result<(i64, Option<Timestamp>), DbError> {
    let row = query::one(client, COUNT_QUEUED, &[]).await?;
    Ok((row.try_get("queued")?, row.try_get("oldest")?))
}

/// Every query of this file.
pub const QUERIES: &[Query] = queries![INSERT, CLAIM, FINISH, POSTPONE, FIND_NEWER, TAKE_TURN, COUNT_QUEUED];
