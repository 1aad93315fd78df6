//! Sessions as their owner sees them: the list, and the end of one or of all others.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::support::{Account, Answer, Client, TestApp, Tokens};

const SESSIONS: &str = "/api/v1/auth/sessions";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const IPHONE: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Safari/604.1";
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

async fn list(client: &Client, access: &str) -> Vec<Value> {
    let answer = client.call(Method::GET, SESSIONS, Some(access), None).await.expect(200);
    assert_eq!(answer.json().as_object().unwrap().len(), 1);
    answer.json()["data"].as_array().unwrap().clone()
}

/// The id of the session of an access token.
async fn current(client: &Client, access: &str) -> String {
    let sessions = list(client, access).await;
    let current: Vec<_> = sessions.iter().filter(|session| session["current"] == true).collect();
    assert_eq!(current.len(), 1);
    current[0]["id"].as_str().unwrap().to_owned()
}

async fn delete(client: &Client, access: &str, id: &str) -> Answer {
    client.call(Method::DELETE, &format!("{SESSIONS}/{id}"), Some(access), None).await
}

async fn log_in(client: &Client, account: &Account) -> Tokens {
    client.log_in(&account.email, &account.password).await.expect(200).tokens()
}

async fn assert_ended(app: &TestApp, tokens: &Tokens) {
    let client = app.client();
    assert_eq!(client.me(&tokens.access).await.refusal(), (401, "token_revoked".into()));
    assert_eq!(client.refresh(&tokens.refresh).await.refusal(), (401, "token_revoked".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_shows_where_one_is_logged_in_and_the_last_used_first() {
    let app = TestApp::builder().set("TRUSTED_PROXIES", "127.0.0.0/8").spawn().await;
    let laptop = app.client().with_header("user-agent", FIREFOX).with_header("x-forwarded-for", "203.0.113.9");
    let phone = app.client().with_header("user-agent", IPHONE).with_header("x-forwarded-for", "2001:db8::17");
    let account = laptop.sign_up().await;
    phone.sign_up().await;
    app.advance(MINUTE);
    let second = log_in(&phone, &account).await;

    let seen = list(&laptop, &account.tokens.access).await;
    let id = |index: usize| seen[index]["id"].clone();
    let phone_row = json!({
        "id": id(0), "device_info": "Safari on iPhone", "ip_address": "2001:db8::17",
        "created_at": "2026-06-15T12:01:00Z", "last_used_at": "2026-06-15T12:01:00Z", "current": false,
    });
    let laptop_row = json!({
        "id": id(1), "device_info": "Firefox on Linux", "ip_address": "203.0.113.9",
        "created_at": "2026-06-15T12:00:00Z", "last_used_at": "2026-06-15T12:00:00Z", "current": true,
    });
    assert_eq!(seen, [phone_row, laptop_row]);
    let from_phone = list(&phone, &second.access).await;
    assert_eq!([&from_phone[0]["current"], &from_phone[1]["current"]], [true, false]);

    app.advance(MINUTE);
    laptop.refresh(&account.tokens.refresh).await.expect(200);
    let after = list(&phone, &second.access).await;
    assert_eq!([&after[0]["id"], &after[1]["id"]], [&id(1), &id(0)]);
    assert_eq!(after[0]["last_used_at"], "2026-06-15T12:02:00Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_session_is_refused_at_once_with_both_its_tokens_on_every_instance() {
    let app = TestApp::spawn().await;
    let replica = app.replica().await;
    let client = app.client();
    let account = client.sign_up().await;
    let lost = log_in(&client, &account).await;
    replica.client().me(&lost.access).await.expect(200);

    let id = current(&client, &lost.access).await;
    delete(&client, &account.tokens.access, &id).await.expect(200);
    assert_ended(&app, &lost).await;
    assert_ended(&replica, &lost).await;
    assert_eq!(list(&client, &account.tokens.access).await.len(), 1);
    client.refresh(&account.tokens.refresh).await.expect(200);
    assert_eq!(app.audited().await.iter().filter(|event| *event == "session.revoked").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_that_asks_may_end_itself() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let id = current(&client, &account.tokens.access).await;
    delete(&client, &account.tokens.access, &id).await.expect(200);
    assert_ended(&app, &account.tokens).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_others_end_and_the_session_that_asks_lives() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let (account, stranger) = (client.sign_up().await, client.sign_up().await);
    let others = [log_in(&client, &account).await, log_in(&client, &account).await];
    client.call(Method::DELETE, SESSIONS, Some(&account.tokens.access), None).await.expect(200);
    for tokens in &others {
        assert_ended(&app, tokens).await;
    }
    client.refresh(&account.tokens.refresh).await.expect(200);
    client.refresh(&stranger.tokens.refresh).await.expect(200);
    // Nothing is left to end, and that is no fault.
    client.call(Method::DELETE, SESSIONS, Some(&account.tokens.access), None).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_ends_or_finds_out_about_a_session_of_somebody_else() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let (account, stranger) = (client.sign_up().await, client.sign_up().await);
    let foreign = current(&client, &stranger.tokens.access).await;
    let ended = log_in(&client, &account).await;
    let ended_id = current(&client, &ended.access).await;
    client.log_out(&ended.access).await.expect(200);

    let own = current(&client, &account.tokens.access).await;
    let mut bodies = Vec::new();
    for id in [
        foreign.as_str(),
        &ended_id,
        "00000000-0000-0000-0000-000000000000",
        "00000000-0000-7000-8000-00000000000g",
        "1",
        "me",
        "%27%20or%201%3D1",
        // Other spellings of an id are no ids.
        &own.replace('-', ""),
        &format!("%7B{own}%7D"),
    ] {
        let answer = delete(&client, &account.tokens.access, id).await;
        assert_eq!(answer.refusal(), (404, "not_found".into()), "{id}");
        let mut body = answer.json();
        for member in ["request_id", "instance"] {
            body.as_object_mut().unwrap().remove(member);
        }
        bodies.push(body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    client.me(&stranger.tokens.access).await.expect(200);
    client.refresh(&stranger.tokens.refresh).await.expect(200);
    assert!(list(&client, &account.tokens.access).await.iter().all(|session| session["id"] != foreign.as_str()));
    assert!(!app.audited().await.iter().any(|event| event == "session.revoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_beyond_its_idle_or_absolute_limit_is_neither_listed_nor_refreshed_nor_let_in_nor_ended() {
    for (variable, value) in [("SESSION_IDLE", "10m"), ("SESSION_ABSOLUTE", "10m")] {
        let app = TestApp::builder().set(variable, value).spawn().await;
        let client = app.client();
        let account = client.sign_up().await;
        let id = current(&client, &account.tokens.access).await;
        app.advance(9 * MINUTE);
        let fresh = log_in(&client, &account).await;
        assert_eq!(list(&client, &fresh.access).await.len(), 2, "{variable}");
        app.advance(MINUTE);
        assert_eq!(list(&client, &fresh.access).await.len(), 1, "{variable}");
        assert_eq!(client.me(&account.tokens.access).await.refusal(), (401, "token_revoked".into()), "{variable}");
        let refused = client.refresh(&account.tokens.refresh).await.refusal();
        assert_eq!(refused, (401, "token_expired".into()), "{variable}");
        assert_eq!(delete(&client, &fresh.access, &id).await.refusal(), (404, "not_found".into()), "{variable}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_last_refresh_token_has_expired_is_not_listed_any_more() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let body = json!({ "email": account.email, "password": account.password, "remember_me": true });
    client.post("/api/v1/auth/login", body).await.expect(200);
    app.advance(7 * DAY);
    let fresh = log_in(&client, &account).await;
    // The one that is remembered and the one that asks.
    assert_eq!(list(&client, &fresh.access).await.len(), 2);
    app.advance(23 * DAY);
    let fresh = log_in(&client, &account).await;
    assert_eq!(list(&client, &fresh.access).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_parallel_deletions_of_one_session_end_it_once() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let lost = log_in(&client, &account).await;
    let id = current(&client, &lost.access).await;
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (client, access, id) = (client.clone(), account.tokens.access.clone(), id.clone());
            tokio::spawn(async move { delete(&client, &access, &id).await.status.as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(call.await.unwrap());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 404].contains(status)), "{statuses:?}");
    assert_eq!(app.audited().await.iter().filter(|event| *event == "session.revoked").count(), 1);
}
