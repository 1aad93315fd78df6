//! Reading the log: one's own events over HTTP, everybody's on the command line.

use std::collections::BTreeSet;

use http::Method;
use serde_json::Value;

use crate::support::{Account, Answer, Client, PASSWORD, Program, TestApp};

const PATH: &str = "/api/v1/auth/audit";

async fn page(client: &Client, account: &Account, query: &str) -> Answer {
    client.call(Method::GET, &format!("{PATH}{query}"), Some(&account.tokens.access), None).await
}

fn types(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|event| event["event_type"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sees_ones_own_events_and_nobody_elses_newest_first() {
    let app = TestApp::spawn().await;
    let client = app.client().with_header("user-agent", "curl/8.5.0");
    let (ada, bob) = (client.sign_up().await, client.sign_up().await);
    app.advance(std::time::Duration::from_secs(1));
    client.log_in(&ada.email, "not the password").await.expect(401);
    client.log_in(&bob.email, PASSWORD).await.expect(200);

    let seen = page(&client, &ada, "").await.expect(200).json();
    assert_eq!(types(&seen), ["login.failed", "user.registered"]);
    assert!(seen["next_cursor"].is_null());
    let failed = &seen["data"][0];
    assert_eq!((&failed["success"], &failed["user_agent"]), (&Value::Bool(false), &"curl/8.5.0".into()));
    assert_eq!((&failed["ip_address"], &failed["created_at"]), (&"127.0.0.1".into(), &"2026-06-15T12:00:01Z".into()));
    assert_eq!(client.get(PATH).await.refusal(), (401, "missing_token".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_join_without_a_gap_or_a_double_however_events_are_added() {
    let app = TestApp::builder().set("RATE_LIMIT_ENABLED", "false").spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    // All at one moment: only the id tells them apart.
    for _ in 0..11 {
        client.log_in(&account.email, "not the password").await;
    }
    let (mut query, mut seen, mut sizes) = ("?limit=5".to_owned(), BTreeSet::new(), Vec::new());
    loop {
        let page = page(&client, &account, &query).await.expect(200).json();
        let ids: Vec<_> = page["data"].as_array().unwrap().iter().map(|event| event["id"].to_string()).collect();
        sizes.push(ids.len());
        for id in ids {
            assert!(seen.insert(id), "an event on two pages");
        }
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("?limit=5&cursor={cursor}");
        app.advance(std::time::Duration::from_secs(1));
        client.log_in(&account.email, PASSWORD).await;
    }
    assert_eq!(sizes, [5, 5, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_narrow_by_kind_and_time() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    app.advance(std::time::Duration::from_secs(60));
    client.log_in(&account.email, "not the password").await.expect(401);
    for (query, expected) in [
        ("?event_type=login.failed", &["login.failed"][..]),
        ("?event_type=logout", &[]),
        ("?from=2026-06-15T12:00:30Z", &["login.failed"]),
        ("?to=2026-06-15T12:01:00Z", &["user.registered"]),
        ("?from=2026-06-15T12:00:00%2B00:00&to=2026-06-15T12:00:01Z", &["user.registered"]),
    ] {
        assert_eq!(types(&page(&client, &account, query).await.expect(200).json()), expected, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_was_tampered_with_or_taken_elsewhere_is_refused() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let (ada, bob) = (client.sign_up().await, client.sign_up().await);
    client.log_in(&ada.email, PASSWORD).await.expect(200);
    let first = page(&client, &ada, "?limit=1").await.expect(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    page(&client, &ada, &format!("?cursor={cursor}")).await.expect(200);

    let changed = format!("{}{}", if cursor.starts_with('A') { 'B' } else { 'A' }, &cursor[1..]);
    for (account, query) in [
        (&ada, format!("?cursor={changed}")),
        (&ada, format!("?cursor={cursor}&event_type=login.failed")),
        (&bob, format!("?cursor={cursor}")),
        (&ada, "?cursor=".to_owned()),
    ] {
        let refused = page(&client, account, &query).await;
        assert_eq!(refused.refusal(), (400, "validation_error".into()), "{query}");
        assert_eq!(refused.json()["details"][0]["field"], "cursor");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_cannot_be_accepted_is_named() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    for (query, error, field) in [
        ("?limit=0", "validation_error", "limit"),
        ("?limit=201", "validation_error", "limit"),
        ("?limit=ten", "validation_error", "limit"),
        ("?from=yesterday", "validation_error", "from"),
        ("?event_type=a%20or%20b", "validation_error", "event_type"),
        ("?limit=1&limit=2", "validation_error", "limit"),
        ("?user_id=7", "unknown_field", "user_id"),
    ] {
        let refused = page(&client, &account, query).await;
        assert_eq!(refused.refusal(), (400, error.into()), "{query}");
        assert_eq!(refused.json()["details"][0]["field"], field, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_search_follow_and_export_the_log_of_everybody() {
    let app = TestApp::spawn().await;
    let client = app.client().with_header("user-agent", "=cmd|' /C calc'!A0");
    let account = client.sign_up().await;
    client.log_in(&account.email, "not the password").await.expect(401);
    client.log_in("nobody@example.com", "not the password").await.expect(401);
    let program = Program::on(&app.database);
    let lines = async |arguments: &[&str]| -> Vec<String> {
        let printed = program.run(&[&["audit"], arguments].concat()).await.done();
        printed.lines().map(str::to_owned).collect()
    };

    let found = lines(&["search", "--json", "--event-type", "login.failed", "--user", &account.email]).await;
    assert_eq!(found.len(), 1);
    let event: Value = serde_json::from_str(&found[0]).unwrap();
    assert_eq!((&event["user_id"], &event["success"]), (&account.id.as_str().into(), &Value::Bool(false)));
    assert_eq!(lines(&["search", "--event-type", "login.failed", "--limit", "1"]).await.len(), 1);
    assert_eq!(lines(&["search", "--ip", "192.0.2.1", "--since", "1h"]).await, [""; 0]);
    let endless = program.run(&["audit", "search", "--ip", "192.0.2.1"]).await;
    assert!(endless.code == Some(1) && endless.stderr.contains("--since"), "{endless:?}");
    assert_eq!(lines(&["tail", "-n", "2", "--json"]).await.len(), 2);

    let exported = lines(&["export", "--to", "2026-06-16T00:00:00Z"]).await;
    assert_eq!(exported.len(), 3);
    assert!(exported.iter().all(|line| serde_json::from_str::<Value>(line).unwrap().is_object()));
    let table = lines(&["export", "--format", "csv", "--to", "2026-06-16T00:00:00Z"]).await;
    assert!(table[0].starts_with("id,created_at,event_type,success,"));
    assert_eq!(table.len(), 4);
    assert!(table[1..].iter().all(|line| line.contains(",'=cmd|' /C calc'!A0,")), "{table:?}");
}
