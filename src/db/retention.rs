//! What leaves when its time is over: rows that have outlived their purpose, and what a deleted account leaves behind.
//!
//! Every statement touches a bounded number of rows that an index finds, and passes over rows that somebody works on.

use jiff::{Timestamp, ToSpan};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::catalog::queries;
use super::person::{By, Person};
use super::{DbError, GenericClient, Query, devices, login_attempts, query};

/// A statement that empties some rows, `$2` of them at most.
#[derive(Debug)]
pub struct Step {
    /// The table, also in metrics.
    pub table: &'static str,
    /// `$1` says which rows: those of before a moment, or those of a person.
    pub sql: &'static str,
}

/// A table that is swept by age.
#[derive(Debug)]
pub struct Expiry {
    /// What goes.
    pub step: Step,
    /// For how many days its rows stay after they have served their purpose.
    pub keep_days: i64,
}

impl Expiry {
    /// Rows that had served their purpose by then may go now.
    #[must_use]
    pub fn cutoff(&self, now: Timestamp) -> Timestamp {
        now.checked_sub((self.keep_days * 24).hours()).unwrap_or(Timestamp::MIN)
    }
}

/// Refresh tokens past their time. They stay a week, in which a client is told that its token has expired rather than that there is none.
pub const EXPIRED_REFRESH_TOKENS: &str = "delete from refresh_tokens where id in \
    (select id from refresh_tokens where expires_at < $1 order by expires_at limit $2 for update skip locked)";

/// Sessions past their end. They stay a month: a log-in from a device that was seen in it is no news. One with tokens waits for these, so
/// that no batch drags a long tail of tokens along.
pub const ENDED_SESSIONS: &str = "delete from sessions where id in \
    (select s.id from sessions s where least(s.revoked_at, s.expires_at) < $1 \
     and not exists (select 1 from refresh_tokens t where t.session_id = s.id) \
     order by least(s.revoked_at, s.expires_at) limit $2 for update skip locked)";

/// Tokens of reset links, used or not.
pub const PASSWORD_RESET_TOKENS: &str = "delete from password_reset_tokens where id in \
    (select id from password_reset_tokens where expires_at < $1 order by expires_at limit $2 for update skip locked)";

/// Tokens of all other links, used or not.
pub const EMAIL_TOKENS: &str = "delete from email_tokens where id in \
    (select id from email_tokens where expires_at < $1 order by expires_at limit $2 for update skip locked)";

/// Sign-ups that nobody confirmed. They hold a stranger's data and serve nobody any more, so they go at once.
pub const PENDING_REGISTRATIONS: &str = "delete from pending_registrations where id in \
    (select id from pending_registrations where expires_at < $1 order by expires_at limit $2 for update skip locked)";

/// Changes of addresses that can be neither confirmed nor undone.
pub const EMAIL_CHANGES: &str = "delete from email_changes where id in (select id from email_changes \
    where undo_until < $1 and expires_at < $1 order by undo_until limit $2 for update skip locked)";

/// Mails that were sent, dropped or given up.
pub const MAIL_JOBS: &str = "delete from mail_jobs where id in \
    (select id from mail_jobs where finished_at < $1 order by finished_at limit $2 for update skip locked)";

const fn after(keep_days: i64, table: &'static str, sql: &'static str) -> Expiry {
    Expiry { step: Step { table, sql }, keep_days }
}

/// Everything that is swept by age. Tokens come before their sessions.
pub const EXPIRIES: &[Expiry] = &[
    after(7, "refresh_tokens", EXPIRED_REFRESH_TOKENS),
    after(30, "sessions", ENDED_SESSIONS),
    after(7, "password_reset_tokens", PASSWORD_RESET_TOKENS),
    after(7, "email_tokens", EMAIL_TOKENS),
    after(0, "pending_registrations", PENDING_REGISTRATIONS),
    after(7, "email_changes", EMAIL_CHANGES),
    after(7, "mail_jobs", MAIL_JOBS),
    // Past windows still decide for a while how long the next one is.
    after(7, "login_attempts", login_attempts::SWEEP),
    // As long as browsers keep the mark.
    after(400, "devices", devices::SWEEP),
];

