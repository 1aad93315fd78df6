//! Table `email_changes`.

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::catalog::queries;
use super::{DbError, GenericClient, Query, query};

/// A new address that is to be confirmed.
#[derive(Debug)]
pub struct NewEmailChange<'a> {
    /// Identifier.
    pub id: Uuid,
    /// Whose address it is.
    pub user_id: Uuid,
    /// The old address as given.
    pub old_email: &'a str,
    /// The old address folded.
    pub old_email_key: &'a str,
    /// Whether the old address was proved.
    pub old_email_verified: bool,
    /// The new address as given.
    pub new_email: &'a str,
    /// The new address folded.
    pub new_email_key: &'a str,
    /// Creation.
    pub now: Timestamp,
    /// When it can be confirmed at the latest.
    pub expires_at: Timestamp,
    /// When it can be taken back at the latest.
    pub undo_until: Timestamp,
}

/// A change of address.
#[derive(Clone, Debug)]
pub struct EmailChange {
    /// Identifier.
    pub id: Uuid,
    /// Whose address it is.
    pub user_id: Uuid,
    /// The old address as given.
    pub old_email: String,
    /// The old address folded.
    pub old_email_key: String,
    /// Whether the old address was proved.
    pub old_email_verified: bool,
    /// The new address as given.
    pub new_email: String,
    /// The new address folded.
    pub new_email_key: String,
    /// Creation.
    pub created_at: Timestamp,
    /// When it can be confirmed at the latest.
    pub expires_at: Timestamp,
    /// When it can be taken back at the latest.
    pub undo_until: Timestamp,
    /// When the new address confirmed.
    pub confirmed_at: Option<Timestamp>,
    /// When it was taken back, replaced or overtaken.
    pub cancelled_at: Option<Timestamp>,
}

impl EmailChange {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            user_id: row.try_get("user_id")?,
            old_email: row.try_get("old_email")?,
            old_email_key: row.try_get("old_email_key")?,
            old_email_verified: row.try_get("old_email_verified")?,
            new_email: row.try_get("new_email")?,
            new_email_key: row.try_get("new_email_key")?,
            created_at: row.try_get("created_at")?,
            expires_at: row.try_get("expires_at")?,
            undo_until: row.try_get("undo_until")?,
            confirmed_at: row.try_get("confirmed_at")?,
            cancelled_at: row.try_get("cancelled_at")?,
        })
    }
}

/// Adds a change.
pub const INSERT: &str = "insert into email_changes \
    (id, user_id, old_email, old_email_key, old_email_verified, new_email, new_email_key, created_at, expires_at, undo_until) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// Adds a change.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(client: &impl GenericClient, new: &NewEmailChange<'_>) -> Result<(), DbError> {
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 10] = [
        &new.id,
        &new.user_id,
        &new.old_email,
        &new.old_email_key,
        &new.old_email_verified,
        &new.new_email,
        &new.new_email_key,
        &new.now,
        &new.expires_at,
        &new.undo_until,
    ];
    query::execute(client, INSERT, &params).await.map(drop)
}

/// Cancels what a newer change replaces, or a new password calls off.
pub const CANCEL_PENDING: &str = "update email_changes set cancelled_at = $2 \
    where user_id = $1 and confirmed_at is null and cancelled_at is null";

/// Cancels the changes of a user that nobody has confirmed yet; tells how many.
///
/// # Errors
/// When the database does not answer.
pub async fn cancel_pending(client: &impl GenericClient, user_id: Uuid, now: Timestamp) -> Result<u64, DbError> {
    query::execute(client, CANCEL_PENDING, &[&user_id, &now]).await
}

/// Finds a change.
pub const FIND: &str = "select id, user_id, old_email, old_email_key, old_email_verified, new_email, new_email_key, \
    created_at, expires_at, undo_until, confirmed_at, cancelled_at from email_changes where id = $1";

/// Finds a change by its id, whatever became of it.
///
/// # Errors
/// When the database does not answer.
pub async fn find(client: &impl GenericClient, id: Uuid) -> Result<Option<EmailChange>, DbError> {
    let row = query::optional(client, FIND, &[&id]).await?;
    Ok(row.as_ref().map(EmailChange::from_row).transpose()?)
}

/// Confirms a change.
pub const CONFIRM: &str = "update email_changes set confirmed_at = $2 \
    where id = $1 and confirmed_at is null and cancelled_at is null and expires_at > $2";

/// Marks a change as confirmed. `false` when it was confirmed, cancelled or overtaken by time: the compare-and-set that decides.
///
/// # Errors
/// When the database does not answer.
pub async fn confirm(client: &impl GenericClient, id: Uuid, now: Timestamp) -> Result<bool, DbError> {
    Ok(query::execute(client, CONFIRM, &[&id, &now]).await? == 1)
}

/// Takes a change back, and with it whatever was built on it.
pub const CANCEL_FROM: &str = "update email_changes as c set cancelled_at = $2 from email_changes first \
    where first.id = $1 and c.user_id = first.user_id and (c.id = first.id or c.created_at > first.created_at) \
    and c.cancelled_at is null";

/// Cancels a change, confirmed or not, and every later one of the same user; tells how many.
///
/// # Errors
/// When the database does not answer.
pub async fn cancel_from(client: &impl GenericClient, id: Uuid, now: Timestamp) -> Result<u64, DbError> {
    query::execute(client, CANCEL_FROM, &[&id, &now]).await
}

/// Looks whether an address still belongs to whoever left it.
pub const IS_RESERVED: &str = "select exists (select 1 from email_changes where old_email_key = $1 and user_id <> $2 \
    and confirmed_at is not null and cancelled_at is null and undo_until > $3) as is_reserved";

/// Whether somebody other than `user_id` has left the address with this key and can still take that back. Ask after the row that takes the
/// address was written, in the same transaction: whoever leaves it at the same moment is then either waited for or seen.
///
/// # Errors
/// When the database does not answer.
pub async fn is_reserved(
    client: &impl GenericClient,
    email_key: &str,
    user_id: Uuid,
    now: Timestamp,
) -> Result<bool, DbError> {
    Ok(query::one(client, IS_RESERVED, &[&email_key, &user_id, &now]).await?.try_get("is_reserved")?)
}

/// Every query of this table, for the test that prepares them all.
pub const QUERIES: &[Query] = queries![INSERT, CANCEL_PENDING, FIND, CONFIRM, CANCEL_FROM, IS_RESERVED];
