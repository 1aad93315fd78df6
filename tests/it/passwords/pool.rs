//! Hashing takes a core for a while: how many may wait for one, and what they hold meanwhile.

use std::time::Duration;

use http::Method;
use portcullis::auth::pool::Ticket;
use serde_json::json;
use tokio::task::JoinHandle;

use super::{NEW_PASSWORD, PATHS};
use crate::support::{Account, Answer, Client, PASSWORD, TestApp, wait_for};

/// A service whose pool has one place, and that place.
async fn with_one_place() -> (TestApp, Ticket, Account) {
    let app = TestApp::builder().set("HASH_THREADS", "1").set("HASH_QUEUE", "0").spawn().await;
    let account = app.client().sign_up().await;
    let ticket = wait_for("the pool to be empty", async || app.app.hasher.admit().ok()).await;
    (app, ticket, account)
}

/// Asks every operation that hashes.
async fn hash_everywhere(client: &Client, account: &Account) -> [Answer; 3] {
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    [
        client.register("new@example.com", PASSWORD).await,
        client.log_in(&account.email, PASSWORD).await,
        client.call(Method::PUT, PATHS[0], Some(&account.tokens.access), Some(&change)).await,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_pool_answers_at_once_that_the_service_is_busy() {
    let (app, ticket, account) = with_one_place().await;
    let before = app.database.account_data().await;
    for answer in hash_everywhere(&app.client(), &account).await {
        answer.expect_problem(503, "overloaded");
        assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
    }
    assert_eq!(app.app.hasher.stats().refused, 3);
    assert_eq!(app.database.account_data().await, before);
    app.client().me(&account.tokens.access).await.expect(200);
    drop(ticket);
    app.client().log_in(&account.email, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn admission_comes_before_any_look_up_so_that_it_tells_nothing_about_accounts() {
    let (app, ticket, account) = with_one_place().await;
    app.app.database.close();
    for email in [account.email.as_str(), "nobody@example.com"] {
        app.client().log_in(email, PASSWORD).await.expect_problem(503, "overloaded");
    }
    app.client().register("new@example.com", PASSWORD).await.expect_problem(503, "overloaded");
    drop(ticket);
    app.client().log_in(&account.email, PASSWORD).await.expect_problem(503, "service_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_database_connection_is_held_while_hashing() {
    let settings = [("DB_MAX_OPEN_CONNS", "1"), ("HASH_THREADS", "1"), ("PASSWORD_BCRYPT_COST", "12")];
    let app =
        settings.into_iter().fold(TestApp::builder(), |builder, (name, value)| builder.set(name, value)).spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let log_ins: Vec<_> = (0..6)
        .map(|_| {
            let (client, email) = (client.clone(), account.email.clone());
            tokio::spawn(async move { client.log_in(&email, PASSWORD).await.expect(200) })
        })
        .collect();
    // All six have looked up their account and wait for the one thread; the one connection is free.
    wait_for("all log-ins to be admitted", async || {
        let stats = app.app.hasher.stats();
        (stats.running + stats.waiting == 6 || log_ins.iter().any(JoinHandle::is_finished)).then_some(())
    })
    .await;
    let mut answered = 0;
    while !log_ins.iter().any(JoinHandle::is_finished) {
        client.me(&account.tokens.access).await.expect(200);
        answered += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(answered > 1, "nothing was answered while the first log-in hashed");
    for call in log_ins {
        call.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_gives_its_place_back() {
    let app = TestApp::builder()
        .set("HASH_THREADS", "1")
        .set("HASH_QUEUE", "1")
        .set("PASSWORD_BCRYPT_COST", "10")
        .spawn()
        .await;
    let client = app.client();
    let account = client.sign_up().await;
    for _ in 0..4 {
        let impatient =
            tokio::time::timeout(Duration::from_millis(5), client.log_in(&account.email, "not the password"));
        drop(impatient.await);
    }
    wait_for("the pool to be empty", async || {
        let stats = app.app.hasher.stats();
        (stats.running + stats.waiting == 0).then_some(())
    })
    .await;
    client.log_in(&account.email, PASSWORD).await.expect(200);
}
