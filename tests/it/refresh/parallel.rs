//! Refreshes that meet: real requests at the same moment, against the real database.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::{Answer, Client, TestApp};

/// The answers to `count` refreshes of one token at once.
async fn at_once(client: &Client, token: &str, count: usize) -> Vec<Answer> {
    let calls = (0..count).map(|_| {
        let (client, token) = (client.clone(), token.to_owned());
        tokio::spawn(async move { client.refresh(&token).await })
    });
    let mut answers = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        answers.push(call.await.unwrap());
    }
    answers
}

/// Waits until `count` transactions of the service wait for a lock.
async fn until_blocked(observer: &tokio_postgres::Client, count: i64) {
    let sql = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let blocked = async {
        while observer.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), blocked).await.expect("nothing waits for the lock");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_parallel_refreshes_of_one_token_give_fifty_answers_with_one_refresh_token() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let answers = at_once(&client, &account.tokens.refresh, 50).await;
    let tokens: Vec<_> = answers.into_iter().map(|answer| answer.expect(200).tokens()).collect();
    let refresh: BTreeSet<_> = tokens.iter().map(|tokens| &tokens.refresh).collect();
    let access: BTreeSet<_> = tokens.iter().map(|tokens| &tokens.access).collect();
    assert_eq!(refresh.len(), 1, "the family forked");
    assert_eq!(access.len(), 50);
    client.me(&tokens[0].access).await.expect(200);
    client.refresh(&tokens[0].refresh).await.expect(200);
    let sql = "select count(*) from refresh_tokens where rotated_at is null";
    assert_eq!(app.database.connect().await.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_window_one_of_twenty_parallel_refreshes_wins_and_the_family_ends() {
    let app = TestApp::builder().set("REFRESH_GRACE", "0s").spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let answers = at_once(&client, &account.tokens.refresh, 20).await;
    let winners: Vec<_> = answers.iter().filter(|answer| answer.status == 200).map(Answer::tokens).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(client.refresh(&winners[0].refresh).await.refusal(), (401, "token_revoked".into()));
    let codes: Vec<_> = answers.iter().filter(|answer| answer.status != 200).map(|answer| answer.refusal().1).collect();
    assert_eq!(codes.iter().filter(|code| *code == "refresh_token_reused").count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| *code == "token_revoked").count(), 18, "{codes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_and_its_successor_that_come_at_the_same_moment_take_turns() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let next = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    let observer = app.database.connect().await;
    let mut blocker = app.database.connect().await;
    let hold = blocker.transaction().await.unwrap();
    hold.execute("select 1 from sessions for update", &[]).await.unwrap();
    let mut calls = Vec::new();
    for (token, waiting) in [(next.refresh, 1), (account.tokens.refresh, 2)] {
        let client = client.clone();
        calls.push(tokio::spawn(async move { client.refresh(&token).await }));
        until_blocked(&observer, waiting).await;
    }
    hold.commit().await.unwrap();
    let replay = calls.pop().unwrap().await.unwrap();
    calls.pop().unwrap().await.unwrap().expect(200);
    // The successor came first, so the token behind it is a replay.
    assert_eq!(replay.refusal(), (401, "refresh_token_reused".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_refresh_in_flight_outlives_a_log_out() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let ((), answers) = tokio::join!(
        async { drop(client.log_out(&account.tokens.access).await.expect(200)) },
        at_once(&client, &account.tokens.refresh, 20),
    );
    for answer in answers {
        if answer.status == 200 {
            let tokens = answer.tokens();
            assert_eq!(client.refresh(&tokens.refresh).await.refusal(), (401, "token_revoked".into()));
            assert_eq!(client.me(&tokens.access).await.refusal(), (401, "token_revoked".into()));
        } else {
            assert_eq!(answer.refusal(), (401, "token_revoked".into()));
        }
    }
}
