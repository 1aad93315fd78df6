//! Accounts in bulk, on their way in and out of table `users`.

use jiff::Timestamp;
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

/// The events of accounts that were added.
pub const RECORD: &str = "insert into audit_logs (id, user_id, event_type, user_agent, success, created_at) \
    select id, user_id, 'user.imported', $3, true, $4 from unnest($1::uuid[], $2::uuid[]) as new (id, user_id)";

/// Notes in the security log that accounts were added, in the transaction that adds them.
///
/// # Errors
/// When the database does not answer.
pub async fn record(
    client: &impl GenericClient,
    event_ids: &[Uuid],
    user_ids: &[Uuid],
    user_agent: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    query::execute(client, RECORD, &[&event_ids, &user_ids, &user_agent, &now]).await.map(drop)
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
}

/// Finds who has these addresses.
pub const FIND_BY_EMAIL_KEYS: &str = "select id, email_key, password_hash, deleted_at is not null as is_deleted \
    from users where email_key = any($1::text[])";

/// The accounts that have these folded addresses, deleted ones included.
///
/// # Errors
/// When the database does not answer.
pub async fn find_by_email_keys(client: &impl GenericClient, keys: &[&str]) -> Result<Vec<Existing>, DbError> {
    let rows = query::all(client, FIND_BY_EMAIL_KEYS, &[&keys]).await?;
    rows.iter()
        .map(|row| {
            Ok(Existing {
                id: row.try_get("id")?,
                email_key: row.try_get("email_key")?,
                password_hash: row.try_get("password_hash")?,
                is_deleted: row.try_get("is_deleted")?,
            })
        })
        .collect()
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
pub const QUERIES: &[Query] = queries![INSERT, RECORD, FIND_BY_EMAIL_KEYS, EXPORT];
