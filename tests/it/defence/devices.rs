//! Devices that are known.

use std::time::Duration;

use super::{assert_too_many, behind_a_proxy, from, guess};
use crate::support::{Answer, Client, PASSWORD, TestApp};

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

/// Asserts that of the devices that logged in before, only some are known: once strangers have spent what the account has, others are refused.
async fn assert_known(app: &TestApp, password: &str, known: &[&str], forgotten: &[&str]) {
    let client = app.client();
    assert_eq!(guess(&client, "ada@example.com", 20).await.0, 5);
    let with = |mark: &str| app.client().with_header("portcullis-device", mark);
    for mark in forgotten {
        with(mark).log_in("ada@example.com", password).await.expect(429);
    }
    for mark in known {
        with(mark).log_in("ada@example.com", password).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_password_takes_every_mark_back_but_that_of_the_device_at_hand() {
    let new = "an entirely different passphrase";
    for sends_its_mark in [true, false] {
        let app = TestApp::spawn().await;
        let registered = app.client().register("ada@example.com", PASSWORD).await.expect(201);
        let own = mark(&registered);
        let thiefs = mark(&app.client().log_in("ada@example.com", PASSWORD).await.expect(200));
        let client = match sends_its_mark {
            true => app.client().with_header("portcullis-device", &own),
            false => app.client(),
        };
        client.change_password(&registered.tokens().access, PASSWORD, new).await.expect(200);
        match sends_its_mark {
            true => assert_known(&app, new, &[&own], &[&thiefs]).await,
            false => assert_known(&app, new, &[], &[&own, &thiefs]).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_address_that_is_taken_back_takes_every_mark_back() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let registered = client.register("ada@example.com", PASSWORD).await.expect(201);
    let stolen = client.log_in("ada@example.com", PASSWORD).await.expect(200);
    client.change_email(&stolen.tokens().access, "thief@example.net", PASSWORD).await.expect(200);
    let confirm = app.link("confirm-email-change", "thief@example.net").await;
    client.follow("confirm-change", &confirm).await.expect(200);
    client.follow("undo", &app.link("undo-email-change", "ada@example.com").await).await.expect(200);
    assert_known(&app, PASSWORD, &[], &[&mark(&registered), &mark(&stolen)]).await;
}

/// A client that returns this mark.
fn with(app: &TestApp, mark: &str) -> Client {
    app.client().with_header("portcullis-device", mark)
}

/// The marks of a sign-up and of so many log-ins on new devices, a second apart.
async fn marks(app: &TestApp, log_ins: usize) -> Vec<String> {
    let mut marks = vec![mark(&app.client().register("ada@example.com", PASSWORD).await.expect(201))];
    for _ in 0..log_ins {
        app.advance(Duration::from_secs(1));
        marks.push(mark(&app.client().log_in("ada@example.com", PASSWORD).await.expect(200)));
    }
    marks
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_remembered_on_ten_devices_and_the_one_used_longest_ago_is_forgotten() {
    let app = TestApp::spawn().await;
    let marks = marks(&app, 9).await;
    app.advance(Duration::from_secs(1));
    assert_eq!(mark(&with(&app, &marks[0]).log_in("ada@example.com", PASSWORD).await.expect(200)), marks[0]);
    app.advance(Duration::from_secs(1));
    let newest = mark(&app.client().log_in("ada@example.com", PASSWORD).await.expect(200));
    let live = "select count(*) from devices where revoked_at is null";
    assert_eq!(app.database.connect().await.query_one(live, &[]).await.unwrap().get::<_, i64>(0), 10);

    guess(&app.client(), "ada@example.com", 9).await;
    assert_too_many(&with(&app, &marks[1]).log_in("ada@example.com", PASSWORD).await, "account_network");
    for known in marks[2..].iter().chain([&marks[0], &newest]) {
        with(&app, known).log_in("ada@example.com", PASSWORD).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_devices_of_an_account_have_thirty_guesses_an_hour_together() {
    let app = TestApp::spawn().await;
    let marks = marks(&app, 4).await;
    for known in &marks[..3] {
        assert_eq!(guess(&with(&app, known), "ada@example.com", 20).await.0, 10);
    }
    assert_too_many(&with(&app, &marks[3]).log_in("ada@example.com", PASSWORD).await, "account_devices");
    app.advance(Duration::from_secs(3600));
    for _ in 0..31 {
        with(&app, &marks[4]).log_in("ada@example.com", PASSWORD).await.expect(200);
    }
    assert_eq!(guess(&with(&app, &marks[4]), "ada@example.com", 20).await.0, 10, "right passwords spend nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_everywhere_forgets_every_device_but_the_own() {
    let app = TestApp::spawn().await;
    let marks = marks(&app, 2).await;
    let tokens = with(&app, &marks[1]).log_in("ada@example.com", PASSWORD).await.expect(200).tokens();
    with(&app, &marks[1]).log_out_everywhere(&tokens.access).await.expect(200);
    guess(&app.client(), "ada@example.com", 9).await;
    for gone in [&marks[0], &marks[2]] {
        assert_too_many(&with(&app, gone).log_in("ada@example.com", PASSWORD).await, "account_network");
    }
    with(&app, &marks[1]).log_in("ada@example.com", PASSWORD).await.expect(200);
}
