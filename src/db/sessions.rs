//! Table `sessions`.

use std::net::IpAddr;

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use uuid::Uuid;

use super::users::{User, columns};
use super::{DbError, query};

/// A new session.
#[derive(Debug)]
pub struct NewSession<'a> {
    /// Identifier, the `sid` claim.
    pub id: Uuid,
    /// Owner.
    pub user_id: Uuid,
    /// The device in words.
    pub device_info: &'a str,
    /// The `User-Agent` header, cut to a bounded length.
    pub user_agent: &'a str,
    /// Where it was opened from.
    pub ip_address: Option<IpAddr>,
    /// Whether its refresh tokens live long.
    pub remember_me: bool,
    /// Opening.
    pub now: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// What a request with an access token needs to know of its session.
#[derive(Clone, Debug)]
pub struct SessionState {
    /// The owner.
    pub user: User,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// Last refresh.
    pub last_used_at: Timestamp,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
}

impl SessionState {
    /// Whether a request of this session may pass.
    #[must_use]
    pub fn is_live(&self, now: Timestamp, idle: std::time::Duration) -> bool {
        self.user.may_act()
            && self.revoked_at.is_none()
            && self.expires_at > now
            && now.duration_since(self.last_used_at) < signed(idle)
    }
}

fn signed(duration: std::time::Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}

/// Opens a session.
pub const INSERT: &str = "insert into sessions \
    (id, user_id, device_info, user_agent, ip_address, remember_me, created_at, last_used_at, expires_at) \
    values ($1, $2, $3, $4, $5, $6, $7, $7, $8)";

/// Opens a session.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(client: &impl GenericClient, new: &NewSession<'_>) -> Result<(), DbError> {
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 8] = [
        &new.id,
        &new.user_id,
        &new.device_info,
        &new.user_agent,
        &new.ip_address,
        &new.remember_me,
        &new.now,
        &new.expires_at,
    ];
    query::execute(client, INSERT, &params).await.map(drop)
}

/// The session and its owner in one look-up.
pub const FIND_STATE: &str = concat!(
    "select s.expires_at, s.last_used_at, s.revoked_at, ",
    columns!(),
    " from sessions s join users u on u.id = s.user_id where s.id = $1 and s.user_id = $2"
);

/// The state of a session that belongs to the given user.
///
/// # Errors
/// When the database does not answer.
pub async fn find_state(client: &impl GenericClient, id: Uuid, user_id: Uuid) -> Result<Option<SessionState>, DbError> {
    let Some(row) = query::optional(client, FIND_STATE, &[&id, &user_id]).await? else { return Ok(None) };
    Ok(Some(SessionState {
        user: User::from_row(&row)?,
        expires_at: row.try_get("expires_at")?,
        last_used_at: row.try_get("last_used_at")?,
        revoked_at: row.try_get("revoked_at")?,
    }))
}

/// Notes a use.
pub const TOUCH: &str = "update sessions set last_used_at = $2 where id = $1 and revoked_at is null";

/// Notes a use. `false` when the session was ended meanwhile.
///
/// # Errors
/// When the database does not answer.
pub async fn touch(client: &impl GenericClient, id: Uuid, now: Timestamp) -> Result<bool, DbError> {
    Ok(query::execute(client, TOUCH, &[&id, &now]).await? == 1)
}

/// Ends one session.
pub const REVOKE: &str = "update sessions set revoked_at = $2, revoke_reason = $3 where id = $1 and revoked_at is null";

/// Ends a session. `false` when it was ended before.
///
/// # Errors
/// When the database does not answer.
pub async fn revoke(client: &impl GenericClient, id: Uuid, now: Timestamp, reason: &str) -> Result<bool, DbError> {
    Ok(query::execute(client, REVOKE, &[&id, &now, &reason]).await? == 1)
}

/// Ends sessions of a user.
pub const REVOKE_ALL: &str = "update sessions set revoked_at = $2, revoke_reason = $3 \
    where user_id = $1 and revoked_at is null and id is distinct from $4";

/// Ends every session of a user, except `keep`; tells how many.
///
/// # Errors
/// When the database does not answer.
pub async fn revoke_all(
    client: &impl GenericClient,
    user_id: Uuid,
    now: Timestamp,
    reason: &str,
    keep: Option<Uuid>,
) -> Result<u64, DbError> {
    query::execute(client, REVOKE_ALL, &[&user_id, &now, &reason, &keep]).await
}

/// Every query of this table, for the test that prepares them all.
pub const QUERIES: &[&str] = &[INSERT, FIND_STATE, TOUCH, REVOKE, REVOKE_ALL];
