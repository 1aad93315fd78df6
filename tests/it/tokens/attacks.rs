//! The ways in which tokens have been forged elsewhere, each against the running service.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::forge::{self, Forger, hs256};
use crate::support::{Account, Client, TestApp};

/// A service, somebody who signed up, and somebody who holds the signing key.
struct Scene {
    app: TestApp,
    client: Client,
    account: Account,
    forger: Forger,
}

impl Scene {
    async fn set() -> Self {
        let app = TestApp::spawn().await;
        let client = app.client();
        let account = client.sign_up().await;
        let forger = Forger::with_the_key_of(&app, &account.tokens.access).await;
        Self { app, client, account, forger }
    }

    async fn published_key(&self) -> Value {
        self.client.get("/.well-known/jwks.json").await.expect(200).json()["keys"][0].clone()
    }

    /// Every token is refused as invalid, with a challenge and a body that does not show it; a good one still passes.
    async fn assert_invalid(&self, table: &[(&str, String)]) {
        for (case, token) in table {
            let answer = self.client.me(token).await;
            assert_eq!(answer.refusal(), (401, "invalid_token".into()), "{case}");
            let challenge = answer.header("www-authenticate");
            assert!(
                challenge.starts_with(r#"Bearer realm="portcullis", error="invalid_token""#),
                "{case}: {challenge}"
            );
            assert!(!String::from_utf8_lossy(&answer.body).contains(token), "{case}");
        }
        self.client.me(&self.account.tokens.access).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_a_signature_is_refused_however_it_spells_none() {
    let scene = Scene::set().await;
    let mut table = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", "", "null"] {
        table.push((alg, scene.forger.signed_by(json!({ "alg": alg }), |_| Vec::new())));
        table.push((alg, scene.forger.signed_by(json!({ "alg": alg, "kid": null }), |_| Vec::new())));
        table.push((alg, scene.forger.headed(json!({ "alg": alg }))));
        table.push((alg, scene.forger.signed_by(json!({ "alg": alg }), |_| b"signature".to_vec())));
    }
    scene.assert_invalid(&table).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_key_is_no_hmac_secret() {
    let scene = Scene::set().await;
    let jwk = scene.published_key().await;
    let text = jwk["x"].as_str().unwrap();
    let raw = URL_SAFE_NO_PAD.decode(text).unwrap();
    // SubjectPublicKeyInfo of an Ed25519 key (RFC 8410 §4).
    let spki = [&b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"[..], &raw].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&spki));
    let mut table = Vec::new();
    for (form, secret) in [
        ("raw", &raw[..]),
        ("base64url", text.as_bytes()),
        ("JWK", jwk.to_string().as_bytes()),
        ("DER", &spki),
        ("PEM", pem.as_bytes()),
        ("empty", b""),
    ] {
        for alg in ["HS256", "EdDSA"] {
            table.push((form, scene.forger.signed_by(json!({ "alg": alg }), hs256(secret))));
        }
        table.push((form, scene.forger.signed_by(json!({ "alg": "HS256", "kid": null }), hs256(secret))));
    }
    scene.assert_invalid(&table).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_neither_brings_its_own_key_nor_picks_another() {
    let scene = Scene::set().await;
    let stranger = Ed25519KeyPair::generate().unwrap();
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(stranger.public_key()) });
    let forged = |changes: Value| scene.forger.signed_by(changes, |message| stranger.sign(message).as_ref().to_vec());
    let ecdsa = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let by_ecdsa = |message: &[u8]| ecdsa.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec();
    scene
        .assert_invalid(&[
            ("a stranger's signature", forged(json!({}))),
            ("its own key in jwk", forged(json!({ "jwk": jwk }))),
            ("its own key in jwk, without kid", forged(json!({ "jwk": jwk, "kid": null }))),
            ("its own key by jku", forged(json!({ "jku": "http://127.0.0.1:1/jwks.json" }))),
            ("its own key by x5u", forged(json!({ "x5u": "http://127.0.0.1:1/cert.pem" }))),
            ("its own key in x5c", forged(json!({ "x5c": ["MIIB"] }))),
            ("ES256 under our kid", scene.forger.signed_by(json!({ "alg": "ES256" }), by_ecdsa)),
            ("RS256 under our kid", scene.forger.headed(json!({ "alg": "RS256" }))),
            ("an unknown kid", scene.forger.headed(json!({ "kid": "other" }))),
            ("no kid at all", forged(json!({ "kid": null }))),
            ("an empty kid", scene.forger.headed(json!({ "kid": "" }))),
            ("a kid that is a number", scene.forger.headed(json!({ "kid": 1 }))),
            ("a kid that is a list", scene.forger.headed(json!({ "kid": [scene.forger.header["kid"]] }))),
            ("a kid that is a path", forged(json!({ "kid": "../../../../dev/null" }))),
            ("a kid that is SQL", forged(json!({ "kid": "' union select 'secret' --" }))),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_must_be_understood_is_not_skipped() {
    let scene = Scene::set().await;
    let forger = &scene.forger;
    let twice = format!(r#"{{"alg":"EdDSA","kid":{},"typ":"at+jwt","alg":"none"}}"#, forger.header["kid"]);
    scene
        .assert_invalid(&[
            ("crit", forger.headed(json!({ "crit": ["exp"] }))),
            ("crit b64", forger.headed(json!({ "crit": ["b64"], "b64": false }))),
            ("crit empty", forger.headed(json!({ "crit": [] }))),
            ("typ of any JWT", forger.headed(json!({ "typ": "JWT" }))),
            ("typ of an ID token", forger.headed(json!({ "typ": "id+jwt" }))),
            ("typ of a refresh token", forger.headed(json!({ "typ": "rt+jwt" }))),
            ("no typ", forger.headed(json!({ "typ": null }))),
            ("alg twice", forger.signed(&twice, &forger.claims.to_string())),
            ("alg absent", forger.headed(json!({ "alg": null }))),
            ("a header that is a list", forger.signed("[]", &forger.claims.to_string())),
            ("a header that is no JSON", forger.signed("alg=EdDSA", &forger.claims.to_string())),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_is_no_whole_number_of_seconds_is_refused() {
    let scene = Scene::set().await;
    let forger = &scene.forger;
    let now = scene.app.clock_seconds();
    let twice = forger.claims.to_string().replacen('{', &format!(r#"{{"exp":{},"#, now + 9000), 1);
    scene
        .assert_invalid(&[
            ("exp as a string", forger.claiming(json!({ "exp": (now + 900).to_string() }))),
            ("exp absent", forger.claiming(json!({ "exp": null }))),
            ("exp null", forger.signed(&forger.header.to_string(), &null_exp(&forger.claims))),
            ("exp a float", forger.claiming(json!({ "exp": 1.9e10 }))),
            ("exp with a fraction", forger.claiming(json!({ "exp": 19_000_000_000.5 }))),
            ("exp negative", forger.claiming(json!({ "exp": -1 }))),
            ("exp beyond every number", forger.claiming(json!({ "exp": 1e300 }))),
            ("exp true", forger.claiming(json!({ "exp": true }))),
            ("exp a list", forger.claiming(json!({ "exp": [now + 900] }))),
            ("exp twice", forger.signed(&forger.header.to_string(), &twice)),
            ("nbf in the future", forger.claiming(json!({ "nbf": now + 60 }))),
            ("nbf as a string", forger.claiming(json!({ "nbf": now.to_string() }))),
            ("nbf absent", forger.claiming(json!({ "nbf": null }))),
            ("iat in the future", forger.claiming(json!({ "iat": now + 60 }))),
            ("iat absent", forger.claiming(json!({ "iat": null }))),
        ])
        .await;
}

fn null_exp(claims: &Value) -> String {
    let mut claims = claims.clone();
    claims["exp"] = Value::Null;
    claims.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_from_elsewhere_or_for_something_else_is_refused() {
    let scene = Scene::set().await;
    let forger = &scene.forger;
    let other = scene.client.sign_up().await;
    scene
        .assert_invalid(&[
            ("a foreign issuer", forger.claiming(json!({ "iss": "https://issuer.example" }))),
            ("an issuer in other case", forger.claiming(json!({ "iss": "Portcullis" }))),
            ("a list of issuers", forger.claiming(json!({ "iss": ["portcullis"] }))),
            ("no issuer", forger.claiming(json!({ "iss": null }))),
            ("a foreign audience", forger.claiming(json!({ "aud": "shop" }))),
            ("foreign audiences", forger.claiming(json!({ "aud": ["shop", "blog"] }))),
            ("one audience of several", forger.claiming(json!({ "aud": ["portcullis", "shop"] }))),
            ("an empty list of audiences", forger.claiming(json!({ "aud": [] }))),
            ("no audience", forger.claiming(json!({ "aud": null }))),
            ("a refresh token by its type", forger.claiming(json!({ "token_type": "refresh" }))),
            ("a reset token by its type", forger.claiming(json!({ "token_type": "password_reset" }))),
            ("no type", forger.claiming(json!({ "token_type": null }))),
            ("sub of somebody else", forger.claiming(json!({ "sub": other.id }))),
            ("user_id of somebody else", forger.claiming(json!({ "user_id": other.id }))),
            ("sub that is no id", forger.claiming(json!({ "sub": "admin", "user_id": "admin" }))),
            ("sub empty", forger.claiming(json!({ "sub": "", "user_id": "" }))),
            ("no sub", forger.claiming(json!({ "sub": null }))),
            ("no session", forger.claiming(json!({ "sid": null }))),
            ("a session that is no id", forger.claiming(json!({ "sid": "' or true --" }))),
            ("no jti", forger.claiming(json!({ "jti": null }))),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_not_the_users_counts_as_ended() {
    let scene = Scene::set().await;
    let other = scene.client.sign_up().await;
    let foreign = forge::read(&other.tokens.access).1["sid"].clone();
    let nobody = "00000000-0000-7000-8000-000000000000";
    for (case, changes) in [
        ("an unknown session", json!({ "sid": nobody })),
        ("the session of somebody else", json!({ "sid": foreign })),
        ("somebody else in this session", json!({ "sub": other.id, "user_id": other.id })),
        ("an unknown user", json!({ "sub": nobody, "user_id": nobody })),
    ] {
        let answer = scene.client.me(&scene.forger.claiming(changes)).await;
        assert_eq!(answer.refusal(), (401, "token_revoked".into()), "{case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_access_token_at_all_is_refused() {
    let scene = Scene::set().await;
    let forger = &scene.forger;
    let good = &forger.good;
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let other = scene.client.sign_up().await;
    let (_, other_signature) = other.tokens.access.rsplit_once('.').unwrap();
    let later = URL_SAFE_NO_PAD.encode(forger.claims.to_string().replace("\"exp\":", "\"exp\":1"));
    scene
        .assert_invalid(&[
            ("a refresh token", scene.account.tokens.refresh.clone()),
            ("text", "hello".to_owned()),
            ("two parts", message.to_owned()),
            ("no signature", format!("{message}.")),
            ("four parts", format!("{good}.{signature}")),
            ("no claims", format!("{header}..{signature}")),
            ("a later exp under the old signature", format!("{header}.{later}.{signature}")),
            ("the signature of another token", format!("{message}.{other_signature}")),
            ("a signature cut short", good[..good.len() - 4].to_owned()),
            ("padding", format!("{good}==")),
            ("the standard alphabet", format!("{header}.{claims}.{}", "+/".repeat(43))),
            ("claims that are a list", forger.signed(&forger.header.to_string(), "[]")),
            ("claims that are no JSON", forger.signed(&forger.header.to_string(), "exp=1")),
            ("a signature of zeros", forger.signed_by(json!({}), |_| vec![0; 64])),
            ("five thousand letters", "a".repeat(5000)),
            ("three thousand dots", ".".repeat(3000)),
        ])
        .await;
}
