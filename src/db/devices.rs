//! Table `devices`.

use jiff::Timestamp;
use uuid::Uuid;

use super::catalog::queries;
use super::{DbError, GenericClient, Query, query};

/// Remembers a device.
pub const INSERT: &str = "insert into devices (id, user_id, created_at, last_used_at) values ($1, $2, $3, $3)";

/// Remembers a device on which the user logged in.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(client: &impl GenericClient, id: Uuid, user_id: Uuid, now: Timestamp) -> Result<(), DbError> {
    query::execute(client, INSERT, &[&id, &user_id, &now]).await.map(drop)
}

/// Takes the marks of a user back that were not used for longest.
pub const REVOKE_OLDEST: &str = "update devices set revoked_at = $2 where id in (select id from devices \
    where user_id = $1 and revoked_at is null and id <> $3 order by last_used_at desc, id desc offset $4)";

/// Forgets all devices of a user but `newest` and so many `others`, those that were used last. The caller holds the lock of the account, or
/// two that come at once leave more.
///
/// # Errors
/// When the database does not answer.
pub async fn revoke_oldest(
    client: &impl GenericClient,
    user_id: Uuid,
    now: Timestamp,
    newest: Uuid,
    others: i64,
) -> Result<u64, DbError> {
    query::execute(client, REVOKE_OLDEST, &[&user_id, &now, &newest, &others]).await
}

/// Whether a device is remembered.
pub const IS_KNOWN: &str =
    "select exists (select 1 from devices where id = $1 and user_id = $2 and revoked_at is null) as known";

/// Whether this user logged in on this device, and nobody took the mark back since.
///
/// # Errors
/// When the database does not answer.
pub async fn is_known(client: &impl GenericClient, id: Uuid, user_id: Uuid) -> Result<bool, DbError> {
    Ok(query::one(client, IS_KNOWN, &[&id, &user_id]).await?.try_get("known")?)
}

/// Notes a log-in on a device.
pub const TOUCH: &str = "update devices set last_used_at = $3 where id = $1 and user_id = $2 and revoked_at is null";

/// Notes a log-in. `false` when the mark was taken back meanwhile.
///
/// # Errors
/// When the database does not answer.
pub async fn touch(client: &impl GenericClient, id: Uuid, user_id: Uuid, now: Timestamp) -> Result<bool, DbError> {
    Ok(query::execute(client, TOUCH, &[&id, &user_id, &now]).await? == 1)
}

/// Takes marks of a user back.
pub const REVOKE_ALL: &str =
    "update devices set revoked_at = $2 where user_id = $1 and revoked_at is null and id is distinct from $3";

/// Forgets every device of a user, except `keep`; tells how many.
///
/// # Errors
/// When the database does not answer.
pub async fn revoke_all(
    client: &impl GenericClient,
    user_id: Uuid,
    now: Timestamp,
    keep: Option<Uuid>,
) -> Result<u64, DbError> {
    query::execute(client, REVOKE_ALL, &[&user_id, &now, &keep]).await
}

/// Marks that nobody can use any more, some at a time.
pub const SWEEP: &str = "delete from devices where id in \
    (select id from devices where last_used_at < $1 order by last_used_at limit $2 for update skip locked)";

/// Every query of this file.
pub const QUERIES: &[Query] = queries![INSERT, REVOKE_OLDEST, IS_KNOWN, TOUCH, REVOKE_ALL, SWEEP];
