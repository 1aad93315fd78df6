//! Several instances on one database: clients must not notice which one answers.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis::auth::keys::PUBLISH_AHEAD;
use portcullis::clock::Clock;
use portcullis::config::KeyAlgorithm;
use portcullis::db::{migrate, query};
use portcullis::setup;

use crate::support::{Database, TestApp, empty_database};

const NEW_PASSWORD: &str = "an entirely different passphrase";

#[tokio::test(flavor = "multi_thread")]
async fn each_accepts_the_tokens_of_the_other() {
    let one = TestApp::spawn().await;
    let other = TestApp::builder().on(one.database.clone()).with_clock(one.clock.clone()).spawn().await;
    assert_ne!(one.app.config.data_dir, other.app.config.data_dir);
    for (here, there) in [(&one, &other), (&other, &one)] {
        let account = here.client().sign_up().await;
        there.client().me(&account.tokens.access).await.expect(200);
        let next = there.client().refresh(&account.tokens.refresh).await.expect(200).tokens();
        here.client().me(&next.access).await.expect(200);
    }
    let published = |app: &TestApp| app.app.keys.jwks();
    assert_eq!(published(&one), published(&other));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_request_on_the_other_feels_every_revocation() {
    let one = TestApp::spawn().await;
    let other = one.replica().await;
    let (here, there) = (one.client(), other.client());
    for end in ["logout", "logout-all", "disable", "password change", "replay"] {
        let account = here.sign_up().await;
        let tokens = here.log_in(&account.email, &account.password).await.expect(200).tokens();
        there.me(&tokens.access).await.expect(200);
        match end {
            "logout" => drop(here.log_out(&tokens.access).await.expect(200)),
            "logout-all" => drop(here.log_out_everywhere(&account.tokens.access).await.expect(200)),
            "disable" => one.set_active(&account, false).await,
            "password change" => {
                here.change_password(&account.tokens.access, &account.password, NEW_PASSWORD).await.expect(200);
                there.me(&account.tokens.access).await.expect(200);
                assert_eq!(there.log_in(&account.email, &account.password).await.status, 401);
                there.log_in(&account.email, NEW_PASSWORD).await.expect(200);
            }
            _ => {
                there.refresh(&tokens.refresh).await.expect(200);
                one.advance(Duration::from_secs(10));
                assert_eq!(here.refresh(&tokens.refresh).await.refusal(), (401, "refresh_token_reused".into()));
            }
        }
        assert_eq!(there.me(&tokens.access).await.refusal(), (401, "token_revoked".into()), "{end}");
        assert_eq!(there.refresh(&tokens.refresh).await.refusal(), (401, "token_revoked".into()), "{end}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_parallel_refreshes_spread_over_both_give_one_refresh_token() {
    let one = TestApp::spawn().await;
    let other = one.replica().await;
    let account = one.client().sign_up().await;
    let calls = (0..20).map(|number| {
        let client = if number % 2 == 0 { one.client() } else { other.client() };
        let token = account.tokens.refresh.clone();
        tokio::spawn(async move { client.refresh(&token).await.expect(200).tokens() })
    });
    let mut refresh = BTreeSet::new();
    for call in calls.collect::<Vec<_>>() {
        let tokens = call.await.unwrap();
        one.client().me(&tokens.access).await.expect(200);
        refresh.insert(tokens.refresh);
    }
    assert_eq!(refresh.len(), 1, "the family forked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_lost_by_one_is_recovered_at_the_other() {
    let one = TestApp::spawn().await;
    let other = one.replica().await;
    let account = one.client().sign_up().await;
    let lost = one.client().refresh(&account.tokens.refresh).await.expect(200).tokens();
    let again = other.client().refresh(&account.tokens.refresh).await.expect(200).tokens();
    assert_eq!(again.refresh, lost.refresh);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_parallel_sign_ups_of_one_address_spread_over_both_make_one_user() {
    let one = TestApp::spawn().await;
    let other = one.replica().await;
    let calls = (0..20).map(|number| {
        let client = if number % 2 == 0 { one.client() } else { other.client() };
        tokio::spawn(async move { client.register("ada@example.com", NEW_PASSWORD).await })
    });
    let mut made = 0;
    for call in calls.collect::<Vec<_>>() {
        let answer = call.await.unwrap();
        match answer.status.as_u16() {
            201 => made += 1,
            _ => assert_eq!(answer.refusal(), (409, "email_taken".into())),
        }
    }
    assert_eq!(made, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_on_one_is_never_a_refusal_on_the_other() {
    let one = TestApp::spawn().await;
    let other = one.replica().await;
    let account = one.client().sign_up().await;
    let reload = async |app: &TestApp| {
        let client = app.app.database.get().await.unwrap();
        app.app.keys.reload(&client, app.clock.now()).await.unwrap();
    };
    {
        let mut client = one.app.database.get().await.unwrap();
        let store = setup::key_store(&one.app.config).unwrap();
        let transaction = query::begin(&mut client).await.unwrap();
        store.rotate(&transaction, KeyAlgorithm::EdDsa, one.clock.now()).await.unwrap();
        query::commit(transaction).await.unwrap();
    }
    // One has looked, the other not yet: neither signs with a key that the other does not know.
    reload(&one).await;
    let mut tokens = account.tokens;
    for step in [Duration::ZERO, PUBLISH_AHEAD - Duration::from_secs(1), Duration::from_secs(1)] {
        one.advance(step);
        if !step.is_zero() {
            reload(&other).await;
        }
        tokens = one.client().refresh(&tokens.refresh).await.expect(200).tokens();
        other.client().me(&tokens.access).await.expect(200);
        tokens = other.client().refresh(&tokens.refresh).await.expect(200).tokens();
        one.client().me(&tokens.access).await.expect(200);
    }
    assert_eq!(one.app.keys.jwks(), other.app.keys.jwks());
}

/// Migrates and starts, as every process does.
async fn start(database: &Database) -> TestApp {
    migrate::migrate(&mut database.connect().await).await.unwrap();
    TestApp::builder().on(database.clone()).spawn().await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_start_at_once_on_an_empty_database_make_one_schema_and_one_key() {
    let database = empty_database().await;
    let (one, other) = tokio::join!(start(&database), start(&database));
    let sql = "select count(*) from signing_keys";
    assert_eq!(database.connect().await.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 1);
    let account = one.client().sign_up().await;
    other.client().me(&account.tokens.access).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_stops_leaves_the_other_at_work() {
    let one = TestApp::spawn().await;
    let other = one.replica().await;
    let account = one.client().sign_up().await;
    let next = one.client().refresh(&account.tokens.refresh).await.expect(200).tokens();
    one.stop().await;
    other.client().me(&next.access).await.expect(200);
    other.client().refresh(&next.refresh).await.expect(200);
}
