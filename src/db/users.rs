//! Table `users`.

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::catalog::queries;
use super::{DbError, GenericClient, Query, query};

/// The constraint that decides who gets an address.
pub const EMAIL_TAKEN: &str = "users_email_key_unique";

/// An account, without its password hash: what replies and rules may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Identifier.
    pub id: Uuid,
    /// Address as given.
    pub email: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Whether the address was proved.
    pub is_email_verified: bool,
    /// Whether the operator lets the account in.
    pub is_active: bool,
    /// Last successful log-in.
    pub last_login_at: Option<Timestamp>,
    /// Creation.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
    /// Deletion.
    pub deleted_at: Option<Timestamp>,
}

impl User {
    /// Whether the account may act at all.
    #[must_use]
    pub fn may_act(&self) -> bool {
        self.is_active && self.deleted_at.is_none()
    }

    /// Reads the columns of [`COLUMNS`], wherever they stand in the row.
    pub(super) fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            id: row.try_get("user_id")?,
            email: row.try_get("email")?,
            first_name: row.try_get("first_name")?,
            last_name: row.try_get("last_name")?,
            is_email_verified: row.try_get("is_email_verified")?,
            is_active: row.try_get("is_active")?,
            last_login_at: row.try_get("last_login_at")?,
            created_at: row.try_get("user_created_at")?,
            updated_at: row.try_get("user_updated_at")?,
            deleted_at: row.try_get("deleted_at")?,
        })
    }
}

/// An account with its password hash, for the handlers that check a password.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The account.
    pub user: User,
    /// Its address folded.
    pub email_key: String,
    /// Its hash.
    pub password_hash: String,
}

/// A new account.
#[derive(Debug)]
pub struct NewUser<'a> {
    /// Identifier.
    pub id: Uuid,
    /// Address as given.
    pub email: &'a str,
    /// Address folded.
    pub email_key: &'a str,
    /// Password hash.
    pub password_hash: &'a str,
    /// Given name.
    pub first_name: &'a str,
    /// Family name.
    pub last_name: &'a str,
    /// Creation; also the first log-in of a sign-up that opens a session.
    pub now: Timestamp,
}

macro_rules! columns {
    () => {
        "u.id as user_id, u.email, u.first_name, u.last_name, u.is_email_verified, u.is_active, u.last_login_at, \
         u.created_at as user_created_at, u.updated_at as user_updated_at, u.deleted_at"
    };
}
pub(super) use columns;

/// Adds an account.
pub const INSERT: &str = concat!(
    "insert into users as u (id, email, email_key, password_hash, first_name, last_name, created_at, updated_at) \
     values ($1, $2, $3, $4, $5, $6, $7, $7) returning ",
    columns!()
);

/// Adds an account. The database decides who gets the address: see [`EMAIL_TAKEN`].
///
/// # Errors
/// When the address is taken or the database does not answer.
pub async fn insert(client: &impl GenericClient, new: &NewUser<'_>) -> Result<User, DbError> {
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
        [&new.id, &new.email, &new.email_key, &new.password_hash, &new.first_name, &new.last_name, &new.now];
    Ok(User::from_row(&query::one(client, INSERT, &params).await?)?)
}

/// Finds an account by its folded address.
pub const FIND_BY_EMAIL_KEY: &str = concat!(
    "select u.email_key, u.password_hash, ",
    columns!(),
    " from users u where u.email_key = $1 and u.deleted_at is null"
);

/// Finds an account that is not deleted by its folded address.
///
/// # Errors
/// When the database does not answer.
pub async fn find_by_email_key(client: &impl GenericClient, key: &str) -> Result<Option<Credentials>, DbError> {
    credentials(query::optional(client, FIND_BY_EMAIL_KEY, &[&key]).await?)
}

/// Finds an account by its id.
pub const FIND: &str = concat!(
    "select u.email_key, u.password_hash, ",
    columns!(),
    " from users u where u.id = $1 and u.deleted_at is null"
);

