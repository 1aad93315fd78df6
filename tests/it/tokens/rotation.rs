//! New keys for old: when each is published, when it signs, when it leaves.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis::auth::keys::{JWKS_MAX_AGE, KeyStore, POLL_INTERVAL};
use portcullis::clock::Clock;
use portcullis::config::KeyAlgorithm;
use portcullis::db::query;
use portcullis::setup;

use super::forge;
use crate::support::{Client, TestApp, Tokens};

const SECOND: Duration = Duration::from_secs(1);
const ACCESS: Duration = Duration::from_secs(900);
const LEEWAY: Duration = Duration::from_secs(5);

fn store(app: &TestApp) -> KeyStore {
    setup::key_store(&app.app.config).unwrap()
}

/// What the command line does, followed by what every instance does within [`POLL_INTERVAL`].
async fn rotate(app: &TestApp, algorithm: KeyAlgorithm) -> String {
    let mut client = app.app.database.get().await.unwrap();
    let transaction = query::begin(&mut client).await.unwrap();
    let kid = store(app).rotate(&transaction, algorithm, app.clock.now()).await.unwrap();
    query::commit(transaction).await.unwrap();
    reload(app).await;
    kid
}

async fn retire(app: &TestApp, kid: &str) {
    let mut client = app.app.database.get().await.unwrap();
    let transaction = query::begin(&mut client).await.unwrap();
    store(app).retire(&transaction, kid, KeyAlgorithm::EdDsa, app.clock.now()).await.unwrap();
    query::commit(transaction).await.unwrap();
    reload(app).await;
}

async fn reload(app: &TestApp) {
    let client = app.app.database.get().await.unwrap();
    app.app.keys.reload(&client, app.clock.now()).await.unwrap();
}

async fn published(client: &Client) -> BTreeSet<String> {
    let document = client.get("/.well-known/jwks.json").await.expect(200).json();
    document["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn signer(tokens: &Tokens) -> String {
    forge::read(&tokens.access).0["kid"].as_str().unwrap().to_owned()
}

async fn fresh(client: &Client, tokens: &Tokens) -> Tokens {
    client.refresh(&tokens.refresh).await.expect(200).tokens()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_published_first_signs_later_and_the_old_one_leaves_last() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let first = client.sign_up().await.tokens;
    let old = signer(&first);
    let new = rotate(&app, KeyAlgorithm::EdDsa).await;
    let both = BTreeSet::from([old.clone(), new.clone()]);
    assert_eq!(published(&client).await, both, "the new key is published at once");

    app.advance(JWKS_MAX_AGE + POLL_INTERVAL - SECOND);
    let last_by_old = fresh(&client, &first).await;
    assert_eq!(signer(&last_by_old), old, "some cache has not seen the new key yet");
    app.advance(SECOND);
    let by_new = fresh(&client, &last_by_old).await;
    assert_eq!(signer(&by_new), new);
    client.me(&by_new.access).await.expect(200);

    app.advance(ACCESS - SECOND + LEEWAY - SECOND);
    reload(&app).await;
    client.me(&last_by_old.access).await.expect(200);
    assert_eq!(published(&client).await, both);
    app.advance(SECOND);
    assert_eq!(client.me(&last_by_old.access).await.refusal(), (401, "token_expired".into()));

    app.advance(SECOND);
    reload(&app).await;
    assert_eq!(published(&client).await, BTreeSet::from([new]));
    assert_eq!(client.me(&last_by_old.access).await.refusal(), (401, "invalid_token".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_private_half_of_a_key_is_erased_when_its_time_is_over() {
    let app = TestApp::spawn().await;
    let old = signer(&app.client().sign_up().await.tokens);
    rotate(&app, KeyAlgorithm::EdDsa).await;
    app.advance(Duration::from_secs(86_400));
    rotate(&app, KeyAlgorithm::EdDsa).await;
    let sql = "select private_key_sealed is null and retired_at is not null from signing_keys where kid = $1";
    let gone: bool = app.database.connect().await.query_one(sql, &[&old]).await.unwrap().get(0);
    assert!(gone);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_key_is_refused_at_once_and_the_next_one_signs() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let leaked = signer(&account.tokens);
    let new = rotate(&app, KeyAlgorithm::EdDsa).await;
    retire(&app, &leaked).await;
    assert_eq!(client.me(&account.tokens.access).await.refusal(), (401, "invalid_token".into()));
    assert_eq!(published(&client).await, BTreeSet::from([new.clone()]));
    // The session lives on: one refresh, and its owner is back.
    let next = fresh(&client, &account.tokens).await;
    assert_eq!(signer(&next), new);
    client.me(&next.access).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn retiring_the_only_key_leaves_a_new_one() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let only = signer(&account.tokens);
    retire(&app, &only).await;
    let next = fresh(&client, &account.tokens).await;
    assert_ne!(signer(&next), only);
    client.me(&next.access).await.expect(200);
    assert_eq!(client.me(&account.tokens.access).await.refusal(), (401, "invalid_token".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_algorithm_takes_over_as_in_a_rotation() {
    let app = TestApp::spawn().await;
    let first = app.client().sign_up().await.tokens;
    let successor = TestApp::builder().set("JWT_ALGORITHM", "ES256").on(app.database.clone()).spawn().await;
    let client = successor.client();
    client.me(&first.access).await.expect(200);
    let meanwhile = fresh(&client, &first).await;
    assert_eq!(forge::read(&meanwhile.access).0["alg"], "EdDSA");
    successor.advance(JWKS_MAX_AGE + POLL_INTERVAL);
    let next = fresh(&client, &meanwhile).await;
    assert_eq!(forge::read(&next.access).0["alg"], "ES256");
    for tokens in [&first, &meanwhile, &next] {
        client.me(&tokens.access).await.expect(200);
    }
}
