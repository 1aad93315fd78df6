//! Table `pending_registrations`.

use std::net::IpAddr;

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::catalog::queries;
use super::{DbError, GenericClient, Query, query};

/// A new sign-up that waits for its mailed page.
#[derive(Debug)]
pub struct NewPendingRegistration<'a> {
    /// Identifier.
    pub id: Uuid,
    /// Address as given.
    pub email: &'a str,
    /// Address folded.
    pub email_key: &'a str,
    /// Hash of the password that the page will ask for again.
    pub password_hash: &'a str,
    /// Given name.
    pub first_name: &'a str,
    /// Family name.
    pub last_name: &'a str,
    /// Whence it came.
    pub ip_address: Option<IpAddr>,
    /// From which device, in words.
    pub device_info: &'a str,
    /// Creation.
    pub now: Timestamp,
    /// When it can be completed at the latest.
    pub expires_at: Timestamp,
}

/// A sign-up that waits for its mailed page.
#[derive(Clone)]
pub struct PendingRegistration {
    /// Identifier.
    pub id: Uuid,
    /// Address as given.
    pub email: String,
    /// Address folded.
    pub email_key: String,
    /// Hash of the password that the page asks for again.
    pub password_hash: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Whence it came.
    pub ip_address: Option<IpAddr>,
    /// From which device, in words.
    pub device_info: String,
    /// Creation.
    pub created_at: Timestamp,
    /// When it can be completed at the latest.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for PendingRegistration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PendingRegistration").field("id", &self.id).finish_non_exhaustive()
    }
}

impl PendingRegistration {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            email: row.try_get("email")?,
            email_key: row.try_get("email_key")?,
            password_hash: row.try_get("password_hash")?,
            first_name: row.try_get("first_name")?,
            last_name: row.try_get("last_name")?,
            ip_address: row.try_get("ip_address")?,
            device_info: row.try_get("device_info")?,
            created_at: row.try_get("created_at")?,
            expires_at: row.try_get("expires_at")?,
        })
    }
}

/// Adds a sign-up.
pub const INSERT: &str = "insert into pending_registrations \
    (id, email, email_key, password_hash, first_name, last_name, ip_address, device_info, created_at, expires_at) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// Adds a sign-up.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(client: &impl GenericClient, new: &NewPendingRegistration<'_>) -> Result<(), DbError> {
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 10] = [
        &new.id,
        &new.email,
        &new.email_key,
        &new.password_hash,
        &new.first_name,
        &new.last_name,
        &new.ip_address,
        &new.device_info,
        &new.now,
        &new.expires_at,
    ];
    query::execute(client, INSERT, &params).await.map(drop)
}

/// Finds a sign-up.
pub const FIND: &str = "select id, email, email_key, password_hash, first_name, last_name, ip_address, device_info, \
    created_at, expires_at from pending_registrations where id = $1";

/// Finds a sign-up by its id, whether it can still be completed or not.
///
/// # Errors
/// When the database does not answer.
pub async fn find(client: &impl GenericClient, id: Uuid) -> Result<Option<PendingRegistration>, DbError> {
    let row = query::optional(client, FIND, &[&id]).await?;
    Ok(row.as_ref().map(PendingRegistration::from_row).transpose()?)
}

/// Finds the newest sign-up for an address.
pub const FIND_NEWEST: &str = "select id, email, email_key, password_hash, first_name, last_name, ip_address, \
    device_info, created_at, expires_at from pending_registrations where email_key = $1 and expires_at > $2 \
    order by created_at desc, id desc limit 1";

/// Finds the newest sign-up for an address that can still be completed.
///
/// # Errors
/// When the database does not answer.
pub async fn find_newest(
    client: &impl GenericClient,
    email_key: &str,
    now: Timestamp,
) -> Result<Option<PendingRegistration>, DbError> {
    let row = query::optional(client, FIND_NEWEST, &[&email_key, &now]).await?;
    Ok(row.as_ref().map(PendingRegistration::from_row).transpose()?)
}

/// Forgets a sign-up.
pub const DELETE: &str = "delete from pending_registrations where id = $1";

/// Forgets a sign-up. `false` when it was gone.
///
/// # Errors
/// When the database does not answer.
pub async fn delete(client: &impl GenericClient, id: Uuid) -> Result<bool, DbError> {
    Ok(query::execute(client, DELETE, &[&id]).await? == 1)
}

/// Forgets the sign-ups for an address that somebody else completed.
pub const DELETE_BY_EMAIL_KEY: &str = "delete from pending_registrations where email_key = $1";

/// Forgets every sign-up for an address; tells how many.
///
/// # Errors
/// When the database does not answer.
pub async fn delete_by_email_key(client: &impl GenericClient, email_key: &str) -> Result<u64, DbError> {
    query::execute(client, DELETE_BY_EMAIL_KEY, &[&email_key]).await
}

/// Every query of this table, for the test that prepares them all.
pub const QUERIES: &[Query] = queries![INSERT, FIND, DELETE, DELETE_BY_EMAIL_KEY, FIND_NEWEST];
