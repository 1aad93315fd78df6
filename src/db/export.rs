//! Everything that is stored about one account, as pages of JSON objects.
//!
//! A query names what leaves the house: its columns, under their names, are the members of the objects. Hashes, sealed tokens and the keys
//! of links are in none of them.

use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::catalog::queries;
use super::{DbError, GenericClient, Query, query};

/// A part of the export.
#[derive(Debug)]
pub struct Section {
    /// Its member in the export.
    pub name: &'static str,
    /// The rows of account `$1` after the one created at `$2` with id `$3`, oldest first, none created after `$4`, at most `$5`.
    pub sql: &'static str,
}

macro_rules! section {
    ($columns:literal, $table:literal) => {
        concat!(
            "select ",
            $columns,
            " from ",
            $table,
            " where user_id = $1 and (created_at, id) > ($2, $3) and created_at <= $4 order by created_at, id limit $5"
        )
    };
}

/// Sessions, also those that have ended and are still kept.
pub const SESSIONS: &str = section!(
    "id, device_info, user_agent, ip_address, remember_me, created_at, last_used_at, expires_at, revoked_at, revoke_reason",
    "sessions"
);

/// Refresh tokens, without anything that could be used.
pub const REFRESH_TOKENS: &str =
    section!("id, session_id, device_info, created_at, expires_at, rotated_at, is_revoked", "refresh_tokens");

/// Devices that keep a mark of an earlier log-in.
pub const DEVICES: &str = section!("id, created_at, last_used_at, revoked_at", "devices");

/// Changes of the address.
pub const EMAIL_CHANGES: &str = section!(
    "id, old_email, new_email, created_at, expires_at, undo_until, confirmed_at, cancelled_at",
    "email_changes"
);

/// Links in mails but those that reset a password.
pub const EMAIL_TOKENS: &str = section!("id, purpose, created_at, expires_at, used_at", "email_tokens");

/// Links that reset the password.
pub const PASSWORD_RESET_TOKENS: &str =
    section!("id, ip_address, user_agent, created_at, expires_at, is_used", "password_reset_tokens");

/// Mails.
pub const MAIL_JOBS: &str =
    section!("id, kind, language, ip_address, device_info, created_at, finished_at, outcome", "mail_jobs");

/// The security log.
pub const AUDIT_LOGS: &str = section!(
    "id, event_type, success, details, ip_address, user_agent, session_id, request_id, created_at",
    "audit_logs"
);

/// Every part, in the order of the export.
pub const SECTIONS: &[Section] = &[
    Section { name: "sessions", sql: SESSIONS },
    Section { name: "refresh_tokens", sql: REFRESH_TOKENS },
    Section { name: "known_devices", sql: DEVICES },
    Section { name: "email_changes", sql: EMAIL_CHANGES },
    Section { name: "email_links", sql: EMAIL_TOKENS },
    Section { name: "password_reset_links", sql: PASSWORD_RESET_TOKENS },
    Section { name: "mails", sql: MAIL_JOBS },
    Section { name: "audit_events", sql: AUDIT_LOGS },
];

/// Where a page begins.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    created_at: Timestamp,
    id: Uuid,
}

impl Default for Cursor {
    /// Before everything.
    fn default() -> Self {
        Self { created_at: Timestamp::UNIX_EPOCH, id: Uuid::nil() }
    }
}

/// A page, and where the next one begins.
#[derive(Debug)]
pub struct Page {
    /// The objects.
    pub rows: Vec<Map<String, Value>>,
    /// After the last of them; `None` when there was none.
    pub next: Option<Cursor>,
}

/// A page of a section, with what was there at `until`.
///
/// # Errors
/// When the database does not answer.
pub async fn page(
    client: &impl GenericClient,
    section: &Section,
    user_id: Uuid,
    after: Cursor,
    until: Timestamp,
    limit: i64,
) -> Result<Page, DbError> {
    let rows = query::all(client, section.sql, &[&user_id, &after.created_at, &after.id, &until, &limit]).await?;
    let next = match rows.last() {
        Some(last) => Some(Cursor { created_at: last.try_get("created_at")?, id: last.try_get("id")? }),
        None => None,
    };
    let rows = rows.iter().map(object).collect::<Result<_, _>>()?;
    Ok(Page { rows, next })
}

fn object(row: &Row) -> Result<Map<String, Value>, tokio_postgres::Error> {
    row.columns()
        .iter()
        .enumerate()
        .map(|(index, column)| Ok((column.name().to_owned(), value(row, index, column.type_())?)))
        .collect()
}

/// Types that no section has yet are read as text, which fails rather than leave something out.
fn value(row: &Row, index: usize, kind: &Type) -> Result<Value, tokio_postgres::Error> {
    Ok(match *kind {
        Type::BOOL => row.try_get::<_, Option<bool>>(index)?.into(),
        Type::UUID => row.try_get::<_, Option<Uuid>>(index)?.map(|id| id.to_string()).into(),
        Type::TIMESTAMPTZ => row.try_get::<_, Option<Timestamp>>(index)?.map(|time| time.to_string()).into(),
        Type::INET => row.try_get::<_, Option<IpAddr>>(index)?.map(|address| address.to_string()).into(),
        Type::JSONB => row.try_get::<_, Option<Value>>(index)?.unwrap_or_default(),
        _ => row.try_get::<_, Option<String>>(index)?.into(),
    })
}

/// Every query of this file, for the test that prepares them all.
pub const QUERIES: &[Query] = queries![
    SESSIONS,
    REFRESH_TOKENS,
    DEVICES,
    EMAIL_CHANGES,
    EMAIL_TOKENS,
    PASSWORD_RESET_TOKENS,
    MAIL_JOBS,
    AUDIT_LOGS
];