/// Finds an account that is not deleted by its id.
///
/// # Errors
/// When the database does not answer.
pub async fn find(client: &impl GenericClient, id: Uuid) -> Result<Option<Credentials>, DbError> {
    credentials(query::optional(client, FIND, &[&id]).await?)
}

/// Finds an account that is deleted, but not erased yet.
pub const FIND_DELETED: &str = concat!(
    "select u.email_key, u.password_hash, ",
    columns!(),
    " from users u where u.id = $1 and u.deleted_at is not null and u.email_key is not null"
);

/// Finds an account that is deleted, but not erased yet.
///
/// # Errors
/// When the database does not answer.
pub async fn find_deleted(client: &impl GenericClient, id: Uuid) -> Result<Option<User>, DbError> {
    Ok(credentials(query::optional(client, FIND_DELETED, &[&id]).await?)?.map(|found| found.user))
}

/// Finds an account by its id and locks it.
pub const FIND_FOR_UPDATE: &str = concat!(
    "select u.email_key, u.password_hash, ",
    columns!(),
    " from users u where u.id = $1 and u.is_active and u.deleted_at is null for no key update"
);

/// Finds an account that may act, and locks it until the transaction ends. Whatever changes an account along with its tokens, sessions or
/// changes of address locks it first, so that no two wait for each other. Rows that refer to the account can still be added: a refresh does
/// that while it holds its session. So whoever is about to change the address or remove the account ends the sessions before.
///
/// # Errors
/// When the database does not answer.
pub async fn find_for_update(client: &impl GenericClient, id: Uuid) -> Result<Option<Credentials>, DbError> {
    credentials(query::optional(client, FIND_FOR_UPDATE, &[&id]).await?)
}

/// Looks whether an address has an account, be it a deleted one.
pub const IS_TAKEN: &str = "select exists (select 1 from users where email_key = $1) as is_taken";

/// Whether the address with this key has an account: only for a word in advance, since the database decides in the end.
///
/// # Errors
/// When the database does not answer.
pub async fn is_taken(client: &impl GenericClient, email_key: &str) -> Result<bool, DbError> {
    Ok(query::one(client, IS_TAKEN, &[&email_key]).await?.try_get("is_taken")?)
}

fn credentials(row: Option<Row>) -> Result<Option<Credentials>, DbError> {
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Credentials {
        user: User::from_row(&row)?,
        email_key: row.try_get("email_key")?,
        password_hash: row.try_get("password_hash")?,
    }))
}

/// Notes a log-in.
pub const LOG_IN: &str = concat!(
    "update users as u set last_login_at = $3, password_hash = coalesce($4, u.password_hash) \
     where u.id = $1 and u.password_hash = $2 and u.is_active and u.deleted_at is null returning ",
    columns!()
);

/// Notes a log-in, and stores the rehashed password if there is one. `None` when the account was disabled, deleted or given another
/// password since `verified_hash` was read.
///
/// # Errors
/// When the database does not answer.
pub async fn log_in(
    client: &impl GenericClient,
    id: Uuid,
    verified_hash: &str,
    now: Timestamp,
    rehashed: Option<&str>,
) -> Result<Option<User>, DbError> {
    optional_user(query::optional(client, LOG_IN, &[&id, &verified_hash, &now, &rehashed]).await?.as_ref())
}

/// Replaces a password.
pub const CHANGE_PASSWORD: &str = concat!(
    "update users as u set password_hash = $3, updated_at = $4 \
     where u.id = $1 and u.password_hash = $2 and u.is_active and u.deleted_at is null returning ",
    columns!()
);

/// Replaces the password that was verified. `None` when another change came first.
///
/// # Errors
/// When the database does not answer.
pub async fn change_password(
    client: &impl GenericClient,
    id: Uuid,
    verified_hash: &str,
    new_hash: &str,
    now: Timestamp,
) -> Result<Option<User>, DbError> {
    optional_user(query::optional(client, CHANGE_PASSWORD, &[&id, &verified_hash, &new_hash, &now]).await?.as_ref())
}

