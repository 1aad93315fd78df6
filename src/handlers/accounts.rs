//! The end of an account, and what its owner may take along.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::channel::{Channel, Sender};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Call;
use super::passwords::prove;
use super::sessions::{ATTEMPTS, secret};
use crate::audit::Event;
use crate::body::Form;
use crate::db::export::{self, Cursor, SECTIONS, Section};
use crate::db::person::Person;
use crate::db::{DbError, Transaction, email_tokens, password_reset_tokens, query, sessions, users};
use crate::error::{ApiError, chain};
use crate::mail::{Kind, Recipient};
use crate::reply::{self, Body, BodyError, Done, Response, UserView};
use crate::state::App;

/// Rows that an export holds in memory at once.
const PAGE: i64 = 500;

/// `DELETE /api/v1/auth/me`: deletes the caller's account, for the right password. Nothing of it works any more from then on; its address
/// and personal data go once `DELETION_RETENTION` is over, and a mail says when that is.
///
/// # Errors
/// 403 `invalid_credentials` for a wrong password, 503 when hashing is overloaded.
pub async fn delete(call: Call) -> reply::Result {
    let app = &call.app;
    let who = call.authenticated()?;
    let mut form = Form::parse(&call.body)?;
    let password = secret(&mut form, "password");
    form.finish()?;
    let password = password.ok_or(ApiError::Validation(Vec::new()))?;
    for _ in 0..ATTEMPTS {
        let proven = prove(&call, who, password.clone(), "account.deletion_failed").await?;
        let mut client = app.database.get().await?;
        let transaction = query::begin(&mut client).await?;
        if users::soft_delete(&transaction, who.user.id, Some(&proven.stored), call.now()).await? {
            let deleted = shut_down(&transaction, who.user.id, call.now()).await?;
            deleted.event.write(app, &transaction, &call.origin()).await?;
            call.enqueue(&transaction, Kind::AccountDeleted, Recipient::User(who.user.id), None).await?;
            query::commit(transaction).await?;
            app.mail.ring();
            return reply::json(StatusCode::OK, &Done::new("The account has been deleted.", call.stamp()));
        }
        // The hash that was verified is not the stored one any more: only another look can tell.
    }
    Err(ApiError::Overloaded)
}

/// What ended with an account.
pub(crate) struct Deleted {
    /// How many sessions.
    pub(crate) sessions: u64,
    /// What the security log is to say.
    pub(crate) event: Event,
}

/// Ends every session and every link of an account that has just been deleted.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn shut_down(
    transaction: &Transaction<'_>,
    user_id: Uuid,
    now: Timestamp,
) -> Result<Deleted, ApiError> {
    let ended = sessions::revoke_all(transaction, user_id, now, "account_deleted", None).await?;
    email_tokens::end_with_account(transaction, user_id, now).await?;
    password_reset_tokens::end_all(transaction, user_id).await?;
    let event = Event::success("account.deleted", user_id).with(json!({ "sessions_ended": ended }));
    Ok(Deleted { sessions: ended, event })
}

/// `GET /api/v1/auth/me/export`: everything stored about the caller (GDPR, article 20). It is read in pages while it is sent, so that
/// neither its size nor a slow reader costs memory or a connection to the database.
///
/// # Errors
/// 503 when the database does not answer. If it goes away half-way, the answer breaks off.
pub async fn export(call: Call) -> reply::Result {
    let app = &call.app;
    let who = call.authenticated()?;
    let client = app.database.get().await?;
    let account = users::find(&client, who.user.id).await?.ok_or(ApiError::TokenRevoked)?;
    Event::success("account.exported", who.user.id).write(app, &client, &call.origin()).await?;
    drop(client);
    let user = serde_json::to_string(&UserView::from(who.user.clone())).map_err(ApiError::internal)?;
    let head = format!("{{\"exported_at\":\"{}\",\"user\":{user}", call.now());
    let (mut pieces, body) = Channel::<Bytes, BodyError>::new(1);
    let (person, until) = (app.person(who.user.id, &account.email_key), call.now());
    let app = app.clone();
    tokio::spawn(async move {
        match write(&app, &mut pieces, &head, &person, until).await {
            Ok(()) => {}
            Err(Stopped::Failed(error)) => {
                tracing::warn!(error = chain(&error), "an export broke off");
                pieces.abort("the export broke off".into());
            }
            // Nobody reads any more.
            Err(Stopped::Left) => {}
        }
    });
    let mut response = Response::new(Body::streamed(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"portcullis-account.json\""),
    );
    Ok(response)
}

/// Why an export was not written to its end.
enum Stopped {
    /// The reader went away.
    Left,
    /// The database did.
    Failed(ApiError),
}

impl From<DbError> for Stopped {
    fn from(error: DbError) -> Self {
        Self::Failed(error.into())
    }
}

type Pieces = Sender<Bytes, BodyError>;

/// Writes the object: `head`, which is open after the user, and an array for each section.
async fn write(
    app: &Arc<App>,
    pieces: &mut Pieces,
    head: &str,
    person: &Person,
    until: Timestamp,
) -> Result<(), Stopped> {
    send(pieces, head.to_owned()).await?;
    for section in SECTIONS {
        send(pieces, format!(",\"{}\":[", section.name)).await?;
        write_section(app, pieces, section, person, until).await?;
        send(pieces, "]".to_owned()).await?;
    }
    send(pieces, "}".to_owned()).await
}

async fn write_section(
    app: &Arc<App>,
    pieces: &mut Pieces,
    section: &Section,
    person: &Person,
    until: Timestamp,
) -> Result<(), Stopped> {
    let mut after = Cursor::default();
    let mut separator = "";
    loop {
        let page = {
            let client = app.database.get().await?;
            export::page(&client, section, person, after, until, PAGE).await?
        };
        let Some(next) = page.next else { return Ok(()) };
        let rows: Vec<_> = page.rows.into_iter().map(|row| Value::Object(row).to_string()).collect();
        send(pieces, format!("{separator}{}", rows.join(","))).await?;
        (after, separator) = (next, ",");
    }
}

async fn send(pieces: &mut Pieces, text: String) -> Result<(), Stopped> {
    pieces.send_data(text.into()).await.map_err(|_| Stopped::Left)
}
