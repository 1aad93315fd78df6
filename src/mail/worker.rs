//! Takes jobs from the outbox and sends them. Every instance has a worker, and they share the work.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::Kind;
use super::delivery::deliver;
use crate::db::mail_jobs;
use crate::error::{ApiError, chain};
use crate::state::App;

/// How often a worker looks by itself: for what another instance left behind, and for what is due again.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// How often it counts what waits, and asks after a mail server that it has not heard of for so long.
const WATCH_INTERVAL: Duration = Duration::from_secs(15);
/// How old the last news of the mail server may be.
const NEWS_AGE: SignedDuration = SignedDuration::from_secs(60);
/// How many mails leave one instance at once.
const AT_ONCE: usize = 4;
/// How long a job belongs to the worker that took it. Longer than any attempt, so that nobody sends what somebody else is sending.
const LEASE: SignedDuration = SignedDuration::from_mins(3);

/// Sends mail until `shutdown` says `true`; then finishes what it has in hand.
pub(crate) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let mut worker =
        Worker { app, sending: JoinSet::new(), watching: JoinSet::new(), may_be_more: true, is_failing: false };
    let mut looks = every(LOOK_INTERVAL);
    let mut watches = every(WATCH_INTERVAL);
    loop {
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => break,
            () = worker.app.mail.rung() => worker.may_be_more = true,
            _ = looks.tick() => worker.may_be_more = true,
            _ = watches.tick() => worker.watch(),
            Some(ended) = worker.sending.join_next() => {
                if let Err(panic) = ended {
                    tracing::error!(error = chain(&panic), "the attempt at a mail ended badly; another will follow");
                }
            }
        }
        worker.take().await;
    }
    while worker.sending.join_next().await.is_some() {}
    worker.app.mail.transport.release(true).await;
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

struct Worker {
    app: Arc<App>,
    sending: JoinSet<()>,
    /// The look at the outbox and the mail server that is under way, if one is.
    watching: JoinSet<()>,
    /// Whether a look is worth its query.
    may_be_more: bool,
    /// Whether the last look failed: one line in the log is enough for an outage.
    is_failing: bool,
}

impl Worker {
    /// Fills its hands.
    async fn take(&mut self) {
        let free = AT_ONCE.saturating_sub(self.sending.len());
        if free == 0 || !self.may_be_more {
            return;
        }
        match claim(&self.app, free).await {
            Ok(jobs) => {
                self.is_failing = false;
                self.may_be_more = jobs.len() == free;
                for job in jobs {
                    self.sending.spawn(deliver(self.app.clone(), job));
                }
            }
            Err(error) => {
                self.may_be_more = false;
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::warn!(error = chain(&error), "the outbox cannot be read; it will be tried again");
                }
            }
        }
    }

    /// Starts a look around, unless the last one still takes its time.
    fn watch(&mut self) {
        while self.watching.try_join_next().is_some() {}
        if self.watching.is_empty() {
            self.watching.spawn(watch(self.app.clone()));
        }
    }
}

async fn watch(app: Arc<App>) {
    app.mail.transport.release(false).await;
    if let Err(error) = count(&app).await {
        tracing::debug!(error = chain(&error), "the outbox cannot be counted");
    }
    let Some(health) = app.mail.health() else { return };
    let age = app.clock.now().duration_since(health.last_checked);
    if !health.is_reachable || age >= NEWS_AGE {
        app.mail.look(&*app.clock).await;
    }
}

async fn claim(app: &App, limit: usize) -> Result<Vec<mail_jobs::ClaimedMailJob>, ApiError> {
    // Kinds that a newer version adds wait for an instance of it.
    let kinds = Kind::ALL.map(Kind::name);
    let now = app.clock.now();
    let until = now.saturating_add(LEASE).map_err(ApiError::internal)?;
    let limit = i64::try_from(limit).unwrap_or(1);
    let client = app.database.get().await?;
    Ok(mail_jobs::claim(&client, &kinds, limit, now, until).await?)
}

/// Refreshes the gauges of what waits.
async fn count(app: &App) -> Result<(), ApiError> {
    let client = app.database.get().await?;
    let (queued, oldest) = mail_jobs::queued(&client).await?;
    let age = oldest.map_or(0.0, |oldest| app.clock.now().duration_since(oldest).as_secs_f64().max(0.0));
    app.metrics.mail.queued.set(queued);
    app.metrics.mail.oldest_queued.set(age);
    Ok(())
}