/// Sets a password by the operator's word.
pub const SET_PASSWORD: &str =
    "update users set password_hash = $2, updated_at = $3 where id = $1 and deleted_at is null";

/// Sets a password without knowing the old one. `false` when there is no such account.
///
/// # Errors
/// When the database does not answer.
pub async fn set_password(client: &impl GenericClient, id: Uuid, hash: &str, now: Timestamp) -> Result<bool, DbError> {
    Ok(query::execute(client, SET_PASSWORD, &[&id, &hash, &now]).await? == 1)
}

/// Sets a password by the word of whoever reads the account's mail.
pub const RESET_PASSWORD: &str =
    "update users set password_hash = $2, is_email_verified = true, updated_at = $3 where id = $1";

/// Sets a password for the bearer of a mailed link, which proves the address as well. The caller holds the lock of
/// [`find_for_update`].
///
/// # Errors
/// When the database does not answer.
pub async fn reset_password(client: &impl GenericClient, id: Uuid, hash: &str, now: Timestamp) -> Result<(), DbError> {
    query::execute(client, RESET_PASSWORD, &[&id, &hash, &now]).await.map(drop)
}

/// Gives an account another address.
pub const SET_EMAIL: &str =
    "update users set email = $2, email_key = $3, is_email_verified = $4, updated_at = $5 where id = $1";

/// Gives an account another address. The database decides who gets it: see [`EMAIL_TAKEN`]. The caller holds the lock of
/// [`find_for_update`].
///
/// # Errors
/// When the address is taken or the database does not answer.
pub async fn set_email(
    client: &impl GenericClient,
    id: Uuid,
    email: &str,
    email_key: &str,
    is_verified: bool,
    now: Timestamp,
) -> Result<(), DbError> {
    query::execute(client, SET_EMAIL, &[&id, &email, &email_key, &is_verified, &now]).await.map(drop)
}

/// Removes an account whose address nobody has proved.
pub const DELETE_UNVERIFIED: &str = "delete from users where id = $1 and not is_email_verified and deleted_at is null";

/// Removes an account whose address nobody has proved, with its sessions and all else that is its own, so that the address is free at
/// once. `false` when the address was proved meanwhile.
///
/// # Errors
/// When the database does not answer.
pub async fn delete_unverified(client: &impl GenericClient, id: Uuid) -> Result<bool, DbError> {
    Ok(query::execute(client, DELETE_UNVERIFIED, &[&id]).await? == 1)
}

/// Changes names; null keeps one.
pub const RENAME: &str = concat!(
    "update users as u set first_name = coalesce($2, u.first_name), last_name = coalesce($3, u.last_name), updated_at = $4 \
     where u.id = $1 and u.is_active and u.deleted_at is null returning ",
    columns!()
);

/// Changes one or both names. `None` when the account cannot act any more.
///
/// # Errors
/// When the database does not answer.
pub async fn rename(
    client: &impl GenericClient,
    id: Uuid,
    first_name: Option<&str>,
    last_name: Option<&str>,
    now: Timestamp,
) -> Result<Option<User>, DbError> {
    optional_user(query::optional(client, RENAME, &[&id, &first_name, &last_name, &now]).await?.as_ref())
}

/// Lets an account in or shuts it out.
pub const SET_ACTIVE: &str =
    "update users set is_active = $2, updated_at = $3 where id = $1 and deleted_at is null and is_active <> $2";

/// Lets an account in or shuts it out. `false` when nothing changed.
///
/// # Errors
/// When the database does not answer.
pub async fn set_active(client: &impl GenericClient, id: Uuid, active: bool, now: Timestamp) -> Result<bool, DbError> {
    Ok(query::execute(client, SET_ACTIVE, &[&id, &active, &now]).await? == 1)
}

/// Takes the word of a mailed link, or of the operator, that an address is its owner's.
pub const SET_VERIFIED: &str = "update users set is_email_verified = true, updated_at = $2 where id = $1 and deleted_at is null and not is_email_verified";

