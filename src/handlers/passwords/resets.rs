//! A new password for whoever reads the account's mail.

use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::super::users::{check_new_password, email};
use super::super::{Call, emails, links};
use super::{Spared, context_of, evict};
use crate::audit::Event;
use crate::auth::email::Email;
use crate::auth::password::{Context, PasswordPolicy};
use crate::auth::token::OpaqueToken;
use crate::body::Form;
use crate::db::password_reset_tokens::{self, PasswordResetToken};
use crate::db::users::Credentials;
use crate::db::{email_tokens, query, users};
use crate::defence::{self, DeviceMark};
use crate::error::ApiError;
use crate::mail::{Kind, Recipient};
use crate::reply::{self, Done};

/// What links in mails call this, and what the audit log says.
pub(in crate::handlers) const RESET: &str = "reset";

/// `POST /api/v1/auth/password/forgot`: a mail with the link that sets a new password. Whether there is anybody to send it to is looked up when
/// it is sent, so that neither the answer nor its time tells.
///
/// # Errors
/// 400 for what is no address.
pub async fn forgot(call: Call) -> reply::Result {
    emails::ask_for_mail(&call, Kind::Reset, "password.reset_requested").await?;
    let message = "If there is an account with this address, a mail with a link to set a new password is on its way.";
    reply::json(StatusCode::OK, &Done::new(message, call.stamp()))
}

/// What somebody who follows the link asks for.
struct Wanted {
    token: OpaqueToken,
    email: Option<Email>,
    password: SecretString,
}

/// `POST /api/v1/auth/password/reset`: a new password for the bearer of a mailed link. Every session ends, and so does whatever was mailed or
/// asked for before: nothing of what somebody else may have set up outlives it. The link proves the address as well.
///
/// # Errors
/// 400 `invalid_token` for a bad link or an address that is not the account's, `validation_error` for an unacceptable password, after which the
/// link still works; 503 when hashing is overloaded.
pub async fn reset(call: Call) -> reply::Result {
    let app = &call.app;
    let Wanted { token, email, password } = read(&call.body, &app.passwords)?;
    let ticket = app.hasher.admit()?;
    let (found, account) = follow(&call, &token, email.as_ref()).await?.ok_or(ApiError::InvalidLink)?;
    check(&app.passwords, &password, &context_of(&account.user))?;
    let hash = ticket.hash(password, app.random.bytes()?).await.map_err(ApiError::internal)?;
    drop(ticket);
    let Some(device) = replace(&call, &found, &hash).await? else {
        return links::refuse_known(&call, Some(found.user_id), RESET, "used").await;
    };
    app.mail.ring();
    let message = "Your password has been changed, and every session has ended. Log in with the new one.";
    let mut response = reply::json(StatusCode::OK, &Done::new(message, call.stamp()))?;
    device.put(&mut response)?;
    Ok(response)
}

/// All that can be told without knowing whose password it is.
fn read(body: &[u8], policy: &PasswordPolicy) -> Result<Wanted, ApiError> {
    let mut form = Form::parse(body)?;
    let token = form.required("token");
    let address = if form.given("email") { email(&mut form) } else { None };
    let password = form.required("new_password").map(SecretString::from);
    form.confirmation("new_password_confirm", password.as_ref().map(ExposeSecret::expose_secret));
    if let Some(password) = &password {
        check_new_password(&mut form, "new_password", password.expose_secret(), policy, &Context::default());
    }
    form.finish()?;
    let password = password.ok_or(ApiError::Validation(Vec::new()))?;
    Ok(Wanted { token: links::parse(token.as_deref())?, email: address, password })
}

/// Holds a new password to the rules that need to know its owner.
fn check(policy: &PasswordPolicy, password: &SecretString, context: &Context<'_>) -> Result<(), ApiError> {
    let mut form = Form::default();
    check_new_password(&mut form, "new_password", password.expose_secret(), policy, context);
    form.finish()
}

/// The token and its account, if it is good now; only [`replace`] decides whether somebody else comes first. `None` when it never was one that
/// sets a password.
///
/// # Errors
/// 400 `invalid_token` for one that was used, replaced or is too old, and for an account that may not act or has another address; 503 when that
/// cannot be written down.
pub(in crate::handlers) async fn follow(
    call: &Call,
    token: &OpaqueToken,
    email: Option<&Email>,
) -> Result<Option<(PasswordResetToken, Credentials)>, ApiError> {
    let (found, account) = {
        let client = call.app.database.get().await?;
        let Some(found) = password_reset_tokens::find(&client, &token.hash()).await? else { return Ok(None) };
        let account = users::find(&client, found.user_id).await?.filter(|account| account.user.may_act());
        (found, account)
    };
    let refuse = async |reason| links::refuse_known(call, Some(found.user_id), RESET, reason).await;
    if found.is_used {
        return refuse("used").await;
    }
    if found.expires_at <= call.now() {
        return refuse("expired").await;
    }
    match account {
        None => refuse("account").await,
        Some(account) if email.is_some_and(|email| email.key() != account.email_key) => refuse("address").await,
        Some(account) => Ok(Some((found, account))),
    }
}

/// Stores the new hash, and ends all that came before it; the device at hand is the one that is known from now on. `None` when the link was
/// used or the account shut out meanwhile.
async fn replace(call: &Call, token: &PasswordResetToken, hash: &str) -> Result<Option<DeviceMark>, ApiError> {
    let app = &call.app;
    let (id, now) = (token.user_id, call.now());
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    if users::find_for_update(&transaction, id).await?.is_none()
        || !password_reset_tokens::consume(&transaction, token.id, now).await?
    {
        return Ok(None);
    }
    users::reset_password(&transaction, id, hash, now).await?;
    // The address is proved by this link, so that no other is needed for that.
    email_tokens::end_all(&transaction, id, now).await?;
    let ended = evict(&transaction, id, now, "password_reset", Spared::default()).await?;
    call.enqueue(&transaction, Kind::PasswordChanged, Recipient::User(id), None).await?;
    let event = Event::success("password.reset", id).with(json!({ "sessions_ended": ended }));
    event.write(app, &transaction, &call.origin()).await?;
    let device = defence::remember(call, &transaction, id, None).await?;
    query::commit(transaction).await?;
    Ok(Some(device))
}
