//! Devices that are known.

use super::{assert_too_many, behind_a_proxy, from, guess};
use crate::support::{Answer, PASSWORD, TestApp};

const COOKIE: &str = "__Host-portcullis_device";

/// The mark that an answer brings, as header and as cookie.
#[track_caller]
fn mark(answer: &Answer) -> String {
    let mark = answer.header("portcullis-device").to_owned();
    assert_eq!(mark.len(), 43);
    let cookie = format!("{COOKIE}={mark}; Path=/; Max-Age=34560000; Secure; HttpOnly; SameSite=Lax");
    assert_eq!(answer.header("set-cookie"), cookie);
    mark
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_logged_in_before_is_not_locked_out_by_strangers() {
    let app = behind_a_proxy().await;
    let home = from(&app, "203.0.113.7");
    let registered = home.register("ada@example.com", PASSWORD).await.expect(201);
    let known = home.clone().with_header("portcullis-device", &mark(&registered));
    for network in 1..=20 {
        guess(&from(&app, &format!("192.0.2.{network}")), "ada@example.com", 5).await;
    }
    assert_too_many(&from(&app, "198.51.100.1").log_in("ada@example.com", PASSWORD).await, "account");
    // From the attacker's own network, too.
    for address in ["203.0.113.7", "192.0.2.1"] {
        let there = from(&app, address).with_header("portcullis-device", &mark(&registered));
        there.log_in("ada@example.com", PASSWORD).await.expect(200);
    }
    assert_eq!(guess(&known, "ada@example.com", 20).await.0, 10, "its own budget");
    assert_too_many(&known.log_in("ada@example.com", PASSWORD).await, "device");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_may_come_back_as_a_header_or_as_a_cookie_and_stays_the_same() {
    let app = TestApp::spawn().await;
    let first = app.client().register("ada@example.com", PASSWORD).await.expect(201);
    let mark_of = mark(&first);
    let cookies = format!("theme=dark; {COOKIE}={mark_of}; other=1");
    for client in
        [app.client().with_header("portcullis-device", &mark_of), app.client().with_header("cookie", &cookies)]
    {
        assert_eq!(mark(&client.log_in("ada@example.com", PASSWORD).await.expect(200)), mark_of);
    }
    assert_ne!(mark(&app.client().log_in("ada@example.com", PASSWORD).await.expect(200)), mark_of);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_of_somebody_else_or_of_nobody_is_worth_nothing() {
    let app = TestApp::spawn().await;
    app.client().register("ada@example.com", PASSWORD).await.expect(201);
    let foreign = mark(&app.client().register("eve@example.com", PASSWORD).await.expect(201));
    for forged in [foreign.as_str(), &"A".repeat(43), "x", ""] {
        let client = app.client().with_header("portcullis-device", forged);
        guess(&client, "ada@example.com", 20).await;
        assert_too_many(&client.log_in("ada@example.com", PASSWORD).await, "account_network");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_takes_every_mark_back_and_gives_a_new_one() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let old = mark(&client.register("ada@example.com", PASSWORD).await.expect(201));
    client.post("/api/v1/auth/password/forgot", serde_json::json!({ "email": "ada@example.com" })).await.expect(200);
    let mail = app.mail_to("ada@example.com").await;
    let token = mail.token();
    let body = serde_json::json!({ "token": token, "new_password": "an entirely different passphrase" });
    let new = mark(&client.post("/api/v1/auth/password/reset", body).await.expect(200));

    assert_eq!(guess(&client, "ada@example.com", 20).await.0, 5);
    let with = |mark: &str| app.client().with_header("portcullis-device", mark);
    with(&old).log_in("ada@example.com", "an entirely different passphrase").await.expect(429);
    with(&new).log_in("ada@example.com", "an entirely different passphrase").await.expect(200);
}
