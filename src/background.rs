//! Work beside requests. Every piece is safe to run on several replicas at once.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::audit::{partitions, sealer};
use crate::auth::keys::POLL_INTERVAL;
use crate::db::sessions::{self, Cutoffs};
use crate::db::{audit_logs, refresh_tokens};
use crate::error::{ApiError, chain};
use crate::limits::notices;
use crate::mail;
use crate::prices;
use crate::state::App;
use crate::sweep;

/// How often the refusals of minutes that are over are written to the audit log.
const FLUSH_INTERVAL: Duration = Duration::from_secs(10);
/// How often idle connections are looked over.
const TRIM_INTERVAL: Duration = Duration::from_secs(30);
/// How often the months ahead are prepared, and those taken out whose time is over. Both give up at once where a reader is in the way.
const PARTITION_INTERVAL: Duration = Duration::from_secs(10 * 60);
/// How often the security log is sealed.
const SEAL_INTERVAL: Duration = Duration::from_secs(10);
/// How often live sessions are counted.
const COUNT_INTERVAL: Duration = Duration::from_secs(60);
/// How often the store of shared limits is looked at: without requests nobody else would find it lost, or back.
const STORE_INTERVAL: Duration = Duration::from_secs(5);
/// How often stored hashes are looked over for kinds that an import has added.
const PRICE_INTERVAL: Duration = Duration::from_secs(15 * 60);
/// Rows of the default partition that are counted: how many it is beyond that changes nothing.
const DEFAULT_ROWS: i64 = 1_000_000;
/// Rows that one sweep touches at most, so that it never holds many locks.
const SWEEP_BATCH: i64 = 500;

/// Starts all of it; it runs until `shutdown` says `true`.
#[must_use]
pub fn start(app: &Arc<App>, shutdown: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let sweep_interval = app.config.tokens.refresh_grace.clamp(Duration::from_secs(1), Duration::from_secs(30));
    let jobs = &mut Jobs { tasks: &mut tasks, app, shutdown };
    jobs.repeat("successors", sweep_interval, "sweep of sealed successors", sweep_successors);
    jobs.repeat("keys", POLL_INTERVAL, "reload of signing keys", reload_keys);
    jobs.repeat("refusals", FLUSH_INTERVAL, "flush of refusals", flush_refusals);
    jobs.repeat("audit_partitions", PARTITION_INTERVAL, "preparation of audit partitions", prepare_months);
    jobs.repeat("audit_retention", PARTITION_INTERVAL, "retention of the security log", drop_months);
    jobs.repeat("audit_seals", SEAL_INTERVAL, "sealing of the security log", seal);
    jobs.repeat("pool", TRIM_INTERVAL, "trim of the pool", trim_pool);
    jobs.repeat("session_count", COUNT_INTERVAL, "count of sessions", count_sessions);
    jobs.repeat("limit_store", STORE_INTERVAL, "look at the store of limits", look_at_store);
    jobs.repeat("prices", PRICE_INTERVAL, "pricing of stored hashes", prices::learn);
    tasks.spawn(sweep(app.clone(), shutdown.clone()));
    tasks.spawn(mail::work(app.clone(), shutdown.clone()));
    tasks.spawn(notices::heed(app.clone(), shutdown.clone()));
    tasks
}

/// What must not be lost when the process ends. Call it when no request runs any more.
pub async fn finish(app: &App, mut tasks: JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
    if let Err(error) = app.refusals.finish(app).await {
        tracing::error!(error = chain(&error), "the last refusals could not be written to the audit log");
    }
}

/// Starts what is done again and again.
struct Jobs<'a> {
    tasks: &'a mut JoinSet<()>,
    app: &'a Arc<App>,
    shutdown: &'a watch::Receiver<bool>,
}

