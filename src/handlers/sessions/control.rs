//! Sessions as their owner sees them: the list, the end of one or of all others, and the link that ends one by mail.

use std::net::IpAddr;

use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::audit::Event;
use crate::db::query;
use crate::db::sessions::{self, Cutoffs, Listed};
use crate::error::ApiError;
use crate::handlers::Call;
use crate::handlers::links::{self, Link};
use crate::reply::{self, Done};

/// `{data: […]}`.
#[derive(Debug, Serialize)]
struct Sessions {
    data: Vec<SessionView>,
}

/// A session in a list.
#[derive(Debug, Serialize)]
struct SessionView {
    id: Uuid,
    device_info: String,
    ip_address: Option<IpAddr>,
    created_at: Timestamp,
    last_used_at: Timestamp,
    current: bool,
}

impl SessionView {
    fn new(session: Listed, current: Uuid) -> Self {
        let Listed { id, device_info, ip_address, created_at, last_used_at } = session;
        Self { id, device_info, ip_address, created_at, last_used_at, current: id == current }
    }
}

/// `GET /api/v1/auth/sessions`: where the user is logged in, the last used first.
///
/// # Errors
/// 503 when the database does not answer.
pub async fn list(call: Call) -> reply::Result {
    let who = call.authenticated()?;
    let client = call.app.database.get().await?;
    let found = sessions::list(&client, who.user.id, &Cutoffs::at(call.now(), &call.app.config.tokens)).await?;
    let data = found.into_iter().map(|session| SessionView::new(session, who.session_id)).collect();
    reply::json(StatusCode::OK, &Sessions { data })
}

/// `DELETE /api/v1/auth/sessions/{id}`: ends one session of the user, which may be the one that asks.
///
/// # Errors
/// 404 for a session of somebody else, one that has ended, and anything that is no id: nobody learns which of these it is.
pub async fn revoke_one(call: Call) -> reply::Result {
    let app = &call.app;
    let who = call.authenticated()?;
    let id = call.parts.uri.path().rsplit('/').next().and_then(session_id).ok_or(ApiError::NotFound)?;
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let cutoffs = Cutoffs::at(call.now(), &app.config.tokens);
    if !sessions::revoke_own(&transaction, who.user.id, &cutoffs, id, "revoked").await? {
        return Err(ApiError::NotFound);
    }
    let event = Event::success("session.revoked", who.user.id).with(json!({ "session_id": id, "sessions_ended": 1 }));
    event.write(app, &transaction, &call.origin()).await?;
    query::commit(transaction).await?;
    reply::json(StatusCode::OK, &Done::new("The session has ended.", call.stamp()))
}

/// `DELETE /api/v1/auth/sessions`: ends every session of the user but the one that asks.
///
/// # Errors
/// 503 when the end cannot be written down.
pub async fn revoke_others(call: Call) -> reply::Result {
    let app = &call.app;
    let who = call.authenticated()?;
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let ended = sessions::revoke_all(&transaction, who.user.id, call.now(), "revoked", Some(who.session_id)).await?;
    let event = Event::success("session.revoked", who.user.id).with(json!({ "sessions_ended": ended }));
    event.write(app, &transaction, &call.origin()).await?;
    query::commit(transaction).await?;
    reply::json(StatusCode::OK, &Done::new("Every other session has ended.", call.stamp()))
}

/// `POST /api/v1/auth/sessions/end`: ends the session that a mail told of, by the token in its link. That the session has ended already is
/// no fault: whoever follows the link wants it gone.
///
/// # Errors
/// 400 `invalid_token` for a bad link.
pub async fn end(call: Call) -> reply::Result {
    let token = links::read(&call.body)?;
    let link = links::follow(&call, &token, &["end_session"]).await?;
    if !end_by(&call, &link).await? {
        return link.refuse(&call, "used").await;
    }
    reply::json(StatusCode::OK, &Done::new("The session has ended.", call.stamp()))
}

/// `false` when the link was used or the account shut out meanwhile.
async fn end_by(call: &Call, link: &Link) -> Result<bool, ApiError> {
    let app = &call.app;
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let account = link.spend_with_account(call, &transaction).await?;
    let Some((account, session_id)) = account.zip(link.subject_id) else { return Ok(false) };
    let ended = sessions::revoke(&transaction, session_id, call.now(), "revoked_by_mail").await?;
    let details = json!({ "session_id": session_id, "sessions_ended": u8::from(ended), "by": "mail" });
    let event = Event::success("session.revoked", account.user.id).with(details);
    event.write(app, &transaction, &call.origin()).await?;
    query::commit(transaction).await?;
    Ok(true)
}

/// One spelling only: 36 characters with hyphens, as the list shows it.
fn session_id(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()
}
