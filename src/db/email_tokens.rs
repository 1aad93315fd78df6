//! Table `email_tokens`.

use std::net::IpAddr;

use jiff::Timestamp;
use uuid::Uuid;

use super::catalog::queries;
use super::{DbError, GenericClient, Query, query};

/// A new token.
#[derive(Debug)]
pub struct NewEmailToken<'a> {
    /// Identifier: that of the mail job.
    pub id: Uuid,
    /// What it opens: `verify`, `sign_up`, `confirm_change`, `undo_change` or `end_session`.
    pub purpose: &'a str,
    /// Whose account it is about; a sign-up has none yet.
    pub user_id: Option<Uuid>,
    /// The pending registration, e-mail change or session that it is about.
    pub subject_id: Option<Uuid>,
    /// SHA-256 of the token.
    pub token_hash: &'a [u8],
    /// When it can be used at the latest.
    pub expires_at: Timestamp,
    /// When its cause came.
    pub created_at: Timestamp,
}

/// A token that somebody presents.
#[derive(Clone, Debug)]
pub struct EmailToken {
    /// Identifier: that of the mail job.
    pub id: Uuid,
    /// What it opens: see [`NewEmailToken::purpose`].
    pub purpose: String,
    /// Whose account it is about; a sign-up has none yet.
    pub user_id: Option<Uuid>,
    /// The pending registration, e-mail change or session that it is about.
    pub subject_id: Option<Uuid>,
    /// When it can be used at the latest.
    pub expires_at: Timestamp,
    /// When it was used or replaced.
    pub used_at: Option<Timestamp>,
}

/// Why a link was mailed, for the mail and for the page that it leads to.
#[derive(Clone, Debug)]
pub struct Cause {
    /// The address that it was mailed to.
    pub email: Option<String>,
    /// When the sign-up, the request for a change or the log-in came.
    pub created_at: Timestamp,
    /// From which device, in words, if that is still known.
    pub device_info: Option<String>,
    /// From which address, if that is still known.
    pub ip_address: Option<IpAddr>,
}

/// Adds a token, unless an earlier attempt at the same mail did.
pub const ISSUE: &str = "insert into email_tokens \
    (id, purpose, user_id, subject_id, token_hash, expires_at, created_at) \
    values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do nothing";

/// Adds a token. `false` when an earlier attempt at the same mail did.
///
/// # Errors
/// When the database does not answer.
pub async fn issue(client: &impl GenericClient, new: &NewEmailToken<'_>) -> Result<bool, DbError> {
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
        [&new.id, &new.purpose, &new.user_id, &new.subject_id, &new.token_hash, &new.expires_at, &new.created_at];
    Ok(query::execute(client, ISSUE, &params).await? == 1)
}

/// Ends the tokens of a user that a newer one replaces.
pub const END_OLDER_OF_USER: &str = "update email_tokens set used_at = $4 \
    where user_id = $1 and purpose = $2 and id <> $3 and created_at <= $4 and used_at is null";

/// Ends the unused tokens of a user and a purpose that are older than the one with this id; tells how many.
///
/// # Errors
/// When the database does not answer.
pub async fn end_older_of_user(
    client: &impl GenericClient,
    user_id: Uuid,
    purpose: &str,
    id: Uuid,
    created_at: Timestamp,
) -> Result<u64, DbError> {
    query::execute(client, END_OLDER_OF_USER, &[&user_id, &purpose, &id, &created_at]).await
}

/// Ends the tokens about one thing that a newer one replaces.
pub const END_OLDER_OF_SUBJECT: &str = "update email_tokens set used_at = $4 \
    where subject_id = $1 and purpose = $2 and id <> $3 and created_at <= $4 and used_at is null";

/// Ends the unused tokens of a subject and a purpose that are older than the one with this id; tells how many.
///
/// # Errors
/// When the database does not answer.
pub async fn end_older_of_subject(
    client: &impl GenericClient,
    subject_id: Uuid,
    purpose: &str,
    id: Uuid,
    created_at: Timestamp,
) -> Result<u64, DbError> {
    query::execute(client, END_OLDER_OF_SUBJECT, &[&subject_id, &purpose, &id, &created_at]).await
}

/// Looks whether a token still opens anything.
pub const FIND_USE: &str = "select used_at is not null as is_used from email_tokens where id = $1";

/// Whether the token with this id was used or replaced; `None` when there is none.
///
/// # Errors
/// When the database does not answer.
pub async fn is_used(client: &impl GenericClient, id: Uuid) -> Result<Option<bool>, DbError> {
    let row = query::optional(client, FIND_USE, &[&id]).await?;
    Ok(row.map(|row| row.try_get("is_used")).transpose()?)
}

/// Uses a token up.
pub const CONSUME: &str = "update email_tokens set used_at = $3 \
    where token_hash = $1 and purpose = $2 and used_at is null and expires_at > $3";

/// Uses a token up: the compare-and-set that lets one of many win. `false` when it is unknown, of another purpose, used or expired.
///
/// # Errors
/// When the database does not answer.
pub async fn consume(
    client: &impl GenericClient,
    token_hash: &[u8],
    purpose: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    Ok(query::execute(client, CONSUME, &[&token_hash, &purpose, &now]).await? == 1)
}

/// Gives the link of a sign-up to the account that came of it.
pub const ADOPT: &str = "update email_tokens set user_id = $2 where id = $1 and user_id is null";

