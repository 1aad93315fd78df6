//! Accounts in bulk, on their way in and out of table `users`.

use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::Row;
use uuid::Uuid;

use super::catalog::queries;
use super::users::{User, columns};
use super::{DbError, GenericClient, Query, query};

/// Accounts to be added, column by column: the arrays of one statement. All have the same length.
#[derive(Debug, Default)]
pub struct Columns<'a> {
    /// Identifiers.
    pub ids: Vec<Uuid>,
    /// Addresses as given.
    pub emails: Vec<&'a str>,
    /// Addresses folded.
    pub email_keys: Vec<&'a str>,
    /// Password hashes; empty where the account has no password yet.
    pub password_hashes: Vec<&'a str>,
    /// Given names.
    pub first_names: Vec<&'a str>,
    /// Family names.
    pub last_names: Vec<&'a str>,
    /// Whether the addresses were proved.
    pub verified: Vec<bool>,
    /// Whether the accounts are let in.
    pub active: Vec<bool>,
    /// Creations.
    pub created_at: Vec<Timestamp>,
}

/// Adds accounts. Those whose id or address is taken are left out.
pub const INSERT: &str = "insert into users \
    (id, email, email_key, password_hash, first_name, last_name, is_email_verified, is_active, created_at, updated_at) \
    select id, email, email_key, password_hash, first_name, last_name, is_email_verified, is_active, created_at, created_at \
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::boolean[], \
        $9::timestamptz[]) \
    as new (id, email, email_key, password_hash, first_name, last_name, is_email_verified, is_active, created_at) \
    on conflict do nothing returning id";

/// Adds accounts; tells the ids of those that were added.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(client: &impl GenericClient, new: &Columns<'_>) -> Result<Vec<Uuid>, DbError> {
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 9] = [
        &new.ids,
        &new.emails,
        &new.email_keys,
        &new.password_hashes,
        &new.first_names,
        &new.last_names,
        &new.verified,
        &new.active,
        &new.created_at,
    ];
    let rows = query::all(client, INSERT, &params).await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

/// Gives addresses back that somebody has left of late.
pub const GIVE_BACK: &str = "delete from users u using email_changes c where u.id = any($1::uuid[]) \
    and c.old_email_key = u.email_key and c.confirmed_at is not null and c.cancelled_at is null and c.undo_until > $2 \
    returning u.id";

/// Removes those of the accounts that were just added whose address its former owner can still take back; tells which. As with
/// [`is_reserved`](super::email_changes::is_reserved), the rows are written first: whoever leaves the address at the same moment is then
/// either waited for or seen.
///
/// # Errors
/// When the database does not answer.
pub async fn give_back(client: &impl GenericClient, ids: &[Uuid], now: Timestamp) -> Result<Vec<Uuid>, DbError> {
    let rows = query::all(client, GIVE_BACK, &[&ids, &now]).await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

/// The events of accounts that were added.
pub const RECORD: &str = "insert into audit_logs (id, user_id, event_type, details, user_agent, success, created_at) \
    select id, user_id, 'user.imported', $3, $4, true, $5 from unnest($1::uuid[], $2::uuid[]) as new (id, user_id)";

/// Notes in the security log that accounts were added, in the transaction that adds them.
///
/// # Errors
/// When the database does not answer.
pub async fn record(
    client: &impl GenericClient,
    event_ids: &[Uuid],
    user_ids: &[Uuid],
    details: &Value,
    user_agent: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    query::execute(client, RECORD, &[&event_ids, &user_ids, &details, &user_agent, &now]).await.map(drop)
}

/// An account that is there already.
#[derive(Clone, Debug)]
pub struct Existing {
    /// Identifier.
    pub id: Uuid,
    /// Its folded address.
    pub email_key: String,
    /// Its password hash.
    pub password_hash: String,
    /// Whether it was deleted, and only keeps its address for a while.
    pub is_deleted: bool,
    /// When it was imported, if it was and the security log still knows.
    pub imported_at: Option<Timestamp>,
}

impl Existing {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            email_key: row.try_get("email_key")?,
            password_hash: row.try_get("password_hash")?,
            is_deleted: row.try_get("is_deleted")?,
            imported_at: row.try_get("imported_at")?,
        })
    }
}

macro_rules! existing {
    () => {
        // An import is the first event of its account: one step along the index by user. An expression keeps the planner off the index by
        // type, where it would be among all imports.
        "select u.id, u.email_key, u.password_hash, u.deleted_at is not null as is_deleted, \
         (select a.created_at from audit_logs a where a.user_id = u.id and a.event_type || '' = 'user.imported' \
         order by a.created_at limit 1) as imported_at from users u where u.email_key is not null and "
    };
}

/// Finds who has these addresses.
pub const FIND_BY_EMAIL_KEYS: &str = concat!(existing!(), "u.email_key = any($1::text[])");

/// The accounts that have these folded addresses, deleted ones included.
///
/// # Errors
/// When the database does not answer.
pub async fn find_by_email_keys(client: &impl GenericClient, keys: &[&str]) -> Result<Vec<Existing>, DbError> {
    let rows = query::all(client, FIND_BY_EMAIL_KEYS, &[&keys]).await?;
    rows.iter().map(|row| Ok(Existing::from_row(row)?)).collect()
}

/// Finds who has these ids.
pub const FIND_BY_IDS: &str = concat!(existing!(), "u.id = any($1::uuid[])");

/// The accounts that have these ids, deleted ones included, but for those whose data was erased.
///
/// # Errors
/// When the database does not answer.
pub async fn find_by_ids(client: &impl GenericClient, ids: &[Uuid]) -> Result<Vec<Existing>, DbError> {
    let rows = query::all(client, FIND_BY_IDS, &[&ids]).await?;
    rows.iter().map(|row| Ok(Existing::from_row(row)?)).collect()
}

/// A page of accounts with their hashes, oldest first.
pub const EXPORT: &str = concat!(
    "select u.password_hash, ",
    columns!(),
    " from users u where u.deleted_at is null and (u.created_at, u.id) > ($1, $2) order by u.created_at, u.id limit $3"
);

/// A page of accounts that are not deleted, with their password hashes, after a given one, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn export(
    client: &impl GenericClient,
    after: (Timestamp, Uuid),
    limit: i64,
) -> Result<Vec<(User, String)>, DbError> {
    let rows = query::all(client, EXPORT, &[&after.0, &after.1, &limit]).await?;
    rows.iter().map(|row| Ok((User::from_row(row)?, row.try_get("password_hash")?))).collect()
}

/// Every query of this file, for the test that prepares them all.
pub const QUERIES: &[Query] = queries![INSERT, GIVE_BACK, RECORD, FIND_BY_EMAIL_KEYS, FIND_BY_IDS, EXPORT];