/// Refresh tokens of an account.
pub const REFRESH_TOKENS_OF: &str = "delete from refresh_tokens where id in \
    (select id from refresh_tokens where user_id = $1 limit $2)";

/// Sessions of an account, which have no tokens any more.
pub const SESSIONS_OF: &str = "delete from sessions where id in (select id from sessions where user_id = $1 limit $2)";

/// Tokens of reset links of an account.
pub const PASSWORD_RESET_TOKENS_OF: &str = "delete from password_reset_tokens where id in \
    (select id from password_reset_tokens where user_id = $1 limit $2)";

/// Tokens of other links of an account.
pub const EMAIL_TOKENS_OF: &str =
    "delete from email_tokens where id in (select id from email_tokens where user_id = $1 limit $2)";

/// Changes of the address of an account.
pub const EMAIL_CHANGES_OF: &str =
    "delete from email_changes where id in (select id from email_changes where user_id = $1 limit $2)";

/// Marks of devices that an account logged in on.
pub const DEVICES_OF: &str = "delete from devices where id in (select id from devices where user_id = $1 limit $2)";

/// Mails to an account, also those that were asked for by its address alone.
pub const MAIL_JOBS_OF: &str = "delete from mail_jobs where id in (select id from mail_jobs \
    where user_id = $1 or email_key = (select u.email_key from users u where u.id = $1) limit $2)";

/// Counted attempts at the passwords of an account.
pub const LOGIN_ATTEMPTS_OF: &str =
    "delete from login_attempts where key in (select key from login_attempts where account = $1 limit $2)";

/// Personal data in events that name no account, but an address that the account had before, up to the moment at which it left that one.
pub const REDACT_AUDIT_LOGS_ABOUT_FORMER: &str = "update audit_logs \
    set ip_address = null, user_agent = null, details = '{}' \
    where (created_at, id) in (select a.created_at, a.id from audit_logs e join audit_logs a \
    on a.details ->> 'address_mark' = e.details ->> 'address_mark' \
    and a.user_id is null and a.created_at <= e.created_at \
    where e.user_id = $1 and e.details ->> 'address_mark' is not null limit $2)";

/// Personal data in events that name no account, but the address of one.
pub const REDACT_AUDIT_LOGS_ABOUT: &str = "update audit_logs set ip_address = null, user_agent = null, details = '{}' \
    where (created_at, id) in (select created_at, id from audit_logs \
    where details ->> 'address_mark' = $1 and user_id is null limit $2)";

/// Personal data in the security log of an account. The events themselves stay.
pub const REDACT_AUDIT_LOGS_OF: &str = "update audit_logs set ip_address = null, user_agent = null, details = '{}' \
    where (created_at, id) in (select created_at, id from audit_logs where user_id = $1 \
    and (ip_address is not null or user_agent is not null or details <> '{}') limit $2)";

/// A table that holds rows of a person.
#[derive(Debug)]
pub struct Erasure {
    /// What goes.
    pub step: Step,
    /// By which name it is found.
    pub by: By,
}

const fn of(by: By, table: &'static str, sql: &'static str) -> Erasure {
    Erasure { step: Step { table, sql }, by }
}

/// What goes before an account itself is emptied. Tokens come before their sessions, and events of former addresses before those that tell
/// which these were.
pub const ERASURE: &[Erasure] = &[
    of(By::UserId, "refresh_tokens", REFRESH_TOKENS_OF),
    of(By::UserId, "sessions", SESSIONS_OF),
    of(By::UserId, "password_reset_tokens", PASSWORD_RESET_TOKENS_OF),
    of(By::UserId, "email_tokens", EMAIL_TOKENS_OF),
    of(By::UserId, "email_changes", EMAIL_CHANGES_OF),
    of(By::UserId, "devices", DEVICES_OF),
    of(By::UserId, "mail_jobs", MAIL_JOBS_OF),
    of(By::Account, "login_attempts", LOGIN_ATTEMPTS_OF),
    of(By::UserId, "audit_logs", REDACT_AUDIT_LOGS_ABOUT_FORMER),
    of(By::AddressMark, "audit_logs", REDACT_AUDIT_LOGS_ABOUT),
    of(By::UserId, "audit_logs", REDACT_AUDIT_LOGS_OF),
];

