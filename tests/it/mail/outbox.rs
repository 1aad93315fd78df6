//! Jobs, and the workers that share them.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis::db::{GenericClient, query};
use portcullis::mail::{Kind, Recipient};

use super::{add_user, cause, end_of, enqueue, enqueue_one, fate, postponed, text, through};
use crate::support::{Act, Security, SmtpServer, TestApp, wait_for};

const ADA: &str = "ada@example.com";
const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn a_job_for_a_known_address_and_one_for_an_unknown_address_are_one_row_each_and_look_alike() {
    let app = TestApp::spawn().await;
    add_user(&app, ADA, "Ada").await;
    let causes = [ADA, "eve@example.com"].map(|key| cause(Kind::Reset, Recipient::EmailKey(key)));
    let mut client = app.app.database.get().await.unwrap();
    // Not committed, so that no worker has changed them yet.
    let transaction = query::begin(&mut client).await.unwrap();
    for cause in &causes {
        cause.enqueue(&app.app, &transaction).await.unwrap();
    }
    let rows = "select (to_jsonb(j) - 'id' - 'email_key')::text, email_key from mail_jobs j order by email_key";
    let rows = transaction.driver().query(rows, &[]).await.unwrap();
    let [known, unknown] = [0, 1].map(|row: usize| rows[row].get::<_, String>(0));
    assert_eq!(known, unknown);
    assert_eq!([0, 1].map(|row: usize| rows[row].get::<_, String>(1)), [ADA, "eve@example.com"]);
    drop(transaction);

    let [known, unknown] = enqueue(&app, &causes).await.try_into().unwrap();
    assert_eq!(end_of(&app, known).await, (1, text("sent"), None));
    assert_eq!(end_of(&app, unknown).await, (1, text("dropped"), text("no such account")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_mail_takes_the_place_of_an_older_one_and_ends_its_link() {
    let server = SmtpServer::start(Security::Plain).await;
    let app = through(&server).spawn().await;
    add_user(&app, ADA, "Ada").await;
    let reset = || cause(Kind::Reset, Recipient::EmailKey(ADA));
    server.next(&[Act::AnswerMessage("451 4.3.0 later")]);
    let first = enqueue_one(&app, reset()).await;
    postponed(&app, first, 1).await;
    app.advance(Duration::from_secs(30));
    let second = enqueue_one(&app, reset()).await;
    assert_eq!(end_of(&app, second).await.1, text("sent"));
    let (attempts, outcome, reason) = end_of(&app, first).await;
    assert_eq!((attempts, outcome, reason), (2, text("dropped"), text("a newer mail takes its place")));
    let live = "select id from password_reset_tokens where not is_used";
    let live = app.database.connect().await.query(live, &[]).await.unwrap();
    assert_eq!(live.iter().map(|row| row.get(0)).collect::<Vec<uuid::Uuid>>(), [second]);
    assert_eq!(server.deliveries().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_resets_at_the_same_moment_one_link_works() {
    let app = TestApp::spawn().await;
    add_user(&app, ADA, "Ada").await;
    let causes: Vec<_> = (0..20).map(|_| cause(Kind::Reset, Recipient::EmailKey(ADA))).collect();
    enqueue(&app, &causes).await;
    app.mails().await;
    let count = "select count(*) filter (where not is_used) from password_reset_tokens";
    let live: i64 = app.database.connect().await.query_one(count, &[]).await.unwrap().get(0);
    assert_eq!(live, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_share_the_work_and_nothing_is_sent_twice() {
    let server = SmtpServer::start(Security::Plain).await;
    server.answer_after(Duration::from_millis(20));
    let one = through(&server).spawn().await;
    let other = one.replica().await;
    let mut users = Vec::new();
    for number in 0..60 {
        users.push(add_user(&one, &format!("user{number}@example.com"), "Ada").await);
    }
    let causes: Vec<_> = users.iter().map(|id| cause(Kind::PasswordChanged, Recipient::User(*id))).collect();
    let jobs = enqueue(&one, &causes).await;
    other.app.mail.ring();
    one.mails().await;
    let deliveries = server.deliveries();
    let ids: BTreeSet<_> = deliveries.iter().map(|found| found.mail().header("message-id").to_owned()).collect();
    let wanted: BTreeSet<_> = jobs.iter().map(|job| format!("<{job}@example.com>")).collect();
    assert_eq!((deliveries.len(), ids), (60, wanted));
    let sent = |app: &TestApp| app.app.metrics.mail.jobs.with_label_values(&["password_changed", "sent"]).get();
    assert!(sent(&one) > 0 && sent(&other) > 0, "{} and {}", sent(&one), sent(&other));
    assert_eq!(sent(&one) + sent(&other), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_survives_a_restart_while_the_mail_server_is_down() {
    let server = SmtpServer::start(Security::Plain).await;
    server.go_down().await;
    let before = through(&server).spawn().await;
    let user = add_user(&before, ADA, "Ada").await;
    let job = enqueue_one(&before, cause(Kind::NewDevice, Recipient::User(user))).await;
    postponed(&before, job, 1).await;
    let (database, clock) = (before.database.clone(), before.clock.clone());
    before.stop().await;
    server.come_back().await;
    clock.advance(HOUR);
    let after = through(&server).on(database).with_clock(clock).spawn().await;
    server.delivered(1).await;
    assert_eq!(end_of(&after, job).await.1, text("sent"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_given_up_when_its_link_would_not_work_any_more_or_after_a_day() {
    let server = SmtpServer::start(Security::Plain).await;
    server.go_down().await;
    let app = through(&server).spawn().await;
    let user = add_user(&app, ADA, "Ada").await;
    let causes = [Kind::Reset, Kind::PasswordChanged].map(|kind| cause(kind, Recipient::User(user)));
    let [reset, notice] = enqueue(&app, &causes).await.try_into().unwrap();
    for job in [reset, notice] {
        postponed(&app, job, 1).await;
    }
    app.advance(HOUR);
    app.app.mail.ring();
    assert_eq!(end_of(&app, reset).await, (2, text("failed"), text("expired")));
    postponed(&app, notice, 2).await;
    app.advance(HOUR * 22 + HOUR / 2);
    app.app.mail.ring();
    postponed(&app, notice, 3).await;
    app.advance(HOUR * 2);
    app.app.mail.ring();
    assert_eq!(end_of(&app, notice).await, (4, text("failed"), text("expired")));
    assert!(server.deliveries().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_instance_held_when_it_vanished_is_taken_over_when_its_lease_ends() {
    let app = TestApp::spawn().await;
    let user = add_user(&app, ADA, "Ada").await;
    let insert = "insert into mail_jobs (id, kind, user_id, language, device_info, created_at, due_at, locked_until, attempts) \
                  values ($1, 'password_changed', $2, 'en', '', $3, $3, $3::timestamptz + interval '3 minutes', 1)";
    let job = uuid::Uuid::from_u128(1);
    let now = portcullis::clock::Clock::now(&*app.clock);
    app.database.connect().await.execute(insert, &[&job, &user, &now]).await.unwrap();
    app.app.mail.ring();
    // Somebody else's job goes first: the one that is held was passed over.
    let other = enqueue_one(&app, cause(Kind::AccountLocked, Recipient::User(user))).await;
    end_of(&app, other).await;
    assert_eq!(fate(&app, job).await, (1, None, None));
    app.advance(Duration::from_secs(180));
    app.app.mail.ring();
    assert_eq!(end_of(&app, job).await, (2, text("sent"), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_only_a_newer_version_knows_is_left_to_it() {
    let app = TestApp::spawn().await;
    let user = add_user(&app, ADA, "Ada").await;
    let insert = "insert into mail_jobs (id, kind, user_id, language, device_info, created_at, due_at) \
                  values ($1, 'from_the_future', $2, 'tlh', '', $3, $3)";
    let (job, now) = (uuid::Uuid::from_u128(1), portcullis::clock::Clock::now(&*app.clock));
    app.database.connect().await.execute(insert, &[&job, &user, &now]).await.unwrap();
    let other = enqueue_one(&app, cause(Kind::AccountLocked, Recipient::User(user))).await;
    end_of(&app, other).await;
    assert_eq!(fate(&app, job).await, (0, None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_counted() {
    let server = SmtpServer::start(Security::Plain).await;
    server.go_down().await;
    let app = through(&server).spawn().await;
    let user = add_user(&app, ADA, "Ada").await;
    let job = enqueue_one(&app, cause(Kind::PasswordChanged, Recipient::User(user))).await;
    postponed(&app, job, 1).await;
    app.advance(Duration::from_secs(4));
    wait_for("the count", async || {
        let metrics = app.client().get("/metrics").await.expect(200).body;
        let metrics = String::from_utf8(metrics.to_vec()).unwrap();
        ["portcullis_mail_queued 1\n", "portcullis_mail_oldest_queued_seconds 4\n"]
            .iter()
            .all(|line| metrics.contains(line))
            .then_some(())
    })
    .await;
}
