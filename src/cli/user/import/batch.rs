//! Many accounts in one transaction.

use std::collections::{HashMap, HashSet};

use secrecy::SecretString;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::record::{Record, Secret};
use crate::auth::pool::HashPool;
use crate::cli::admin::Admin;
use crate::db::query;
use crate::db::user_imports::{self, Columns, Existing};
use crate::setup::Failure;

/// What became of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The account is there now.
    Imported,
    /// It was there before, with the same secret: an earlier run was interrupted.
    AlreadyThere,
    /// It cannot be taken over, and why.
    Refused(String),
}

/// Takes accounts over: all that can be, in one transaction. The outcomes come with the numbers of their lines.
pub(super) async fn store(
    admin: &Admin,
    pool: &HashPool,
    records: Vec<Record>,
) -> Result<Vec<(u64, Outcome)>, Failure> {
    let mut outcomes = Vec::with_capacity(records.len());
    let fresh = set_aside(admin, pool, records, &mut outcomes).await?;
    let hashes = hashes(admin, pool, &fresh).await?;
    let added = insert(admin, &fresh, &hashes).await?;
    let mut left = Vec::new();
    for (record, is_added) in fresh.into_iter().zip(added) {
        if is_added {
            outcomes.push((record.line, Outcome::Imported));
        } else {
            left.push(record);
        }
    }
    // Somebody else has the address, perhaps another line of this batch; else it is the id that is taken.
    for record in set_aside(admin, pool, left, &mut outcomes).await? {
        outcomes.push((record.line, Outcome::Refused("id belongs to another account".to_owned())));
    }
    outcomes.sort_by_key(|(line, _)| *line);
    Ok(outcomes)
}

/// Judges the records whose address is taken already, and gives back the others.
async fn set_aside(
    admin: &Admin,
    pool: &HashPool,
    records: Vec<Record>,
    outcomes: &mut Vec<(u64, Outcome)>,
) -> Result<Vec<Record>, Failure> {
    if records.is_empty() {
        return Ok(records);
    }
    let existing = {
        let client = admin.database.get().await?;
        let keys: Vec<&str> = records.iter().map(|record| record.email.key()).collect();
        user_imports::find_by_email_keys(&client, &keys).await?
    };
    let existing: HashMap<_, _> = existing.into_iter().map(|found| (found.email_key.clone(), found)).collect();
    let mut others = Vec::new();
    for record in records {
        match existing.get(record.email.key()) {
            Some(found) => outcomes.push((record.line, judge(pool, &record, found).await?)),
            None => others.push(record),
        }
    }
    Ok(others)
}

async fn judge(pool: &HashPool, record: &Record, found: &Existing) -> Result<Outcome, Failure> {
    if found.is_deleted {
        let reason = "email belongs to a deleted account that has not been erased yet";
        return Ok(Outcome::Refused(reason.to_owned()));
    }
    let same_secret = match &record.secret {
        Secret::Hash(hash) => *hash == found.password_hash,
        Secret::Password(password) => {
            pool.admit()?.verify(password.clone(), Some(found.password_hash.clone())).await?.matches
        }
        Secret::None => found.password_hash.is_empty(),
    };
    Ok(match same_secret && record.id.is_none_or(|id| id == found.id) {
        true => Outcome::AlreadyThere,
        false => Outcome::Refused("duplicate: an account with this e-mail address exists".to_owned()),
    })
}

/// The hash of every record: its own, a new one of its password, or none.
async fn hashes(admin: &Admin, pool: &HashPool, records: &[Record]) -> Result<Vec<String>, Failure> {
    let mut hashes = vec![String::new(); records.len()];
    let mut running = JoinSet::new();
    for (index, record) in records.iter().enumerate() {
        match &record.secret {
            Secret::Hash(hash) => hashes[index].clone_from(hash),
            Secret::Password(password) => {
                let (password, salt): (SecretString, _) = (password.clone(), admin.random.bytes()?);
                let ticket = pool.admit()?;
                running.spawn(async move { (index, ticket.hash(password, salt).await) });
            }
            Secret::None => {}
        }
    }
    while let Some(done) = running.join_next().await {
        let (index, hash) = done?;
        hashes[index] = hash?;
    }
    Ok(hashes)
}

/// Adds accounts together with their events; tells which were added.
async fn insert(admin: &Admin, records: &[Record], hashes: &[String]) -> Result<Vec<bool>, Failure> {
    let now = admin.clock.now();
    let mut columns = Columns::default();
    for (record, hash) in records.iter().zip(hashes) {
        columns.ids.push(match record.id {
            Some(id) => id,
            None => admin.random.uuid(now)?,
        });
        columns.emails.push(record.email.given());
        columns.email_keys.push(record.email.key());
        columns.password_hashes.push(hash);
        columns.first_names.push(&record.first_name);
        columns.last_names.push(&record.last_name);
        columns.verified.push(record.is_email_verified);
        columns.active.push(record.is_active);
        columns.created_at.push(record.created_at.unwrap_or(now));
    }
    let mut client = admin.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let added = user_imports::insert(&transaction, &columns).await?;
    let events = added.iter().map(|_| admin.random.uuid(now)).collect::<Result<Vec<_>, _>>()?;
    user_imports::record(&transaction, &events, &added, Admin::origin().user_agent.as_deref(), now).await?;
    query::commit(transaction).await?;
    // Two lines may have asked for one id; the first of them got it.
    let mut added: HashSet<Uuid> = added.into_iter().collect();
    Ok(columns.ids.iter().map(|id| added.remove(id)).collect())
}
