//! Table `sessions`.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::catalog::queries;
use super::users::{User, columns};
use super::{DbError, GenericClient, Query, query};
use crate::config::TokenConfig;

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
    pub fn is_live(&self, now: Timestamp, idle: Duration) -> bool {
        self.user.may_act()
            && self.revoked_at.is_none()
            && self.expires_at > now
            && now.duration_since(self.last_used_at) < signed(idle)
    }
}

fn signed(duration: Duration) -> jiff::SignedDuration {
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

/// A session as its owner sees it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Identifier.
    pub id: Uuid,
    /// The device in words.
    pub device_info: String,
    /// Where it was opened from.
    pub ip_address: Option<IpAddr>,
    /// Opening.
    pub created_at: Timestamp,
    /// Last refresh.
    pub last_used_at: Timestamp,
}

/// What tells a session that can still act from one that has ended by itself.
#[derive(Clone, Copy, Debug)]
pub struct Cutoffs {
    /// The present moment: the absolute limit counts against it.
    pub now: Timestamp,
    /// An ordinary session must have been used after this.
    pub used_after: Timestamp,
    /// A remembered session must have been used after this.
    pub remembered_used_after: Timestamp,
}

impl Cutoffs {
    /// A session that nobody used for long cannot act any more: it is idle, or the last token that it was given has expired.
    #[must_use]
    pub fn at(now: Timestamp, config: &TokenConfig) -> Self {
        let before = |refresh: Duration| {
            let life = config.session_idle.min(refresh.max(config.access));
            now.checked_sub(signed(life)).unwrap_or(Timestamp::MIN)
        };
        Self { now, used_after: before(config.refresh), remembered_used_after: before(config.refresh_remembered) }
    }
}

/// Most sessions that a list shows. Nobody finds their way through more, and a script that logs in every minute must not make it endless.
pub const LIST_LIMIT: i64 = 500;

macro_rules! live {
    () => {
        "user_id = $1 and revoked_at is null and expires_at > $2 \
         and last_used_at > case when remember_me then $4::timestamptz else $3::timestamptz end"
    };
}

/// The sessions of a user that can still act.
pub const LIST: &str = concat!(
    "select id, device_info, ip_address, created_at, last_used_at from sessions where ",
    live!(),
    " order by last_used_at desc, id desc limit $5"
);

/// The sessions of a user that can still act, the last used first, at most [`LIST_LIMIT`].
///
/// # Errors
/// When the database does not answer.
pub async fn list(client: &impl GenericClient, user_id: Uuid, cutoffs: &Cutoffs) -> Result<Vec<Listed>, DbError> {
    let Cutoffs { now, used_after, remembered_used_after } = cutoffs;
    let rows = query::all(client, LIST, &[&user_id, now, used_after, remembered_used_after, &LIST_LIMIT]).await?;
    rows.iter()
        .map(|row| {
            Ok(Listed {
                id: row.try_get("id")?,
                device_info: row.try_get("device_info")?,
                ip_address: row.try_get("ip_address")?,
                created_at: row.try_get("created_at")?,
                last_used_at: row.try_get("last_used_at")?,
            })
        })
        .collect()
}

/// Most sessions that [`count_live`] counts, so that it stays cheap: beyond, the number says "many".
pub const COUNT_LIMIT: i64 = 1_000_000;

/// Counts the sessions that can still act.
pub const COUNT_LIVE: &str = "select count(*) as live from (select from sessions \
    where revoked_at is null and expires_at > $1 \
    and last_used_at > case when remember_me then $3::timestamptz else $2::timestamptz end limit $4) as found";

/// How many sessions can still act, [`COUNT_LIMIT`] at most.
///
/// # Errors
/// When the database does not answer.
pub async fn count_live(client: &impl GenericClient, cutoffs: &Cutoffs) -> Result<i64, DbError> {
    let Cutoffs { now, used_after, remembered_used_after } = cutoffs;
    let row = query::one(client, COUNT_LIVE, &[now, used_after, remembered_used_after, &COUNT_LIMIT]).await?;
    Ok(row.try_get("live")?)
}

/// Ends a session of a user that can still act.
pub const REVOKE_OWN: &str =
    concat!("update sessions set revoked_at = $2, revoke_reason = $6 where ", live!(), " and id = $5");

/// Ends a session, if it belongs to the user and can still act; `false` otherwise.
///
/// # Errors
/// When the database does not answer.
pub async fn revoke_own(
    client: &impl GenericClient,
    user_id: Uuid,
    cutoffs: &Cutoffs,
    id: Uuid,
    reason: &str,
) -> Result<bool, DbError> {
    let Cutoffs { now, used_after, remembered_used_after } = cutoffs;
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
        [&user_id, now, used_after, remembered_used_after, &id, &reason];
    Ok(query::execute(client, REVOKE_OWN, &params).await? == 1)
}

/// What is known of a device at a log-in. A network is a /24 of IPv4 or a /64 of IPv6: what one household or office keeps.
pub const SEEN_BEFORE: &str = "select exists (select 1 from sessions where user_id = $1) as has_sessions, \
    exists (select 1 from sessions where user_id = $1 and device_info = $2 and case \
        when $3::inet is null then ip_address is null \
        else ip_address <<= set_masklen($3::inet, case family($3::inet) when 4 then 24 else 64 end) end) as has_device";

/// Whether a user has logged in before, and never with this device from this network. Ended sessions count for as long as they are kept.
///
/// # Errors
/// When the database does not answer.
pub async fn is_new_device(
    client: &impl GenericClient,
    user_id: Uuid,
    device_info: &str,
    ip_address: Option<IpAddr>,
) -> Result<bool, DbError> {
    let row = query::one(client, SEEN_BEFORE, &[&user_id, &device_info, &ip_address]).await?;
    Ok(row.try_get("has_sessions")? && !row.try_get::<_, bool>("has_device")?)
}

/// Every query of this table, for the test that prepares them all.
pub const QUERIES: &[Query] =
    queries![INSERT, FIND_STATE, TOUCH, REVOKE, REVOKE_ALL, LIST, COUNT_LIVE, REVOKE_OWN, SEEN_BEFORE];
