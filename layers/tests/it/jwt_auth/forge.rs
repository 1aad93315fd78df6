//! Makes tokens, good ones and bad ones, byte by byte.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
};
use aws_lc_rs::{hmac, signature};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_layers::jwt_auth::{Algorithm, DecodingKey, KeySet, Validation, VerifyingKey};
use serde::Deserialize;

/// The time at which all tests begin.
pub(super) const NOW: u64 = 1_800_000_000;

/// The claims as an app would declare them.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    pub(super) token_type: String,
}

pub(super) static ED25519: LazyLock<Ed25519KeyPair> = LazyLock::new(|| Ed25519KeyPair::generate().unwrap());
pub(super) static STRANGER: LazyLock<Ed25519KeyPair> = LazyLock::new(|| Ed25519KeyPair::generate().unwrap());
pub(super) static P256: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
pub(super) static RSA: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
pub(super) const SECRET: &[u8] = b"a secret that two parties share.";

/// Four keys of four kinds; `twin` is an Ed25519 key and a P-256 key under one id.
pub(super) fn key_set() -> KeySet {
    let ed = || VerifyingKey::new(Algorithm::EdDSA, &DecodingKey::from_ed_der(ED25519.public_key().as_ref())).unwrap();
    let ec = || VerifyingKey::new(Algorithm::ES256, &DecodingKey::from_ec_der(P256.public_key().as_ref())).unwrap();
    let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(RSA.public_key());
    let rsa = VerifyingKey::new(Algorithm::RS256, &DecodingKey::from_rsa_raw_components(&n, &e)).unwrap();
    let secret = VerifyingKey::from_secret(Algorithm::HS256, SECRET).unwrap();
    let keys = [
        ed().with_kid("ed"),
        ec().with_kid("ec"),
        rsa.with_kid("rsa"),
        secret.with_kid("hs"),
        ed().with_kid("twin"),
        ec().with_kid("twin"),
    ];
    KeySet::new(keys).unwrap()
}

pub(super) fn validation() -> Validation<Claims> {
    Validation::builder()
        .issuer("https://issuer.example")
        .audience("api")
        .claims_check(|claims: &Claims| claims.token_type == "access")
        .build()
        .unwrap()
}

/// A JSON object of `members`, with `changes` applied: a new value in raw JSON, or nothing to take the member out.
fn object(members: &[(&str, &str)], changes: &[(&str, &str)]) -> String {
    let mut members = members.to_vec();
    for change in changes {
        match members.iter().position(|member| member.0 == change.0) {
            Some(place) => members[place] = *change,
            None => members.push(*change),
        }
    }
    let written = members.iter().filter(|member| !member.1.is_empty());
    let written: Vec<_> = written.map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
    format!("{{{}}}", written.join(","))
}

/// Good claims, changed.
pub(super) fn claims(changes: &[(&str, &str)]) -> String {
    let good = [
        ("iss", r#""https://issuer.example""#),
        ("aud", r#""api""#),
        ("sub", r#""alice""#),
        ("token_type", r#""access""#),
        ("iat", "1800000000"),
        ("nbf", "1800000000"),
        ("exp", "1800000900"),
    ];
    object(&good, changes)
}

/// A good header, changed.
pub(super) fn header(changes: &[(&str, &str)]) -> String {
    object(&[("alg", r#""EdDSA""#), ("kid", r#""ed""#), ("typ", r#""at+jwt""#)], changes)
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token of these parts with the signature that `sign` makes.
pub(super) fn token_by(sign: impl Fn(&[u8]) -> Vec<u8>, header: &str, claims: impl AsRef<[u8]>) -> String {
    let message = format!("{}.{}", encode(header), encode(claims));
    format!("{message}.{}", encode(sign(message.as_bytes())))
}

/// A token signed with the Ed25519 key.
pub(super) fn token(header: &str, claims: impl AsRef<[u8]>) -> String {
    token_by(ed25519, header, claims)
}

/// A good token whose claims are changed.
pub(super) fn claiming(changes: &[(&str, &str)]) -> String {
    token(&header(&[]), claims(changes))
}

/// A good token whose header is changed; the signature covers the change.
pub(super) fn headed(changes: &[(&str, &str)]) -> String {
    token(&header(changes), claims(&[]))
}

pub(super) fn good() -> String {
    claiming(&[])
}

pub(super) fn ed25519(message: &[u8]) -> Vec<u8> {
    ED25519.sign(message).as_ref().to_vec()
}

pub(super) fn stranger(message: &[u8]) -> Vec<u8> {
    STRANGER.sign(message).as_ref().to_vec()
}

pub(super) fn p256(message: &[u8]) -> Vec<u8> {
    P256.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
}

/// The same signature as TLS would write it.
pub(super) fn p256_in_der(message: &[u8]) -> Vec<u8> {
    let pkcs8 = P256.to_pkcs8v1().unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref()).unwrap();
    pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
}

pub(super) fn rs256(message: &[u8]) -> Vec<u8> {
    rsa(&RSA_PKCS1_SHA256, message)
}

pub(super) fn ps256(message: &[u8]) -> Vec<u8> {
    rsa(&RSA_PSS_SHA256, message)
}

fn rsa(encoding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; RSA.public_modulus_len()];
    RSA.sign(encoding, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

/// A signer that uses `key` as an HMAC secret.
pub(super) fn hs256(key: impl AsRef<[u8]>) -> impl Fn(&[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_ref());
    move |message| hmac::sign(&key, message).as_ref().to_vec()
}
