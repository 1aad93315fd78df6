//! Log-in, log-out, and the sessions that people see and end.

mod control;

use http::StatusCode;
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

pub use self::control::{end, list, revoke_one, revoke_others};
use super::{Call, tokens, users as sign_up};
use crate::audit::{Event, Origin};
use crate::auth::email::Email;
use crate::auth::hash::MAX_PASSWORD_BYTES;
use crate::body::Form;
use crate::db::users::Credentials;
use crate::db::{devices, query, sessions, users};
use crate::defence::{self, Attempt, DeviceMark, Subject};
use crate::error::ApiError;
use crate::mail::{Kind, Recipient};
use crate::reply::{self, Done, LoggedIn};
use crate::state::App;

/// How often a request starts over when the account is changed while its password is being verified.
pub(super) const ATTEMPTS: usize = 3;

/// `POST /api/v1/auth/login`: a new session for the right password.
///
/// An unknown address goes the same way as a wrong password, with a hash of the same cost, a row in the audit log and the same answer.
///
/// # Errors
/// 401 `invalid_credentials`; 403 for a disabled or unverified account, after the right password only; 503 when hashing is overloaded.
pub async fn log_in(call: Call) -> reply::Result {
    let (email, password, remember_me) = read(&call.body)?;
    for _ in 0..ATTEMPTS {
        let proven = authenticate(&call, &email, &password).await?;
        if let Some((logged_in, device)) = open(&call, proven, remember_me).await? {
            let mut response = reply::json(StatusCode::OK, &logged_in)?;
            device.put(&mut response)?;
            return Ok(response);
        }
        // The hash that was verified is not the stored one any more. Another log-in may have rehashed the same password, or its owner may
        // have changed it: only another look can tell.
    }
    Err(ApiError::Overloaded)
}

/// An account whose password was given.
struct Proven {
    account: Credentials,
    /// The password under today's cost and algorithm, if the stored hash has others.
    rehashed: Option<String>,
    /// The known device that it was given on.
    mark: Option<Uuid>,
}

async fn authenticate(call: &Call, email: &Email, password: &SecretString) -> Result<Proven, ApiError> {
    let app = &call.app;
    let ticket = app.hasher.admit()?;
    let account = {
        let client = app.database.get().await?;
        users::find_by_email_key(&client, email.key()).await?
    };
    let subject = Subject { email_key: email.key(), user_id: account.as_ref().map(|account| account.user.id) };
    let mut attempt = Attempt::charge(call, subject).await?;
    let stored = account.as_ref().map(|account| account.password_hash.clone());
    let verified = ticket.verify(password.clone(), stored).await.map_err(ApiError::internal)?;
    if let (Some(account), Some(fault)) = (&account, &verified.unusable) {
        tracing::warn!(user_id = %account.user.id, %fault, "a stored password hash cannot be used: its owner needs a reset");
    }
    let account = match account {
        Some(account) if verified.matches => account,
        other => {
            let event = Event::failure("login.failed", other.map(|account| account.user.id))
                .with(json!({ "reason": "credentials" }));
            return attempt.lost(call, &event, password, ApiError::InvalidCredentials).await;
        }
    };
    attempt.won(call).await?;
    if let Some((reason, error)) = shut_out(app, &account) {
        let event = Event::failure("login.failed", Some(account.user.id)).with(json!({ "reason": reason }));
        return refuse(app, &call.origin(), &event, error).await;
    }
    let rehashed = match verified.rehash {
        true => Some(ticket.hash(password.clone(), app.random.bytes()?).await.map_err(ApiError::internal)?),
        false => None,
    };
    Ok(Proven { account, rehashed, mark: attempt.mark() })
}

