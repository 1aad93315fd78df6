//! A forgotten password, and whoever reads the account's mail.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use portcullis::mail::Kind;
use serde_json::{Value, json};

use super::NEW_PASSWORD;
use crate::support::{PASSWORD, TestApp};

const FORGOT: [&str; 2] = ["/api/v1/auth/password/forgot", "/api/v1/password/forgot"];
const RESET: [&str; 2] = ["/api/v1/auth/password/reset", "/api/v1/password/reset"];

#[tokio::test(flavor = "multi_thread")]
async fn a_mailed_link_sets_a_new_password_under_either_name() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for (forgot, reset) in FORGOT.into_iter().zip(RESET) {
        let account = client.sign_up().await;
        let answer = client.post(forgot, json!({ "email": account.email })).await.expect(200);
        insta::allow_duplicates! {
            insta::assert_json_snapshot!(answer.json(), { ".request_id" => "[id]" }, @r#"
            {
              "message": "If there is an account with this address, a mail with a link to set a new password is on its way.",
              "request_id": "[id]",
              "success": true,
              "timestamp": "2026-06-15T12:00:00Z"
            }
            "#);
        }
        let token = app.link("reset-password", &account.email).await;
        let body = json!({ "token": token, "email": account.email.to_uppercase(), "new_password": NEW_PASSWORD,
                           "confirm_password": NEW_PASSWORD });
        client.post(reset, body).await.expect(200);
        client.log_in(&account.email, PASSWORD).await.expect_problem(401, "invalid_credentials");
        client.log_in(&account.email, NEW_PASSWORD).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_session_ends_and_the_address_is_proved() {
    let app = TestApp::spawn().await;
    let replica = app.replica().await;
    let client = app.client();
    let account = client.sign_up().await;
    let other = client.log_in(&account.email, PASSWORD).await.expect(200).tokens();
    let bystander = client.sign_up().await;
    client.reset_password(&app.reset_link(&account.email).await, NEW_PASSWORD).await.expect(200);
    for instance in [&app, &replica] {
        for tokens in [&account.tokens, &other] {
            instance.client().me(&tokens.access).await.expect_problem(401, "token_revoked");
            instance.client().refresh(&tokens.refresh).await.expect_problem(401, "token_revoked");
        }
        instance.client().me(&bystander.tokens.access).await.expect(200);
    }
    let user = client.log_in(&account.email, NEW_PASSWORD).await.expect(200).json()["user"].clone();
    assert_eq!(user["is_email_verified"], true);
    let sql = "select user_id::text, success, details from audit_logs where event_type = 'password.reset'";
    let row = app.database.connect().await.query_one(sql, &[]).await.unwrap();
    assert_eq!((row.get::<_, String>(0), row.get(1)), (account.id, true));
    assert_eq!(row.get::<_, Value>(2), json!({ "sessions_ended": 2 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_mailed_or_asked_for_before_ends_with_the_reset() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let verify = app.link("verify-email", &account.email).await;
    client.change_email(&account.tokens.access, "new@example.com", PASSWORD).await.expect(200);
    let confirm = app.link("confirm-email-change", "new@example.com").await;
    client.reset_password(&app.reset_link(&account.email).await, NEW_PASSWORD).await.expect(200);
    for (operation, token) in [("verify", &verify), ("reject", &verify), ("confirm-change", &confirm)] {
        client.follow(operation, token).await.expect_problem(400, "invalid_token");
    }
    let user = client.log_in(&account.email, NEW_PASSWORD).await.expect(200).json()["user"].clone();
    assert_eq!(user["email"], account.email);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_parallel_resets_with_one_token_one_wins() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let token = app.reset_link(&account.email).await;
    let calls: Vec<_> = (0..20)
        .map(|number| {
            let (client, token) = (client.clone(), token.clone());
            let password = format!("harbour cat number {number} of twenty");
            tokio::spawn(async move { (client.reset_password(&token, &password).await, password) })
        })
        .collect();
    let mut winners = Vec::new();
    for call in calls {
        let (answer, password) = call.await.unwrap();
        match answer.status.as_u16() {
            200 => winners.push(password),
            _ => drop(answer.expect_problem(400, "invalid_token")),
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    client.log_in(&account.email, &winners[0]).await.expect(200);
    assert_eq!(app.audited().await.iter().filter(|event| *event == "password.reset").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_refused_does_not_use_the_link_up() {
    let app = TestApp::spawn().await;
    let client = app.client();
    client.register("quietharbour@example.com", PASSWORD).await.expect(201);
    let token = app.reset_link("quietharbour@example.com").await;
    let before = app.database.account_data().await;
    for (password, code) in [
        ("Zq7 vWk", "too_short"),
        (&"x".repeat(129), "too_long"),
        ("Password123!", "too_common"),
        ("QuietHarbour1!", "contains_context"),
        ("Lovelace", "contains_context"),
    ] {
        let answer = client.reset_password(&token, password).await;
        answer.expect_problem(400, "validation_error");
        assert_eq!(answer.faults(), [("new_password".to_owned(), code.to_owned())], "{password:?}");
    }
    let body = json!({ "token": token, "new_password": NEW_PASSWORD, "new_password_confirm": PASSWORD });
    let answer = client.post(RESET[0], body).await;
    assert_eq!(answer.faults(), [("new_password_confirm".to_owned(), "mismatch".to_owned())]);
    assert_eq!(app.database.account_data().await, before);
    client.reset_password(&token, NEW_PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_comes_along_must_be_the_accounts() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let (account, other) = (client.sign_up().await, client.sign_up().await);
    let token = app.reset_link(&account.email).await;
    let body = |email: &str| json!({ "token": token, "email": email, "new_password": NEW_PASSWORD });
    for foreign in [other.email.as_str(), "nobody@example.com"] {
        client.post(RESET[0], body(foreign)).await.expect_problem(400, "invalid_token");
    }
    let answer = client.post(RESET[0], body("nonsense")).await;
    assert_eq!(answer.faults(), [("email".to_owned(), "missing_at".to_owned())]);
    client.log_in(&account.email, PASSWORD).await.expect(200);
    client.post(RESET[0], body(&account.email)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_works_once_and_for_an_hour() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let token = app.reset_link(&account.email).await;
    app.advance(Duration::from_secs(3599));
    client.reset_password(&token, NEW_PASSWORD).await.expect(200);
    client.reset_password(&token, PASSWORD).await.expect_problem(400, "invalid_token");
    let token = app.reset_link(&account.email).await;
    app.advance(Duration::from_secs(3600));
    client.reset_password(&token, PASSWORD).await.expect_problem(400, "invalid_token");
    let refused = "select details->>'reason' from audit_logs where event_type = 'link.refused' order by created_at";
    let rows = app.database.connect().await.query(refused, &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get::<_, &str>(0)).collect::<Vec<_>>(), ["used", "expired"]);
    client.log_in(&account.email, NEW_PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_tells_when_and_from_which_device_a_reset_was_asked_for_and_whether_its_link_is_good() {
    let app = TestApp::builder().set("TRUSTED_PROXIES", "127.0.0.0/8").spawn().await;
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let client = app.client().with_header("user-agent", firefox).with_header("x-forwarded-for", "203.0.113.9");
    let account = app.client().sign_up().await;
    app.advance(Duration::from_secs(60));
    client.forgot_password(&account.email).await.expect(200);
    let token = app.link("reset-password", &account.email).await;
    let wanted = json!({
        "purpose": "reset", "created_at": "2026-06-15T12:01:00Z", "device_info": "Firefox on Linux",
        "ip_address": "203.0.113.9", "password_required": false,
    });
    let before = app.database.account_data().await;
    for _ in 0..2 {
        assert_eq!(app.client().inspect(&token).await, wanted);
    }
    assert_eq!(app.database.account_data().await, before, "looking uses nothing up");
    app.client().reset_password(&token, NEW_PASSWORD).await.expect(200);

    let replaced = app.reset_link(&account.email).await;
    app.advance(Duration::from_secs(60));
    let expired = app.reset_link(&account.email).await;
    app.advance(Duration::from_secs(3600));
    for token in [token, replaced, expired] {
        app.client().follow("inspect", &token).await.expect_problem(400, "invalid_token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_and_an_unknown_address_get_the_same_answer_and_the_same_rows() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    app.mails().await;
    let mut answers = Vec::new();
    for email in [account.email.as_str(), &account.email.to_uppercase(), "nobody@example.com"] {
        let mut answer = client.forgot_password(email).await.expect(200).json();
        answer.as_object_mut().unwrap().remove("request_id");
        answers.push(answer);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    app.mails().await;
    let database = app.database.connect().await;
    let jobs = "select count(*) from mail_jobs where kind = 'reset' and user_id is null and email_key is not null";
    assert_eq!(database.query_one(jobs, &[]).await.unwrap().get::<_, i64>(0), 3);
    let events = "select count(*) from audit_logs where event_type = 'password.reset_requested' \
                  and user_id is null and success and details - 'address_mark' = '{}'";
    assert_eq!(database.query_one(events, &[]).await.unwrap().get::<_, i64>(0), 3);
    assert_eq!(app.count_mails_to("nobody@example.com").await, 0);
    for email in ["", "ada", "ada@localhost"] {
        client.forgot_password(email).await.expect_problem(400, "validation_error");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_to_the_stored_address_whatever_twin_was_typed() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for (owner, twins) in [
        ("mike@example.org", ["MIKE@EXAMPLE.ORG", "m\u{131}ke@example.org", "M\u{130}KE@example.org"]),
        ("kim@example.org", ["\u{212a}im@example.org", "ｋｉｍ@example.org", "kim@ｅｘａｍｐｌｅ.org"]),
    ] {
        client.register(owner, PASSWORD).await.expect(201);
        for (index, twin) in twins.into_iter().enumerate() {
            client.forgot_password(twin).await.expect(200);
            // One of sign-up, and one for each of the twins.
            assert_eq!(app.count_mails_to(owner).await, index + 2, "{twin}");
            app.advance(Duration::from_secs(1));
        }
        client.reset_password(&app.link("reset-password", owner).await, NEW_PASSWORD).await.expect(200);
    }
    let readers: Vec<_> = app.mails().await.into_iter().map(|mail| mail.to).collect();
    assert!(
        readers.iter().all(|reader| ["mike@example.org", "kim@example.org"].contains(&reader.as_str())),
        "{readers:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_is_built_from_our_own_url_whatever_host_the_request_names() {
    let app = TestApp::builder()
        .set("PUBLIC_URL", "https://accounts.example.com")
        .set("TRUSTED_PROXIES", "127.0.0.0/8")
        .spawn()
        .await;
    let client = app.client();
    let account = client.sign_up().await;
    for (name, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "for=192.0.2.1;host=evil.example;proto=http"),
        ("x-original-url", "https://evil.example/"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example/reset"),
    ] {
        let body = Full::new(Bytes::from(json!({ "email": account.email }).to_string()));
        let request = Request::post(FORGOT[0]).header("content-type", "application/json").header(name, value);
        client.send(request.body(body).unwrap()).await.expect(200);
        let mail = app.mail_of(Kind::Reset, &account.email).await;
        assert!(mail.link().starts_with("https://accounts.example.com/reset-password?token="), "{}", mail.link());
        assert!(!format!("{mail:?}").contains("evil.example"), "{mail:?}");
        app.advance(Duration::from_secs(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_told_of_every_new_password() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    client.change_password(&account.tokens.access, PASSWORD, NEW_PASSWORD).await.expect(200);
    assert_eq!(app.count_mails_to(&account.email).await, 2);
    app.advance(Duration::from_secs(1));
    client.reset_password(&app.reset_link(&account.email).await, PASSWORD).await.expect(200);
    assert_eq!(app.count_mails_to(&account.email).await, 4);
    let sql = "select count(*) from mail_jobs where kind = 'password_changed' and outcome = 'sent'";
    assert_eq!(app.database.connect().await.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 2);
    // Neither a wrong password nor a bad link is a new password.
    client.change_password(&account.tokens.access, PASSWORD, NEW_PASSWORD).await.expect(401);
    client.reset_password("x", NEW_PASSWORD).await.expect(400);
    assert_eq!(app.count_mails_to(&account.email).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_hash_pool_refuses_before_the_token_is_looked_at() {
    let app = TestApp::builder().set("HASH_THREADS", "1").set("HASH_QUEUE", "0").spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let token = app.reset_link(&account.email).await;
    let held = app.app.hasher.admit().unwrap();
    for token in [token.as_str(), &"A".repeat(43)] {
        client.reset_password(token, NEW_PASSWORD).await.expect_problem(503, "overloaded");
        client.complete(token, PASSWORD).await.expect_problem(503, "overloaded");
    }
    drop(held);
    client.reset_password(&token, NEW_PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_mailed_before_a_change_of_the_password_is_dead_after_it() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let token = app.reset_link(&account.email).await;
    client.change_password(&account.tokens.access, PASSWORD, NEW_PASSWORD).await.expect(200);
    client.reset_password(&token, PASSWORD).await.expect_problem(400, "invalid_token");
    client.log_in(&account.email, NEW_PASSWORD).await.expect(200);
}

/// A refresh holds its session and then refers to the account; a reset holds the account and then ends its sessions.
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_amid_refreshes_and_log_ins_waits_for_nobody_who_waits_for_it() {
    let app = TestApp::builder().set("RATE_LIMIT_ENABLED", "false").spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    for _ in 0..5 {
        let token = app.reset_link(&account.email).await;
        let mut others = Vec::new();
        for _ in 0..8 {
            let refresh = client.log_in(&account.email, PASSWORD).await.expect(200).tokens().refresh;
            let (client, email) = (client.clone(), account.email.clone());
            others.push(tokio::spawn(async move {
                let answers = tokio::join!(client.refresh(&refresh), client.log_in(&email, PASSWORD));
                [answers.0.status.as_u16(), answers.1.status.as_u16()]
            }));
        }
        client.reset_password(&token, PASSWORD).await.expect(200);
        for other in others {
            let statuses = other.await.unwrap();
            assert!(statuses.iter().all(|status| [200, 401].contains(status)), "{statuses:?}");
        }
    }
}
