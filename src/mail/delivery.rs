//! One attempt at one mail: prepare, send, and write down what became of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::Instrument;

use super::Kind;
use super::letter::{Letter, Template};
use super::message::{PackError, Parcel, pack};
use super::prepare::{Decision, clear, prepare};
use super::schedule::{give_up_at, pause};
use super::transport::Failure;
use crate::db::mail_jobs::{self, ClaimedMailJob};
use crate::db::query;
use crate::error::{ApiError, chain};
use crate::random::Random;
use crate::state::App;
use crate::telemetry::SPANS;

/// How long the outcome of an attempt may take to be written down. With the attempt itself, less than the lease.
const NOTING: Duration = Duration::from_secs(60);
/// The pause before the outcome is written down again.
const NOTING_PAUSE: Duration = Duration::from_millis(500);

/// What became of an attempt.
enum Outcome {
    Sent(Template),
    Dropped(&'static str),
    Failed(Failure, Option<Template>),
    Expired,
}

/// Attempts a job, and ends it or gives it back.
pub(super) async fn deliver(app: Arc<App>, job: ClaimedMailJob) {
    let Some(kind) = Kind::from_name(&job.kind) else { return };
    let span = tracing::debug_span!(target: SPANS, "mail.deliver", otel.kind = "producer", kind = kind.name());
    let work = async {
        let outcome = attempt(&app, kind, &job).await;
        note(&app, kind, &job, &outcome).await;
    };
    work.instrument(span).await;
}

async fn attempt(app: &App, kind: Kind, job: &ClaimedMailJob) -> Outcome {
    if app.clock.now() >= give_up_at(kind, job.created_at) {
        return Outcome::Expired;
    }
    let letter = match prepare(app, kind, job).await {
        Ok(Decision::Send(letter)) => letter,
        Ok(Decision::Drop(reason)) => return Outcome::Dropped(reason),
        Err(error) => {
            tracing::warn!(error = chain(&error), job = %job.id, kind = kind.name(), "a mail cannot be prepared");
            return Outcome::Failed(Failure::Deferred("database".to_owned()), None);
        }
    };
    // From here on no connection to the database is held: mail servers are slow.
    let template = letter.template;
    let parcel = match wrap(app, job, &letter) {
        Ok(parcel) => parcel,
        Err(failure) => return Outcome::Failed(failure, Some(template)),
    };
    let begun = Instant::now();
    let sent = app.mail.transport.send(kind, job.id, job.created_at, parcel).await;
    let took = begun.elapsed();
    app.metrics.mail.send_duration.observe(took.as_secs_f64());
    app.mail.note(sent.as_ref().copied(), took, app.clock.now());
    match sent {
        Ok(()) => Outcome::Sent(template),
        Err(failure) => Outcome::Failed(failure, Some(template)),
    }
}

/// Puts a letter into words and the words into a message.
fn wrap(app: &App, job: &ClaimedMailJob, letter: &Letter) -> Result<Parcel, Failure> {
    let rendered = app.mail.writer.write(letter).map_err(|error| {
        tracing::error!(error = chain(&error), job = %job.id, "a mail cannot be put into words");
        Failure::Deferred("template".to_owned())
    })?;
    pack(&app.mail.from, &letter.to, job.id, app.clock.now(), rendered).map_err(|error| match error {
        PackError::Address => Failure::Refused("address".to_owned()),
        PackError::Build(_) => Failure::Deferred("message".to_owned()),
    })
}

/// Writes the outcome down, and again if the database does not take it: a mail whose sending nobody noted would be sent again.
async fn note(app: &App, kind: Kind, job: &ClaimedMailJob, outcome: &Outcome) {
    let begun = Instant::now();
    loop {
        match try_note(app, kind, job, outcome).await {
            Ok(()) => return,
            Err(error) if begun.elapsed() >= NOTING => {
                tracing::error!(error = chain(&error), job = %job.id, "what became of a mail could not be written down");
                return;
            }
            Err(error) => {
                tracing::debug!(error = chain(&error), job = %job.id, "what became of a mail will be written down again");
                sleep(NOTING_PAUSE).await;
            }
        }
    }
}

async fn try_note(app: &App, kind: Kind, job: &ClaimedMailJob, outcome: &Outcome) -> Result<(), ApiError> {
    match outcome {
        Outcome::Sent(template) => end(app, kind, job, "sent", None, Some(*template)).await,
        Outcome::Dropped(reason) => {
            tracing::debug!(job = %job.id, kind = kind.name(), reason, "a mail was dropped");
            end(app, kind, job, "dropped", Some(*reason), None).await
        }
        Outcome::Expired => give_up(app, kind, job, "expired", None).await,
        Outcome::Failed(failure @ Failure::Refused(_), template) => {
            give_up(app, kind, job, failure.class(), *template).await
        }
        Outcome::Failed(failure, template) => {
            let [chance] = <dyn Random>::bytes::<1>(&*app.random)?;
            let due_at = app.clock.now().saturating_add(pause(job.attempts, chance)).map_err(ApiError::internal)?;
            if due_at >= give_up_at(kind, job.created_at) {
                return give_up(app, kind, job, failure.class(), *template).await;
            }
            let client = app.database.get().await?;
            mail_jobs::postpone(&client, job.id, job.attempts, due_at, failure.class()).await?;
            app.metrics.mail.jobs.with_label_values(&[kind.name(), "postponed"]).inc();
            let (class, attempts) = (failure.class(), job.attempts);
            tracing::warn!(job = %job.id, kind = kind.name(), attempts, class, "a mail could not be sent yet");
            Ok(())
        }
    }
}

/// Ends a job that nobody will read, so that an operator sees it.
async fn give_up(
    app: &App,
    kind: Kind,
    job: &ClaimedMailJob,
    class: &str,
    template: Option<Template>,
) -> Result<(), ApiError> {
    end(app, kind, job, "failed", Some(class), template).await?;
    tracing::error!(job = %job.id, kind = kind.name(), attempts = job.attempts, class, "a mail was given up");
    Ok(())
}

async fn end(
    app: &App,
    kind: Kind,
    job: &ClaimedMailJob,
    outcome: &str,
    last_error: Option<&str>,
    template: Option<Template>,
) -> Result<(), ApiError> {
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    if mail_jobs::finish(&transaction, job.id, job.attempts, app.clock.now(), outcome, last_error).await?
        && let Some(template) = template
    {
        clear(&transaction, job, template).await?;
    }
    query::commit(transaction).await?;
    app.metrics.mail.jobs.with_label_values(&[kind.name(), outcome]).inc();
    Ok(())
}