/// Marks an address as verified. `false` when nothing changed.
///
/// # Errors
/// When the database does not answer.
pub async fn set_verified(client: &impl GenericClient, id: Uuid, now: Timestamp) -> Result<bool, DbError> {
    Ok(query::execute(client, SET_VERIFIED, &[&id, &now]).await? == 1)
}

/// A page of accounts, oldest first.
pub const LIST: &str = concat!(
    "select ",
    columns!(),
    " from users u where u.deleted_at is null and (u.created_at, u.id) > ($1, $2) order by u.created_at, u.id limit $3"
);

/// A page of accounts after a given one, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn list(client: &impl GenericClient, after: (Timestamp, Uuid), limit: i64) -> Result<Vec<User>, DbError> {
    let rows = query::all(client, LIST, &[&after.0, &after.1, &limit]).await?;
    rows.iter().map(|row| User::from_row(row).map_err(DbError::from)).collect()
}

/// The kind of a hash, in the words of the index `users_password_kind`, or it would not be used.
macro_rules! kind {
    () => {
        "coalesce(substring(password_hash from '^(?:bcrypt\\$)?\\$2.\\$..\\$'), \
         substring(password_hash from '^(.*)\\$[^$]*\\$[^$]*$'))"
    };
}

/// Looks which formats and parameters hashes have besides those of today, from one to the next along an index.
pub const SAMPLE_HASHES: &str = concat!(
    "with recursive kinds as ((select ",
    kind!(),
    " as kind from users order by 1 limit 1) union all select (select ",
    kind!(),
    " from users where ",
    kind!(),
    " > kinds.kind order by 1 limit 1) from kinds where kinds.kind is not null) \
     select hash as password_hash from kinds cross join lateral (select password_hash as hash from users where ",
    kind!(),
    // Not `=`, for which the planner may walk the table: the first of these along the index is of that kind.
    " >= kinds.kind order by ",
    kind!(),
    " limit 1) as sample where not starts_with(hash, $1) limit $2"
);

/// One stored hash for each format and parameters that some hashes have, without those that begin with `prefix`.
///
/// # Errors
/// When the database does not answer.
pub async fn sample_hashes(client: &impl GenericClient, prefix: &str, limit: i64) -> Result<Vec<String>, DbError> {
    let rows = query::all(client, SAMPLE_HASHES, &[&prefix, &limit]).await?;
    Ok(rows.iter().map(|row| row.try_get("password_hash")).collect::<Result<_, _>>()?)
}

/// Deletes softly.
pub const SOFT_DELETE: &str = "update users set deleted_at = $2, updated_at = $2 \
    where id = $1 and deleted_at is null and ($3::text is null or password_hash = $3)";

/// Deletes an account softly: it cannot act any more, and keeps its address and personal data until they are erased. `false` when it was
/// deleted before, or when its password is not the one that was verified any more.
///
/// # Errors
/// When the database does not answer.
pub async fn soft_delete(
    client: &impl GenericClient,
    id: Uuid,
    verified_hash: Option<&str>,
    now: Timestamp,
) -> Result<bool, DbError> {
    Ok(query::execute(client, SOFT_DELETE, &[&id, &now, &verified_hash]).await? == 1)
}

fn optional_user(row: Option<&Row>) -> Result<Option<User>, DbError> {
    Ok(row.map(User::from_row).transpose()?)
}

/// Every query of this table, for the test that prepares them all.
pub const QUERIES: &[Query] = queries![
    INSERT,
    FIND_BY_EMAIL_KEY,
    FIND,
    LOG_IN,
    CHANGE_PASSWORD,
    SET_PASSWORD,
    RENAME,
    SET_ACTIVE,
    SET_VERIFIED,
    LIST,
    FIND_DELETED,
    FIND_FOR_UPDATE,
    RESET_PASSWORD,
    SET_EMAIL,
    DELETE_UNVERIFIED,
    IS_TAKEN,
    SOFT_DELETE,
    SAMPLE_HASHES,
];
