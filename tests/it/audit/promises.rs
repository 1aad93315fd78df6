//! Nothing is acknowledged that is not written down, and nothing that was is lost.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::support::{Answer, PASSWORD, TestApp};

async fn count(client: &Client, sql: &str) -> i64 {
    client.query_one(&format!("select count(*) from {sql}"), &[]).await.unwrap().get(0)
}

async fn refuse_events(client: &Client, event_type: &str) {
    let sql = format!("alter table audit_logs add constraint no_event check (event_type <> '{event_type}') not valid");
    client.batch_execute(&sql).await.unwrap();
}

/// A log that is written beside the request, and not before its answer, loses rows when the process ends.
#[tokio::test(flavor = "multi_thread")]
async fn no_event_of_an_answered_request_is_lost_at_shutdown() {
    let app = TestApp::builder().set("RATE_LIMIT_ENABLED", "false").spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let callers = (0..40).map(|number| {
        let (client, account) = (client.clone(), account.clone());
        tokio::spawn(async move {
            match number % 4 {
                0 => client.log_in(&account.email, PASSWORD).await,
                1 => client.log_in(&account.email, "not the password").await,
                2 => client.log_in("nobody@example.com", "not the password").await,
                _ => {
                    client.change_password(&account.tokens.access, "not the password", "something else entirely").await
                }
            }
        })
    });
    let mut answered = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        answered.push(caller.await.unwrap().header("x-request-id").to_owned());
    }
    let database = app.database.clone();
    app.stop().await;

    let found = "select request_id from audit_logs where request_id = any($1)";
    let found = database.connect().await.query(found, &[&answered]).await.unwrap();
    let mut found: Vec<String> = found.iter().map(|row| row.get(0)).collect();
    found.sort();
    answered.sort();
    assert_eq!(found, answered);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_row_of_a_failed_log_in_is_committed_before_its_reply() {
    let app = TestApp::spawn().await;
    let (client, watcher) = (app.client(), app.database.connect().await);
    // While somebody else holds the table, the row cannot be written, and so there can be no reply.
    watcher.batch_execute("begin; lock table audit_logs in share mode").await.unwrap();
    let pending = tokio::spawn(async move { client.log_in("nobody@example.com", PASSWORD).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!pending.is_finished(), "a reply came before its row");

    watcher.batch_execute("commit").await.unwrap();
    let answer = pending.await.unwrap().expect(401);
    let row = format!("audit_logs where request_id = '{}'", answer.header("x-request-id"));
    assert_eq!(count(&watcher, &row).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_logged_does_not_happen() {
    let app = TestApp::spawn().await;
    let (client, watcher) = (app.client(), app.database.connect().await);
    let account = client.sign_up().await;
    let before = app.database.account_data().await;

    let unavailable = |answer: Answer| assert_eq!(answer.refusal(), (503, "service_unavailable".into()));
    for event_type in
        ["login.succeeded", "user.registered", "token.refreshed", "profile.changed", "password.changed", "logout"]
    {
        refuse_events(&watcher, event_type).await;
        let access = &account.tokens.access;
        unavailable(match event_type {
            "login.succeeded" => client.log_in(&account.email, PASSWORD).await,
            "user.registered" => client.register("newcomer@example.com", PASSWORD).await,
            "token.refreshed" => client.refresh(&account.tokens.refresh).await,
            "profile.changed" => client.update_me(access, json!({ "last_name": "King" })).await,
            "password.changed" => client.change_password(access, PASSWORD, "an entirely different passphrase").await,
            _ => client.log_out(access).await,
        });
        watcher.batch_execute("alter table audit_logs drop constraint no_event").await.unwrap();
        assert_eq!(app.database.account_data().await, before, "{event_type}");
    }
    client.me(&account.tokens.access).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_not_even_called_wrong_when_that_cannot_be_logged() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let watcher = app.database.connect().await;
    refuse_events(&watcher, "login.failed").await;
    for email in [account.email.as_str(), "nobody@example.com"] {
        assert_eq!(client.log_in(email, "not the password").await.refusal(), (503, "service_unavailable".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_tokens_are_counted_per_network_and_minute_and_written_at_the_latest_at_shutdown() {
    let app = TestApp::builder().set("TRUSTED_PROXIES", "127.0.0.0/8").spawn().await;
    // The first interface of a subscriber, another one of the same, and somebody else.
    for (times, from) in [(20, "2001:db8:1:2::1"), (5, "2001:db8:1:2::99"), (3, "2001:db8:1:3::1")] {
        let client = app.client().with_header("x-forwarded-for", from);
        for _ in 0..times {
            client.me("not.a.token").await.expect(401);
        }
    }
    app.advance(Duration::from_secs(60));
    app.client().me("not.a.token").await.expect(401);
    let database = app.database.clone();
    app.stop().await;

    let sql = "select host(ip_address), details->>'minute', sum((details->>'count')::int)::int, count(*), \
               bool_or(success or user_id is not null), min(details->>'code') \
               from audit_logs where event_type = 'token.refused' group by 1, 2 order by 2, 1";
    let rows = database.connect().await.query(sql, &[]).await.unwrap();
    let counted: Vec<(String, String, i32)> = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    let noon = jiff::Timestamp::constant(1_781_524_800, 0);
    let minutes = [noon.as_second().to_string(), (noon.as_second() + 60).to_string()];
    let wanted = [("2001:db8:1:2::", 0, 25), ("2001:db8:1:3::", 0, 3), ("127.0.0.1", 1, 1)];
    assert_eq!(counted, wanted.map(|(network, minute, count)| (network.to_owned(), minutes[minute].clone(), count)));
    for row in rows {
        assert_eq!(row.get::<_, i64>(3), 1, "not aggregated: {row:?}");
        assert!(!row.get::<_, bool>(4));
        assert_eq!(row.get::<_, String>(5), "invalid_token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_leaves_one_row_a_minute_however_often_counts_are_written() {
    let app = TestApp::spawn().await;
    let (client, watcher) = (app.client(), app.database.connect().await);
    let rows = "audit_logs where event_type = 'token.refused'";
    for second in 0..6 {
        client.me("not.a.token").await.expect(401);
        app.app.refusals.flush(&app.app).await.unwrap();
        assert_eq!(count(&watcher, rows).await, 0, "second {second}: the minute is not over");
        app.advance(Duration::from_secs(9));
    }
    app.advance(Duration::from_secs(6));
    client.me("not.a.token").await.expect(401);
    app.app.refusals.flush(&app.app).await.unwrap();
    let counts = "select string_agg(details->>'count', ' ') from audit_logs where event_type = 'token.refused'";
    assert_eq!(watcher.query_one(counts, &[]).await.unwrap().get::<_, &str>(0), "6");
    let database = app.database.clone();
    app.stop().await;
    assert_eq!(count(&database.connect().await, rows).await, 2, "the minute that ran at the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_that_cannot_be_written_at_the_end_are_counted_as_lost() {
    let app = TestApp::spawn().await;
    for _ in 0..3 {
        app.client().me("not.a.token").await.expect(401);
    }
    refuse_events(&app.database.connect().await, "token.refused").await;
    let running = app.app.clone();
    app.stop().await;
    assert_eq!(running.metrics.audit_lost.get(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_refusals_leaves_a_handful_of_rows() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let callers = (0..8).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            for _ in 0..100 {
                client.me("not.a.token").await.expect(401);
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    let database = app.database.clone();
    app.stop().await;
    let watcher = database.connect().await;
    let total = "select sum((details->>'count')::int)::int from audit_logs where event_type = 'token.refused'";
    assert_eq!(watcher.query_one(total, &[]).await.unwrap().get::<_, i32>(0), 800);
    assert_eq!(count(&watcher, "audit_logs").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn details_are_an_object_in_every_row() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    client.log_in(&account.email, "not the password").await.expect(401);
    client.log_out(&account.tokens.access).await.expect(200);
    let rows = app.database.connect().await.query("select details from audit_logs", &[]).await.unwrap();
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row.get::<_, Value>(0).is_object()));
}
