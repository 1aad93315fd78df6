//! What has outlived its purpose leaves, in batches, one instance at a time.

use std::time::Duration;

use http::Method;
use portcullis::sweep::{self, Swept};
use tokio_postgres::Client as Database;

use crate::support::{Account, TestApp, wait_for};

const DAY: Duration = Duration::from_secs(86_400);

impl TestApp {
    /// Sweeps until it is this instance that did all there was to do: the service itself sweeps as it starts.
    pub(crate) async fn sweep(&self) {
        wait_for("a sweep", async || (sweep::run(&self.app).await.unwrap() == Swept::Here).then_some(())).await;
    }
}

async fn count(database: &Database, table: &str) -> i64 {
    database.query_one(&format!("select count(*) from {table}"), &[]).await.unwrap().get(0)
}

/// Rows in every table that is swept, as old as the clock of the service is now.
async fn one_of_each(app: &TestApp, account: &Account) {
    let database = app.database.connect().await;
    let now = app.clock_seconds();
    let sql = format!(
        "with given as (select '{}'::uuid as id, to_timestamp({now}) as now) \
         , a as (insert into password_reset_tokens (id, user_id, token_hash, expires_at, created_at) \
             select gen_random_uuid(), id, gen_random_uuid()::text::bytea, now + interval '1 hour', now from given) \
         , b as (insert into email_tokens (id, purpose, user_id, token_hash, expires_at, created_at) \
             select gen_random_uuid(), 'verify', id, gen_random_uuid()::text::bytea, now + interval '1 day', now from given) \
         , c as (insert into pending_registrations \
             (id, email, email_key, password_hash, first_name, last_name, device_info, created_at, expires_at) \
             select gen_random_uuid(), 'a@b.example', 'a@b.example', 'x', 'A', 'B', 'c', now, now + interval '1 day' from given) \
         , d as (insert into mail_jobs \
             (id, kind, user_id, language, device_info, created_at, due_at, finished_at, outcome) \
             select gen_random_uuid(), 'verify', id, 'en', 'c', now, now, now, 'sent' from given) \
         select 1",
        account.id
    );
    database.batch_execute(&sql).await.unwrap();
    let change = "insert into email_changes \
        (id, user_id, old_email, old_email_key, old_email_verified, new_email, new_email_key, created_at, expires_at, undo_until) \
        values (gen_random_uuid(), $1::text::uuid, 'a', 'a', true, 'b', 'b', to_timestamp($2::float8), \
        to_timestamp($2::float8 + 86400), to_timestamp($2::float8 + 259200))";
    #[expect(clippy::cast_precision_loss, reason = "seconds of this century are exact")]
    database.execute(change, &[&account.id, &(now as f64)]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_keeps_what_still_serves_and_loses_what_does_not() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    client.log_out(&account.tokens.access).await.expect(200);
    app.mails().await;
    let database = app.database.connect().await;
    database.batch_execute("delete from email_tokens; delete from mail_jobs").await.unwrap();
    one_of_each(&app, &account).await;
    // How many hours after their creation the rows of a table may go.
    let begun = app.clock_seconds();
    for (hours, table) in [
        (24, "pending_registrations"),
        (168, "mail_jobs"),
        (169, "password_reset_tokens"),
        (192, "email_tokens"),
        (240, "email_changes"),
        (336, "refresh_tokens"),
        (720, "sessions"),
    ] {
        let wait = begun + hours * 3600 - app.clock_seconds();
        app.advance(Duration::from_secs(wait.unsigned_abs()));
        app.sweep().await;
        assert_eq!(count(&database, table).await, 1, "{table} after {hours} hours");
        app.advance(Duration::from_secs(1));
        app.sweep().await;
        assert_eq!(count(&database, table).await, 0, "{table} a second later");
    }
    assert_eq!(count(&database, "users").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_lives_is_left_alone_however_old_it_is() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let mut tokens = client.sign_up().await.tokens;
    for _ in 0..14 {
        app.advance(6 * DAY);
        tokens = client.refresh(&tokens.refresh).await.expect(200).tokens();
        app.sweep().await;
    }
    client.me(&tokens.access).await.expect(200);
    let database = app.database.connect().await;
    // The newest tokens only: those that expired over a week ago are gone.
    assert!(count(&database, "refresh_tokens").await <= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_goes_on_until_nothing_is_left_and_counts_what_it_took() {
    let app = TestApp::spawn().await;
    let account = app.client().sign_up().await;
    let database = app.database.connect().await;
    let many = "insert into password_reset_tokens (id, user_id, token_hash, expires_at, created_at) \
        select gen_random_uuid(), $1::text::uuid, n::text::bytea, '2026-01-01', '2026-01-01' from generate_series(1, 1300) n";
    database.execute(many, &[&account.id]).await.unwrap();
    app.sweep().await;
    assert_eq!(count(&database, "password_reset_tokens").await, 0);
    let metrics = String::from_utf8(app.client().get("/metrics").await.expect(200).body.to_vec()).unwrap();
    for line in [
        "portcullis_sweeper_rows_total{table=\"password_reset_tokens\"} 1300".to_owned(),
        format!(
            "portcullis_sweeper_last_success_timestamp_seconds{{sweeper=\"password_reset_tokens\"}} {}",
            app.clock_seconds()
        ),
        format!("portcullis_sweeper_last_success_timestamp_seconds{{sweeper=\"users\"}} {}", app.clock_seconds()),
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_one_instance_sweeps_another_leaves_it_to_that_and_none_waits() {
    let app = TestApp::spawn().await;
    let replica = app.replica().await;
    let account = app.client().sign_up().await;
    app.sweep().await;
    let database = app.database.connect().await;
    let old = "insert into password_reset_tokens (id, user_id, token_hash, expires_at, created_at) \
        values (gen_random_uuid(), $1::text::uuid, 'x', '2026-01-01', '2026-01-01')";
    database.execute(old, &[&account.id]).await.unwrap();

    let mut sweeping = app.database.connect().await;
    let transaction = sweeping.transaction().await.unwrap();
    let lock = "select pg_advisory_xact_lock(hashtext('portcullis sweeper'), hashtext('password_reset_tokens'))";
    transaction.execute(lock, &[]).await.unwrap();
    assert_eq!(sweep::run(&replica.app).await.unwrap(), Swept::Elsewhere);
    assert_eq!(count(&database, "password_reset_tokens").await, 1);
    transaction.rollback().await.unwrap();
    replica.sweep().await;
    assert_eq!(count(&database, "password_reset_tokens").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_row_is_left_for_later_and_holds_up_nothing() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    client.log_in(&account.email, &account.password).await.expect(200);
    app.advance(15 * DAY);
    let mut other = app.database.connect().await;
    let transaction = other.transaction().await.unwrap();
    transaction.query("select id from refresh_tokens order by id limit 1 for update", &[]).await.unwrap();
    app.sweep().await;
    transaction.rollback().await.unwrap();
    let database = app.database.connect().await;
    assert_eq!(count(&database, "refresh_tokens").await, 1);
    app.sweep().await;
    assert_eq!(count(&database, "refresh_tokens").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_refresh_token_is_told_so_for_a_week() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    app.advance(13 * DAY);
    app.sweep().await;
    assert_eq!(client.refresh(&account.tokens.refresh).await.refusal(), (401, "token_expired".into()));
    app.advance(2 * DAY);
    let database = app.database.connect().await;
    // The refused request may hold the row for a moment more.
    wait_for("the token to be swept", async || {
        app.sweep().await;
        (count(&database, "refresh_tokens").await == 0).then_some(())
    })
    .await;
    assert_eq!(client.refresh(&account.tokens.refresh).await.refusal(), (401, "invalid_token".into()));
    client.call(Method::GET, "/api/v1/auth/me", Some(&account.tokens.access), None).await.expect(401);
}
