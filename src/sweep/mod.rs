//! Sweepers: expired data is deleted.
//!
//! A sweeper works in batches, each a short transaction of its own, until nothing is left. The lock of a sweeper is taken with every batch
//! and goes with it, so that one instance works at a time, none waits, and a transaction pooler stands in nobody's way. An interrupted
//! sweep has done the batches that it has done; the next one goes on.

mod erase;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::db::query;
use crate::db::retention::{self, EXPIRIES, Scope, Step};
use crate::error::{ApiError, chain};
use crate::state::App;

/// How often the sweepers look. Each look is a short walk along an index.
const INTERVAL: Duration = Duration::from_secs(60);

/// Rows that one batch touches at most, so that it never holds many locks.
const BATCH: i64 = 500;

/// Who has finished a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Swept {
    /// This instance: nothing is left.
    Here,
    /// Another instance was at it.
    Elsewhere,
}

/// Sweeps again and again.
pub async fn forever(app: Arc<App>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = run(&app).await {
            tracing::warn!(error = chain(&error), "a sweep failed; it will be tried again");
        }
    }
}

/// Runs every sweeper once, each until it finds nothing more. One that fails does not keep the others from their work.
///
/// # Errors
/// The last failure, when the database did not answer.
pub async fn run(app: &App) -> Result<Swept, ApiError> {
    let now = app.clock.now();
    let mut outcome = Ok(Swept::Here);
    for expiry in EXPIRIES {
        let scope = Scope::Before(expiry.cutoff(now));
        let swept = finished(app, expiry.step.table, drain(app, expiry.step.table, &expiry.step, scope).await);
        outcome = together(outcome, swept);
    }
    together(outcome, finished(app, erase::NAME, erase::run(app, now).await))
}

fn together(before: Result<Swept, ApiError>, then: Result<Swept, ApiError>) -> Result<Swept, ApiError> {
    match (before, then) {
        (Ok(Swept::Elsewhere), Ok(_)) => Ok(Swept::Elsewhere),
        (Err(error), Ok(_)) => Err(error),
        (_, then) => then,
    }
}

/// Notes for the operator when a sweeper last did all its work.
fn finished(app: &App, sweeper: &str, swept: Result<Swept, ApiError>) -> Result<Swept, ApiError> {
    if matches!(swept, Ok(Swept::Here)) {
        app.metrics.sweeper_last_success.with_label_values(&[sweeper]).set(app.clock.now().as_second());
    }
    swept
}

/// Takes a step again and again until it finds nothing more.
async fn drain(app: &App, sweeper: &str, step: &Step, scope: Scope<'_>) -> Result<Swept, ApiError> {
    loop {
        let mut client = app.database.get().await?;
        let transaction = query::begin(&mut client).await?;
        if !retention::try_lock(&transaction, sweeper).await? {
            return Ok(Swept::Elsewhere);
        }
        let rows = retention::take(&transaction, step, scope, BATCH).await?;
        query::commit(transaction).await?;
        app.metrics.swept_rows.with_label_values(&[step.table]).inc_by(rows);
        if rows < BATCH.unsigned_abs() {
            return Ok(Swept::Here);
        }
    }
}
