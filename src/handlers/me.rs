//! The profile of whoever asks.

use http::StatusCode;
use secrecy::SecretString;
use serde_json::json;

use super::passwords::prove;
use super::sessions::{ATTEMPTS, secret};
use super::users::{email, name};
use super::{Call, emails};
use crate::access::Authenticated;
use crate::audit::Event;
use crate::auth::email::Email;
use crate::body::Form;
use crate::db::users::User;
use crate::db::{Transaction, query, users};
use crate::error::ApiError;
use crate::reply::{self, UserView};

/// `GET /api/v1/auth/me`: the user object. The session check has just read it.
///
/// # Errors
/// None beyond those of the stack.
pub async fn show(call: Call) -> reply::Result {
    let who = call.authenticated()?;
    reply::json(StatusCode::OK, &UserView::from(who.user.clone()))
}

/// What is to be changed; at least one of them.
struct Changes {
    first_name: Option<String>,
    last_name: Option<String>,
    address: Option<Address>,
}

/// The address that somebody wants.
enum Address {
    /// Another one, with the current password.
    New(Email, SecretString),
    /// The one that they have, in any spelling.
    Own,
}

/// `PUT /api/v1/auth/me`: changes one or both names, or asks for another address, which needs the current password and waits until the new
/// address confirms.
///
/// # Errors
/// 400 for unacceptable fields, or when there is nothing to change; 403 `invalid_credentials` for a wrong current password; 409 for an address
/// that is taken, where that may be told; 429 for an address that has had enough mails; 503 when hashing is overloaded.
pub async fn update(call: Call) -> reply::Result {
    let who = call.authenticated()?;
    let changes = read(&call.body, who)?;
    if let Some(Address::New(address, _)) = &changes.address {
        emails::charge_mailbox(&call, address).await?;
    }
    for _ in 0..ATTEMPTS {
        let proven = match &changes.address {
            Some(Address::New(_, password)) => {
                Some(prove(&call, who, password.clone(), "email.change_failed").await?.stored)
            }
            Some(Address::Own) | None => None,
        };
        if let Some(user) = apply(&call, who, &changes, proven.as_deref()).await? {
            return reply::json(StatusCode::OK, &UserView::from(user));
        }
        // The hash that was verified is not the stored one any more: only another look at the current password can tell.
    }
    Err(ApiError::Overloaded)
}

/// Writes all of it or nothing. `None` when the stored hash is not the one that was verified.
async fn apply(
    call: &Call,
    who: &Authenticated,
    changes: &Changes,
    proven: Option<&str>,
) -> Result<Option<User>, ApiError> {
    let app = &call.app;
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let account = users::find_for_update(&transaction, who.user.id).await?.ok_or(ApiError::TokenRevoked)?;
    if proven.is_some_and(|hash| hash != account.password_hash) {
        return Ok(None);
    }
    match &changes.address {
        Some(Address::New(email, _)) => emails::request_change(call, &transaction, &account, email).await?,
        Some(Address::Own) => emails::withdraw_changes(call, &transaction, &account).await?,
        None => {}
    }
    let user = rename(call, &transaction, account.user, changes).await?;
    query::commit(transaction).await?;
    app.mail.ring();
    Ok(Some(user))
}

async fn rename(call: &Call, transaction: &Transaction<'_>, user: User, changes: &Changes) -> Result<User, ApiError> {
    let Changes { first_name, last_name, .. } = changes;
    let given = [("first_name", first_name), ("last_name", last_name)];
    let fields: Vec<_> = given.iter().filter(|(_, name)| name.is_some()).map(|(field, _)| *field).collect();
    if fields.is_empty() {
        return Ok(user);
    }
    let renamed = users::rename(transaction, user.id, first_name.as_deref(), last_name.as_deref(), call.now());
    let user = renamed.await?.ok_or(ApiError::TokenRevoked)?;
    let event = Event::success("profile.changed", user.id).with(json!({ "fields": fields }));
    event.write(&call.app, transaction, &call.origin()).await?;
    Ok(user)
}

fn read(body: &[u8], who: &Authenticated) -> Result<Changes, ApiError> {
    let mut form = Form::parse(body)?;
    let given = [form.optional("first_name"), form.optional("last_name")];
    let wants_address = form.given("email");
    if given.iter().all(Option::is_none) && !wants_address {
        form.fault("first_name", "required", "is required, or last_name, or email");
    }
    let [first_name, last_name] = given;
    let first_name = name(&mut form, "first_name", first_name);
    let last_name = name(&mut form, "last_name", last_name);
    let address = if wants_address { address(&mut form, who) } else { None };
    // Front ends send the whole form; without a new address there is nothing to prove.
    form.optional("current_password");
    form.finish()?;
    Ok(Changes { first_name, last_name, address })
}

fn address(form: &mut Form, who: &Authenticated) -> Option<Address> {
    let email = email(form);
    let own = Email::parse(&who.user.email).ok();
    let is_own = |email: &Email| own.as_ref().is_some_and(|own| own.key() == email.key());
    match email {
        Some(email) if is_own(&email) => Some(Address::Own),
        email => email.zip(secret(form, "current_password")).map(|(email, password)| Address::New(email, password)),
    }
}
