//! Rate limits: how often anybody may ask, on one instance and on several.

mod classes;
mod shared;

use serde_json::json;

use crate::support::{Answer, Client, TestApp, TestAppBuilder};

/// Limits of their own, and a proxy that is believed.
fn limited(limits: &[(&str, &str)]) -> TestAppBuilder {
    limits.iter().fold(TestApp::builder().set("TRUSTED_PROXIES", "127.0.0.0/8"), |builder, (name, value)| {
        builder.set(name, value)
    })
}

fn from(app: &TestApp, address: &str) -> Client {
    app.client().with_header("x-forwarded-for", address)
}

async fn forgot(client: &Client, email: &str) -> Answer {
    client.post("/api/v1/auth/password/forgot", json!({ "email": email })).await
}

/// How many of `count` requests one after the other pass, and the last answer.
async fn passed(count: usize, ask: impl AsyncFn() -> Answer) -> (usize, Answer) {
    let mut passed = 0;
    let mut last = ask().await;
    for _ in 1..count {
        passed += usize::from(last.status != 429);
        last = ask().await;
    }
    (passed + usize::from(last.status != 429), last)
}

#[track_caller]
fn assert_limited(answer: &Answer, policy: &str, quota: u32, window: u32) {
    assert_eq!(answer.refusal(), (429, "rate_limited".into()));
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!(wait >= 1);
    assert_eq!(answer.header("ratelimit-policy"), format!("\"{policy}\";q={quota};w={window}"));
    assert!(answer.header("ratelimit").starts_with(&format!("\"{policy}\";r=0;t=")), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
}
