//! Key set documents as they are met in the wild.

use aws_lc_rs::signature::{KeyPair, RsaPublicKeyComponents};
use portcullis_layers::jwt_auth::{Algorithm, Jwks, KeyError, NotJwks, SkipReason, VerifyingKey};
use serde_json::{Value, json};

use super::forge::{self, NOW, claims, encode, good, header, token_by};

fn ed() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": encode(forge::ED25519.public_key()), "kid": "ed"})
}

fn ec() -> Value {
    let (x, y) = forge::P256.public_key().as_ref()[1..].split_at(32);
    json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y), "kid": "ec"})
}

fn rsa() -> Value {
    let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(forge::RSA.public_key());
    json!({"kty": "RSA", "n": encode(n), "e": encode(e), "kid": "rsa"})
}

fn with(mut jwk: Value, member: &str, value: Value) -> Value {
    jwk[member] = value;
    jwk
}

fn parse(keys: &[Value]) -> Jwks {
    Jwks::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

#[test]
fn tokens_verify_with_the_keys_of_a_document() {
    let keys = parse(&[ed(), ec(), rsa()]).keys;
    let tokens = [
        good(),
        token_by(forge::p256, &header(&[("alg", r#""ES256""#), ("kid", r#""ec""#)]), claims(&[])),
        token_by(forge::rs256, &header(&[("alg", r#""RS256""#), ("kid", r#""rsa""#)]), claims(&[])),
    ];
    for token in tokens {
        assert!(forge::validation().verify(&keys, &token, NOW).is_ok());
    }
}

#[test]
fn the_algorithm_is_the_stated_one_or_that_of_the_type() {
    for (jwk, algorithm) in [
        (ed(), Algorithm::EdDSA),
        (with(ed(), "alg", json!("EdDSA")), Algorithm::EdDSA),
        (with(ed(), "alg", json!("Ed25519")), Algorithm::EdDSA),
        (ec(), Algorithm::ES256),
        (rsa(), Algorithm::RS256),
        (with(rsa(), "alg", json!("PS512")), Algorithm::PS512),
        (with(with(rsa(), "use", json!("sig")), "key_ops", json!(["verify"])), Algorithm::RS256),
    ] {
        let jwks = parse(std::slice::from_ref(&jwk));
        assert_eq!(jwks.keys.keys().first().map(VerifyingKey::algorithm), Some(algorithm), "{jwk}");
    }
}

#[test]
fn a_bad_key_is_skipped_and_reported_and_spoils_nothing() {
    let off_curve = with(ec(), "x", json!(encode([1; 32])));
    let table = [
        (json!("text"), SkipReason::Malformed),
        (json!(null), SkipReason::Malformed),
        (json!({"kid": "a"}), SkipReason::Malformed),
        (json!({"kty": "OKP", "crv": "Ed25519"}), SkipReason::Malformed),
        (with(ed(), "x", json!("not base64!")), SkipReason::Malformed),
        (with(ed(), "x", json!(encode([1; 31]))), SkipReason::Key(KeyError::InvalidKey)),
        (with(ed(), "kid", json!(1)), SkipReason::Malformed),
        (off_curve, SkipReason::Key(KeyError::InvalidKey)),
        (with(rsa(), "n", json!(encode([0xff; 128]))), SkipReason::Key(KeyError::WrongSize)),
        (json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "x"}), SkipReason::Unsupported),
        (with(ec(), "crv", json!("secp256k1")), SkipReason::Unsupported),
        (with(ed(), "crv", json!("X25519")), SkipReason::Unsupported),
        (with(ed(), "alg", json!("RS256")), SkipReason::Unsupported),
        (with(rsa(), "alg", json!("RSA-OAEP")), SkipReason::Unsupported),
        (with(rsa(), "alg", json!("none")), SkipReason::Unsupported),
        (with(ed(), "use", json!("enc")), SkipReason::WrongUse),
        (with(ed(), "key_ops", json!(["sign"])), SkipReason::WrongUse),
        (json!({"kty": "oct", "k": encode([1; 32]), "alg": "HS256"}), SkipReason::Symmetric),
        (with(ed(), "d", json!(encode([1; 32]))), SkipReason::Private),
        (with(ed(), "kid", json!("first")), SkipReason::Key(KeyError::Duplicate)),
    ];
    let mut keys = vec![with(ed(), "kid", json!("first"))];
    keys.extend(table.iter().map(|(jwk, _)| jwk.clone()));
    keys.push(ec());
    let jwks = parse(&keys);
    let kept: Vec<_> = jwks.keys.keys().iter().map(|key| key.kid().unwrap()).collect();
    assert_eq!(kept, ["first", "ec"]);
    for ((jwk, reason), skipped) in table.iter().zip(&jwks.skipped) {
        assert_eq!(skipped.reason, *reason, "{jwk}");
        assert_eq!(skipped.kid.as_deref(), jwk.get("kid").and_then(Value::as_str));
    }
    assert_eq!(
        jwks.skipped.iter().map(|skipped| skipped.index).collect::<Vec<_>>(),
        (1..=table.len()).collect::<Vec<_>>()
    );
}

#[test]
fn a_document_holds_a_hundred_keys_at_most() {
    let keys: Vec<_> = (0..105).map(|number| with(ed(), "kid", json!(number.to_string()))).collect();
    let jwks = parse(&keys);
    assert_eq!(jwks.keys.keys().len(), 100);
    assert!(jwks.skipped.iter().all(|skipped| skipped.reason == SkipReason::TooMany));
    assert_eq!(jwks.skipped.len(), 5);
}

#[test]
fn something_else_is_no_key_set() {
    for document in ["", "{}", "[]", "null", r#"{"keys":{}}"#, r#"{"keys":null}"#, "<html>", r#"{"keys":[]"#] {
        assert_eq!(Jwks::parse(document.as_bytes()).err(), Some(NotJwks), "{document}");
    }
    assert!(parse(&[]).keys.keys().is_empty());
}
