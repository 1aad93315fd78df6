//! Log-in: what it takes, what it gives, what it leaves in the database.

mod control;
mod log_out;
mod new_device;

use std::collections::BTreeSet;

use http::Method;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::support::{Account, Answer, PASSWORD, TestApp};

/// The body of an answer with what differs from run to run put out of sight.
fn shape(answer: &Answer) -> Value {
    let mut body = answer.json();
    for name in ["access_token", "refresh_token", "request_id"] {
        if let Some(value) = body.get_mut(name) {
            assert!(value.as_str().is_some_and(|text| !text.is_empty()), "{name} in {answer:?}");
            *value = format!("[{name}]").into();
        }
    }
    if let Some(id) = body.pointer_mut("/user/id") {
        assert!(id.as_str().is_some_and(|id| id.len() == 36), "{answer:?}");
        *id = "[uuid]".into();
    }
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_answers_with_a_pair_of_tokens_and_the_user_and_a_refresh_with_the_same() {
    let app = TestApp::spawn().await;
    let client = app.client();
    client.register("ada@example.com", PASSWORD).await.expect(201);
    let log_in = client.log_in("ada@example.com", PASSWORD).await.expect(200);
    assert_json_snapshot!(shape(&log_in), @r#"
    {
      "access_token": "[access_token]",
      "expires_in": 900,
      "refresh_token": "[refresh_token]",
      "request_id": "[request_id]",
      "timestamp": "2026-06-15T12:00:00Z",
      "token_type": "Bearer",
      "user": {
        "created_at": "2026-06-15T12:00:00Z",
        "email": "ada@example.com",
        "first_name": "Ada",
        "full_name": "Ada Lovelace",
        "id": "[uuid]",
        "is_active": true,
        "is_email_verified": false,
        "last_login_at": "2026-06-15T12:00:00Z",
        "last_name": "Lovelace",
        "updated_at": "2026-06-15T12:00:00Z"
      }
    }
    "#);
    let refresh = client.refresh(&log_in.tokens().refresh).await.expect(200);
    assert_eq!(shape(&refresh), shape(&log_in));
    for answer in [&log_in, &refresh] {
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.json()["request_id"], answer.header("x-request-id"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_log_in_answers_with_a_problem_and_a_challenge_without_an_error() {
    let app = TestApp::spawn().await;
    let answer = app.client().log_in("nobody@example.com", "not the password").await.expect(401);
    assert_json_snapshot!(shape(&answer), @r#"
    {
      "detail": "The e-mail address or the password is wrong.",
      "error": "invalid_credentials",
      "instance": "/api/v1/auth/login",
      "message": "The e-mail address or the password is wrong.",
      "request_id": "[request_id]",
      "status": 401,
      "timestamp": "2026-06-15T12:00:00Z",
      "title": "Unauthorized",
      "type": "about:blank"
    }
    "#);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="portcullis""#);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_log_in_is_named_at_once_and_costs_no_hash() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for (body, code, fields) in [
        (json!({}), "validation_error", &["email", "password"][..]),
        (json!({ "email": null, "password": "" }), "validation_error", &["email", "password"]),
        (
            json!({ "email": 1, "password": 2, "remember_me": 3 }),
            "validation_error",
            &["email", "password", "remember_me"],
        ),
        (
            json!({ "email": "a@b.example", "password": "x", "remember_me": "true" }),
            "validation_error",
            &["remember_me"],
        ),
        (json!({ "email": "not an address", "password": "x" }), "validation_error", &["email"]),
        (json!({ "email": "a@b.example", "password": "x".repeat(20_000) }), "validation_error", &["password"]),
        (json!({ "email": "a@b.example", "password": "x", "username": "a" }), "unknown_field", &["username"]),
    ] {
        let answer = client.post("/api/v1/auth/login", body).await;
        assert_eq!(answer.refusal(), (400, code.to_owned()));
        let details = answer.json()["details"].clone();
        let named: Vec<_> = details.as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap()).collect();
        assert_eq!(named, fields);
    }
    assert_eq!(app.audited().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_grants_themselves_anything_by_a_field_of_the_body() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let access = Some(account.tokens.access.as_str());
    for (field, value) in [
        ("user_id", json!("00000000-0000-0000-0000-000000000001")),
        ("role", json!("admin")),
        ("is_email_verified", json!(true)),
        ("is_active", json!(true)),
        ("session_id", json!("00000000-0000-0000-0000-000000000001")),
        ("__proto__", json!({})),
    ] {
        for (path, access, mut body) in [
            ("login", None, json!({ "email": account.email, "password": account.password })),
            ("refresh", None, json!({ "refresh_token": account.tokens.refresh })),
            ("logout", access, json!({})),
            ("logout-all", access, json!({})),
        ] {
            body[field] = value.clone();
            let answer = client.call(Method::POST, &format!("/api/v1/auth/{path}"), access, Some(&body)).await;
            assert_eq!(answer.refusal(), (400, "unknown_field".into()), "{path} with {field}");
            assert_eq!(answer.json()["details"][0]["field"], field, "{path}");
        }
    }
    client.me(&account.tokens.access).await.expect(200);
    client.refresh(&account.tokens.refresh).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_log_in_opens_a_session_of_its_own_that_knows_its_device() {
    let app = TestApp::builder().set("TRUSTED_PROXIES", "127.0.0.0/8").spawn().await;
    let account = app.client().sign_up().await;
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0";
    let client = app.client().with_header("user-agent", agent).with_header("x-forwarded-for", "2001:db8::7");
    let body = json!({ "email": account.email, "password": account.password, "remember_me": true });
    client.post("/api/v1/auth/login", body).await.expect(200);
    let sql = "select user_agent, host(ip_address), remember_me, device_info, expires_at - created_at = interval '90 days' \
               from sessions order by user_agent";
    let rows = app.database.connect().await.query(sql, &[]).await.unwrap();
    assert_eq!(rows.len(), 2, "the session of the sign-up is another one");
    let row = &rows[1];
    assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), (agent, "2001:db8::7"));
    assert!(row.get::<_, bool>(2) && row.get::<_, bool>(4));
    let device: &str = row.get(3);
    assert!(device.contains("Firefox") && device.contains("Linux"), "{device}");
    client.me(&account.tokens.access).await.expect(200);
}

/// The answers to `count` log-ins at once.
async fn at_once(app: &TestApp, account: &Account, count: usize) -> Vec<Answer> {
    let calls = (0..count).map(|_| {
        let (client, account) = (app.client(), account.clone());
        tokio::spawn(async move { client.log_in(&account.email, &account.password).await })
    });
    let mut answers = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        answers.push(call.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_parallel_log_ins_open_twenty_sessions() {
    let app = TestApp::spawn().await;
    let account = app.client().sign_up().await;
    let answers = at_once(&app, &account, 20).await;
    let refresh: BTreeSet<_> = answers.into_iter().map(|answer| answer.expect(200).tokens().refresh).collect();
    assert_eq!(refresh.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_log_ins_that_all_find_an_old_hash_all_come_in() {
    let app = TestApp::spawn().await;
    let account = app.client().sign_up().await;
    let stronger = TestApp::builder().set("PASSWORD_BCRYPT_COST", "5").on(app.database.clone()).spawn().await;
    for answer in at_once(&stronger, &account, 12).await {
        answer.expect(200);
    }
    assert_eq!(app.audited().await.iter().filter(|event| *event == "login.succeeded").count(), 12);
    assert!(!app.audited().await.contains(&"login.failed".to_owned()));
}
