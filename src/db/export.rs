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
use super::person::{By, Person};
use super::{DbError, GenericClient, Query, query};

/// A part of the export.
#[derive(Debug)]
pub struct Section {
    /// Its member in the export.
    pub name: &'static str,
    /// The rows of person `$1` that stand behind the place `$2`, `$3`, of what was there at `$4`, at most `$5`. The columns `cursor_time`
    /// and `cursor_id` are the place of a row, and no part of it.
    pub sql: &'static str,
    /// Which name of the person `$1` is.
    pub by: By,
}

macro_rules! section {
    ($columns:literal, $table:literal) => {
        section!($columns, $table, "user_id = $1")
    };
    ($columns:literal, $table:literal, $whose:literal) => {
        concat!(
            "select created_at as cursor_time, id as cursor_id, ",
            $columns,
            " from ",
            $table,
            " where (",
            $whose,
            ") and (created_at, id) > ($2, $3) and created_at <= $4 order by created_at, id limit $5"
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

/// Sign-ups with the address of the account, by whomever, that wait.
pub const PENDING_REGISTRATIONS: &str = section!(
    "id, email, first_name, last_name, ip_address, device_info, created_at, expires_at",
    "pending_registrations",
    "email_key = (select u.email_key from users u where u.id = $1)"
);

/// Mails, also those that were asked for by the address alone.
pub const MAIL_JOBS: &str = section!(
    "id, kind, language, ip_address, device_info, created_at, finished_at, outcome",
    "mail_jobs",
    "user_id = $1 or email_key = (select u.email_key from users u where u.id = $1)"
);

/// Counted attempts at passwords of the account. They are changed as they are counted, so their place is that of their end.
pub const LOGIN_ATTEMPTS: &str = "select window_ends as cursor_time, \
    encode(substr(key, 1, 16), 'hex')::uuid as cursor_id, \
    scope, network, failures, to_jsonb(attempts) as attempts, strikes, window_ends, told_at \
    from login_attempts where account = $1 \
    and (window_ends, encode(substr(key, 1, 16), 'hex')::uuid) > ($2, $3) and $4::timestamptz is not null \
    order by 1, 2 limit $5";

/// The security log.
pub const AUDIT_LOGS: &str = section!(
    "id, event_type, success, details - 'address_mark' - 'operator' as details, ip_address, user_agent, session_id, request_id, created_at",
    "audit_logs"
);

/// Events of the security log that name no account, but its address: somebody typed it.
pub const AUDIT_LOGS_ABOUT: &str = section!(
    "id, event_type, success, details - 'address_mark' as details, ip_address, user_agent, session_id, request_id, created_at",
    "audit_logs",
    "user_id is null and details ->> 'address_mark' = $1"
);

const fn part(name: &'static str, by: By, sql: &'static str) -> Section {
    Section { name, sql, by }
}

/// Every part, in the order of the export.
pub const SECTIONS: &[Section] = &[
    part("sessions", By::UserId, SESSIONS),
    part("refresh_tokens", By::UserId, REFRESH_TOKENS),
    part("known_devices", By::UserId, DEVICES),
    part("login_attempts", By::Account, LOGIN_ATTEMPTS),
    part("email_changes", By::UserId, EMAIL_CHANGES),
    part("email_links", By::UserId, EMAIL_TOKENS),
    part("password_reset_links", By::UserId, PASSWORD_RESET_TOKENS),
    part("pending_sign_ups", By::UserId, PENDING_REGISTRATIONS),
    part("mails", By::UserId, MAIL_JOBS),
    part("audit_events", By::UserId, AUDIT_LOGS),
    part("audit_events_of_address", By::AddressMark, AUDIT_LOGS_ABOUT),
];

/// Where a page begins.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    time: Timestamp,
    id: Uuid,
}

impl Default for Cursor {
    /// Before everything.
    fn default() -> Self {
        Self { time: Timestamp::UNIX_EPOCH, id: Uuid::nil() }
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
    person: &Person,
    after: Cursor,
    until: Timestamp,
    limit: i64,
) -> Result<Page, DbError> {
    let params = [person.name(section.by), &after.time, &after.id, &until, &limit];
    let rows = query::all(client, section.sql, &params).await?;
    let next = match rows.last() {
        Some(last) => Some(Cursor { time: last.try_get("cursor_time")?, id: last.try_get("cursor_id")? }),
        None => None,
    };
    let rows = rows.iter().map(object).collect::<Result<_, _>>()?;
    Ok(Page { rows, next })
}

fn object(row: &Row) -> Result<Map<String, Value>, tokio_postgres::Error> {
    row.columns()
        .iter()
        .enumerate()
        .filter(|(_, column)| !column.name().starts_with("cursor_"))
        .map(|(index, column)| Ok((column.name().to_owned(), value(row, index, column.type_())?)))
        .collect()
}

/// Types that no section has yet are read as text, which fails rather than leave something out.
fn value(row: &Row, index: usize, kind: &Type) -> Result<Value, tokio_postgres::Error> {
    Ok(match *kind {
        Type::INT4 => row.try_get::<_, Option<i32>>(index)?.into(),
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
    PENDING_REGISTRATIONS,
    MAIL_JOBS,
    LOGIN_ATTEMPTS,
    AUDIT_LOGS,
    AUDIT_LOGS_ABOUT
];
