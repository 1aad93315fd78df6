//! How long tokens and sessions last. Only the clock moves.

use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::support::{Account, Client, TestApp, Tokens};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
const MICROSECOND: Duration = Duration::from_micros(1);

async fn remembered(client: &Client, account: &Account) -> Tokens {
    let body = json!({ "email": account.email, "password": account.password, "remember_me": true });
    client.call(Method::POST, "/api/v1/auth/login", None, Some(&body)).await.expect(200).tokens()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_lives_for_seven_days_and_one_that_is_remembered_for_thirty() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let forgotten = client.log_in(&account.email, &account.password).await.expect(200).tokens();
    let [kept, left] = [remembered(&client, &account).await, remembered(&client, &account).await];
    app.advance(7 * DAY - MICROSECOND);
    client.refresh(&account.tokens.refresh).await.expect(200);
    app.advance(MICROSECOND);
    assert_eq!(client.refresh(&forgotten.refresh).await.refusal(), (401, "token_expired".into()));
    app.advance(23 * DAY - MICROSECOND);
    // The next one lives for thirty days again.
    let kept = client.refresh(&kept.refresh).await.expect(200).tokens();
    app.advance(MICROSECOND);
    assert_eq!(client.refresh(&left.refresh).await.refusal(), (401, "token_expired".into()));
    app.advance(29 * DAY);
    client.refresh(&kept.refresh).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_lifetimes_follow_their_variables() {
    let builder = TestApp::builder().set("JWT_REFRESH_TOKEN_DURATION", "90s").set("JWT_ACCESS_TOKEN_DURATION", "30s");
    let app = builder.spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    assert_eq!(client.log_in(&account.email, &account.password).await.json()["expires_in"], 30);
    // Five seconds more, in which the clocks of two instances may differ.
    app.advance(Duration::from_secs(35));
    assert_eq!(client.me(&account.tokens.access).await.refusal(), (401, "token_expired".into()));
    app.advance(Duration::from_secs(55));
    assert_eq!(client.refresh(&account.tokens.refresh).await.refusal(), (401, "token_expired".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_it_is_idle_for_too_long() {
    let app = TestApp::builder().set("SESSION_IDLE", "10m").spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    app.advance(10 * MINUTE - MICROSECOND);
    let next = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    app.advance(10 * MINUTE - MICROSECOND);
    client.me(&next.access).await.expect(200);
    app.advance(MICROSECOND);
    assert_eq!(client.me(&next.access).await.refusal(), (401, "token_revoked".into()));
    assert_eq!(client.refresh(&next.refresh).await.refusal(), (401, "token_expired".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_however_often_it_is_refreshed() {
    let app = TestApp::builder().set("SESSION_ABSOLUTE", "10d").spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let mut tokens = remembered(&client, &account).await;
    for _ in 0..9 {
        app.advance(DAY);
        tokens = client.refresh(&tokens.refresh).await.expect(200).tokens();
    }
    app.advance(DAY - MICROSECOND);
    tokens = client.refresh(&tokens.refresh).await.expect(200).tokens();
    client.me(&tokens.access).await.expect(200);
    app.advance(MICROSECOND);
    assert_eq!(client.refresh(&tokens.refresh).await.refusal(), (401, "token_expired".into()));
    assert_eq!(client.me(&tokens.access).await.refusal(), (401, "token_revoked".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lives_for_ninety_days_unless_told_otherwise() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let mut tokens = remembered(&client, &account).await;
    for _ in 0..4 {
        app.advance(20 * DAY);
        tokens = client.refresh(&tokens.refresh).await.expect(200).tokens();
    }
    app.advance(10 * DAY);
    assert_eq!(client.refresh(&tokens.refresh).await.refusal(), (401, "token_expired".into()));
}
