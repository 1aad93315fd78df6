//! Keys in memory: what is signed verifies, what is published is public, and the right key signs.

use std::sync::Arc;

use jiff::Timestamp;
use portcullis_layers::jwt_auth::{Fault, KeySet, Rejection, Verified};
use secrecy::ExposeSecret;
use serde_json::Value;
use uuid::Uuid;

use super::key_pair::KeyPair;
use super::ring::{Ring, SigningKey};
use super::{KeysError, PUBLISH_AHEAD, SigningKeys};
use crate::auth::jwt::{self, AccessClaims};
use crate::config::KeyAlgorithm;

const NOW: i64 = 1_800_000_000;
const SECRET: &[u8] = b"a JWT_SECRET of 32 bytes or more";
const ALGORITHMS: [(KeyAlgorithm, &str); 3] =
    [(KeyAlgorithm::EdDsa, "EdDSA"), (KeyAlgorithm::Es256, "ES256"), (KeyAlgorithm::Rs256, "RS256")];

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW + seconds).unwrap()
}

fn claims() -> AccessClaims {
    let user = Uuid::from_u128(1);
    AccessClaims {
        iss: "portcullis".into(),
        aud: "portcullis".into(),
        sub: user,
        user_id: user,
        sid: Uuid::from_u128(2),
        jti: Uuid::from_u128(3),
        token_type: jwt::ACCESS.into(),
        iat: NOW,
        nbf: NOW,
        exp: NOW + 900,
    }
}

fn verify(keys: &KeySet, token: &str) -> Result<Verified<AccessClaims>, Rejection> {
    let now = u64::try_from(NOW).unwrap();
    jwt::validation("portcullis", "portcullis").unwrap().verify(keys, token, now)
}

fn key(algorithm: KeyAlgorithm, activates: i64) -> Arc<SigningKey> {
    Arc::new(SigningKey::from_pair(KeyPair::generate(algorithm).unwrap(), at(activates)))
}

