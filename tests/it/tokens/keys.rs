//! The published keys, and the keys at rest.

use aws_lc_rs::signature::Ed25519KeyPair;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::support::{Client, TestApp};

/// Verifies a token as another service would: with nothing but the published keys. Its clock is not ours, so time does not count.
async fn claims_by_published_key(client: &Client, token: &str) -> Result<Value, String> {
    let published: JwkSet =
        serde_json::from_value(client.get("/.well-known/jwks.json").await.expect(200).json()).unwrap();
    let header = decode_header(token).unwrap();
    let jwk = published.find(header.kid.as_deref().unwrap()).ok_or("the kid is not published")?;
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&["portcullis"]);
    validation.set_issuer(&["portcullis"]);
    validation.validate_exp = false;
    let verified = decode::<Value>(token, &DecodingKey::from_jwk(jwk).unwrap(), &validation);
    verified.map(|verified| verified.claims).map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn anybody_verifies_our_tokens_with_the_published_keys() {
    for (algorithm, kty) in [("EdDSA", "OKP"), ("ES256", "EC"), ("RS256", "RSA")] {
        let app = TestApp::builder().set("JWT_ALGORITHM", algorithm).spawn().await;
        let client = app.client();
        let account = client.sign_up().await;
        let next = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
        client.me(&next.access).await.expect(200);
        let claims = claims_by_published_key(&client, &next.access).await.unwrap();
        assert_eq!(claims["sub"], json!(account.id), "{algorithm}");
        let keys = client.get("/.well-known/jwks.json").await.json()["keys"].clone();
        assert_eq!(keys.as_array().unwrap().len(), 1);
        assert_eq!(
            (&keys[0]["alg"], &keys[0]["kty"], &keys[0]["use"]),
            (&json!(algorithm), &json!(kty), &json!("sig")),
            "{algorithm}"
        );
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(keys[0].get(private).is_none(), "{algorithm} publishes {private}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_set_may_be_cached_for_as_long_as_a_new_key_waits() {
    let app = TestApp::spawn().await;
    let answer = app.client().get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    assert_eq!(answer.header("content-type"), "application/jwk-set+json");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_secret_signs_with_hs256_and_is_published_nowhere() {
    let secret = "a JWT_SECRET of thirty-two bytes or more";
    let app = TestApp::builder().set("JWT_SECRET", secret).spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let next = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    client.me(&next.access).await.expect(200);
    let mut validation = Validation::new(decode_header(&next.access).unwrap().alg);
    validation.set_audience(&["portcullis"]);
    validation.validate_exp = false;
    decode::<Value>(&next.access, &DecodingKey::from_secret(secret.as_bytes()), &validation).unwrap();
    let published = client.get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(published.json(), json!({ "keys": [] }));
    let made = app.database.connect().await.query_one("select count(*) from signing_keys", &[]).await.unwrap();
    assert_eq!(made.get::<_, i64>(0), 0);

    let other = TestApp::builder().set("JWT_SECRET", &secret.to_uppercase()).on(app.database.clone()).spawn().await;
    assert_eq!(other.client().me(&next.access).await.refusal(), (401, "invalid_token".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn private_keys_rest_encrypted() {
    for algorithm in ["EdDSA", "ES256", "RS256"] {
        let app = TestApp::builder().set("JWT_ALGORITHM", algorithm).spawn().await;
        let sql = "select private_key_sealed, public_jwk from signing_keys";
        let row = app.database.connect().await.query_one(sql, &[]).await.unwrap();
        let (sealed, public): (Vec<u8>, Value) = (row.get(0), row.get(1));
        // PKCS#8 is a DER sequence that begins with its version and names the algorithm: Ed25519, EC or RSA.
        for plain in [
            &b"\x02\x01\x00\x30"[..],
            b"\x02\x01\x01\x30",
            b"\x06\x03\x2b\x65\x70",
            b"\x2a\x86\x48\xce\x3d",
            b"PRIVATE",
        ] {
            assert!(!sealed.windows(plain.len()).any(|window| window == plain), "{algorithm}");
        }
        assert!(Ed25519KeyPair::from_pkcs8(&sealed).is_err());
        assert!(public.get("d").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_with_another_encryption_key_refuses_to_start_and_names_the_variable() {
    let app = TestApp::spawn().await;
    let stranger = TestApp::builder().set("KEY_ENCRYPTION_KEY", "another secret that is long enough to be one");
    let said = stranger.on(app.database.clone()).try_spawn().await.err().expect("it started").to_string();
    assert!(said.contains("KEY_ENCRYPTION_KEY"), "{said}");
    assert!(!said.contains("another secret"), "{said}");
    let made = app.database.connect().await.query_one("select count(*) from signing_keys", &[]).await.unwrap();
    assert_eq!(made.get::<_, i64>(0), 1, "it left a key that the others cannot read");
}
