//! How many guesses an account takes.

use std::time::Duration;

use serde_json::json;

use super::{assert_too_many, behind_a_proxy, delete_me, from, guess, wrong};
use crate::support::{PASSWORD, TestApp};

/// A counter that is read, compared and written lets a crowd through.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_parallel_guesses_on_two_instances_reach_the_hasher_five_times() {
    let app = TestApp::spawn().await;
    let replica = app.replica().await;
    let account = app.client().sign_up().await;
    let guesses = (0..200).map(|number| {
        let client = if number % 2 == 0 { app.client() } else { replica.client() };
        let email = account.email.clone();
        tokio::spawn(async move { client.log_in(&email, &wrong(number)).await })
    });
    let mut reached = 0;
    for answer in guesses.collect::<Vec<_>>() {
        let answer = answer.await.unwrap();
        match answer.status.as_u16() {
            401 => reached += 1,
            429 => drop(assert_too_many(&answer, "account_network")),
            // More than the queue of the hasher holds at once.
            503 => {}
            status => panic!("{status}"),
        }
    }
    assert_eq!(reached, 5);
    let counted = "select failures from login_attempts where scope = 'account'";
    let failures: i32 = app.database.connect().await.query_one(counted, &[]).await.unwrap().get(0);
    assert_eq!(failures, 5, "who is refused by one budget does not spend the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sixth_attempt_is_refused_even_with_the_right_password_and_each_wait_is_longer() {
    let app = TestApp::spawn().await;
    let (client, account) = (app.client(), app.client().sign_up().await);
    let mut waits = Vec::new();
    for _ in 0..3 {
        let (reached, refused) = guess(&client, &account.email, 10).await;
        assert_eq!(reached, 5);
        let wait = assert_too_many(&refused, "account_network");
        client.log_in(&account.email, PASSWORD).await.expect(429);
        app.advance(Duration::from_secs(wait - 1));
        client.log_in(&account.email, PASSWORD).await.expect(429);
        app.advance(Duration::from_secs(1));
        waits.push(wait);
    }
    assert_eq!(waits, [900, 1800, 3600]);
    client.log_in(&account.email, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_takes_the_count_back() {
    let app = TestApp::spawn().await;
    let (client, account) = (app.client(), app.client().sign_up().await);
    for _ in 0..5 {
        assert_eq!(guess(&client, &account.email, 4).await.0, 4);
        client.log_in(&account.email, PASSWORD).await.expect(200);
    }
    // That of the account from anywhere, too, and nothing but its own.
    let counted = "select failures, cardinality(attempts) from login_attempts where scope = 'account'";
    let row = app.database.connect().await.query_one(counted, &[]).await.unwrap();
    assert_eq!((row.get::<_, i32>(0), row.get::<_, i32>(1)), (20, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_takes_a_hundred_guesses_an_hour_from_the_whole_world() {
    let app = behind_a_proxy().await;
    let account = app.client().sign_up().await;
    let mut reached = 0;
    for network in 1..=25 {
        let (more, answer) = guess(&from(&app, &format!("192.0.2.{network}")), &account.email, 5).await;
        reached += more;
        if answer.status == 429 {
            assert_too_many(&answer, "account");
            break;
        }
    }
    assert_eq!(reached, 100);
    from(&app, "198.51.100.1").log_in(&account.email, PASSWORD).await.expect(429);
    app.advance(Duration::from_secs(3600));
    from(&app, "198.51.100.1").log_in(&account.email, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn spellings_of_one_address_share_one_budget() {
    let app = TestApp::spawn().await;
    let client = app.client();
    client.register("jose\u{301}@example.com", PASSWORD).await.expect(201);
    for (number, spelling) in [
        "jose\u{301}@example.com",
        "jos\u{e9}@example.com",
        "JOS\u{c9}@EXAMPLE.COM",
        "ｊosé@example.com",
        " josé@example.com",
    ]
    .iter()
    .enumerate()
    {
        let answer = client.log_in(spelling, &wrong(number)).await;
        assert!([400, 401].contains(&answer.status.as_u16()), "{spelling}: {answer:?}");
    }
    let counted = "select count(*), max(failures) from login_attempts where scope = 'account_network'";
    let row = app.database.connect().await.query_one(counted, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 1);
    assert!(row.get::<_, i32>(1) >= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_that_takes_a_password_spends_the_same_budget() {
    let app = TestApp::spawn().await;
    let (client, account) = (app.client(), app.client().sign_up().await);
    let access = &account.tokens.access;
    client.log_in(&account.email, &wrong(0)).await.expect(401);
    client.change_password(access, &wrong(1), "another good passphrase").await.expect(403);
    let address = json!({ "email": "new@example.com", "current_password": wrong(2) });
    client.update_me(access, address.clone()).await.expect(403);
    delete_me(&client, &account, &wrong(3)).await.expect(403);
    client.log_in(&account.email, &wrong(4)).await.expect(401);

    assert_too_many(&client.log_in(&account.email, PASSWORD).await, "account_network");
    assert_too_many(&client.change_password(access, PASSWORD, "another good passphrase").await, "account_network");
    assert_too_many(&client.update_me(access, address).await, "account_network");
    assert_too_many(&delete_me(&client, &account, PASSWORD).await, "account_network");
    client.me(access).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_of_a_sign_up_spends_the_same_budget() {
    let app = TestApp::builder().set("REGISTRATION", "confirm").spawn().await;
    let (client, email) = (app.client(), "ada@example.com");
    client.register(email, PASSWORD).await.expect(202);
    let token = app.link("verify-email", email).await;
    for number in 0..3 {
        client.complete(&token, &wrong(number)).await.expect(403);
    }
    for number in 3..5 {
        client.log_in(email, &wrong(number)).await.expect(401);
    }
    assert_too_many(&client.complete(&token, PASSWORD).await, "account_network");
    assert_too_many(&client.log_in(email, PASSWORD).await, "account_network");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_without_an_account_is_limited_just_the_same() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let (known, unknown) = (guess(&client, &account.email, 9).await, guess(&client, "nobody@example.com", 9).await);
    assert_eq!((known.0, known.1.header("retry-after")), (unknown.0, unknown.1.header("retry-after")));
    let jobs = "select count(*) from mail_jobs where kind = 'account_locked'";
    assert_eq!(app.database.connect().await.query_one(jobs, &[]).await.unwrap().get::<_, i64>(0), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_told_once_and_the_log_each_time() {
    let app = TestApp::spawn().await;
    let (client, account) = (app.client(), app.client().sign_up().await);
    for _ in 0..2 {
        assert_eq!(guess(&client, &account.email, 9).await.0, 5);
        app.advance(Duration::from_secs(2 * 3600));
    }
    let locked = app.audited().await.iter().filter(|event| *event == "account.locked").count();
    assert_eq!(locked, 2);
    let subjects: Vec<_> = app.mails().await.into_iter().filter(|mail| mail.to.contains(&account.email)).collect();
    // The welcome, and one warning.
    assert_eq!(subjects.len(), 2, "{subjects:?}");
}

/// Few from each place, so that no budget is ever spent.
#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_told_once_of_an_attack_that_is_spread_over_many_networks() {
    let app = behind_a_proxy().await;
    let account = app.client().sign_up().await;
    let told = async || {
        let jobs = "select count(*) from mail_jobs where kind = 'account_locked'";
        app.database.connect().await.query_one(jobs, &[]).await.unwrap().get::<_, i64>(0)
    };
    for network in 1..=24 {
        assert_eq!(guess(&from(&app, &format!("192.0.2.{network}")), &account.email, 4).await.0, 4);
        assert_eq!(told().await, i64::from(network >= 5), "after {} guesses", network * 4);
    }
    assert!(!app.audited().await.contains(&"account.locked".to_owned()));
    let mails = app.mails().await.into_iter().filter(|mail| mail.to.contains(&account.email)).count();
    assert_eq!(mails, 2, "the welcome, and one warning");
}

#[tokio::test(flavor = "multi_thread")]
async fn switched_off_nothing_is_counted() {
    let app = TestApp::builder().set("RATE_LIMIT_ENABLED", "false").spawn().await;
    let (client, account) = (app.client(), app.client().sign_up().await);
    assert_eq!(guess(&client, &account.email, 12).await.0, 12);
    client.log_in(&account.email, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_cannot_be_counted_is_not_made() {
    let app = TestApp::spawn().await;
    let (client, account) = (app.client(), app.client().sign_up().await);
    app.database.connect().await.batch_execute("alter table login_attempts rename to gone").await.unwrap();
    client.log_in(&account.email, PASSWORD).await.expect_problem(503, "service_unavailable");
}
