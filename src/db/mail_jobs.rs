//! Table `mail_jobs`.

use std::net::IpAddr;

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use uuid::Uuid;

use super::{DbError, query};

/// A new job.
#[derive(Debug)]
pub struct NewMailJob<'a> {
    /// Identifier, from which the links of the mail are derived.
    pub id: Uuid,
    /// What the mail is about.
    pub kind: &'a str,
    /// The reader, if it is known who.
    pub user_id: Option<Uuid>,
    /// The folded address of whoever may be the reader.
    pub email_key: Option<&'a str>,
    /// The row that it is about.
    pub subject_id: Option<Uuid>,
    /// The language of the mail.
    pub language: &'a str,
    /// Whence its cause came.
    pub ip_address: Option<IpAddr>,
    /// From which device, in words.
    pub device_info: &'a str,
    /// Creation; it is due at once.
    pub now: Timestamp,
}

/// Adds a job.
pub const INSERT: &str = "insert into mail_jobs \
    (id, kind, user_id, email_key, subject_id, language, ip_address, device_info, created_at, due_at) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)";

/// Adds a job.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(client: &impl GenericClient, new: &NewMailJob<'_>) -> Result<(), DbError> {
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 9] = [
        &new.id,
        &new.kind,
        &new.user_id,
        &new.email_key,
        &new.subject_id,
        &new.language,
        &new.ip_address,
        &new.device_info,
        &new.now,
    ];
    query::execute(client, INSERT, &params).await.map(drop)
}

/// Every query of this file.
pub const QUERIES: &[&str] = &[INSERT];
