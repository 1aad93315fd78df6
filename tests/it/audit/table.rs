//! The table: append-only, partitioned by month.

use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::support::{Database, TestApp, fresh_database, wait_for};

const ROW: &str = "insert into audit_logs (id, user_id, event_type, details, ip_address, user_agent, success, request_id, created_at) \
                   values ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002', 'login.failed', \
                   '{\"reason\": \"credentials\"}', '192.0.2.7', 'curl', false, 'request-1', $1)";

const DEFAULT: &str = "audit_logs_default";

/// A database with one event in the default partition, or in that of its month if `prepared`.
async fn with_an_event(prepared: bool) -> (Database, Client) {
    let database = fresh_database().await;
    let client = database.connect().await;
    let now: jiff::Timestamp = "2026-06-15T12:00:00Z".parse().unwrap();
    if prepared {
        client.execute("select audit_logs_ensure_partition('2026-06-01')", &[]).await.unwrap();
    }
    client.execute(ROW, &[&now]).await.unwrap();
    (database, client)
}

async fn partitions(client: &Client) -> Vec<String> {
    let listed = "select inhrelid::regclass::text from pg_inherits where inhparent = 'audit_logs'::regclass order by 1";
    client.query(listed, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn partition_of_the_event(client: &Client) -> String {
    client.query_one("select tableoid::regclass::text from audit_logs", &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_can_be_neither_changed_nor_deleted() {
    for prepared in [true, false] {
        let (_, client) = with_an_event(prepared).await;
        let partition = partition_of_the_event(&client).await;
        let mut statements = vec!["truncate audit_logs cascade".to_owned()];
        for table in ["audit_logs", &partition] {
            statements.push(format!("delete from {table}"));
            statements.push(format!("truncate {table}"));
            for change in [
                "id = '00000000-0000-0000-0000-000000000003'",
                "event_type = 'login.succeeded'",
                "success = true",
                "created_at = created_at + interval '1 second'",
                "created_at = created_at + interval '2 months'",
                "request_id = 'request-2'",
                "request_id = null",
                "session_id = '00000000-0000-0000-0000-000000000003'",
                "user_id = '00000000-0000-0000-0000-000000000003'",
                "ip_address = '192.0.2.8'",
                "user_agent = 'Firefox'",
                "details = '{\"reason\": \"disabled\"}'",
                "details = null",
            ] {
                statements.push(format!("update {table} set {change}"));
            }
            // Redaction is no cover for another change.
            statements.push(format!("update {table} set user_id = null, success = true"));
        }
        let before = whole(&client).await;
        for statement in statements {
            let error = client.batch_execute(&statement).await.expect_err(&statement);
            assert_eq!(error.code(), Some(&SqlState::RESTRICT_VIOLATION), "{statement}: {error:?}");
        }
        assert_eq!(whole(&client).await, before);
    }
}

async fn whole(client: &Client) -> Vec<String> {
    client.query("select a::text from audit_logs a", &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_fields_can_be_emptied() {
    let (_, client) = with_an_event(true).await;
    for redaction in ["ip_address = null", "user_agent = null", "details = '{}'", "user_id = null"] {
        let statement = format!("update audit_logs set {redaction}");
        assert_eq!(client.execute(&statement, &[]).await.unwrap(), 1, "{statement}");
    }
    let kept = "select event_type || ' ' || success || ' ' || request_id from audit_logs \
                where user_id is null and ip_address is null and user_agent is null and details = '{}'";
    let row: String = client.query_one(kept, &[]).await.unwrap().get(0);
    assert_eq!(row, "login.failed false request-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_month_without_a_partition_is_kept_in_the_default_one() {
    let (_, client) = with_an_event(false).await;
    assert_eq!(partition_of_the_event(&client).await, DEFAULT);
    let (_, client) = with_an_event(true).await;
    assert_eq!(partition_of_the_event(&client).await, "audit_logs_2026_06");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_partitions_of_this_month_and_the_next_three_exist_soon_after_the_start() {
    // The last day of a month that has more days than the next.
    let app = TestApp::builder().at("2027-01-31T23:00:00Z").spawn().await;
    let client = app.database.connect().await;
    let wanted = ["audit_logs_2027_01", "audit_logs_2027_02", "audit_logs_2027_03", "audit_logs_2027_04", DEFAULT];
    wait_for("the partitions", async || (partitions(&client).await.len() >= wanted.len()).then_some(())).await;
    assert_eq!(partitions(&client).await, wanted);

    // Months begin and end in UTC, whatever the zone of the session.
    client.batch_execute("set timezone = 'Asia/Tokyo'").await.unwrap();
    let now: jiff::Timestamp = "2027-01-31T23:59:59.999999Z".parse().unwrap();
    client.execute(ROW, &[&now]).await.unwrap();
    assert_eq!(partition_of_the_event(&client).await, "audit_logs_2027_01");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_already_has_events_in_the_default_partition_does_not_keep_the_next_from_being_made() {
    let database = fresh_database().await;
    let client = database.connect().await;
    let now: jiff::Timestamp = "2026-06-15T12:00:00Z".parse().unwrap();
    client.execute(ROW, &[&now]).await.unwrap();

    let app = TestApp::builder().on(database).spawn().await;
    let next = "audit_logs_2026_07".to_owned();
    wait_for("the next month", async || partitions(&client).await.contains(&next).then_some(())).await;
    app.client().sign_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_that_start_at_once_make_each_partition_once() {
    let app = TestApp::spawn().await;
    let (one, other) = tokio::join!(app.replica(), app.replica());
    let client = app.database.connect().await;
    wait_for("the partitions", async || (partitions(&client).await.len() == 5).then_some(())).await;
    app.advance(Duration::from_secs(1));
    one.client().sign_up().await;
    other.client().sign_up().await;
}
