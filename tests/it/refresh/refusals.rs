//! Refresh tokens that are turned away, and what that does not change.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

const DAY: Duration = Duration::from_secs(86_400);
const CHALLENGE: &str = r#"Bearer realm="portcullis", error="invalid_token""#;

#[track_caller]
fn assert_refused(answer: &Answer, code: &str, case: &str) {
    assert_eq!(answer.refusal(), (401, code.to_owned()), "{case}");
    assert_eq!(answer.header("www-authenticate"), CHALLENGE, "{case}");
    assert_eq!(answer.header("cache-control"), "no-store", "{case}");
}

/// Every session and refresh token, as text.
async fn families(app: &TestApp) -> Vec<String> {
    let sql = "select t::text from sessions t union all select t::text from refresh_tokens t order by 1";
    app.database.connect().await.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_or_malformed_token_is_invalid_and_touches_no_family() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let before = families(&app).await;
    let known = &account.tokens.refresh;
    let other_case: String = known
        .chars()
        .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    for (case, token) in [
        ("unknown", "A".repeat(43)),
        ("empty", String::new()),
        ("short", "abc".to_owned()),
        ("one character less", known[1..].to_owned()),
        ("one character more", format!("{known}A")),
        ("padded", format!("{known}=")),
        ("with white space", format!(" {known}")),
        ("in other letter case", other_case),
        ("the standard alphabet", "+/".repeat(21) + "A"),
        ("an access token", account.tokens.access.clone()),
        ("SQL", "' or 1=1 --".to_owned()),
        ("NUL", format!("{known}\0")),
        ("very long", "A".repeat(10_000)),
    ] {
        assert_refused(&client.refresh(&token).await, "invalid_token", case);
    }
    assert_eq!(families(&app).await, before);
    client.refresh(known).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_a_token_is_a_fault_of_the_body() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for (body, code, field) in [
        (json!({}), "validation_error", "refresh_token"),
        (json!({ "refresh_token": null }), "validation_error", "refresh_token"),
        (json!({ "refresh_token": 12_345 }), "validation_error", "refresh_token"),
        (json!({ "refresh_token": ["a"] }), "validation_error", "refresh_token"),
        (json!({ "refresh_token": "a", "user_id": "b" }), "unknown_field", "user_id"),
    ] {
        let answer = client.post("/api/v1/auth/refresh", body.clone()).await;
        assert_eq!(answer.refusal(), (400, code.to_owned()), "{body}");
        assert_eq!(answer.json()["details"][0]["field"], Value::from(field), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_says_so_and_leaves_its_family_alone() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    app.advance(7 * DAY);
    let before = families(&app).await;
    assert_refused(&client.refresh(&account.tokens.refresh).await, "token_expired", "the token's end");
    assert_eq!(families(&app).await, before);
    assert!(!app.audited().await.contains(&"token.reuse_detected".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_revoked_alone_leaves_its_family_alone() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    app.database.connect().await.execute("update refresh_tokens set is_revoked = true", &[]).await.unwrap();
    let before = families(&app).await;
    assert_refused(&client.refresh(&account.tokens.refresh).await, "token_revoked", "revoked");
    assert_eq!(families(&app).await, before);
    client.me(&account.tokens.access).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_an_ended_session_does_not_end_it_again() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let next = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    client.log_out(&next.access).await.expect(200);
    app.advance(Duration::from_secs(60));
    let before = families(&app).await;
    for (case, token) in [("rotated", &account.tokens.refresh), ("newest", &next.refresh)] {
        assert_refused(&client.refresh(token).await, "token_revoked", case);
    }
    assert_eq!(families(&app).await, before);
    assert!(!app.audited().await.contains(&"token.reuse_detected".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_carries_the_challenge_of_an_invalid_token() {
    let app = TestApp::builder().set("REFRESH_GRACE", "0s").spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    client.refresh(&account.tokens.refresh).await.expect(200);
    assert_refused(&client.refresh(&account.tokens.refresh).await, "refresh_token_reused", "replay");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_refusal_shows_the_token_that_it_refuses() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    client.log_out(&account.tokens.access).await.expect(200);
    for token in [account.tokens.refresh, "A".repeat(43), "not-a-token".to_owned()] {
        let answer = client.refresh(&token).await.expect(401);
        assert!(!String::from_utf8_lossy(&answer.body).contains(&token));
    }
}