/// Gives the link of a sign-up to the account that came of it: it is exported and erased with that, and later clicks are its events.
///
/// # Errors
/// When the database does not answer.
pub async fn adopt(client: &impl GenericClient, id: Uuid, user_id: Uuid) -> Result<(), DbError> {
    query::execute(client, ADOPT, &[&id, &user_id]).await.map(drop)
}

/// Finds a token by its hash.
pub const FIND: &str =
    "select id, purpose, user_id, subject_id, expires_at, used_at from email_tokens where token_hash = $1";

/// Finds a token, whatever became of it.
///
/// # Errors
/// When the database does not answer.
pub async fn find(client: &impl GenericClient, token_hash: &[u8]) -> Result<Option<EmailToken>, DbError> {
    let Some(row) = query::optional(client, FIND, &[&token_hash]).await? else { return Ok(None) };
    Ok(Some(EmailToken {
        id: row.try_get("id")?,
        purpose: row.try_get("purpose")?,
        user_id: row.try_get("user_id")?,
        subject_id: row.try_get("subject_id")?,
        expires_at: row.try_get("expires_at")?,
        used_at: row.try_get("used_at")?,
    }))
}

/// Finds out why a link was mailed. A repeated mail of a sign-up tells of the sign-up, which is the account's first session, or its first mail
/// where no session came with it, and not of whoever asked for the repetition, whose job has an address.
pub const FIND_CAUSE: &str = "select \
    case t.purpose when 'confirm_change' then c.new_email when 'undo_change' then c.old_email \
        else coalesce(p.email, u.email) end as email, \
    coalesce(p.created_at, c.created_at, s.created_at, u.created_at, t.created_at) as created_at, \
    coalesce(p.device_info, s.device_info, f.device_info, m.device_info, j.device_info) as device_info, \
    coalesce(p.ip_address, s.ip_address, f.ip_address, m.ip_address, j.ip_address) as ip_address \
    from email_tokens t \
    left join users u on u.id = t.user_id \
    left join pending_registrations p on p.id = t.subject_id and t.purpose = 'sign_up' \
    left join email_changes c on c.id = t.subject_id and t.purpose in ('confirm_change', 'undo_change') \
    left join sessions s on s.id = t.subject_id and t.purpose = 'end_session' \
    left join lateral (select device_info, ip_address from sessions where user_id = u.id and t.purpose = 'verify' \
        and created_at < u.created_at + interval '1 minute' order by created_at limit 1) f on true \
    left join lateral (select device_info, ip_address from mail_jobs where user_id = u.id and kind = t.purpose \
        and t.purpose = 'verify' order by created_at limit 1) m on true \
    left join mail_jobs j on j.id = t.id and j.email_key is null \
    where t.id = $1";

/// Finds out why a link was mailed.
///
/// # Errors
/// When the database does not answer.
pub async fn find_cause(client: &impl GenericClient, id: Uuid) -> Result<Option<Cause>, DbError> {
    let Some(row) = query::optional(client, FIND_CAUSE, &[&id]).await? else { return Ok(None) };
    Ok(Some(Cause {
        email: row.try_get("email")?,
        created_at: row.try_get("created_at")?,
        device_info: row.try_get("device_info")?,
        ip_address: row.try_get("ip_address")?,
    }))
}

/// Ends what was mailed before the account changed, but for links that only take something back. If they ended as well, whoever took an
/// account over could bar its owner's way back by changing it once more.
pub const END_ALL: &str = "update email_tokens set used_at = $2 \
    where user_id = $1 and purpose not in ('undo_change', 'end_session') and used_at is null";

/// Ends every unused token of a user, except those that take back a change of address or a log-in; tells how many.
///
/// # Errors
/// When the database does not answer.
pub async fn end_all(client: &impl GenericClient, user_id: Uuid, now: Timestamp) -> Result<u64, DbError> {
    query::execute(client, END_ALL, &[&user_id, &now]).await
}

/// Ends the links that confirm new addresses.
pub const END_CONFIRMATIONS: &str =
    "update email_tokens set used_at = $2 where user_id = $1 and purpose = 'confirm_change' and used_at is null";

/// Ends every unused token of a user that confirms a change of address; tells how many.
///
/// # Errors
/// When the database does not answer.
pub async fn end_confirmations(client: &impl GenericClient, user_id: Uuid, now: Timestamp) -> Result<u64, DbError> {
    query::execute(client, END_CONFIRMATIONS, &[&user_id, &now]).await
}

/// Ends what was mailed to an account that is deleted.
pub const END_WITH_ACCOUNT: &str = "update email_tokens set used_at = $2 where user_id = $1 and used_at is null";

/// Ends every unused token of a user without exception; tells how many.
///
/// # Errors
/// When the database does not answer.
pub async fn end_with_account(client: &impl GenericClient, user_id: Uuid, now: Timestamp) -> Result<u64, DbError> {
    query::execute(client, END_WITH_ACCOUNT, &[&user_id, &now]).await
}

/// Every query of this table, for the test that prepares them all.
pub const QUERIES: &[Query] = queries![
    CONSUME,
    ADOPT,
    ISSUE,
    END_OLDER_OF_USER,
    END_OLDER_OF_SUBJECT,
    FIND_USE,
    FIND,
    FIND_CAUSE,
    END_ALL,
    END_CONFIRMATIONS,
    END_WITH_ACCOUNT
];
