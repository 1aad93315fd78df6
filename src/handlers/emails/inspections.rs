//! What a page tells its reader before the button, and the button for those who never signed up.

use std::net::IpAddr;

use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::super::links::{self, Link};
use super::super::{Call, passwords};
use super::{SIGN_UP, VERIFY};
use crate::audit::Event;
use crate::auth::token::OpaqueToken;
use crate::db::{email_tokens, pending_registrations, query, sessions, users};
use crate::error::ApiError;
use crate::reply::{self, Done};

/// What a link is about.
#[derive(Debug, Serialize)]
struct Inspected {
    purpose: String,
    /// Not told of links that set a password: the page has no need of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    created_at: Timestamp,
    device_info: Option<String>,
    ip_address: Option<IpAddr>,
    password_required: bool,
}

/// `POST /api/v1/auth/email/inspect`: what a link is about, for whoever holds it: nothing changes, and the link stays as good as it was.
///
/// # Errors
/// 400 `invalid_token` for a bad link.
pub async fn inspect(call: Call) -> reply::Result {
    let token = links::read(&call.body)?;
    let inspected = match passwords::follow(&call, &token, None).await? {
        Some((reset, _)) => Inspected {
            purpose: passwords::RESET.to_owned(),
            email: None,
            created_at: reset.created_at,
            device_info: reset.device_info,
            ip_address: reset.ip_address,
            password_required: false,
        },
        None => inspect_link(&call, &token).await?,
    };
    reply::json(StatusCode::OK, &inspected)
}

async fn inspect_link(call: &Call, token: &OpaqueToken) -> Result<Inspected, ApiError> {
    let purposes = [VERIFY, SIGN_UP, "confirm_change", "undo_change", "end_session"];
    let link = links::follow(call, token, &purposes).await?;
    let cause = email_tokens::find_cause(&call.app.database.get().await?, link.id).await?;
    // Without an address, what the link was about is gone: a sign-up that somebody rejected or completed.
    let Some((cause, email)) = cause.and_then(|mut cause| cause.email.take().map(|email| (cause, email))) else {
        return link.refuse(call, "overtaken").await;
    };
    Ok(Inspected {
        password_required: link.purpose == SIGN_UP,
        purpose: link.purpose,
        email: Some(email),
        created_at: cause.created_at,
        device_info: cause.device_info,
        ip_address: cause.ip_address,
    })
}

/// `POST /api/v1/auth/email/reject`: "this wasn't me". Deletes the account whose address nobody has proved, or the sign-up that waits, so that
/// the address is free for its owner at once.
///
/// # Errors
/// 400 `invalid_token` for a bad link, and for an account whose address was proved meanwhile.
pub async fn reject(call: Call) -> reply::Result {
    let token = links::read(&call.body)?;
    let link = links::follow(&call, &token, &[VERIFY, SIGN_UP]).await?;
    if !remove(&call, &link).await? {
        return link.refuse(&call, "overtaken").await;
    }
    let message = "What was signed up with your address is deleted.";
    reply::json(StatusCode::OK, &Done::new(message, call.stamp()))
}

async fn remove(call: &Call, link: &Link) -> Result<bool, ApiError> {
    let app = &call.app;
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let event = match link.account.as_ref().map(|account| account.user.id) {
        Some(id) => {
            if link.spend_with_account(call, &transaction).await?.is_none() {
                return Ok(false);
            }
            sessions::revoke_all(&transaction, id, call.now(), "rejected", None).await?;
            if !users::delete_unverified(&transaction, id).await? {
                return Ok(false);
            }
            Event::success("user.rejected", id)
        }
        None => {
            let id = link.subject_id.unwrap_or(Uuid::nil());
            let pending = pending_registrations::find(&transaction, id).await?;
            let Some(pending) = pending else { return Ok(false) };
            if !link.spend(call, &transaction).await? || !pending_registrations::delete(&transaction, id).await? {
                return Ok(false);
            }
            Event::anonymous("user.rejected").about(&app.address_marks, &pending.email_key)
        }
    };
    event.write(app, &transaction, &call.origin()).await?;
    query::commit(transaction).await?;
    Ok(true)
}
