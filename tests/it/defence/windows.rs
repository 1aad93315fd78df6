//! No stretch of time as long as a window has more guesses than the limit, wherever it begins.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use portcullis::auth::budget::{ACCOUNT_NETWORK, Scope};
use portcullis::db::login_attempts::{self, Counter};

use super::{behind_a_proxy, from, guess};
use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn no_quarter_of_an_hour_has_six_guesses_from_one_network() {
    let app = TestApp::spawn().await;
    let (client, account) = (app.client(), app.client().sign_up().await);
    assert_eq!(guess(&client, &account.email, 1).await.0, 1);
    app.advance(Duration::from_secs(890));
    assert_eq!(guess(&client, &account.email, 3).await.0, 3);
    app.advance(Duration::from_secs(10));
    assert_eq!(guess(&client, &account.email, 9).await.0, 2, "only the first guess is a quarter of an hour old");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_hour_has_more_than_a_hundred_guesses_from_everywhere() {
    let app = behind_a_proxy().await;
    let account = app.client().sign_up().await;
    let many = async |networks: std::ops::Range<u8>| {
        let mut reached = 0;
        for network in networks {
            reached += guess(&from(&app, &format!("192.0.2.{network}")), &account.email, 4).await.0;
        }
        reached
    };
    assert_eq!(guess(&from(&app, "192.0.2.254"), &account.email, 1).await.0, 1);
    app.advance(Duration::from_secs(3590));
    assert_eq!(many(1..25).await, 96);
    app.advance(Duration::from_secs(10));
    assert_eq!(many(25..50).await, 4, "only the first guess is an hour old");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_pace_no_window_has_more_than_its_limit() {
    let app = TestApp::spawn().await;
    let client = app.app.database.get().await.unwrap();
    let counter = Counter { key: [7; 32], scope: Scope::AccountNetwork, account: None, network: None };
    let window = SignedDuration::try_from(ACCOUNT_NETWORK.window).unwrap();
    let (mut now, mut passed) = (Timestamp::from_second(1_781_524_800).unwrap(), Vec::new());
    for step in 0..600_i64 {
        now += SignedDuration::from_secs(step * step * 31 % 397);
        if login_attempts::charge(&client, &counter, &ACCOUNT_NETWORK, now).await.unwrap().is_some() {
            passed.push(now);
            let within = passed.iter().filter(|at| now.duration_since(**at) < window).count();
            assert!(within <= 5, "{within} in the window that ends at {now}");
        }
        // Somebody who knows the password comes by.
        if step % 7 == 0 && passed.last() == Some(&now) {
            passed.pop();
            login_attempts::refund(&client, &counter.key, now).await.unwrap();
        }
    }
    assert!(passed.len() > 20, "{}", passed.len());
}
