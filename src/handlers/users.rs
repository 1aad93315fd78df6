//! Sign-up.

use http::StatusCode;
use secrecy::SecretString;

use super::{Call, tokens};
use crate::audit::Event;
use crate::auth::email::Email;
use crate::auth::name::parse_name;
use crate::auth::password::{Context, PasswordPolicy};
use crate::body::Form;
use crate::config::Registration;
use crate::db::users::{self, NewUser};
use crate::db::{DbError, query};
use crate::error::ApiError;
use crate::reply::{self, LoggedIn, Registered};

/// A sign-up whose every field is acceptable.
struct SignUp {
    email: Email,
    password: SecretString,
    first_name: String,
    last_name: String,
}

/// `POST /api/v1/auth/register`: a new account and its first session.
///
/// # Errors
/// 400 for unacceptable fields, 403 when registration is closed, 409 when the address is taken, 503 when hashing is overloaded.
pub async fn register(call: Call) -> reply::Result {
    let app = &call.app;
    if app.config.registration == Registration::Closed {
        return Err(ApiError::Forbidden("Registration is closed."));
    }
    let sign_up = read(&call.body, &app.passwords)?;
    let ticket = app.hasher.admit()?;
    let hash = ticket.hash(sign_up.password, app.random.bytes()?).await.map_err(ApiError::internal)?;
    drop(ticket);

    let now = call.now();
    let origin = call.origin();
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let new = NewUser {
        id: app.random.uuid(now)?,
        email: sign_up.email.given(),
        email_key: sign_up.email.key(),
        password_hash: &hash,
        first_name: &sign_up.first_name,
        last_name: &sign_up.last_name,
        now,
    };
    let user = users::insert(&transaction, &new).await.map_err(taken)?;
    let opened = tokens::open_session(app, &transaction, &user, &origin, false).await?;
    let event = Event::success("user.registered", user.id).in_session(opened.session_id);
    event.write(app, &transaction, &origin).await?;
    query::commit(transaction).await?;

    let logged_in = LoggedIn { tokens: opened.pair, user: user.into(), stamp: call.stamp() };
    reply::json(StatusCode::CREATED, &Registered { success: true, message: "The account has been created.", logged_in })
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

fn taken(error: DbError) -> ApiError {
    if error.violates(users::EMAIL_TAKEN) { ApiError::EmailTaken } else { error.into() }
}