/// Which rows a step is about.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// Those that had served their purpose before then.
    Before(Timestamp),
    /// Those of a person, found by one of their names.
    Of(&'a Person, By),
}

/// Takes one step; tells how many rows it touched. When these are fewer than `limit`, nothing is left that nobody works on.
///
/// # Errors
/// When the database does not answer.
pub async fn take(client: &impl GenericClient, step: &Step, scope: Scope<'_>, limit: i64) -> Result<u64, DbError> {
    let scope: &(dyn ToSql + Sync) = match &scope {
        Scope::Before(time) => time,
        Scope::Of(person, by) => person.name(*by),
    };
    query::execute(client, step.sql, &[scope, &limit]).await
}

/// Lets one sweeper of a kind work at a time, and works behind a transaction pooler as well.
pub const TRY_LOCK: &str = "select pg_try_advisory_xact_lock(hashtext('portcullis sweeper'), hashtext($1)) as is_ours";

/// Takes the lock of a sweeper until the transaction ends. `false` when another instance has it.
///
/// # Errors
/// When the database does not answer.
pub async fn try_lock(client: &impl GenericClient, sweeper: &str) -> Result<bool, DbError> {
    Ok(query::one(client, TRY_LOCK, &[&sweeper]).await?.try_get("is_ours")?)
}

/// The account that has been deleted for longest, after a given one.
pub const NEXT_TO_ERASE: &str = "select deleted_at, id, email_key from users \
    where deleted_at is not null and email_key is not null and deleted_at <= $1 and (deleted_at, id) > ($2, $3) \
    order by deleted_at, id limit 1";

/// A deleted account that still holds personal data.
#[derive(Clone, Debug)]
pub struct ToErase {
    /// When it was deleted.
    pub deleted_at: Timestamp,
    /// The account.
    pub id: Uuid,
    /// Its folded address.
    pub email_key: String,
}

/// The oldest account that was deleted at `deleted_by` or before, but after the one of `after`, and still holds personal data.
///
/// # Errors
/// When the database does not answer.
pub async fn next_to_erase(
    client: &impl GenericClient,
    deleted_by: Timestamp,
    after: (Timestamp, Uuid),
) -> Result<Option<ToErase>, DbError> {
    let row = query::optional(client, NEXT_TO_ERASE, &[&deleted_by, &after.0, &after.1]).await?;
    let Some(row) = row else { return Ok(None) };
    let (deleted_at, id, email_key) = (row.try_get("deleted_at")?, row.try_get("id")?, row.try_get("email_key")?);
    Ok(Some(ToErase { deleted_at, id, email_key }))
}

/// Empties a deleted account, whose address is free from then on.
pub const ERASE_USER: &str = "update users set email = '', email_key = null, password_hash = '', first_name = '', \
    last_name = '', is_email_verified = false, last_login_at = null, updated_at = $2 \
    where id = $1 and deleted_at is not null and email_key is not null";

/// Empties a deleted account. `false` when it was empty.
///
/// # Errors
/// When the database does not answer.
pub async fn erase_user(client: &impl GenericClient, id: Uuid, now: Timestamp) -> Result<bool, DbError> {
    Ok(query::execute(client, ERASE_USER, &[&id, &now]).await? == 1)
}

/// Every query of this file, for the test that prepares them all.
pub const QUERIES: &[Query] = queries![
    EXPIRED_REFRESH_TOKENS,
    ENDED_SESSIONS,
    PASSWORD_RESET_TOKENS,
    EMAIL_TOKENS,
    PENDING_REGISTRATIONS,
    EMAIL_CHANGES,
    MAIL_JOBS,
    REFRESH_TOKENS_OF,
    SESSIONS_OF,
    PASSWORD_RESET_TOKENS_OF,
    EMAIL_TOKENS_OF,
    EMAIL_CHANGES_OF,
    DEVICES_OF,
    MAIL_JOBS_OF,
    LOGIN_ATTEMPTS_OF,
    REDACT_AUDIT_LOGS_ABOUT_FORMER,
    REDACT_AUDIT_LOGS_ABOUT,
    REDACT_AUDIT_LOGS_OF,
    TRY_LOCK,
    NEXT_TO_ERASE,
    ERASE_USER,
];
