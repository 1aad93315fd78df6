//! Table `signing_keys`.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::catalog::queries;
use super::{DbError, GenericClient, Query, query};

/// A new key.
#[derive(Debug)]
pub struct NewSigningKey<'a> {
    /// Thumbprint.
    pub kid: &'a str,
    /// The `alg` it signs with.
    pub algorithm: &'a str,
    /// The public half as a JWK.
    pub public_jwk: &'a serde_json::Value,
    /// The private half, sealed.
    pub private_key_sealed: &'a [u8],
    /// From when on it is published.
    pub now: Timestamp,
    /// From when on it signs.
    pub activates_at: Timestamp,
}

/// A key that is published.
#[derive(Clone, Debug)]
pub struct LiveKey {
    /// Thumbprint.
    pub kid: String,
    /// The `alg` it signs with.
    pub algorithm: String,
    /// The private half, sealed.
    pub private_key_sealed: Vec<u8>,
    /// From when on it signs.
    pub activates_at: Timestamp,
    /// Until when it verifies, once a newer key was made.
    pub retires_at: Option<Timestamp>,
}

/// A key as operators see it.
#[derive(Clone, Debug)]
pub struct ListedKey {
    /// Thumbprint.
    pub kid: String,
    /// The `alg` it signs with.
    pub algorithm: String,
    /// From when on it was published.
    pub created_at: Timestamp,
    /// From when on it signs.
    pub activates_at: Timestamp,
    /// Until when it verifies, once a newer key was made.
    pub retires_at: Option<Timestamp>,
    /// When it left for good.
    pub retired_at: Option<Timestamp>,
}

/// Lets one transaction at a time change the set of keys; the number is "signkey" in ASCII.
pub const LOCK: &str = "select pg_advisory_xact_lock(x'7369676e6b6579'::bigint)";

/// Waits for the turn of this transaction to change the set of keys, and holds it until the transaction ends.
///
/// # Errors
/// When the database does not answer or another transaction holds it for too long.
pub async fn lock(client: &impl GenericClient) -> Result<(), DbError> {
    query::one(client, LOCK, &[]).await.map(drop)
}

/// Adds a key.
pub const INSERT: &str = "insert into signing_keys (kid, algorithm, public_jwk, private_key_sealed, created_at, activates_at) \
    values ($1, $2, $3, $4, $5, $6)";

/// Adds a key.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(client: &impl GenericClient, new: &NewSigningKey<'_>) -> Result<(), DbError> {
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
        [&new.kid, &new.algorithm, &new.public_jwk, &new.private_key_sealed, &new.now, &new.activates_at];
    query::execute(client, INSERT, &params).await.map(drop)
}

/// The published keys.
pub const FIND_LIVE: &str = "select kid, algorithm, private_key_sealed, activates_at, retires_at from signing_keys \
    where retired_at is null and (retires_at is null or retires_at > $1) order by activates_at, kid";

/// The published keys, in the order in which they sign.
///
/// # Errors
/// When the database does not answer.
pub async fn find_live(client: &impl GenericClient, now: Timestamp) -> Result<Vec<LiveKey>, DbError> {
    let read = |row: &Row| {
        Ok(LiveKey {
            kid: row.try_get("kid")?,
            algorithm: row.try_get("algorithm")?,
            private_key_sealed: row.try_get("private_key_sealed")?,
            activates_at: row.try_get("activates_at")?,
            retires_at: row.try_get("retires_at")?,
        })
    };
    query::all(client, FIND_LIVE, &[&now]).await?.iter().map(read).collect()
}

/// Every key there ever was.
pub const LIST: &str = "select kid, algorithm, created_at, activates_at, retires_at, retired_at from signing_keys \
    order by created_at desc, kid";

/// Every key there ever was, newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn list(client: &impl GenericClient) -> Result<Vec<ListedKey>, DbError> {
    let read = |row: &Row| {
        Ok(ListedKey {
            kid: row.try_get("kid")?,
            algorithm: row.try_get("algorithm")?,
            created_at: row.try_get("created_at")?,
            activates_at: row.try_get("activates_at")?,
            retires_at: row.try_get("retires_at")?,
            retired_at: row.try_get("retired_at")?,
        })
    };
    query::all(client, LIST, &[]).await?.iter().map(read).collect()
}

/// Gives the keys that have a successor an end.
pub const SUPERSEDE: &str =
    "update signing_keys set retires_at = $2 where kid <> $1 and retired_at is null and retires_at is null";

/// Lets every key but `successor` verify until `retires_at`, unless its end was set before; tells how many.
///
/// # Errors
/// When the database does not answer.
pub async fn supersede(client: &impl GenericClient, successor: &str, retires_at: Timestamp) -> Result<u64, DbError> {
    query::execute(client, SUPERSEDE, &[&successor, &retires_at]).await
}

/// Makes a key the last in line again.
pub const ACTIVATE: &str =
    "update signing_keys set activates_at = $2, retires_at = null where kid = $1 and retired_at is null";

/// Lets a key sign from `activates_at` on, without an end: its successor is gone. `false` when there is no such key.
///
/// # Errors
/// When the database does not answer.
pub async fn activate(client: &impl GenericClient, kid: &str, activates_at: Timestamp) -> Result<bool, DbError> {
    Ok(query::execute(client, ACTIVATE, &[&kid, &activates_at]).await? == 1)
}

/// Takes a key away.
pub const RETIRE: &str =
    "update signing_keys set retired_at = $2, private_key_sealed = null where kid = $1 and retired_at is null";

/// Takes a key away at once and erases its private half. `false` when there is no such key or it left before.
///
/// # Errors
/// When the database does not answer.
pub async fn retire(client: &impl GenericClient, kid: &str, now: Timestamp) -> Result<bool, DbError> {
    Ok(query::execute(client, RETIRE, &[&kid, &now]).await? == 1)
}

/// Retires what has come to its end.
pub const SWEEP: &str = "update signing_keys set retired_at = retires_at, private_key_sealed = null \
    where retired_at is null and retires_at <= $1";

/// Erases the private halves of keys that have come to their end; tells how many.
///
/// # Errors
/// When the database does not answer.
pub async fn sweep(client: &impl GenericClient, now: Timestamp) -> Result<u64, DbError> {
    query::execute(client, SWEEP, &[&now]).await
}

/// Every query of this table, for the test that prepares them all.
pub const QUERIES: &[Query] = queries![LOCK, INSERT, FIND_LIVE, LIST, SUPERSEDE, ACTIVATE, RETIRE, SWEEP];
