//! Guessing passwords has a price, and it is never the owner who pays it.

mod budgets;
mod devices;
mod failures;
mod networks;
mod windows;

use http::Method;
use serde_json::json;

use crate::support::{Account, Answer, Client, TestApp};

/// A wrong password, another one each time.
fn wrong(number: usize) -> String {
    format!("wrong guess number {number}")
}

/// Believes the forwarding header of its clients, so that a test can come from anywhere.
async fn behind_a_proxy() -> TestApp {
    TestApp::builder().set("TRUSTED_PROXIES", "127.0.0.0/8").spawn().await
}

fn from(app: &TestApp, address: &str) -> Client {
    app.client().with_header("x-forwarded-for", address)
}

/// Guesses until the answer is another than 401, `most` times at most; tells how often, and the last answer.
async fn guess(client: &Client, email: &str, most: usize) -> (usize, Answer) {
    for number in 0.. {
        let answer = client.log_in(email, &wrong(number)).await;
        if answer.status != 401 || number + 1 == most {
            return (number + usize::from(answer.status == 401), answer);
        }
    }
    unreachable!("the loop ends by returning")
}

#[track_caller]
fn assert_too_many(answer: &Answer, policy: &str) -> u64 {
    assert_eq!(answer.refusal(), (429, "too_many_attempts".into()));
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!(wait >= 1);
    assert!(answer.header("ratelimit-policy").starts_with(&format!("\"{policy}\";q=")), "{answer:?}");
    assert_eq!(answer.header("ratelimit"), format!("\"{policy}\";r=0;t={wait}"));
    assert_eq!(answer.header("cache-control"), "no-store");
    wait
}

async fn delete_me(client: &Client, account: &Account, password: &str) -> Answer {
    let body = json!({ "password": password });
    client.call(Method::DELETE, "/api/v1/auth/me", Some(&account.tokens.access), Some(&body)).await
}
