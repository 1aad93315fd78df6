//! The sealer: one instance at a time walks behind the writers of the security log and seals what they wrote.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::seal::{self, SealKey};
use crate::db::audit_seals::{self, AuditSeal, SealKind};
use crate::db::{Database, DbError, GenericClient, query};

/// Rows that one pass seals, about: a transaction is never split.
const BATCH: i64 = 5_000;

/// How far the sealer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows that this pass sealed.
    pub rows: u64,
    /// When the oldest event without a seal happened.
    pub oldest_unsealed: Option<Timestamp>,
}

/// Seals what finished transactions wrote, one stretch of rows. `None` while another instance is at it.
///
/// # Errors
/// When the database does not answer.
pub async fn pass(database: &Database, key: &SealKey, now: Timestamp) -> Result<Option<Progress>, DbError> {
    let mut client = database.get().await?;
    let transaction = query::begin(&mut client).await?;
    if !audit_seals::try_lock(&transaction).await? {
        return Ok(None);
    }
    let last = audit_seals::last(&transaction).await?;
    let from = last.as_ref().map_or(0, |last| last.to_txid);
    let Some(to) = audit_seals::horizon(&transaction, from, BATCH).await? else {
        let oldest_unsealed = audit_seals::oldest_unsealed(&transaction, from).await?;
        return Ok(Some(Progress { rows: 0, oldest_unsealed }));
    };
    let rows = audit_seals::rows(&transaction, from, to).await?;
    let mut months: Vec<Date> = rows.iter().map(seal::month).collect();
    months.sort();
    months.dedup();
    let mut end = last;
    for month in months {
        let covered = || rows.iter().filter(|row| seal::month(row) == month);
        let next = AuditSeal {
            seq: 0,
            kind: SealKind::Rows,
            month,
            from_txid: from,
            to_txid: to,
            row_count: i64::try_from(covered().count()).unwrap_or(i64::MAX),
            rows_digest: seal::rows_digest(covered()),
            seal: Vec::new(),
            created_at: now,
        };
        end = Some(append(&transaction, key, end.as_ref(), next).await?);
    }
    let oldest_unsealed = audit_seals::oldest_unsealed(&transaction, to).await?;
    query::commit(transaction).await?;
    if let Some(end) = end {
        publish(&end);
    }
    Ok(Some(Progress { rows: u64::try_from(rows.len()).unwrap_or(u64::MAX), oldest_unsealed }))
}

/// Puts a seal at the end of the chain.
async fn append(
    transaction: &impl GenericClient,
    key: &SealKey,
    end: Option<&AuditSeal>,
    mut next: AuditSeal,
) -> Result<AuditSeal, DbError> {
    next.seq = end.map_or(1, |end| end.seq + 1);
    next.seal = key.sign(end.map_or(&[], |end| &end.seal), &next);
    audit_seals::insert(transaction, &next).await?;
    Ok(next)
}

/// Whoever keeps the logs elsewhere can tell later whether the end of the chain was cut off.
fn publish(end: &AuditSeal) {
    let head = head(end);
    tracing::info!(target: "portcullis::security", event = "audit.sealed", head, "the security log is sealed up to here");
}

/// A seal as people quote it: its place and its HMAC in hexadecimal.
#[must_use]
pub fn head(seal: &AuditSeal) -> String {
    use std::fmt::Write;
    seal.seal.iter().fold(format!("{}:", seal.seq), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Takes the months out of the log that ended before `now - retention`, and says so in the chain. Tells which.
///
/// # Errors
/// When the database does not answer.
pub async fn drop_months(
    database: &Database,
    key: &SealKey,
    now: Timestamp,
    retention: SignedDuration,
) -> Result<Vec<Date>, DbError> {
    let Ok(limit) = now.saturating_sub(retention) else { return Ok(Vec::new()) };
    let limit = limit.to_zoned(TimeZone::UTC).date().first_of_month();
    let months = {
        let client = database.get().await?;
        audit_seals::months(&client).await?
    };
    let mut dropped = Vec::new();
    for month in months.into_iter().filter(|month| *month < limit) {
        if drop_month(database, key, now, month).await? {
            dropped.push(month);
        }
    }
    Ok(dropped)
}

async fn drop_month(database: &Database, key: &SealKey, now: Timestamp, month: Date) -> Result<bool, DbError> {
    let mut client = database.get().await?;
    let transaction = query::begin(&mut client).await?;
    if !audit_seals::try_lock(&transaction).await? {
        return Ok(false);
    }
    let last = audit_seals::last(&transaction).await?;
    let sealed = last.as_ref().map_or(0, |last| last.to_txid);
    let (Some(first), Some(next)) = (midnight(month), midnight(month.saturating_add(1.month()))) else {
        return Ok(false);
    };
    // Rows that were never sealed would leave without a trace.
    if audit_seals::has_unsealed(&transaction, first, next, sealed).await?
        || !audit_seals::drop_month(&transaction, month).await?
    {
        return Ok(false);
    }
    let seal = AuditSeal {
        seq: 0,
        kind: SealKind::Dropped,
        month,
        from_txid: sealed,
        to_txid: sealed,
        row_count: 0,
        rows_digest: Vec::new(),
        seal: Vec::new(),
        created_at: now,
    };
    let end = append(&transaction, key, last.as_ref(), seal).await?;
    query::commit(transaction).await?;
    publish(&end);
    Ok(true)
}

fn midnight(date: Date) -> Option<Timestamp> {
    date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}
