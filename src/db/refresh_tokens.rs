//! Table `refresh_tokens`.

use jiff::Timestamp;
use uuid::Uuid;

use super::catalog::queries;
use super::users::{User, columns};
use super::{DbError, GenericClient, Query, query};

/// A new refresh token.
#[derive(Debug)]
pub struct NewRefreshToken<'a> {
    /// Identifier.
    pub id: Uuid,
    /// Owner.
    pub user_id: Uuid,
    /// Session, which is the token's family.
    pub session_id: Uuid,
    /// The token it replaces.
    pub parent_id: Option<Uuid>,
    /// Its hash.
    pub token_hash: &'a [u8],
    /// The device in words.
    pub device_info: &'a str,
    /// When it can be used at the latest.
    pub expires_at: Timestamp,
    /// Creation.
    pub now: Timestamp,
}

/// A refresh token with its session and owner, as a refresh finds them.
#[derive(Clone, Debug)]
pub struct Presented {
    /// Identifier.
    pub id: Uuid,
    /// Session, which is the token's family.
    pub session_id: Uuid,
    /// The token it replaced.
    pub parent_id: Option<Uuid>,
    /// When it can be used at the latest.
    pub expires_at: Timestamp,
    /// Whether it alone was revoked.
    pub is_revoked: bool,
    /// When it was exchanged.
    pub rotated_at: Option<Timestamp>,
    /// The successor under a key derived from this token.
    pub sealed_successor: Option<Vec<u8>>,
    /// The device in words.
    pub device_info: String,
    /// Whether the session's tokens live long.
    pub remember_me: bool,
    /// The session's latest end.
    pub session_expires_at: Timestamp,
    /// The session's last refresh.
    pub session_last_used_at: Timestamp,
    /// When the session was ended.
    pub session_revoked_at: Option<Timestamp>,
    /// The owner.
    pub user: User,
}

/// Adds a token.
pub const INSERT: &str = "insert into refresh_tokens \
    (id, user_id, session_id, parent_id, token_hash, device_info, expires_at, created_at, updated_at) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $8)";

/// Adds a token.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(client: &impl GenericClient, new: &NewRefreshToken<'_>) -> Result<(), DbError> {
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 8] = [
        &new.id,
        &new.user_id,
        &new.session_id,
        &new.parent_id,
        &new.token_hash,
        &new.device_info,
        &new.expires_at,
        &new.now,
    ];
    query::execute(client, INSERT, &params).await.map(drop)
}

/// Finds a token, and locks its session and then itself until the transaction ends: the refreshes of one family take turns, and a session
/// cannot be ended while one of its tokens rotates. The session comes first, or a token and its successor could wait for each other.
pub const FIND_FOR_UPDATE: &str = concat!(
    "select t.id, t.session_id, t.parent_id, t.expires_at, t.is_revoked, t.rotated_at, t.sealed_successor, t.device_info, \
     s.remember_me, s.expires_at as session_expires_at, s.last_used_at, s.revoked_at, ",
    columns!(),
    " from refresh_tokens t join sessions s on s.id = t.session_id join users u on u.id = t.user_id \
     where t.token_hash = $1 for update of s, t"
);

/// Finds a token by its hash and locks it.
///
/// # Errors
/// When the database does not answer.
pub async fn find_for_update(client: &impl GenericClient, token_hash: &[u8]) -> Result<Option<Presented>, DbError> {
    let Some(row) = query::optional(client, FIND_FOR_UPDATE, &[&token_hash]).await? else { return Ok(None) };
    Ok(Some(Presented {
        id: row.try_get("id")?,
        session_id: row.try_get("session_id")?,
        parent_id: row.try_get("parent_id")?,
        expires_at: row.try_get("expires_at")?,
        is_revoked: row.try_get("is_revoked")?,
        rotated_at: row.try_get("rotated_at")?,
        sealed_successor: row.try_get("sealed_successor")?,
        device_info: row.try_get("device_info")?,
        remember_me: row.try_get("remember_me")?,
        session_expires_at: row.try_get("session_expires_at")?,
        session_last_used_at: row.try_get("last_used_at")?,
        session_revoked_at: row.try_get("revoked_at")?,
        user: User::from_row(&row)?,
    }))
}

/// Rotates a token.
pub const ROTATE: &str = "update refresh_tokens set rotated_at = $2, sealed_successor = $3, updated_at = $2 \
    where id = $1 and rotated_at is null and not is_revoked";

/// Marks a token as exchanged, keeping its sealed successor if there is a grace. `false` when it was exchanged before: the compare-and-set
/// that decides.
///
/// # Errors
/// When the database does not answer.
pub async fn rotate(
    client: &impl GenericClient,
    id: Uuid,
    now: Timestamp,
    sealed: Option<&[u8]>,
) -> Result<bool, DbError> {
    Ok(query::execute(client, ROTATE, &[&id, &now, &sealed]).await? == 1)
}

/// Forgets one sealed successor.
pub const ERASE_SUCCESSOR: &str =
    "update refresh_tokens set sealed_successor = null where id = $1 and sealed_successor is not null";

/// Erases the sealed successor of a token, because that successor was used.
///
/// # Errors
/// When the database does not answer.
pub async fn erase_successor(client: &impl GenericClient, id: Uuid) -> Result<(), DbError> {
    query::execute(client, ERASE_SUCCESSOR, &[&id]).await.map(drop)
}

/// Forgets sealed successors whose grace is over.
pub const SWEEP_SUCCESSORS: &str = "update refresh_tokens set sealed_successor = null where id in \
    (select id from refresh_tokens where sealed_successor is not null and rotated_at < $1 limit $2 for update skip locked)";

/// Erases up to `limit` sealed successors of tokens that rotated before `before`; tells how many.
///
/// # Errors
/// When the database does not answer.
pub async fn sweep_successors(client: &impl GenericClient, before: Timestamp, limit: i64) -> Result<u64, DbError> {
    query::execute(client, SWEEP_SUCCESSORS, &[&before, &limit]).await
}

/// Every query of this table, for the test that prepares them all.
pub const QUERIES: &[Query] = queries![INSERT, FIND_FOR_UPDATE, ROTATE, ERASE_SUCCESSOR, SWEEP_SUCCESSORS];
