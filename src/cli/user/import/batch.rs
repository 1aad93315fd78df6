//! Many accounts in one transaction.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::record::{Record, Secret};
use crate::audit::OPERATOR;
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
    /// It was there before, with the same secret or by an earlier run, which was interrupted.
    AlreadyThere,
    /// It cannot be taken over, and why.
    Refused(String),
}

/// The runs before this one.
#[derive(Debug)]
pub(super) struct Earlier {
    /// When this run began.
    until: Timestamp,
    /// The accounts of earlier runs that a line of this one has come to already.
    claimed: HashSet<Uuid>,
}

impl Earlier {
    /// Those before now.
    pub(super) fn than(now: Timestamp) -> Self {
        Self { until: now, claimed: HashSet::new() }
    }

    /// Whether an earlier run imported this account, and no line before this one is its line. Its secret may be another one by now: its
    /// owner has logged in, or changed it.
    fn imported(&mut self, found: &Existing) -> bool {
        let is_new = self.claimed.insert(found.id);
        is_new && !found.is_deleted && found.imported_at.is_some_and(|time| time < self.until)
    }
}

/// Takes accounts over: all that can be, in one transaction. The outcomes come with the numbers of their lines.
pub(super) async fn store(
    admin: &Admin,
    pool: &HashPool,
    earlier: &mut Earlier,
    records: Vec<Record>,
) -> Result<Vec<(u64, Outcome)>, Failure> {
    let mut outcomes = Vec::with_capacity(records.len());
    let fresh = set_aside(admin, pool, earlier, records, &mut outcomes).await?;
    let hashes = hashes(admin, pool, &fresh).await?;
    let fates = insert(admin, &fresh, &hashes).await?;
    let mut left = Vec::new();
    for (record, fate) in fresh.into_iter().zip(fates) {
        match fate {
            Some(outcome) => outcomes.push((record.line, outcome)),
            None => left.push(record),
        }
    }
    // Somebody else has the address, perhaps another line of this batch; else it is the id that is taken.
    let left = set_aside(admin, pool, earlier, left, &mut outcomes).await?;
    judge_by_id(admin, earlier, left, &mut outcomes).await?;
    outcomes.sort_by_key(|(line, _)| *line);
    Ok(outcomes)
}

/// Judges the records whose address is taken already, and gives back the others.
async fn set_aside(
    admin: &Admin,
    pool: &HashPool,
    earlier: &mut Earlier,
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
            Some(found) => outcomes.push((record.line, judge(pool, earlier, &record, found).await?)),
            None => others.push(record),
        }
    }
    Ok(others)
}

async fn judge(pool: &HashPool, earlier: &mut Earlier, record: &Record, found: &Existing) -> Result<Outcome, Failure> {
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
    let same_account = record.id.is_none_or(|id| id == found.id);
    Ok(match same_account && (earlier.imported(found) || same_secret) {
        true => Outcome::AlreadyThere,
        false => Outcome::Refused("duplicate: an account with this e-mail address exists".to_owned()),
    })
}

/// Judges the records whose id is taken already: by an account that an earlier run imported, whose owner has another address by now, or by
/// somebody else's.
async fn judge_by_id(
    admin: &Admin,
    earlier: &mut Earlier,
    records: Vec<Record>,
    outcomes: &mut Vec<(u64, Outcome)>,
) -> Result<(), Failure> {
    let ids: Vec<_> = records.iter().filter_map(|record| record.id).collect();
    if records.is_empty() {
        return Ok(());
    }
    let existing = user_imports::find_by_ids(&admin.database.get().await?, &ids).await?;
    for record in records {
        let found = existing.iter().find(|found| Some(found.id) == record.id);
        outcomes.push((
            record.line,
            match found {
                Some(found) if earlier.imported(found) => Outcome::AlreadyThere,
                Some(_) => Outcome::Refused("id belongs to another account".to_owned()),
                None => Outcome::Refused("duplicate: another line has this e-mail address or id".to_owned()),
            },
        ));
    }
    Ok(())
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

/// Adds accounts together with their events. `None` for those whose address or id is taken.
async fn insert(admin: &Admin, records: &[Record], hashes: &[String]) -> Result<Vec<Option<Outcome>>, Failure> {
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
    let mut added = user_imports::insert(&transaction, &columns).await?;
    let given_back = user_imports::give_back(&transaction, &added, now).await?;
    added.retain(|id| !given_back.contains(id));
    let events = added.iter().map(|_| admin.random.uuid(now)).collect::<Result<Vec<_>, _>>()?;
    let origin = Admin::origin();
    let details = json!({ OPERATOR: origin.operator });
    user_imports::record(&transaction, &events, &added, &details, origin.user_agent.as_deref(), now).await?;
    query::commit(transaction).await?;
    let reserved =
        "email can still be taken back by the owner of another account, who has just left it: try again in three days";
    let mut fates: HashMap<_, _> = added.into_iter().map(|id| (id, Outcome::Imported)).collect();
    fates.extend(given_back.into_iter().map(|id| (id, Outcome::Refused(reserved.to_owned()))));
    // Two lines may have asked for one id; the first of them got it.
    Ok(columns.ids.iter().map(|id| fates.remove(id)).collect())
}
