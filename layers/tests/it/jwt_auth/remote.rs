//! Keys fetched from their issuer: when, how often, and what happens while there are none.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_lc_rs::signature::KeyPair;
use bytes::Bytes;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use portcullis_layers::jwt_auth::{
    Fault, FetchError, FetchJwks, JwtAuthLayer, KeySource, Rejection, RemoteKeys, RemoteKeysBuilder,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tower::{Layer, ServiceExt, service_fn};

use super::answers::{Body, bearer, request, whoami};
use super::forge::{self, Claims, NOW, claims, encode, good, headed, header, token_by};

/// An issuer, its document, and the way to it.
#[derive(Clone)]
struct Issuer {
    document: Arc<Mutex<Option<Bytes>>>,
    /// A permit per answer.
    way: Arc<Semaphore>,
    fetches: Arc<AtomicUsize>,
    seconds: Arc<AtomicU64>,
    start: Instant,
}

impl FetchJwks for Issuer {
    async fn fetch(&self) -> Result<Bytes, FetchError> {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        self.way.acquire().await.map_err(FetchError::failed)?.forget();
        self.document.lock().unwrap().clone().ok_or_else(|| FetchError::failed("connection refused"))
    }
}

impl Issuer {
    fn new(keys: &[Value]) -> Self {
        let issuer = Self {
            document: Arc::default(),
            way: Arc::new(Semaphore::new(1_000_000)),
            fetches: Arc::default(),
            seconds: Arc::default(),
            start: Instant::now(),
        };
        issuer.publish(keys);
        issuer
    }

    fn unreachable() -> Self {
        let issuer = Self::new(&[]);
        issuer.break_down();
        issuer
    }

    fn publish(&self, keys: &[Value]) {
        *self.document.lock().unwrap() = Some(json!({ "keys": keys }).to_string().into());
    }

    fn break_down(&self) {
        *self.document.lock().unwrap() = None;
    }

    fn wait(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::Relaxed)
    }

    fn builder(&self) -> RemoteKeysBuilder<Self> {
        let (start, seconds) = (self.start, Arc::clone(&self.seconds));
        RemoteKeys::builder(self.clone()).clock(move || start + Duration::from_secs(seconds.load(Ordering::Relaxed)))
    }
}

fn key(kid: &str, pair: &impl KeyPair) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key()), "kid": kid})
}

fn ed() -> Value {
    key("ed", &*forge::ED25519)
}

