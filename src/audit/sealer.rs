//! The sealer: one instance at a time walks behind the writers of the security log and seals what they wrote.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::head::Head;
use super::seal::SealKey;
use super::stretch::Stretch;
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
    let mut end = audit_seals::last(&transaction).await?;
    let stretch = match next_stretch(&transaction, end.as_ref()).await? {
        Next::Stretch(stretch) => stretch,
        Next::Nothing { oldest_unsealed } => return Ok(Some(Progress { rows: 0, oldest_unsealed })),
    };
    let mut rows = 0;
    for (month, tally) in stretch.tally(&transaction, |_| rows += 1).await? {
        let next = AuditSeal {
            seq: 0,
            kind: SealKind::Rows,
            month,
            epoch: stretch.epoch,
            from_txid: stretch.from,
            to_txid: stretch.to,
            row_count: tally.rows(),
            rows_digest: tally.digest(),
            seal: Vec::new(),
            created_at: now,
        };
        end = Some(append(&transaction, key, end.as_ref(), next).await?);
    }
    let oldest_unsealed = audit_seals::oldest_unsealed(&transaction, stretch.epoch, stretch.to).await?;
    query::commit(transaction).await?;
    if let Some(end) = end {
        publish(&end);
    }
    Ok(Some(Progress { rows, oldest_unsealed }))
}

/// What a pass has to do.
enum Next {
    Stretch(Stretch),
    Nothing { oldest_unsealed: Option<Timestamp> },
}

/// Finds the next rows to seal. What a dump brought here from other clusters comes first: when the chain has gone on to this cluster, nothing
/// may be added to the others any more.
async fn next_stretch(client: &impl GenericClient, end: Option<&AuditSeal>) -> Result<Next, DbError> {
    let here = audit_seals::epoch(client).await?;
    let mut epochs = Vec::new();
    if end.is_none_or(|end| end.epoch != here) {
        epochs = audit_seals::epochs(client).await?;
        epochs.retain(|epoch| *epoch != here);
    }
    epochs.push(here);
    for epoch in epochs {
        let from = match end {
            Some(end) if end.epoch == epoch => end.to_txid,
            _ => audit_seals::position(client, epoch).await?,
        };
        let is_here = epoch == here;
        if let Some(to) = audit_seals::horizon(client, epoch, from, is_here, BATCH).await? {
            return Ok(Next::Stretch(Stretch { epoch, from, to }));
        }
        if is_here {
            let oldest_unsealed = audit_seals::oldest_unsealed(client, epoch, from).await?;
            return Ok(Next::Nothing { oldest_unsealed });
        }
    }
    Ok(Next::Nothing { oldest_unsealed: None })
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
    let head = Head::of(end);
    tracing::info!(target: "portcullis::security", event = "audit.sealed", %head, "the security log is sealed up to here");
}

/// Takes the months out of the log that ended before `now - retention`, and says so in the chain. Tells which.
///
/// # Errors
/// When the database does not answer, or somebody reads the log: try again later, and nobody who writes has to wait meanwhile.
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
        if detach_month(database, key, now, month).await? {
            dropped.push(month);
        }
    }
    // Also those that an earlier attempt only detached.
    let client = database.get().await?;
    while audit_seals::drop_detached(&client).await? {}
    Ok(dropped)
}

async fn detach_month(database: &Database, key: &SealKey, now: Timestamp, month: Date) -> Result<bool, DbError> {
    let mut client = database.get().await?;
    let transaction = query::begin(&mut client).await?;
    if !audit_seals::try_lock(&transaction).await? {
        return Ok(false);
    }
    // Rows that were never sealed would leave without a trace.
    if has_unsealed(&transaction, month).await? {
        return Ok(false);
    }
    let last = audit_seals::last(&transaction).await?;
    let (epoch, sealed) = match &last {
        Some(last) => (last.epoch, last.to_txid),
        None => (audit_seals::epoch(&transaction).await?, 0),
    };
    let seal = AuditSeal {
        seq: 0,
        kind: SealKind::Dropped,
        month,
        epoch,
        from_txid: sealed,
        to_txid: sealed,
        row_count: 0,
        rows_digest: Vec::new(),
        seal: Vec::new(),
        created_at: now,
    };
    let end = append(&transaction, key, last.as_ref(), seal).await?;
    // Last, because everybody who writes waits from here to the commit.
    if !audit_seals::detach_month(&transaction, month).await? {
        return Ok(false);
    }
    query::commit(transaction).await?;
    publish(&end);
    Ok(true)
}

/// Whether a month has rows that no seal covers, of whatever cluster.
async fn has_unsealed(client: &impl GenericClient, month: Date) -> Result<bool, DbError> {
    let (Some(first), Some(next)) = (midnight(month), midnight(month.saturating_add(1.month()))) else {
        return Ok(true);
    };
    for epoch in audit_seals::epochs(client).await? {
        let sealed = audit_seals::position(client, epoch).await?;
        if audit_seals::has_unsealed(client, first, next, epoch, sealed).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn midnight(date: Date) -> Option<Timestamp> {
    date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}
