//! Passwords: changing one that is known, and setting one that was forgotten.

mod eviction;
mod resets;

use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use uuid::Uuid;

pub(crate) use self::eviction::{Spared, evict};
pub(super) use self::resets::{RESET, follow};
pub use self::resets::{forgot, reset};
use super::Call;
use super::sessions::{ATTEMPTS, secret};
use super::users::check_new_password;
use crate::access::Authenticated;
use crate::audit::Event;
use crate::auth::password::{Context, PasswordPolicy};
use crate::auth::pool::Ticket;
use crate::body::Form;
use crate::db::users::User;
use crate::db::{query, users};
use crate::defence::{Attempt, Subject};
use crate::error::ApiError;
use crate::mail::{Kind, Recipient};
use crate::reply::{self, Done};

/// `PUT /api/v1/auth/password/change`: a new password for the one who knows the current one. Every other session ends (ASVS 7.4.3), and so does
/// whatever else somebody who knew the old one may have set up: see `evict`.
///
/// # Errors
/// 400 for an unacceptable new password, 403 `invalid_credentials` for a wrong current one, 503 when hashing is overloaded.
pub async fn change(call: Call) -> reply::Result {
    let app = &call.app;
    let who = call.authenticated()?;
    let (current, new) = read(&call.body, &app.passwords, who)?;
    for _ in 0..ATTEMPTS {
        let proven = prove(&call, who, current.clone(), "password.change_failed").await?;
        let hash = proven.ticket.hash(new.clone(), app.random.bytes()?).await.map_err(ApiError::internal)?;
        drop(proven.ticket);
        let spared = Spared { session: Some(who.session_id), device: proven.mark };
        if replace(&call, who, &proven.stored, &hash, spared).await? {
            return reply::json(StatusCode::OK, &Done::new("Your password has been changed.", call.stamp()));
        }
        // The hash that was verified is not the stored one any more: a log-in rehashed it, or another change came first. Only another look
        // at the current password can tell.
    }
    Err(ApiError::Overloaded)
}

/// The stored hash that the current password fits, and the place in the hash pool that the new one is hashed in.
pub(super) struct Proven {
    ticket: Ticket,
    pub(super) stored: String,
    /// The known device that it was given on.
    mark: Option<Uuid>,
}

/// Holds the current password against the stored hash. Whoever goes on must find that hash still stored when they write: see [`ATTEMPTS`].
///
/// # Errors
/// 403 `invalid_credentials` with an audit row of type `on_failure`, 503 when hashing is overloaded.
pub(super) async fn prove(
    call: &Call,
    who: &Authenticated,
    current: SecretString,
    on_failure: &'static str,
) -> Result<Proven, ApiError> {
    let app = &call.app;
    let ticket = app.hasher.admit()?;
    let account = {
        let client = app.database.get().await?;
        users::find(&client, who.user.id).await?.ok_or(ApiError::TokenRevoked)?
    };
    let subject = Subject { email_key: &account.email_key, user_id: Some(who.user.id) };
    let mut attempt = Attempt::charge(call, subject).await?;
    let stored = account.password_hash;
    let verified = ticket.verify(current.clone(), Some(stored.clone())).await.map_err(ApiError::internal)?;
    if !verified.matches {
        let event = Event::failure(on_failure, Some(who.user.id)).with(json!({ "reason": "credentials" }));
        return attempt.lost(call, &event, &current, ApiError::WrongCurrentPassword).await;
    }
    attempt.won(call).await?;
    Ok(Proven { ticket, stored, mark: attempt.mark() })
}

/// Stores the new hash and shuts everybody else out. `false` when the stored hash is not the one that was verified.
async fn replace(
    call: &Call,
    who: &Authenticated,
    verified: &str,
    hash: &str,
    spared: Spared,
) -> Result<bool, ApiError> {
    let app = &call.app;
    let now = call.now();
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    if users::change_password(&transaction, who.user.id, verified, hash, now).await?.is_none() {
        return Ok(false);
    }
    let ended = evict(&transaction, who.user.id, now, "password_changed", spared).await?;
    let event = Event::success("password.changed", who.user.id).with(json!({ "sessions_ended": ended }));
    event.write(app, &transaction, &call.origin()).await?;
    call.enqueue(&transaction, Kind::PasswordChanged, Recipient::User(who.user.id), None).await?;
    query::commit(transaction).await?;
    app.mail.ring();
    Ok(true)
}

fn read(body: &[u8], policy: &PasswordPolicy, who: &Authenticated) -> Result<(SecretString, SecretString), ApiError> {
    let mut form = Form::parse(body)?;
    let current = secret(&mut form, "current_password");
    let new = form.required("new_password").map(SecretString::from);
    form.confirmation("new_password_confirm", new.as_ref().map(ExposeSecret::expose_secret));
    if let Some(new) = &new {
        check_new_password(&mut form, "new_password", new.expose_secret(), policy, &context_of(&who.user));
    }
    form.finish()?;
    current.zip(new).ok_or(ApiError::Validation(Vec::new()))
}

/// What a guesser would know of an account's owner.
fn context_of(user: &User) -> Context<'_> {
    let email_local_part = user.email.rsplit_once('@').map_or("", |(local, _)| local);
    Context { email_local_part, first_name: &user.first_name, last_name: &user.last_name }
}
