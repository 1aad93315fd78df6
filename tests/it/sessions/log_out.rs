//! Log-out: what ends, what lives, and from when on.

use http::Method;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use super::shape;
use crate::support::{Client, TestApp, Tokens};

async fn assert_ended(client: &Client, tokens: &Tokens, case: &str) {
    assert_eq!(client.me(&tokens.access).await.refusal(), (401, "token_revoked".into()), "{case}");
    assert_eq!(client.refresh(&tokens.refresh).await.refusal(), (401, "token_revoked".into()), "{case}");
}

async fn assert_alive(client: &Client, tokens: &Tokens) -> Tokens {
    client.me(&tokens.access).await.expect(200);
    client.refresh(&tokens.refresh).await.expect(200).tokens()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_log_outs_say_that_they_are_done() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let other = client.log_in(&account.email, &account.password).await.expect(200).tokens();
    assert_json_snapshot!(shape(&client.log_out(&account.tokens.access).await.expect(200)), @r#"
    {
      "message": "You are logged out.",
      "request_id": "[request_id]",
      "success": true,
      "timestamp": "2026-06-15T12:00:00Z"
    }
    "#);
    assert_json_snapshot!(shape(&client.log_out_everywhere(&other.access).await.expect(200)), @r#"
    {
      "message": "You are logged out on every device.",
      "request_id": "[request_id]",
      "success": true,
      "timestamp": "2026-06-15T12:00:00Z"
    }
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_out_ends_this_session_alone_and_at_once_whatever_body_it_has() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let mut kept = client.log_in(&account.email, &account.password).await.expect(200).tokens();
    for case in ["no body", "{}", "null", "its own token", "the token of another session", "nonsense"] {
        let tokens = client.log_in(&account.email, &account.password).await.expect(200).tokens();
        let body: Option<Value> = match case {
            "no body" => None,
            "{}" => Some(json!({})),
            "null" => Some(json!({ "refresh_token": null })),
            "its own token" => Some(json!({ "refresh_token": tokens.refresh })),
            "the token of another session" => Some(json!({ "refresh_token": kept.refresh })),
            _ => Some(json!({ "refresh_token": "nonsense" })),
        };
        client.call(Method::POST, "/api/v1/auth/logout", Some(&tokens.access), body.as_ref()).await.expect(200);
        assert_ended(&client, &tokens, case).await;
        kept = assert_alive(&client, &kept).await;
    }
    assert_alive(&client, &account.tokens).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_out_with_a_body_that_it_does_not_have_ends_nothing() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    for path in ["/api/v1/auth/logout", "/api/v1/auth/logout-all"] {
        for (body, code) in [
            (json!({ "session_id": "x" }), "unknown_field"),
            (json!({ "refresh_token": 7 }), "validation_error"),
            (json!([]), "malformed_json"),
        ] {
            let answer = client.call(Method::POST, path, Some(&account.tokens.access), Some(&body)).await;
            assert_eq!(answer.refusal(), (400, code.into()), "{path} {body}");
        }
    }
    assert_alive(&client, &account.tokens).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_out_everywhere_ends_every_session_of_this_user_and_of_nobody_else() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let stranger = client.sign_up().await;
    let mut sessions = vec![account.tokens.clone()];
    for _ in 0..3 {
        sessions.push(client.log_in(&account.email, &account.password).await.expect(200).tokens());
    }
    sessions.push(client.refresh(&sessions[1].refresh).await.expect(200).tokens());
    client.log_out_everywhere(&sessions[2].access).await.expect(200);
    for tokens in &sessions {
        assert_ended(&client, tokens, "everywhere").await;
    }
    assert_alive(&client, &stranger.tokens).await;
    // Nothing stands in the way of the next log-in.
    let again = client.log_in(&account.email, &account.password).await.expect(200).tokens();
    assert_alive(&client, &again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_session_cannot_log_out_again_and_neither_can_a_stranger() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    client.log_out(&account.tokens.access).await.expect(200);
    let body = json!({ "refresh_token": account.tokens.refresh });
    for path in ["/api/v1/auth/logout", "/api/v1/auth/logout-all"] {
        let answer = client.call(Method::POST, path, Some(&account.tokens.access), None).await;
        assert_eq!(answer.refusal(), (401, "token_revoked".into()), "{path}");
        assert_eq!(client.post(path, body.clone()).await.refusal(), (401, "missing_token".into()), "{path}");
    }
    assert_eq!(app.audited().await.iter().filter(|event| event.starts_with("logout")).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_log_outs_of_one_session_end_it_once() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let calls = (0..10).map(|_| {
        let (client, access) = (client.clone(), account.tokens.access.clone());
        tokio::spawn(async move { client.log_out(&access).await })
    });
    for call in calls.collect::<Vec<_>>() {
        let answer = call.await.unwrap();
        assert!(answer.status == 200 || answer.refusal() == (401, "token_revoked".into()), "{answer:?}");
    }
    assert_ended(&client, &account.tokens, "in parallel").await;
}
