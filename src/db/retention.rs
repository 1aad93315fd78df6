//! What leaves when its time is over: rows that have outlived their purpose, and what a deleted account leaves behind.
//!
//! Every statement touches a bounded number of rows that an index finds, and passes over rows that somebody works on.

use jiff::{Timestamp, ToSpan};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::catalog::queries;
use super::{DbError, GenericClient, Query, devices, login_attempts, query};

/// A statement that empties some rows, `$2` of them at most.
#[derive(Debug)]
pub struct Step {
    /// The table, also in metrics.
    pub table: &'static str,
    /// `$1` says which rows: those of before a moment, or those of an account.
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

/// Personal data in the security log of an account. The events themselves stay.
pub const REDACT_AUDIT_LOGS_OF: &str = "update audit_logs set ip_address = null, user_agent = null, details = '{}' \
    where (created_at, id) in (select created_at, id from audit_logs where user_id = $1 \
    and (ip_address is not null or user_agent is not null or details <> '{}') limit $2)";

const fn of(table: &'static str, sql: &'static str) -> Step {
    Step { table, sql }
}

/// What goes before an account itself is emptied. Tokens come before their sessions.
pub const ERASURE: &[Step] = &[
    of("refresh_tokens", REFRESH_TOKENS_OF),
    of("sessions", SESSIONS_OF),
    of("password_reset_tokens", PASSWORD_RESET_TOKENS_OF),
    of("email_tokens", EMAIL_TOKENS_OF),
    of("email_changes", EMAIL_CHANGES_OF),
    of("devices", DEVICES_OF),
    of("mail_jobs", MAIL_JOBS_OF),
    of("audit_logs", REDACT_AUDIT_LOGS_OF),
];

/// Which rows a step is about.
#[derive(Clone, Copy, Debug)]
pub enum Scope {
    /// Those that had served their purpose before then.
    Before(Timestamp),
    /// Those of an account.
    Of(Uuid),
}

/// Takes one step; tells how many rows it touched. When these are fewer than `limit`, nothing is left that nobody works on.
///
/// # Errors
/// When the database does not answer.
pub async fn take(client: &impl GenericClient, step: &Step, scope: Scope, limit: i64) -> Result<u64, DbError> {
    let scope: &(dyn ToSql + Sync) = match &scope {
        Scope::Before(time) => time,
        Scope::Of(id) => id,
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

/// The account that has been deleted for longest.
pub const NEXT_TO_ERASE: &str = "select id from users \
    where deleted_at is not null and email_key is not null and deleted_at <= $1 order by deleted_at limit 1";

/// An account that was deleted at `deleted_by` or before and still holds personal data.
///
/// # Errors
/// When the database does not answer.
pub async fn next_to_erase(client: &impl GenericClient, deleted_by: Timestamp) -> Result<Option<Uuid>, DbError> {
    let row = query::optional(client, NEXT_TO_ERASE, &[&deleted_by]).await?;
    Ok(row.map(|row| row.try_get("id")).transpose()?)
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
    REDACT_AUDIT_LOGS_OF,
    TRY_LOCK,
    NEXT_TO_ERASE,
    ERASE_USER,
];
