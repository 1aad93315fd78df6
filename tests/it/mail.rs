//! Mail, from its cause to its reader.

mod crash;
mod outbox;
mod readers;
mod secrets;
mod server;
mod texts;
mod tls;

use std::time::Duration;

use portcullis::clock::Clock;
use portcullis::db::{query, users};
use portcullis::mail::{Kind, NewJob, Recipient};
use portcullis::random::{Random, SystemRandom};
use uuid::Uuid;

use crate::support::{SmtpServer, TestApp, TestAppBuilder, wait_for};

const FROM: &str = "Example <accounts@example.com>";
/// Longer than the pause after a first failure.
const FIRST_PAUSE: Duration = Duration::from_secs(10);

/// A service that hands its mails to `server`.
fn through(server: &SmtpServer) -> TestAppBuilder {
    let builder = TestApp::builder().set("SMTP_HOST", "127.0.0.1").set("SMTP_PORT", &server.port());
    builder.set("EMAIL_FROM", FROM).set("PUBLIC_URL", "https://accounts.example.com")
}

/// An account without any mail about it.
async fn add_user(app: &TestApp, email: &str, first_name: &str) -> Uuid {
    let now = app.clock.now();
    let id = <dyn Random>::bytes(&SystemRandom).map(|bytes| uuid::Builder::from_random_bytes(bytes).into_uuid());
    let id = id.unwrap();
    let new =
        users::NewUser { id, email, email_key: email, password_hash: "none", first_name, last_name: "Lovelace", now };
    users::insert(&app.app.database.get().await.unwrap(), &new).await.unwrap();
    id
}

/// A cause of mail, as a handler knows it.
fn cause<'a>(kind: Kind, recipient: Recipient<'a>) -> NewJob<'a> {
    NewJob {
        kind,
        recipient,
        subject_id: None,
        accept_language: None,
        ip_address: Some([203, 0, 113, 9].into()),
        device_info: "Firefox on Linux",
    }
}

/// Adds jobs as a handler does, all in one transaction.
async fn enqueue(app: &TestApp, causes: &[NewJob<'_>]) -> Vec<Uuid> {
    let mut client = app.app.database.get().await.unwrap();
    let transaction = query::begin(&mut client).await.unwrap();
    let mut ids = Vec::new();
    for cause in causes {
        ids.push(cause.enqueue(&app.app, &transaction).await.unwrap());
    }
    query::commit(transaction).await.unwrap();
    app.app.mail.ring();
    ids
}

/// Adds one job.
async fn enqueue_one(app: &TestApp, cause: NewJob<'_>) -> Uuid {
    enqueue(app, &[cause]).await[0]
}

/// What became of a job: attempts, outcome, class of the last failure.
type Fate = (i32, Option<String>, Option<String>);

async fn fate(app: &TestApp, job: Uuid) -> Fate {
    let sql = "select attempts, outcome, last_error from mail_jobs where id = $1";
    let row = app.database.connect().await.query_one(sql, &[&job]).await.unwrap();
    (row.get(0), row.get(1), row.get(2))
}

/// Waits until a job is over, and tells what became of it.
async fn end_of(app: &TestApp, job: Uuid) -> Fate {
    wait_for("the end of a job", async || Some(fate(app, job).await).filter(|(_, outcome, _)| outcome.is_some())).await
}

/// Waits until so many attempts at a job have failed, and tells the class of the last failure.
async fn postponed(app: &TestApp, job: Uuid, attempts: i32) -> String {
    let sql = "select last_error from mail_jobs where id = $1 and attempts = $2 and locked_until is null \
               and last_error is not null and finished_at is null";
    let client = app.database.connect().await;
    wait_for("an attempt to fail", async || {
        client.query_opt(sql, &[&job, &attempts]).await.unwrap().map(|row| row.get(0))
    })
    .await
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}
