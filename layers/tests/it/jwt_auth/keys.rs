//! Keys: which are taken, how a token finds one, and how they change while requests run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::signature::KeyPair;
use http::StatusCode;
use portcullis_layers::jwt_auth::{
    Algorithm, DecodingKey, Fault, JwtAuthLayer, KeyError, KeySet, KeySetHandle, KeySource, Refresh, Rejection,
    VerifyingKey,
};
use tower::{Layer, ServiceExt, service_fn};

use super::answers::{bearer, whoami};
use super::forge::{self, NOW, good, headed};

fn ed25519() -> VerifyingKey {
    VerifyingKey::new(Algorithm::EdDSA, &DecodingKey::from_ed_der(forge::ED25519.public_key().as_ref())).unwrap()
}

#[test]
fn keys_that_do_not_fit_are_refused_when_they_are_made() {
    let point = forge::P256.public_key().as_ref();
    let off_curve = [&[4][..], &[1; 64]].concat();
    let small_rsa = DecodingKey::from_rsa_raw_components(&[0xff; 128], &[1, 0, 1]);
    let even_rsa = DecodingKey::from_rsa_raw_components(&[0xfe; 256], &[1, 0, 1]);
    let exponent_one = DecodingKey::from_rsa_raw_components(&[0xff; 256], &[1]);
    let table = [
        (Algorithm::HS256, DecodingKey::from_ed_der(&[1; 32]), KeyError::WrongFamily),
        (Algorithm::EdDSA, DecodingKey::from_secret(&[1; 32]), KeyError::WrongFamily),
        (Algorithm::RS256, DecodingKey::from_ec_der(point), KeyError::WrongFamily),
        (Algorithm::HS256, DecodingKey::from_secret(&[1; 31]), KeyError::WrongSize),
        (Algorithm::HS384, DecodingKey::from_secret(&[1; 47]), KeyError::WrongSize),
        (Algorithm::HS512, DecodingKey::from_secret(&[1; 63]), KeyError::WrongSize),
        (Algorithm::HS256, DecodingKey::from_secret(b""), KeyError::WrongSize),
        (Algorithm::EdDSA, DecodingKey::from_ed_der(&[1; 31]), KeyError::InvalidKey),
        (Algorithm::ES256, DecodingKey::from_ec_der(&point[1..]), KeyError::InvalidKey),
        (Algorithm::ES256, DecodingKey::from_ec_der(&off_curve), KeyError::InvalidKey),
        (Algorithm::ES384, DecodingKey::from_ec_der(point), KeyError::InvalidKey),
        (Algorithm::RS256, small_rsa, KeyError::WrongSize),
        (Algorithm::PS512, even_rsa, KeyError::InvalidKey),
        (Algorithm::RS256, exponent_one, KeyError::InvalidKey),
        (Algorithm::RS256, DecodingKey::from_rsa_der(b"no key"), KeyError::InvalidKey),
    ];
    for (algorithm, key, error) in table {
        assert_eq!(VerifyingKey::new(algorithm, &key).err(), Some(error), "{algorithm:?} {error:?}");
    }
}

#[test]
fn two_keys_may_share_an_id_only_if_their_algorithms_differ() {
    let twins = KeySet::new([ed25519().with_kid("a"), ed25519().with_kid("a")]);
    assert_eq!(twins.err(), Some(KeyError::Duplicate));
    assert!(KeySet::new([ed25519().with_kid("a"), ed25519().with_kid("b")]).is_ok());
}

#[test]
fn a_token_without_an_id_needs_a_set_of_one_key() {
    let verify = |keys: &KeySet, token: &str| forge::validation().verify(keys, token, NOW).map(drop);
    let anonymous = headed(&[("kid", "")]);
    for only in [ed25519(), ed25519().with_kid("any")] {
        assert_eq!(verify(&KeySet::new([only]).unwrap(), &anonymous), Ok(()));
    }
    let unknown = Err(Rejection::InvalidToken(Fault::UnknownKey));
    assert_eq!(verify(&KeySet::default(), &anonymous), unknown);
    assert_eq!(verify(&KeySet::default(), &good()), unknown);
    assert_eq!(
        verify(&KeySet::new([ed25519()]).unwrap(), &good()),
        unknown,
        "a key without an id has none to be asked for"
    );
    let several = KeySet::new([ed25519(), ed25519().with_kid("a")]).unwrap();
    assert_eq!(verify(&several, &anonymous), Err(Rejection::InvalidToken(Fault::NoKeyId)));
    let none = headed(&[("kid", ""), ("alg", r#""none""#)]);
    assert_eq!(verify(&KeySet::new([ed25519()]).unwrap(), &none), Err(Rejection::InvalidToken(Fault::Algorithm)));
}

#[test]
fn debug_output_shows_no_key_material() {
    let key = VerifyingKey::from_secret(Algorithm::HS256, forge::SECRET).unwrap().with_kid("hs");
    assert_eq!(format!("{key:?}"), r#"VerifyingKey { kid: Some("hs"), algorithm: HS256, .. }"#);
}

async fn status(keys: impl KeySource, token: &str) -> StatusCode {
    let layer = JwtAuthLayer::builder(keys, forge::validation()).clock(|| NOW).build().unwrap();
    layer.layer(service_fn(whoami)).oneshot(bearer(token)).await.unwrap().status()
}

#[tokio::test]
async fn a_new_set_counts_from_the_next_request_on() {
    let handle = KeySetHandle::new(forge::key_set());
    assert_eq!(status(handle.clone(), &good()).await, StatusCode::OK);
    handle.store(KeySet::default());
    assert_eq!(status(handle.clone(), &good()).await, StatusCode::UNAUTHORIZED);
    handle.store(forge::key_set());
    assert_eq!(status(handle, &good()).await, StatusCode::OK);
}

/// Has no key at first and gets `fetched` when it is asked to refresh.
#[derive(Clone)]
struct Remote {
    cache: KeySetHandle,
    fetched: KeySet,
    fetches: Arc<AtomicUsize>,
}

impl Remote {
    fn with(fetched: KeySet) -> Self {
        Self { cache: KeySetHandle::default(), fetched, fetches: Arc::default() }
    }
}

impl KeySource for Remote {
    fn current(&self) -> Arc<KeySet> {
        self.cache.load()
    }

    fn refresh(&self) -> Option<Refresh> {
        let remote = self.clone();
        Some(Box::pin(async move {
            tokio::task::yield_now().await;
            remote.fetches.fetch_add(1, Ordering::Relaxed);
            remote.cache.store(remote.fetched.clone());
        }))
    }
}

#[tokio::test]
async fn an_unknown_key_makes_the_source_look_again_once() {
    let remote = Remote::with(forge::key_set());
    assert_eq!(status(remote.clone(), &good()).await, StatusCode::OK);
    assert_eq!(status(remote.clone(), &good()).await, StatusCode::OK);
    assert_eq!(remote.fetches.load(Ordering::Relaxed), 1);

    let stubborn = Remote::with(KeySet::default());
    assert_eq!(status(stubborn.clone(), &good()).await, StatusCode::UNAUTHORIZED);
    assert_eq!(stubborn.fetches.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn nothing_but_an_unknown_key_makes_the_source_look_again() {
    let remote = Remote::with(forge::key_set());
    for token in ["abc", &headed(&[("typ", "")]), &headed(&[("crit", "[]")])] {
        assert_eq!(status(remote.clone(), token).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(remote.fetches.load(Ordering::Relaxed), 0);
}