impl Jobs<'_> {
    /// Starts one. `name` is its label in `portcullis_sweeper_last_success_timestamp_seconds`, `what` its name in the log.
    fn repeat<F>(&mut self, name: &'static str, every: Duration, what: &'static str, work: fn(Arc<App>) -> F)
    where
        F: Future<Output = Result<(), ApiError>> + Send + 'static,
    {
        let (app, mut shutdown) = (self.app.clone(), self.shutdown.clone());
        self.tasks.spawn(async move {
            let last_success = app.metrics.sweeper_last_success.with_label_values(&[name]);
            let mut ticks = tokio::time::interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    _ = shutdown.wait_for(|stop| *stop) => return,
                }
                match work(app.clone()).await {
                    Ok(()) => last_success.set(app.clock.now().as_second()),
                    Err(error) => {
                        tracing::warn!(error = chain(&error), "the {what} failed; it will be tried again");
                    }
                }
            }
        });
    }
}

/// Erases the sealed successors of refresh tokens whose grace has ended.
async fn sweep_successors(app: Arc<App>) -> Result<(), ApiError> {
    let grace = SignedDuration::try_from(app.config.tokens.refresh_grace).map_err(ApiError::internal)?;
    let before = app.clock.now().saturating_sub(grace).map_err(ApiError::internal)?;
    let client = app.database.get().await?;
    refresh_tokens::sweep_successors(&client, before, SWEEP_BATCH).await?;
    Ok(())
}

/// Learns of keys that another replica or an operator added or retired.
async fn reload_keys(app: Arc<App>) -> Result<(), ApiError> {
    let client = app.database.get().await?;
    app.keys.reload(&client, app.clock.now()).await.map_err(ApiError::internal)
}

/// Creates the audit partitions of this month and the next ones, and counts what lies in none of them.
async fn prepare_months(app: Arc<App>) -> Result<(), ApiError> {
    let client = app.database.get().await?;
    let prepared = partitions::prepare(&client, app.clock.now()).await;
    app.metrics.audit.default_rows.set(audit_logs::count_default(&client, DEFAULT_ROWS).await?);
    Ok(prepared?)
}

/// Sweeps, which may take long, so that the end of the service cuts it short: a batch that is under way is rolled back.
async fn sweep(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    tokio::select! {
        () = sweep::forever(app) => {}
        _ = shutdown.wait_for(|stop| *stop) => {}
    }
}

/// Takes the months out of the security log whose time is over.
async fn drop_months(app: Arc<App>) -> Result<(), ApiError> {
    let retention = SignedDuration::try_from(app.config.audit_retention).map_err(ApiError::internal)?;
    for month in sealer::drop_months(&app.database, &app.seals, app.clock.now(), retention).await? {
        tracing::info!(%month, "a month left the security log: AUDIT_RETENTION is over");
    }
    Ok(())
}

/// Seals all that finished transactions wrote.
async fn seal(app: Arc<App>) -> Result<(), ApiError> {
    let metrics = &app.metrics.audit;
    loop {
        let now = app.clock.now();
        let Some(progress) = sealer::pass(&app.database, &app.seals, now).await? else { return Ok(()) };
        metrics.sealed(&progress, now);
        if progress.rows == 0 {
            return Ok(());
        }
    }
}

async fn flush_refusals(app: Arc<App>) -> Result<(), ApiError> {
    app.refusals.flush(&app).await
}

/// Tells the metrics how many sessions live.
async fn count_sessions(app: Arc<App>) -> Result<(), ApiError> {
    let cutoffs = Cutoffs::at(app.clock.now(), &app.config.tokens);
    let client = app.database.get().await?;
    app.metrics.tokens.sessions(sessions::count_live(&client, &cutoffs).await?);
    Ok(())
}

async fn trim_pool(app: Arc<App>) -> Result<(), ApiError> {
    app.database.trim();
    Ok(())
}

async fn look_at_store(app: Arc<App>) -> Result<(), ApiError> {
    app.limits.look(&*app.clock).await;
    Ok(())
}
