//! Sign-up.

use std::time::Duration;

use http::StatusCode;
use secrecy::SecretString;

use super::{Call, emails, tokens};
use crate::audit::Event;
use crate::auth::email::Email;
use crate::auth::name::parse_name;
use crate::auth::password::{Context, PasswordPolicy};
use crate::body::Form;
use crate::config::Registration;
use crate::db::pending_registrations::{self, NewPendingRegistration};
use crate::db::users::{self, NewUser};
use crate::db::{DbError, email_changes, query};
use crate::defence;
use crate::error::ApiError;
use crate::mail::{Kind, Recipient};
use crate::reply::{self, Done, LoggedIn, Registered};

/// A sign-up whose every field is acceptable.
struct SignUp {
    email: Email,
    password: SecretString,
    first_name: String,
    last_name: String,
}

/// For how long the mailed page turns a sign-up into an account.
const CONFIRMABLE: Duration = Duration::from_secs(24 * 3600);

/// `POST /api/v1/auth/register`: a new account and its first session, and a mail with the link that proves its address; or, with
/// `REGISTRATION=confirm`, the mail alone.
///
/// # Errors
/// 400 for unacceptable fields, 403 when registration is closed, 409 when the address is taken and that may be told, 429 when the address has
/// had enough mails, taken or not, 503 when hashing is overloaded.
pub async fn register(call: Call) -> reply::Result {
    let app = &call.app;
    let registration = app.config.registration;
    if registration == Registration::Closed {
        return Err(ApiError::Forbidden("Registration is closed."));
    }
    let sign_up = read(&call.body, &app.passwords)?;
    emails::charge_mailbox(&call, &sign_up.email).await?;
    let ticket = app.hasher.admit()?;
    let hash = ticket.hash(sign_up.password.clone(), app.random.bytes()?).await.map_err(ApiError::internal)?;
    drop(ticket);
    match registration {
        Registration::Confirm => hold(&call, &sign_up, &hash).await,
        Registration::Open | Registration::Closed => create(&call, &sign_up, &hash).await,
    }
}

/// Keeps the sign-up for the mailed page. Whether the address has an account is looked up when the mail is sent: the answer and the work behind
/// it are the same.
async fn hold(call: &Call, sign_up: &SignUp, hash: &str) -> reply::Result {
    let app = &call.app;
    let now = call.now();
    let origin = call.origin();
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let pending = NewPendingRegistration {
        id: app.random.uuid(now)?,
        email: sign_up.email.given(),
        email_key: sign_up.email.key(),
        password_hash: hash,
        first_name: &sign_up.first_name,
        last_name: &sign_up.last_name,
        ip_address: origin.ip_address,
        device_info: &origin.device_info(),
        now,
        expires_at: tokens::after(now, CONFIRMABLE),
    };
    pending_registrations::insert(&transaction, &pending).await?;
    call.enqueue(&transaction, Kind::SignUp, Recipient::EmailKey(pending.email_key), Some(pending.id)).await?;
    let event = Event::anonymous("registration.requested").about(&app.address_marks, pending.email_key);
    event.write(app, &transaction, &origin).await?;
    query::commit(transaction).await?;
    app.mail.ring();
    let message = "A mail is on its way to this address; the link in it completes the sign-up.";
    reply::json(StatusCode::ACCEPTED, &Done::new(message, call.stamp()))
}

async fn create(call: &Call, sign_up: &SignUp, hash: &str) -> reply::Result {
    let app = &call.app;
    let now = call.now();
    let origin = call.origin();
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let new = NewUser {
        id: app.random.uuid(now)?,
        email: sign_up.email.given(),
        email_key: sign_up.email.key(),
        password_hash: hash,
        first_name: &sign_up.first_name,
        last_name: &sign_up.last_name,
        now,
    };
    let user = users::insert(&transaction, &new).await.map_err(taken)?;
    if email_changes::is_reserved(&transaction, new.email_key, user.id, now).await? {
        return Err(ApiError::EmailTaken);
    }
    let opened = tokens::open_session(app, &transaction, &user, &origin, false).await?;
    let event = Event::success("user.registered", user.id).in_session(opened.session_id);
    event.write(app, &transaction, &origin).await?;
    call.enqueue(&transaction, Kind::Verify, Recipient::User(user.id), None).await?;
    let device = defence::remember(call, &transaction, user.id, None).await?;
    query::commit(transaction).await?;
    app.mail.ring();

    let logged_in = LoggedIn { tokens: opened.pair, user: user.into(), stamp: call.stamp() };
    let registered = Registered { success: true, message: "The account has been created.", logged_in };
    let mut response = reply::json(StatusCode::CREATED, &registered)?;
    device.put(&mut response)?;
    Ok(response)
}

fn read(body: &[u8], policy: &PasswordPolicy) -> Result<SignUp, ApiError> {
    let mut form = Form::parse(body)?;
    let email = email(&mut form);
    let first_name = form.required("first_name");
    let first_name = name(&mut form, "first_name", first_name);
    let last_name = form.required("last_name");
    let last_name = name(&mut form, "last_name", last_name);
    let password = form.required("password");
    form.confirmation("password_confirm", password.as_deref());
    if let Some(password) = &password {
        let context = Context {
            email_local_part: email.as_ref().map_or("", Email::local_part),
            first_name: first_name.as_deref().unwrap_or(""),
            last_name: last_name.as_deref().unwrap_or(""),
        };
        check_new_password(&mut form, "password", password, policy, &context);
    }
    form.finish()?;
    match (email, password, first_name, last_name) {
        (Some(email), Some(password), Some(first_name), Some(last_name)) => {
            Ok(SignUp { email, password: password.into(), first_name, last_name })
        }
        // Each of them noted a fault when it was missing, so `finish` has refused already.
        _ => Err(ApiError::Validation(Vec::new())),
    }
}

/// Reads the field `email`.
pub(super) fn email(form: &mut Form) -> Option<Email> {
    let text = form.required("email")?;
    Email::parse(&text).map_err(|fault| form.fault("email", fault.code(), fault.to_string())).ok()
}

/// Reads a name that came with the form.
pub(super) fn name(form: &mut Form, field: &'static str, text: Option<String>) -> Option<String> {
    parse_name(&text?).map_err(|fault| form.fault(field, fault.code(), fault.to_string())).ok()
}

/// Notes every rule that a new password breaks.
pub(super) fn check_new_password(
    form: &mut Form,
    field: &'static str,
    password: &str,
    policy: &PasswordPolicy,
    context: &Context<'_>,
) {
    for fault in policy.check(password, context).err().unwrap_or_default() {
        form.fault(field, fault.code(), fault.to_string());
    }
}

/// Maps the loss of a race for an address.
pub(super) fn taken(error: DbError) -> ApiError {
    if error.violates(users::EMAIL_TAKEN) { ApiError::EmailTaken } else { error.into() }
}
