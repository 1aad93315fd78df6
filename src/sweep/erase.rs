//! Deleted accounts whose retention is over.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Swept, drain};
use crate::audit::{Event, Origin};
use crate::db::person::Person;
use crate::db::query;
use crate::db::retention::{self, ERASURE, Erasure, Scope};
use crate::error::{ApiError, chain};
use crate::state::App;

/// The name of this sweeper.
pub(super) const NAME: &str = "users";

/// Erases every account that was deleted `DELETION_RETENTION` ago or earlier. One that cannot be erased keeps no other from it.
///
/// # Errors
/// The last failure, when all accounts were tried.
pub(super) async fn run(app: &App, now: Timestamp) -> Result<Swept, ApiError> {
    let retention = SignedDuration::try_from(app.config.deletion_retention).map_err(ApiError::internal)?;
    let deleted_by = now.checked_sub(retention).unwrap_or(Timestamp::MIN);
    let mut outcome = Ok(Swept::Here);
    let mut after = (Timestamp::UNIX_EPOCH, Uuid::nil());
    loop {
        let next = {
            let client = app.database.get().await?;
            retention::next_to_erase(&client, deleted_by, after).await?
        };
        let Some(next) = next else { return outcome };
        after = (next.deleted_at, next.id);
        match erase(app, &app.person(next.id, &next.email_key), now).await {
            Ok(Swept::Here) => {}
            Ok(Swept::Elsewhere) => return outcome.and(Ok(Swept::Elsewhere)),
            Err(error) => {
                tracing::error!(user_id = %next.id, error = chain(&error), "a deleted account cannot be erased; it will be tried again");
                outcome = Err(error);
            }
        }
    }
}

/// The address goes last: until then the account is found again, should anything interrupt this.
async fn erase(app: &App, person: &Person, now: Timestamp) -> Result<Swept, ApiError> {
    for Erasure { step, by } in ERASURE {
        if drain(app, NAME, step, Scope::Of(person, *by)).await? == Swept::Elsewhere {
            return Ok(Swept::Elsewhere);
        }
    }
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    if !retention::try_lock(&transaction, NAME).await? {
        return Ok(Swept::Elsewhere);
    }
    if retention::erase_user(&transaction, person.user_id, now).await? {
        Event::success("account.erased", person.user_id).write(app, &transaction, &Origin::default()).await?;
        app.metrics.swept_rows.with_label_values(&[NAME]).inc();
    }
    query::commit(transaction).await?;
    Ok(Swept::Here)
}