/// A token of the key that comes after `ed`.
fn next() -> String {
    token_by(forge::stranger, &header(&[("kid", r#""next""#)]), claims(&[]))
}

fn invented(number: usize) -> String {
    headed(&[("kid", &format!("\"{number}\""))])
}

fn layer(keys: &RemoteKeys<Issuer>) -> JwtAuthLayer<Claims> {
    JwtAuthLayer::builder(keys.clone(), forge::validation()).clock(|| NOW).build().unwrap()
}

async fn ask(keys: &RemoteKeys<Issuer>, token: &str) -> Response<Body> {
    layer(keys).layer(service_fn(whoami)).oneshot(bearer(token)).await.unwrap()
}

async fn status(keys: &RemoteKeys<Issuer>, token: &str) -> u16 {
    ask(keys, token).await.status().as_u16()
}

#[tokio::test]
async fn a_rotated_key_is_known_with_its_first_token_and_the_withdrawn_one_is_gone() {
    let issuer = Issuer::new(&[ed()]);
    let keys = issuer.builder().build();
    assert_eq!(status(&keys, &good()).await, 200);
    issuer.publish(&[key("next", &*forge::STRANGER)]);
    issuer.wait(30);
    assert_eq!(status(&keys, &next()).await, 200);
    assert_eq!(status(&keys, &good()).await, 401);
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_requests_with_a_new_key_cause_one_fetch() {
    let issuer = Issuer::new(&[ed()]);
    let keys = issuer.builder().build();
    keys.fetch().await;
    issuer.publish(&[ed(), key("next", &*forge::STRANGER)]);
    issuer.wait(30);
    issuer.way.forget_permits(usize::MAX);
    let (layer, token) = (layer(&keys), next());
    let requests: Vec<_> =
        (0..100).map(|_| tokio::spawn(layer.layer(service_fn(whoami)).oneshot(bearer(&token)))).collect();
    while issuer.fetches() < 2 {
        tokio::task::yield_now().await;
    }
    requests[0].abort();
    issuer.way.add_permits(100);
    for request in requests.into_iter().skip(1) {
        assert_eq!(request.await.unwrap().unwrap().status(), StatusCode::OK);
    }
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn invented_key_ids_cannot_cause_more_fetches_than_the_interval_allows() {
    for reachable in [true, false] {
        let issuer = if reachable { Issuer::new(&[ed()]) } else { Issuer::unreachable() };
        let keys = issuer.builder().min_interval(Duration::from_secs(30)).build();
        for second in 0..300 {
            assert_eq!(status(&keys, &invented(second)).await, if reachable { 401 } else { 503 });
            issuer.wait(1);
        }
        assert_eq!(issuer.fetches(), 10, "one in thirty seconds");
    }
}

#[tokio::test]
async fn a_token_that_names_no_key_among_several_is_refused_without_a_fetch() {
    let issuer = Issuer::new(&[ed(), key("next", &*forge::STRANGER)]);
    let keys = issuer.builder().build();
    keys.fetch().await;
    issuer.wait(60);
    let response = ask(&keys, &headed(&[("kid", "")])).await;
    assert_eq!(response.extensions().get::<Rejection>(), Some(&Rejection::InvalidToken(Fault::NoKeyId)));
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn before_the_first_keys_no_token_is_accepted_and_none_is_called_invalid() {
    let issuer = Issuer::unreachable();
    let keys = issuer.builder().build();
    for token in [good(), headed(&[("kid", "")]), invented(1)] {
        let response = ask(&keys, &token).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[RETRY_AFTER], "5");
        assert!(!response.headers().contains_key(WWW_AUTHENTICATE));
        assert_eq!(response.extensions().get::<Rejection>(), Some(&Rejection::KeysUnavailable));
    }
    assert_eq!(status(&keys, "abc").await, 401, "no key makes a token of this");
    let missing = layer(&keys).layer(service_fn(whoami)).oneshot(request(&[])).await.unwrap();
    assert_eq!(missing.status(), StatusCode::UNAUTHORIZED);

    issuer.publish(&[ed()]);
    issuer.wait(30);
    assert_eq!(status(&keys, &good()).await, 200);
    let unknown = ask(&keys, &invented(1)).await;
    assert_eq!(unknown.extensions().get::<Rejection>(), Some(&Rejection::InvalidToken(Fault::UnknownKey)));
}

#[tokio::test]
async fn a_fetch_that_fails_keeps_the_set_and_is_reported() {
    let issuer = Issuer::new(&[ed(), json!({"kty": "oct"})]);
    let reports = Arc::new(Mutex::new(Vec::new()));
    let written = Arc::clone(&reports);
    let report = move |text: String| written.lock().unwrap().push(text);
    let keys = issuer
        .builder()
        .max_document_len(1000)
        .on_fetch(move |fetched| match fetched {
            Ok(jwks) => report(format!("{} and {} skipped", jwks.keys.keys().len(), jwks.skipped.len())),
            Err(error) => report(format!("{error:?}")),
        })
        .build();
    assert_eq!(status(&keys, &good()).await, 200);
    let failures = [None, Some(Bytes::from("<html>")), Some(Bytes::from(vec![b' '; 1001]))];
    for failure in failures {
        *issuer.document.lock().unwrap() = failure;
        issuer.wait(24 * 60 * 60);
        assert_eq!(status(&keys, &invented(1)).await, 401);
        assert_eq!(status(&keys, &good()).await, 200);
    }
    issuer.publish(&[]);
    issuer.wait(30);
    assert_eq!(status(&keys, &invented(1)).await, 401);
    assert_eq!(status(&keys, &good()).await, 401, "an issuer without keys is believed");
    let expected =
        ["1 and 1 skipped", r#"Failed("connection refused")"#, "NotJwks", "TooLong(1001)", "0 and 0 skipped"];
    assert_eq!(*reports.lock().unwrap(), expected);
}

#[tokio::test]
async fn an_old_set_is_fetched_anew_while_requests_go_on() {
    let issuer = Issuer::new(&[ed()]);
    let keys = issuer.builder().max_age(Duration::from_secs(3600)).build();
    keys.fetch().await;
    issuer.wait(3599);
    assert_eq!(status(&keys, &good()).await, 200);
    assert_eq!(issuer.fetches(), 1);

    issuer.publish(&[key("next", &*forge::STRANGER)]);
    issuer.way.forget_permits(usize::MAX);
    issuer.wait(1);
    for _ in 0..3 {
        assert_eq!(status(&keys, &good()).await, 200, "nobody waits");
    }
    assert_eq!(issuer.fetches(), 2);
    issuer.way.add_permits(1);
    status(&keys, &good()).await;
    assert_eq!(status(&keys, &good()).await, 401, "the key was withdrawn");
    assert_eq!(status(&keys, &next()).await, 200);
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn an_unchanged_document_leaves_the_set_as_it_is() {
    let issuer = Issuer::new(&[ed()]);
    let keys = issuer.builder().build();
    assert!(!keys.is_ready());
    keys.fetch().await;
    assert!(keys.is_ready());
    let before = keys.current();
    keys.fetch().await;
    assert!(Arc::ptr_eq(&before, &keys.current()));
    issuer.publish(&[ed(), key("next", &*forge::STRANGER)]);
    keys.fetch().await;
    assert_eq!(keys.current().keys().len(), 2);
    assert_eq!(issuer.fetches(), 3);
}

#[tokio::test]
async fn no_length_of_time_makes_it_panic() {
    for extreme in [Duration::ZERO, Duration::MAX] {
        let issuer = Issuer::new(&[ed()]);
        let keys = issuer.builder().min_interval(extreme).max_age(extreme).build();
        for _ in 0..3 {
            assert_eq!(status(&keys, &good()).await, 200);
            assert_eq!(status(&keys, &invented(1)).await, 401);
        }
    }
}

#[tokio::test]
async fn a_closure_can_fetch() {
    let document = Bytes::from(json!({ "keys": [ed()] }).to_string());
    let keys = RemoteKeys::builder(move || std::future::ready(Ok(document.clone()))).build();
    keys.fetch().await;
    assert_eq!(keys.current().keys().len(), 1);
}
