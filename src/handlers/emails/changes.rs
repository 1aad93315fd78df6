//! A new address: asked for with the password, confirmed by its mailbox, taken back by the old one.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;

use super::super::Call;
use super::super::links::{self, Link};
use super::super::tokens::after;
use super::super::users::taken;
use crate::audit::Event;
use crate::auth::email::Email;
use crate::config::Registration;
use crate::db::email_changes::{self, NewEmailChange};
use crate::db::users::Credentials;
use crate::db::{Transaction, devices, email_tokens, password_reset_tokens, query, sessions, users};
use crate::error::ApiError;
use crate::mail::{Kind, Recipient};
use crate::reply::{self, Done};

/// For how long the new address can confirm.
const CONFIRMABLE: Duration = Duration::from_secs(24 * 3600);
/// For how long the old address can take the change back, and nobody else can have it.
const UNDOABLE: Duration = Duration::from_secs(72 * 3600);

/// Asks for another address, in a transaction that holds the account's lock. It takes the place of any that was asked for before; the new
/// address and the old one get a mail each.
///
/// # Errors
/// 409 when the address is taken, unless registration keeps secret which addresses are: then their owner gets a mail.
pub(in crate::handlers) async fn request_change(
    call: &Call,
    transaction: &Transaction<'_>,
    account: &Credentials,
    new: &Email,
) -> Result<(), ApiError> {
    let app = &call.app;
    let (now, user) = (call.now(), &account.user);
    if app.config.registration != Registration::Confirm
        && (users::is_taken(transaction, new.key()).await?
            || email_changes::is_reserved(transaction, new.key(), user.id, now).await?)
    {
        return Err(ApiError::EmailTaken);
    }
    email_changes::cancel_pending(transaction, user.id, now).await?;
    let change = NewEmailChange {
        id: app.random.uuid(now)?,
        user_id: user.id,
        old_email: &user.email,
        old_email_key: &account.email_key,
        old_email_verified: user.is_email_verified,
        new_email: new.given(),
        new_email_key: new.key(),
        now,
        expires_at: after(now, CONFIRMABLE),
        undo_until: after(now, UNDOABLE),
    };
    email_changes::insert(transaction, &change).await?;
    call.enqueue(transaction, Kind::EmailChange, Recipient::User(user.id), Some(change.id)).await?;
    call.enqueue(transaction, Kind::EmailChangeNotice, Recipient::User(user.id), Some(change.id)).await?;
    Event::success("email.change_requested", user.id).write(app, transaction, &call.origin()).await
}

/// Asks for the address that one has: whatever else was asked for is off.
///
/// # Errors
/// When the database does not answer.
pub(in crate::handlers) async fn withdraw_changes(
    call: &Call,
    transaction: &Transaction<'_>,
    account: &Credentials,
) -> Result<(), ApiError> {
    let user_id = account.user.id;
    if email_changes::cancel_pending(transaction, user_id, call.now()).await? == 0 {
        return Ok(());
    }
    Event::success("email.change_withdrawn", user_id).write(&call.app, transaction, &call.origin()).await
}

/// `POST /api/v1/auth/email/confirm-change`: the new address takes the old one's place, and is proved by that.
///
/// # Errors
/// 400 `invalid_token` for a bad link or a change that was taken back, replaced or overtaken; 409 when somebody else took the address
/// meanwhile, which its mailbox may know.
pub async fn confirm_change(call: Call) -> reply::Result {
    let token = links::read(&call.body)?;
    let link = links::follow(&call, &token, &["confirm_change"]).await?;
    if !confirm(&call, &link).await? {
        return link.refuse(&call, "overtaken").await;
    }
    reply::json(StatusCode::OK, &Done::new("This is the address of your account now.", call.stamp()))
}

async fn confirm(call: &Call, link: &Link) -> Result<bool, ApiError> {
    let app = &call.app;
    let now = call.now();
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let Some(account) = link.spend_with_account(call, &transaction).await? else { return Ok(false) };
    let Some(change) = change_of(link, &transaction).await? else { return Ok(false) };
    if !email_changes::confirm(&transaction, change.id, now).await? {
        return Ok(false);
    }
    let user_id = account.user.id;
    users::set_email(&transaction, user_id, &change.new_email, &change.new_email_key, true, now)
        .await
        .map_err(taken)?;
    if email_changes::is_reserved(&transaction, &change.new_email_key, user_id, now).await? {
        return Err(ApiError::EmailTaken);
    }
    end_links(call, &transaction, &account).await?;
    let event = Event::success("email.changed", user_id).about(&app.address_marks, &account.email_key);
    event.write(app, &transaction, &call.origin()).await?;
    query::commit(transaction).await?;
    Ok(true)
}

/// `POST /api/v1/auth/email/undo`: the old address takes a change back, whether or not it was confirmed, and every later one with it. Every
/// session ends, and no device is known any more: somebody who is not the owner knew the password.
///
/// # Errors
/// 400 `invalid_token` for a bad link or a change that was taken back before.
pub async fn undo_change(call: Call) -> reply::Result {
    let token = links::read(&call.body)?;
    let link = links::follow(&call, &token, &["undo_change"]).await?;
    if !undo(&call, &link).await? {
        return link.refuse(&call, "overtaken").await;
    }
    let message = "Your address is as it was, and every session has ended. If it was not you who asked for another address, \
                   somebody knows your password: set a new one.";
    reply::json(StatusCode::OK, &Done::new(message, call.stamp()))
}

async fn undo(call: &Call, link: &Link) -> Result<bool, ApiError> {
    let app = &call.app;
    let now = call.now();
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let Some(account) = link.spend_with_account(call, &transaction).await? else { return Ok(false) };
    let Some(change) = change_of(link, &transaction).await? else { return Ok(false) };
    // One that a newer change replaced is none the less a reason to take that one back.
    let was_undone = change.confirmed_at.is_some() && change.cancelled_at.is_some();
    if was_undone || change.undo_until <= now {
        return Ok(false);
    }
    let user_id = account.user.id;
    let ended = sessions::revoke_all(&transaction, user_id, now, "email_change_undone", None).await?;
    devices::revoke_all(&transaction, user_id, now, None).await?;
    email_changes::cancel_from(&transaction, change.id, now).await?;
    let is_restored = account.email_key != change.old_email_key;
    if is_restored {
        let (email, key, verified) = (&change.old_email, &change.old_email_key, change.old_email_verified);
        users::set_email(&transaction, user_id, email, key, verified, now).await.map_err(taken)?;
    }
    end_links(call, &transaction, &account).await?;
    let details = json!({ "confirmed": is_restored, "sessions_ended": ended });
    let mut event = Event::success("email.change_undone", user_id).with(details);
    if is_restored {
        event = event.about(&app.address_marks, &account.email_key);
    }
    event.write(app, &transaction, &call.origin()).await?;
    query::commit(transaction).await?;
    Ok(true)
}

async fn change_of(link: &Link, transaction: &Transaction<'_>) -> Result<Option<email_changes::EmailChange>, ApiError> {
    let Some(id) = link.subject_id else { return Ok(None) };
    Ok(email_changes::find(transaction, id).await?)
}

/// Links that were mailed to the address before open nothing any more.
async fn end_links(call: &Call, transaction: &Transaction<'_>, account: &Credentials) -> Result<(), ApiError> {
    email_tokens::end_all(transaction, account.user.id, call.now()).await?;
    password_reset_tokens::end_all(transaction, account.user.id).await?;
    Ok(())
}
