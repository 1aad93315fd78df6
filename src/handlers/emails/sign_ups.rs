//! Sign-ups that become accounts by their link and their password.

use secrecy::SecretString;
use serde_json::json;

use super::super::Call;
use super::super::links::Link;
use super::super::users::taken;
use crate::audit::Event;
use crate::auth::pool::Ticket;
use crate::db::pending_registrations::{self, PendingRegistration};
use crate::db::users::{self, NewUser};
use crate::db::{email_changes, email_tokens, query};
use crate::defence::{Attempt, Subject};
use crate::error::{ApiError, FieldFault};

/// Creates the account of a sign-up for whoever has its link and knows its password.
///
/// # Errors
/// As [`verify`](super::verify); 409 `email_taken` when the address is an account's by now, belongs to a deleted one that is not erased yet, or
/// can still be taken back by whoever left it. Its mailbox may know, and the link works once the address is free.
pub(super) async fn complete(call: &Call, link: &Link, asked: Option<(Ticket, SecretString)>) -> Result<(), ApiError> {
    let app = &call.app;
    let pending = match link.subject_id {
        Some(id) => pending_registrations::find(&app.database.get().await?, id).await?,
        None => None,
    };
    let Some(pending) = pending.filter(|pending| pending.expires_at > call.now()) else {
        return link.refuse(call, "overtaken").await;
    };
    let Some((ticket, password)) = asked else {
        let fault = FieldFault { field: "password".into(), code: "required", message: "is required".into() };
        return Err(ApiError::Validation(vec![fault]));
    };
    let mut attempt = Attempt::charge(call, Subject { email_key: &pending.email_key, user_id: None }).await?;
    let stored = Some(pending.password_hash.clone());
    let verified = ticket.verify(password.clone(), stored).await.map_err(ApiError::internal)?;
    drop(ticket);
    if !verified.matches {
        let event = Event::failure("email.verification_failed", None).with(json!({ "reason": "credentials" }));
        return attempt.lost(call, &event, &password, ApiError::WrongSignUpPassword).await;
    }
    attempt.won(call).await?;
    if create(call, link, &pending).await? { Ok(()) } else { link.refuse(call, "overtaken").await }
}

/// `false` when the link was used or the sign-up is gone.
async fn create(call: &Call, link: &Link, pending: &PendingRegistration) -> Result<bool, ApiError> {
    let app = &call.app;
    let now = call.now();
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    if !link.spend(call, &transaction).await? {
        return Ok(false);
    }
    let new = NewUser {
        id: app.random.uuid(now)?,
        email: &pending.email,
        email_key: &pending.email_key,
        password_hash: &pending.password_hash,
        first_name: &pending.first_name,
        last_name: &pending.last_name,
        now,
    };
    // Before the sign-ups are touched, so that two that are completed at once wait here and not for each other.
    users::insert(&transaction, &new).await.map_err(taken)?;
    if email_changes::is_reserved(&transaction, &pending.email_key, new.id, now).await? {
        return Err(ApiError::EmailTaken);
    }
    if !pending_registrations::delete(&transaction, pending.id).await? {
        return Ok(false);
    }
    users::set_verified(&transaction, new.id, now).await?;
    email_tokens::adopt(&transaction, link.id, new.id).await?;
    // Whoever proved the address decides which of the sign-ups for it was theirs.
    pending_registrations::delete_by_email_key(&transaction, &pending.email_key).await?;
    for event_type in ["user.registered", "email.verified"] {
        Event::success(event_type, new.id).write(app, &transaction, &call.origin()).await?;
    }
    query::commit(transaction).await?;
    Ok(true)
}
