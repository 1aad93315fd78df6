//! Password change.

use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::Call;
use super::sessions::{refuse, secret};
use super::users::check_new_password;
use crate::access::Authenticated;
use crate::audit::Event;
use crate::auth::password::{Context, PasswordPolicy};
use crate::body::Form;
use crate::db::{query, sessions, users};
use crate::error::ApiError;
use crate::reply::{self, Done};

/// `PUT /api/v1/auth/password/change`: a new password for the one who knows the current one. Every other session ends (ASVS 7.4.3).
///
/// # Errors
/// 400 for an unacceptable new password, 403 `invalid_credentials` for a wrong current one, 503 when hashing is overloaded.
pub async fn change(call: Call) -> reply::Result {
    let app = &call.app;
    let who = call.authenticated()?;
    let (current, new) = read(&call.body, &app.passwords, who)?;
    let ticket = app.hasher.admit()?;
    let account = {
        let client = app.database.get().await?;
        users::find(&client, who.user.id).await?.ok_or(ApiError::TokenRevoked)?
    };
    let verified = ticket.verify(current, Some(account.password_hash.clone())).await.map_err(ApiError::internal)?;
    let origin = call.origin();
    if !verified.matches {
        let event =
            Event::failure("password.change_failed", Some(who.user.id)).with(json!({ "reason": "credentials" }));
        return refuse(app, &origin, &event, ApiError::WrongCurrentPassword).await;
    }
    let hash = ticket.hash(new, app.random.bytes()?).await.map_err(ApiError::internal)?;
    drop(ticket);

    let now = call.now();
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    users::change_password(&transaction, who.user.id, &account.password_hash, &hash, now)
        .await?
        // Another change came first, so the password that was verified is not the current one any more.
        .ok_or(ApiError::WrongCurrentPassword)?;
    let ended = sessions::revoke_all(&transaction, who.user.id, now, "password_changed", Some(who.session_id)).await?;
    let event = Event::success("password.changed", who.user.id).with(json!({ "sessions_ended": ended }));
    event.write(app, &transaction, &origin).await?;
    query::commit(transaction).await?;
    reply::json(StatusCode::OK, &Done::new("Your password has been changed.", call.stamp()))
}

fn read(body: &[u8], policy: &PasswordPolicy, who: &Authenticated) -> Result<(SecretString, SecretString), ApiError> {
    let mut form = Form::parse(body)?;
    let current = secret(&mut form, "current_password");
    let new = form.required("new_password").map(SecretString::from);
    form.confirmation("new_password_confirm", new.as_ref().map(ExposeSecret::expose_secret));
    if let Some(new) = &new {
        let local_part = who.user.email.rsplit_once('@').map_or("", |(local, _)| local);
        let context =
            Context { email_local_part: local_part, first_name: &who.user.first_name, last_name: &who.user.last_name };
        check_new_password(&mut form, "new_password", new.expose_secret(), policy, &context);
    }
    form.finish()?;
    current.zip(new).ok_or(ApiError::Validation(Vec::new()))
}
