//! Settings as clients feel them: what each changes in answers.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::support::{PASSWORD, TestApp, TestAppBuilder};

fn with(settings: &[(&str, &str)]) -> TestAppBuilder {
    settings.iter().fold(TestApp::builder(), |builder, (name, value)| builder.set(name, value))
}

/// Header and claims of a token, unverified.
fn parts(token: &str) -> [Value; 2] {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    [(); 2].map(|()| serde_json::from_slice(&parts.next().unwrap()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_the_operators_signs_with_hs256_and_publishes_no_key() {
    let secret = "0123456789abcdef0123456789abcdef";
    let app = with(&[("JWT_SECRET", secret)]).spawn().await;
    let account = app.client().sign_up().await;
    let [header, _] = parts(&account.tokens.access);
    assert_eq!(header["alg"], "HS256");
    assert_eq!(app.client().get("/.well-known/jwks.json").await.expect(200).json()["keys"], serde_json::json!([]));
    app.client().me(&account.tokens.access).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_algorithm_of_generated_keys_can_be_chosen() {
    for algorithm in ["EdDSA", "ES256", "RS256"] {
        let app = with(&[("JWT_ALGORITHM", algorithm)]).spawn().await;
        let account = app.client().sign_up().await;
        let [header, _] = parts(&account.tokens.access);
        assert_eq!((&header["alg"], &header["typ"]), (&algorithm.into(), &"at+jwt".into()));
        let keys = app.client().get("/.well-known/jwks.json").await.expect(200).json();
        assert_eq!((&keys["keys"][0]["alg"], &keys["keys"][0]["kid"]), (&header["alg"], &header["kid"]));
        assert!(keys["keys"][0]["d"].is_null(), "{keys}");
        app.client().me(&account.tokens.access).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn issuer_audience_and_lifetime_of_tokens_can_be_chosen() {
    let app = with(&[
        ("JWT_AUDIENCE", "shop"),
        ("PUBLIC_URL", "https://accounts.example.com/"),
        ("JWT_ACCESS_TOKEN_DURATION", "90s"),
    ]);
    let app = app.spawn().await;
    let answer = app.client().register("ada@example.com", PASSWORD).await.expect(201);
    assert_eq!(answer.json()["expires_in"], 90);
    let [_, claims] = parts(&answer.tokens().access);
    assert_eq!((&claims["iss"], &claims["aud"]), (&"https://accounts.example.com".into(), &"shop".into()));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 90);
    app.advance(Duration::from_secs(100));
    app.client().me(&answer.tokens().access).await.expect_problem(401, "token_expired");
    let named = with(&[("JWT_ISSUER", "the gate"), ("PUBLIC_URL", "https://accounts.example.com")]).spawn().await;
    let [_, claims] = parts(&named.client().sign_up().await.tokens.access);
    assert_eq!(claims["iss"], "the gate");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_least_length_of_a_password_can_be_raised() {
    let app = with(&[("PASSWORD_MIN_LENGTH", "20")]).spawn().await;
    let answer = app.client().register("ada@example.com", "nineteen characters").await;
    answer.expect_problem(400, "validation_error");
    assert_eq!(answer.faults(), [("password".into(), "too_short".into())]);
    app.client().register("ada@example.com", "twenty characters ok").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn log_in_can_be_made_to_wait_for_a_verified_address() {
    let app = with(&[("REQUIRE_VERIFIED_EMAIL", "true")]).spawn().await;
    let account = app.client().sign_up().await;
    app.client().log_in(&account.email, PASSWORD).await.expect_problem(403, "email_not_verified");
    let verify = "update users set is_email_verified = true";
    app.database.connect().await.batch_execute(verify).await.unwrap();
    app.client().log_in(&account.email, PASSWORD).await.expect(200);
}
