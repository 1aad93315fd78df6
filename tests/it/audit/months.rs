//! Months leave the log when their time is over, and nobody has to wait for that.

use jiff::SignedDuration;
use jiff::civil::{Date, date};
use portcullis::audit::sealer;
use portcullis::audit::verify::Fault;
use portcullis::clock::Clock;
use portcullis::db::DbError;

use super::seals::{count, report, seal};
use crate::support::{PASSWORD, TestApp, fresh_database, wait_for};

/// A service that has looked after its months itself and will not do so again soon.
async fn spawn() -> TestApp {
    let app = TestApp::spawn().await;
    let looked = app.app.metrics.sweeper_last_success.with_label_values(&["audit_retention"]);
    wait_for("the first look at the months", async || (looked.get() > 0).then_some(())).await;
    app
}

/// The months that leave as soon as the sealer of the service lets go of the turn.
async fn dropped(app: &TestApp) -> Vec<Date> {
    wait_for("a month to leave", async || Some(drop_months(app).await.unwrap()).filter(|months| !months.is_empty()))
        .await
}

/// Drops what is older than 60 days.
async fn drop_months(app: &TestApp) -> Result<Vec<Date>, DbError> {
    let retention = SignedDuration::from_hours(24 * 60);
    sealer::drop_months(&app.app.database, &app.app.seals, app.clock.now(), retention).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_leaves_by_retention_and_by_nothing_else() {
    let app = spawn().await;
    let client = app.database.connect().await;
    for month in ["2026-03-01", "2026-04-01", "2026-06-01"] {
        client.batch_execute(&format!("select audit_logs_ensure_partition('{month}')")).await.unwrap();
    }
    // At once: a seal between them would tell that the older ones were not there yet.
    let events = "insert into audit_logs (id, event_type, success, created_at) select gen_random_uuid(), 'a', true, t \
                  from unnest(array['2026-03-31T23:59:59Z', '2026-04-01T00:00:00Z', '2026-06-15T12:00:00Z']::timestamptz[]) t";
    client.batch_execute(events).await.unwrap();
    let drop = async || drop_months(&app).await.unwrap();
    assert_eq!(drop().await, [], "what was never sealed would leave without a trace");
    seal(&app).await;
    assert_eq!(dropped(&app).await, [date(2026, 3, 1)]);
    assert_eq!(drop().await, []);
    assert_eq!(count(&client, "audit_logs").await, 2);
    assert_eq!(report(&app, None).await.faults, []);

    client.batch_execute("select audit_logs_drop_month('2026-04-01')").await.unwrap();
    assert!(matches!(&report(&app, None).await.faults[..], [Fault::RowsDiffer { sealed: 1, found: 0, .. }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_the_log_keeps_a_month_in_it_but_nobody_from_logging_in() {
    let app = spawn().await;
    let client = app.database.connect().await;
    let month = "select audit_logs_ensure_partition('2026-03-01'); insert into audit_logs (id, event_type, success, created_at) \
                 values (gen_random_uuid(), 'a', true, '2026-03-31T23:59:59Z')";
    client.batch_execute(month).await.unwrap();
    let account = app.client().sign_up().await;
    seal(&app).await;

    let reader = app.database.connect().await;
    reader.batch_execute("begin; select count(*) from audit_logs").await.unwrap();
    // A log-in that waits behind it as long as the time-outs of a session allow is answered 503.
    let guest = app.client();
    let (gone, logged_in) = tokio::join!(drop_months(&app), guest.log_in(&account.email, PASSWORD));
    assert!(!gone.is_ok_and(|months| !months.is_empty()));
    logged_in.expect(200);
    guest.log_in(&account.email, PASSWORD).await.expect(200);
    assert_eq!(count(&client, "audit_logs where event_type = 'a'").await, 1);

    reader.batch_execute("commit").await.unwrap();
    assert_eq!(dropped(&app).await, [date(2026, 3, 1)]);
    assert_eq!(count(&client, "audit_logs where event_type = 'a'").await, 0);
    assert_eq!(count(&client, "pg_class where relname like 'audit_logs%2026_03'").await, 0);
    seal(&app).await;
    assert_eq!(report(&app, None).await.faults, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_was_only_taken_out_is_dropped_the_next_time_and_one_that_was_kept_by_hand_is_not() {
    let app = spawn().await;
    let client = app.database.connect().await;
    client.batch_execute("select audit_logs_ensure_partition('2026-03-01')").await.unwrap();
    client.batch_execute("select audit_logs_detach_month('2026-03-01')").await.unwrap();
    let kept =
        "select audit_logs_ensure_partition('2026-02-01'); alter table audit_logs detach partition audit_logs_2026_02";
    client.batch_execute(kept).await.unwrap();
    assert_eq!(count(&client, "audit_logs_dropped_2026_03").await, 0);

    assert_eq!(drop_months(&app).await.unwrap(), []);
    assert_eq!(count(&client, "pg_class where relname = 'audit_logs_dropped_2026_03'").await, 0);
    assert_eq!(count(&client, "audit_logs_2026_02").await, 0, "it is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runbook_moves_events_out_of_the_default_partition_and_their_seals_still_fit() {
    let database = fresh_database().await;
    let client = database.connect().await;
    let event = "insert into audit_logs (id, event_type, success, created_at) \
                 values (gen_random_uuid(), 'early', true, '2026-06-15T11:55:00Z')";
    client.batch_execute(event).await.unwrap();
    let app = TestApp::builder().on(database).spawn().await;
    app.client().sign_up().await;
    seal(&app).await;
    assert_eq!(count(&client, "audit_logs_default").await, 2);

    let runbook = include_str!("../../../docs/runbooks/audit-default-rows.md");
    let (_, script) = runbook.split_once("```sql\n").unwrap();
    client.batch_execute(script.split_once("```").unwrap().0).await.unwrap();
    assert_eq!(count(&client, "audit_logs_default").await, 0);
    assert_eq!(count(&client, "audit_logs_2026_06").await, 2);
    assert_eq!(report(&app, None).await.faults, []);
    // The triggers are back, on the new partition and on the old one.
    for statement in ["delete from audit_logs", "delete from audit_logs_2026_06", "truncate audit_logs_default"] {
        assert!(client.batch_execute(statement).await.is_err(), "{statement}");
    }
    client.batch_execute(event).await.unwrap();
    assert_eq!(count(&client, "audit_logs where txid is null").await, 0);
}
