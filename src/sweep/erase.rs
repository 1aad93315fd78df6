//! Deleted accounts whose retention is over.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Swept, drain};
use crate::audit::{Event, Origin};
use crate::db::query;
use crate::db::retention::{self, ERASURE, Scope};
use crate::error::ApiError;
use crate::state::App;

/// The name of this sweeper.
pub(super) const NAME: &str = "users";

/// Erases every account that was deleted `DELETION_RETENTION` ago or earlier.
pub(super) async fn run(app: &App, now: Timestamp) -> Result<Swept, ApiError> {
    let retention = SignedDuration::try_from(app.config.deletion_retention).map_err(ApiError::internal)?;
    let deleted_by = now.checked_sub(retention).unwrap_or(Timestamp::MIN);
    loop {
        let next = {
            let client = app.database.get().await?;
            retention::next_to_erase(&client, deleted_by).await?
        };
        let Some(id) = next else { return Ok(Swept::Here) };
        if erase(app, id, now).await? == Swept::Elsewhere {
            return Ok(Swept::Elsewhere);
        }
    }
}

/// The address goes last: until then the account is found again, should anything interrupt this.
async fn erase(app: &App, id: Uuid, now: Timestamp) -> Result<Swept, ApiError> {
    for step in ERASURE {
        if drain(app, NAME, step, Scope::Of(id)).await? == Swept::Elsewhere {
            return Ok(Swept::Elsewhere);
        }
    }
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    if !retention::try_lock(&transaction, NAME).await? {
        return Ok(Swept::Elsewhere);
    }
    if retention::erase_user(&transaction, id, now).await? {
        Event::success("account.erased", id).write(app, &transaction, &Origin::default()).await?;
        app.metrics.swept_rows.with_label_values(&[NAME]).inc();
    }
    query::commit(transaction).await?;
    Ok(Swept::Here)
}
