//! Table `password_reset_tokens`.

use std::net::IpAddr;

use jiff::Timestamp;
use uuid::Uuid;

use super::catalog::queries;
use super::{DbError, GenericClient, Query, query};

/// A new token.
#[derive(Debug)]
pub struct NewPasswordResetToken<'a> {
    /// Identifier: that of the mail job.
    pub id: Uuid,
    /// Whose password it sets.
    pub user_id: Uuid,
    /// SHA-256 of the token.
    pub token_hash: &'a [u8],
    /// When it can be used at the latest.
    pub expires_at: Timestamp,
    /// Whence it was asked for.
    pub ip_address: Option<IpAddr>,
    /// From which device, in words.
    pub device_info: &'a str,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// A token that somebody presents.
#[derive(Clone, Debug)]
pub struct PasswordResetToken {
    /// Identifier: that of the mail job.
    pub id: Uuid,
    /// Whose password it sets.
    pub user_id: Uuid,
    /// When it can be used at the latest.
    pub expires_at: Timestamp,
    /// Whether it was used or replaced.
    pub is_used: bool,
    /// Whence it was asked for.
    pub ip_address: Option<IpAddr>,
    /// From which device, in words.
    pub device_info: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// Adds a token, unless an earlier attempt at the same mail did.
pub const ISSUE: &str = "insert into password_reset_tokens \
    (id, user_id, token_hash, expires_at, ip_address, user_agent, created_at) \
    values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do nothing";

/// Adds a token. `false` when an earlier attempt at the same mail did.
///
/// # Errors
/// When the database does not answer.
pub async fn issue(client: &impl GenericClient, new: &NewPasswordResetToken<'_>) -> Result<bool, DbError> {
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
        [&new.id, &new.user_id, &new.token_hash, &new.expires_at, &new.ip_address, &new.device_info, &new.created_at];
    Ok(query::execute(client, ISSUE, &params).await? == 1)
}

/// Ends the tokens that a newer one replaces.
pub const END_OLDER: &str = "update password_reset_tokens set is_used = true \
    where user_id = $1 and id <> $2 and created_at <= $3 and not is_used";

/// Ends the unused tokens of a user that are older than the one with this id; tells how many.
///
/// # Errors
/// When the database does not answer.
pub async fn end_older(
    client: &impl GenericClient,
    user_id: Uuid,
    id: Uuid,
    created_at: Timestamp,
) -> Result<u64, DbError> {
    query::execute(client, END_OLDER, &[&user_id, &id, &created_at]).await
}

/// Looks whether a token still opens anything.
pub const FIND_USE: &str = "select is_used from password_reset_tokens where id = $1";

/// Whether the token with this id was used or replaced; `None` when there is none.
///
/// # Errors
/// When the database does not answer.
pub async fn is_used(client: &impl GenericClient, id: Uuid) -> Result<Option<bool>, DbError> {
    let row = query::optional(client, FIND_USE, &[&id]).await?;
    Ok(row.map(|row| row.try_get("is_used")).transpose()?)
}

/// Finds a token by its hash.
pub const FIND: &str = "select id, user_id, expires_at, is_used, ip_address, user_agent, created_at \
    from password_reset_tokens where token_hash = $1";

/// Finds a token, whatever became of it.
///
/// # Errors
/// When the database does not answer.
pub async fn find(client: &impl GenericClient, token_hash: &[u8]) -> Result<Option<PasswordResetToken>, DbError> {
    let Some(row) = query::optional(client, FIND, &[&token_hash]).await? else { return Ok(None) };
    Ok(Some(PasswordResetToken {
        id: row.try_get("id")?,
        user_id: row.try_get("user_id")?,
        expires_at: row.try_get("expires_at")?,
        is_used: row.try_get("is_used")?,
        ip_address: row.try_get("ip_address")?,
        device_info: row.try_get("user_agent")?,
        created_at: row.try_get("created_at")?,
    }))
}

/// Uses a token up.
pub const CONSUME: &str =
    "update password_reset_tokens set is_used = true where id = $1 and not is_used and expires_at > $2";

/// Uses a token up. `false` when somebody else did or its time is over: the compare-and-set that decides.
///
/// # Errors
/// When the database does not answer.
pub async fn consume(client: &impl GenericClient, id: Uuid, now: Timestamp) -> Result<bool, DbError> {
    Ok(query::execute(client, CONSUME, &[&id, &now]).await? == 1)
}

/// Ends what was mailed before the account changed.
pub const END_ALL: &str = "update password_reset_tokens set is_used = true where user_id = $1 and not is_used";

/// Ends every unused token of a user; tells how many.
///
/// # Errors
/// When the database does not answer.
pub async fn end_all(client: &impl GenericClient, user_id: Uuid) -> Result<u64, DbError> {
    query::execute(client, END_ALL, &[&user_id]).await
}

/// Every query of this table, for the test that prepares them all.
pub const QUERIES: &[Query] = queries![ISSUE, END_OLDER, FIND_USE, FIND, CONSUME, END_ALL];