fn header_of(token: &str) -> Value {
    use base64::Engine;
    let part = token.split('.').next().unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn every_algorithm_signs_what_the_layer_verifies() {
    for (algorithm, name) in ALGORITHMS {
        let (ring, keys) = Ring::of_pairs(vec![key(algorithm, 0)]).unwrap();
        let token = ring.sign(&claims(), at(0)).unwrap();
        let verified = verify(&keys, &token).unwrap();
        assert_eq!(verified.claims(), &claims(), "{name}");
        let header = header_of(&token);
        assert_eq!(header["alg"], name);
        assert_eq!(header["typ"], "at+jwt");
        assert_eq!(header["kid"].as_str(), verified.kid());
    }
}

#[test]
fn a_shared_secret_signs_and_publishes_nothing() {
    let keys = SigningKeys::from_secret(SECRET).unwrap();
    let token = keys.sign(&claims(), at(0)).unwrap();
    assert_eq!(header_of(&token)["alg"], "HS256");
    assert_eq!(verify(&keys.verifying().load(), &token).unwrap().claims(), &claims());
    assert_eq!(keys.jwks(), r#"{"keys":[]}"#);

    let others = SigningKeys::from_secret(b"another JWT_SECRET of 32 bytes ..").unwrap();
    let foreign = others.sign(&claims(), at(0)).unwrap();
    assert_eq!(verify(&keys.verifying().load(), &foreign).err(), Some(Rejection::InvalidToken(Fault::UnknownKey)));
    assert!(matches!(SigningKeys::from_secret(&SECRET[1..]), Err(KeysError::ShortSecret)));
}

#[test]
fn the_published_set_holds_public_members_only() {
    let members: [&[&str]; 3] = [
        &["alg", "crv", "kid", "kty", "use", "x"],
        &["alg", "crv", "kid", "kty", "use", "x", "y"],
        &["alg", "e", "kid", "kty", "n", "use"],
    ];
    let (ring, _) = Ring::of_pairs(ALGORITHMS.map(|(algorithm, _)| key(algorithm, 0)).into()).unwrap();
    let document: Value = serde_json::from_slice(&ring.jwks()).unwrap();
    let published = document["keys"].as_array().unwrap();
    assert_eq!(published.len(), 3);
    for (jwk, ((_, name), expected)) in published.iter().zip(ALGORITHMS.into_iter().zip(members)) {
        let mut found: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, expected);
        assert_eq!((&jwk["alg"], &jwk["use"]), (&Value::from(name), &Value::from("sig")));
    }
}

#[test]
fn the_id_is_the_thumbprint_that_other_implementations_compute() {
    for (algorithm, name) in ALGORITHMS {
        let public = KeyPair::generate(algorithm).unwrap().public();
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(public.jwk).unwrap();
        let thumbprint = jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap();
        assert_eq!(public.kid, thumbprint, "{name}");
    }
}

#[test]
fn a_private_key_survives_storage_and_only_under_its_algorithm() {
    for (algorithm, name) in ALGORITHMS {
        let pair = KeyPair::generate(algorithm).unwrap();
        let stored = pair.to_pkcs8().unwrap();
        let read = KeyPair::from_pkcs8(name, stored.expose_secret()).unwrap();
        assert_eq!(read.public().kid, pair.public().kid, "{name}");
        for (_, other) in ALGORITHMS.iter().filter(|other| other.1 != name) {
            assert!(KeyPair::from_pkcs8(other, stored.expose_secret()).is_none(), "{name} as {other}");
        }
        assert!(KeyPair::from_pkcs8("HS256", stored.expose_secret()).is_none());
        assert!(KeyPair::from_pkcs8(name, b"damaged").is_none());
    }
}

#[test]
fn a_new_key_is_published_first_and_signs_later() {
    let ahead = i64::try_from(PUBLISH_AHEAD.as_secs()).unwrap();
    assert_eq!(ahead, 315);
    let (old, new) = (key(KeyAlgorithm::EdDsa, -1000), key(KeyAlgorithm::EdDsa, ahead));
    let (ring, keys) = Ring::of_pairs(vec![new.clone(), old.clone()]).unwrap();
    assert_eq!(keys.keys().len(), 2);
    for (seconds, signer) in [(0, &old), (ahead - 1, &old), (ahead, &new), (ahead + 1000, &new)] {
        let token = ring.sign(&claims(), at(seconds)).unwrap();
        assert_eq!(header_of(&token)["kid"], signer.kid, "after {seconds} s");
        assert!(verify(&keys, &token).is_ok());
    }
}

#[test]
fn a_clock_that_runs_behind_signs_with_the_first_key_all_the_same() {
    let (first, second) = (key(KeyAlgorithm::EdDsa, 2), key(KeyAlgorithm::EdDsa, 300));
    let (ring, _) = Ring::of_pairs(vec![second, first.clone()]).unwrap();
    assert_eq!(header_of(&ring.sign(&claims(), at(0)).unwrap())["kid"], first.kid);
}

#[test]
fn nothing_is_signed_without_a_key() {
    let (ring, keys) = Ring::of_pairs(Vec::new()).unwrap();
    assert!(matches!(ring.sign(&claims(), at(0)), Err(KeysError::NoKey)));
    assert_eq!(ring.jwks(), r#"{"keys":[]}"#);
    assert!(keys.keys().is_empty());
}

#[test]
fn tokens_with_other_purposes_or_claims_missing_are_refused() {
    let (ring, keys) = Ring::of_pairs(vec![key(KeyAlgorithm::EdDsa, 0)]).unwrap();
    let verdict = |change: fn(&mut AccessClaims)| {
        let mut claims = claims();
        change(&mut claims);
        verify(&keys, &ring.sign(&claims, at(0)).unwrap()).err()
    };
    assert_eq!(verdict(|_| {}), None);
    assert_eq!(
        verdict(|claims| claims.token_type = "refresh".into()),
        Some(Rejection::InvalidToken(Fault::ClaimsCheck))
    );
    assert_eq!(verdict(|claims| claims.user_id = Uuid::nil()), Some(Rejection::InvalidToken(Fault::ClaimsCheck)));
    assert_eq!(verdict(|claims| claims.iss = "other".into()), Some(Rejection::InvalidToken(Fault::Issuer)));
    assert_eq!(verdict(|claims| claims.aud = "other".into()), Some(Rejection::InvalidToken(Fault::Audience)));
    assert_eq!(verdict(|claims| claims.exp = NOW - 5), Some(Rejection::TokenExpired));
    assert_eq!(verdict(|claims| claims.exp = -1), Some(Rejection::InvalidToken(Fault::ClaimFormat)));
}

#[test]
fn debug_output_shows_no_private_key() {
    let keys = SigningKeys::from_secret(SECRET).unwrap();
    assert!(!format!("{keys:?}").contains("JWT_SECRET of"));
    let pair = KeyPair::generate(KeyAlgorithm::EdDsa).unwrap();
    let private = pair.to_pkcs8().unwrap();
    let shown = format!("{pair:?}");
    let hex: String = private.expose_secret()[16..48].iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!shown.contains(&hex), "{shown}");
}
