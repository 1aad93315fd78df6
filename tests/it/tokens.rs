//! Access tokens: what is accepted, what is not, and the keys behind them.

mod attacks;
mod forge;
mod headers;
mod keys;
mod rotation;

use std::time::Duration;

use serde_json::json;

use crate::support::TestApp;
use forge::Forger;

#[tokio::test(flavor = "multi_thread")]
async fn a_token_says_who_for_whom_and_until_when() {
    let app = TestApp::spawn().await;
    let account = app.client().sign_up().await;
    let (header, claims) = forge::read(&account.tokens.access);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("at+jwt")));
    assert!(header["kid"].is_string());
    let now = app.clock_seconds();
    assert_eq!(claims["iss"], "portcullis");
    assert_eq!(claims["aud"], "portcullis");
    assert_eq!((&claims["sub"], &claims["user_id"]), (&json!(account.id), &json!(account.id)));
    assert_eq!(claims["token_type"], "access");
    assert_eq!((&claims["iat"], &claims["nbf"], &claims["exp"]), (&json!(now), &json!(now), &json!(now + 900)));
    assert!(claims["sid"].is_string() && claims["jti"].is_string());
    assert_eq!(claims.as_object().unwrap().len(), 10, "{claims}");
}

#[tokio::test(flavor = "multi_thread")]
async fn issuer_and_audience_follow_their_variables() {
    for (variables, issuer) in [
        (&[("PUBLIC_URL", "https://accounts.example.com/")][..], "https://accounts.example.com"),
        (&[("PUBLIC_URL", "https://accounts.example.com"), ("JWT_ISSUER", "issuer")], "issuer"),
    ] {
        let builder = TestApp::builder().set("JWT_AUDIENCE", "shop");
        let app = variables.iter().fold(builder, |builder, (name, value)| builder.set(name, value)).spawn().await;
        let account = app.client().sign_up().await;
        let (_, claims) = forge::read(&account.tokens.access);
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(issuer), &json!("shop")));
        app.client().me(&account.tokens.access).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_token_expires_five_seconds_after_its_end() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    app.advance(Duration::from_secs(904));
    client.me(&account.tokens.access).await.expect(200);
    app.advance(Duration::from_secs(1));
    let answer = client.me(&account.tokens.access).await;
    assert_eq!(answer.refusal(), (401, "token_expired".into()));
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with(r#"Bearer realm="portcullis", error="invalid_token""#), "{challenge}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_forgers_own_tokens_pass_as_long_as_they_are_honest() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let forger = Forger::with_the_key_of(&app, &account.tokens.access).await;
    for (case, token) in [
        ("unchanged", forger.claiming(json!({}))),
        ("typ in full", forger.headed(json!({ "typ": "application/at+jwt" }))),
        ("a claim that nobody reads", forger.claiming(json!({ "role": "admin" }))),
        ("a jku that nobody follows", forger.headed(json!({ "jku": "http://127.0.0.1:1/jwks.json" }))),
    ] {
        assert_eq!(client.me(&token).await.expect(200).json()["id"], json!(account.id), "{case}");
    }
}
