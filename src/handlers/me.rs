//! The profile of whoever asks.

use http::StatusCode;
use serde_json::json;

use super::Call;
use super::users::name;
use crate::audit::Event;
use crate::body::Form;
use crate::db::{query, users};
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

/// `PUT /api/v1/auth/me`: changes one or both names.
///
/// # Errors
/// 400 for unacceptable fields, or when there is nothing to change.
pub async fn update(call: Call) -> reply::Result {
    let app = &call.app;
    let mut form = Form::parse(&call.body)?;
    let given = [form.optional("first_name"), form.optional("last_name")];
    if given.iter().all(Option::is_none) {
        form.fault("first_name", "required", "is required, or last_name, or both");
    }
    let [first_name, last_name] = given;
    let first_name = name(&mut form, "first_name", first_name);
    let last_name = name(&mut form, "last_name", last_name);
    form.finish()?;

    let who = call.authenticated()?;
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let user = users::rename(&transaction, who.user.id, first_name.as_deref(), last_name.as_deref(), call.now())
        .await?
        .ok_or(ApiError::TokenRevoked)?;
    let changed: Vec<_> = [("first_name", &first_name), ("last_name", &last_name)]
        .iter()
        .filter(|(_, name)| name.is_some())
        .map(|(field, _)| *field)
        .collect();
    let event = Event::success("profile.changed", user.id).with(json!({ "fields": changed }));
    event.write(app, &transaction, &call.origin()).await?;
    query::commit(transaction).await?;
    reply::json(StatusCode::OK, &UserView::from(user))
}
