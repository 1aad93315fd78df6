//! Addresses: proving one by a mailed link, asking for another mail, and changing one.

mod changes;
mod inspections;
mod sign_ups;

use http::StatusCode;
use portcullis_layers::rate_limit::Outcome;
use secrecy::SecretString;

pub use self::changes::{confirm_change, undo_change};
pub(super) use self::changes::{request_change, withdraw_changes};
pub use self::inspections::{inspect, reject};
use super::links::{self, Link};
use super::users::email;
use super::{Call, sessions::secret};
use crate::audit::Event;
use crate::auth::email::Email;
use crate::auth::token::OpaqueToken;
use crate::body::Form;
use crate::db::{query, users};
use crate::error::ApiError;
use crate::limits::Who;
use crate::mail::{Kind, Recipient};
use crate::reply::{self, Done};

/// The link that proves the address of an account.
const VERIFY: &str = "verify";
/// The link that turns a sign-up into an account.
const SIGN_UP: &str = "sign_up";

/// `POST /api/v1/auth/email/verify`: proves an address by the link that was mailed to it. With `REGISTRATION=confirm` the link alone is not
/// enough: whoever signed up chose a password, and only who knows it gets the account, so that the click of somebody who never signed up
/// cannot bless it.
///
/// # Errors
/// 400 `invalid_token` for a bad link and `validation_error` for a missing password, 403 `invalid_credentials` for a wrong one, after which
/// the link still works; 409 `email_taken` when the address of a sign-up cannot be had now; 503 when hashing is overloaded.
pub async fn verify(call: Call) -> reply::Result {
    let (token, password) = read(&call.body)?;
    // Whoever sends a password may need a hash; what the token opens is looked at later.
    let asked = match password {
        Some(password) => Some((call.app.hasher.admit()?, password)),
        None => None,
    };
    let link = links::follow(&call, &token, &[VERIFY, SIGN_UP]).await?;
    if link.purpose == SIGN_UP {
        sign_ups::complete(&call, &link, asked).await?;
    } else if !prove(&call, &link).await? {
        return link.refuse(&call, "used").await;
    }
    reply::json(StatusCode::OK, &Done::new("Your address is confirmed.", call.stamp()))
}

fn read(body: &[u8]) -> Result<(OpaqueToken, Option<SecretString>), ApiError> {
    let mut form = Form::parse(body)?;
    let token = form.required("token");
    let password = if form.given("password") { secret(&mut form, "password") } else { None };
    form.finish()?;
    Ok((links::parse(token.as_deref())?, password))
}

async fn prove(call: &Call, link: &Link) -> Result<bool, ApiError> {
    let app = &call.app;
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let Some(account) = link.spend_with_account(call, &transaction).await? else { return Ok(false) };
    users::set_verified(&transaction, account.user.id, call.now()).await?;
    Event::success("email.verified", account.user.id).write(app, &transaction, &call.origin()).await?;
    query::commit(transaction).await?;
    Ok(true)
}

/// `POST /api/v1/auth/email/resend`: another mail with the link that proves the address. Whether there is anybody to send it to is looked up
/// when it is sent, so that neither the answer nor its time tells.
///
/// # Errors
/// 400 for what is no address, 429 for one that has had enough mails.
pub async fn resend(call: Call) -> reply::Result {
    ask_for_mail(&call, Kind::Verify, "email.verification_requested").await?;
    let message = "If this address waits for its confirmation, a mail with a new link is on its way.";
    reply::json(StatusCode::OK, &Done::new(message, call.stamp()))
}

/// Counts a request that mails an address which somebody typed. Whether anybody has it makes no difference, so that a refusal tells nothing;
/// ask before anything costs.
///
/// # Errors
/// 429 `rate_limited` when the address has had enough of them.
pub(super) async fn charge_mailbox(call: &Call, address: &Email) -> Result<(), ApiError> {
    let app = &call.app;
    // As a digest: the store of limits is to name nobody.
    let key = app.defence.keys.account(address.key());
    match app.limits.charge(Who::MailAddress, &key).await.filter(Outcome::is_refused) {
        Some(outcome) => Err(ApiError::RateLimited(Box::new(outcome))),
        None => Ok(()),
    }
}

/// Adds one job for the address in the body, and one row to the audit log, whether or not anybody has it.
///
/// # Errors
/// 400 for what is no address, 429 for one that has had enough mails.
pub(super) async fn ask_for_mail(call: &Call, kind: Kind, event_type: &'static str) -> Result<(), ApiError> {
    let app = &call.app;
    let mut form = Form::parse(&call.body)?;
    let address = email(&mut form);
    form.finish()?;
    let address = address.ok_or(ApiError::Validation(Vec::new()))?;
    charge_mailbox(call, &address).await?;
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    call.enqueue(&transaction, kind, Recipient::EmailKey(address.key()), None).await?;
    let event = Event::anonymous(event_type).about(&app.address_marks, address.key());
    event.write(app, &transaction, &call.origin()).await?;
    query::commit(transaction).await?;
    app.mail.ring();
    Ok(())
}
