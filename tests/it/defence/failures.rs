//! A count outlives the request that it was made for, however that one ends.

use std::time::Duration;

use serde_json::json;

use super::{assert_too_many, guess, wrong};
use crate::support::{TestApp, Wire, wait_for};

/// The counter of an account from its only network.
async fn counted(app: &TestApp) -> i32 {
    let sql = "select coalesce(max(failures), 0) from login_attempts where scope = 'account_network'";
    app.database.connect().await.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_fails_keeps_its_count() {
    let app = TestApp::spawn().await;
    let (client, account) = (app.client(), app.client().sign_up().await);
    let broken = "alter table mail_jobs add constraint no_warning check (kind <> 'account_locked') not valid";
    app.database.connect().await.batch_execute(broken).await.unwrap();
    assert_eq!(guess(&client, &account.email, 4).await.0, 4);
    client.log_in(&account.email, &wrong(5)).await.expect_problem(500, "internal_error");
    assert_eq!(counted(&app).await, 5);
    assert_too_many(&client.log_in(&account.email, &wrong(6)).await, "account_network");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guess_that_cannot_be_logged_keeps_its_count() {
    let app = TestApp::spawn().await;
    let (client, account) = (app.client(), app.client().sign_up().await);
    let broken = "alter table audit_logs add constraint no_event check (event_type <> 'login.failed') not valid";
    app.database.connect().await.batch_execute(broken).await.unwrap();
    for number in 1..=5 {
        client.log_in(&account.email, &wrong(0)).await.expect_problem(503, "service_unavailable");
        assert_eq!(counted(&app).await, number);
    }
    assert_too_many(&client.log_in(&account.email, &wrong(0)).await, "account_network");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_keeps_its_count() {
    let app = TestApp::spawn().await;
    let email = "nobody@example.com";
    let watcher = app.database.connect().await;
    for number in 1..=3 {
        // Its row cannot be written, and so its answer cannot come.
        watcher.batch_execute("begin; lock table audit_logs in share mode").await.unwrap();
        let body = json!({ "email": email, "password": wrong(0) }).to_string();
        let request = format!(
            "POST /api/v1/auth/login HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let wire = Wire::behind(app.address, request).await;
        wait_for("the guess to be counted", async || (counted(&app).await == number).then_some(())).await;
        drop(wire);
        let connections = &app.app.metrics.connections.open;
        wait_for("the service to notice", async || (connections.get() == 0).then_some(())).await;
        watcher.batch_execute("commit").await.unwrap();
        assert_eq!(counted(&app).await, number);
    }
    assert_eq!(guess(&app.client(), email, 9).await.0, 2);
}

/// Whoever waits for a turn lets a thread of the pool idle.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_at_one_account_leaves_the_hasher_to_others() {
    let app = TestApp::builder().set("HASH_THREADS", "8").set("HASH_QUEUE", "0").spawn().await;
    let (attacked, other) = (app.client().sign_up().await, app.client().sign_up().await);
    let watcher = app.database.connect().await;
    // Nobody's guess can be counted, so nobody's turn ends.
    watcher.batch_execute("begin; lock table login_attempts in exclusive mode").await.unwrap();
    let crowd = (0..8).map(|number| {
        let (client, email) = (app.client(), attacked.email.clone());
        tokio::spawn(async move { client.log_in(&email, &wrong(number)).await })
    });
    let crowd: Vec<_> = crowd.collect();
    let done = || crowd.iter().filter(|guess| guess.is_finished()).count();
    wait_for("all but two to be turned away", async || (done() == 6).then_some(())).await;
    assert_eq!(app.app.hasher.stats().waiting, 2);
    let (client, email, password) = (app.client(), other.email.clone(), other.password.clone());
    let honest = tokio::spawn(async move { client.log_in(&email, &password).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    watcher.batch_execute("commit").await.unwrap();
    honest.await.unwrap().expect(200);
    let mut answers = Vec::new();
    for guess in crowd {
        answers.push(guess.await.unwrap());
    }
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 401).collect();
    assert_eq!(refused.len(), 6);
    for answer in refused {
        assert_eq!(assert_too_many(answer, "account_network"), 1);
    }
}