/// Opens the session. `None` when the account was disabled, deleted or given another hash since its password was verified.
async fn open(call: &Call, proven: Proven, remember_me: bool) -> Result<Option<(LoggedIn, DeviceMark)>, ApiError> {
    let app = &call.app;
    let origin = call.origin();
    let Proven { account, rehashed, mark } = proven;
    let id = account.user.id;
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let user = users::log_in(&transaction, id, &account.password_hash, call.now(), rehashed.as_deref()).await?;
    let Some(user) = user else { return Ok(None) };
    let details = json!({ "remember_me": remember_me, "rehashed": rehashed.is_some() });
    // Asked before there is a session of this log-in.
    let is_new =
        mark.is_none() && sessions::is_new_device(&transaction, id, &origin.device_info(), origin.ip_address).await?;
    let device = defence::remember(call, &transaction, id, mark).await?;
    let opened = tokens::open_session(app, &transaction, &user, &origin, remember_me).await?;
    Event::success("login.succeeded", id)
        .in_session(opened.session_id)
        .with(details)
        .write(app, &transaction, &origin)
        .await?;
    if is_new {
        // With a link that ends this session.
        call.enqueue(&transaction, Kind::NewDevice, Recipient::User(id), Some(opened.session_id)).await?;
    }
    query::commit(transaction).await?;
    if is_new {
        app.mail.ring();
    }
    Ok(Some((LoggedIn { tokens: opened.pair, user: user.into(), stamp: call.stamp() }, device)))
}

fn read(body: &[u8]) -> Result<(Email, SecretString, bool), ApiError> {
    let mut form = Form::parse(body)?;
    let email = sign_up::email(&mut form);
    let password = secret(&mut form, "password");
    let remember_me = form.flag("remember_me");
    form.finish()?;
    email.zip(password).map(|(email, password)| (email, password, remember_me)).ok_or(ApiError::Validation(Vec::new()))
}

/// Reads a password that is to be verified: whatever was once accepted, but nothing that no policy could have let in.
pub(super) fn secret(form: &mut Form, field: &'static str) -> Option<SecretString> {
    let text = form.required(field)?;
    if text.is_empty() {
        form.fault(field, "required", "is required");
        return None;
    }
    if text.len() > MAX_PASSWORD_BYTES {
        form.fault(field, "too_long", "is longer than any password can be");
        return None;
    }
    Some(text.into())
}

/// Why an account with the right password may not come in.
fn shut_out(app: &App, account: &Credentials) -> Option<(&'static str, ApiError)> {
    if !account.user.is_active {
        return Some(("disabled", ApiError::AccountDisabled));
    }
    (app.config.require_verified_email && !account.user.is_email_verified)
        .then_some(("unverified", ApiError::EmailNotVerified))
}

/// Commits the row of a refused secret before the reply; a refusal that cannot be written down is a 503.
pub(super) async fn refuse<T>(app: &App, origin: &Origin, event: &Event, error: ApiError) -> Result<T, ApiError> {
    let client = app.database.get().await?;
    event.write(app, &client, origin).await?;
    Err(error)
}

/// `POST /api/v1/auth/logout`: ends the session of the access token.
///
/// # Errors
/// 503 when the end cannot be written down.
pub async fn log_out(call: Call) -> reply::Result {
    read_log_out(&call.body)?;
    let app = &call.app;
    let who = call.authenticated()?;
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    sessions::revoke(&transaction, who.session_id, call.now(), "logout").await?;
    Event::success("logout", who.user.id).write(app, &transaction, &call.origin()).await?;
    query::commit(transaction).await?;
    reply::json(StatusCode::OK, &Done::new("You are logged out.", call.stamp()))
}

/// `POST /api/v1/auth/logout-all`: ends every session of the user, and forgets every device but the one that asks.
///
/// # Errors
/// 503 when the end cannot be written down.
pub async fn log_out_everywhere(call: Call) -> reply::Result {
    read_log_out(&call.body)?;
    let app = &call.app;
    let who = call.authenticated()?;
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let own = defence::known_device(&call, &transaction, who.user.id).await?;
    devices::revoke_all(&transaction, who.user.id, call.now(), own).await?;
    let ended = sessions::revoke_all(&transaction, who.user.id, call.now(), "logout_all", None).await?;
    let event = Event::success("logout_all", who.user.id).with(json!({ "sessions": ended }));
    event.write(app, &transaction, &call.origin()).await?;
    query::commit(transaction).await?;
    reply::json(StatusCode::OK, &Done::new("You are logged out on every device.", call.stamp()))
}

/// Front ends send their refresh token along; the access token alone decides which session ends.
fn read_log_out(body: &[u8]) -> Result<(), ApiError> {
    let mut form = Form::parse_or_empty(body)?;
    form.optional("refresh_token");
    form.finish()
}
