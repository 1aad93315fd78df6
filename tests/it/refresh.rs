//! Refresh tokens: rotation, grace, replay.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_gives_a_new_pair_and_the_old_token_is_spent() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let next = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    assert_ne!(next.refresh, account.tokens.refresh);
    assert_ne!(next.access, account.tokens.access);
    client.me(&next.access).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_parallel_refreshes_of_one_token_give_fifty_answers_with_one_refresh_token() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let calls = (0..50).map(|_| {
        let (client, token) = (client.clone(), account.tokens.refresh.clone());
        tokio::spawn(async move { client.refresh(&token).await.expect(200).tokens() })
    });
    let mut refresh_tokens = BTreeSet::new();
    for call in calls.collect::<Vec<_>>() {
        refresh_tokens.insert(call.await.unwrap().refresh);
    }
    assert_eq!(refresh_tokens.len(), 1, "the family forked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_after_the_window_ends_the_family() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let next = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    app.advance(Duration::from_secs(10));
    assert_eq!(client.refresh(&account.tokens.refresh).await.refusal(), (401, "refresh_token_reused".into()));
    assert_eq!(client.refresh(&next.refresh).await.refusal(), (401, "token_revoked".into()));
    assert_eq!(client.me(&next.access).await.refusal(), (401, "token_revoked".into()));
    assert!(app.audited().await.contains(&"token.reuse_detected".to_owned()));
}
