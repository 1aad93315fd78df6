//! Changing a password, and setting one that was forgotten.

mod hashes;
mod pool;
mod resets;

use http::Method;
use serde_json::{Value, json};

use crate::support::{Account, Answer, Client, PASSWORD, TestApp};

const NEW_PASSWORD: &str = "nine lives of the harbour cat";
/// The second one is an older name.
const PATHS: [&str; 2] = ["/api/v1/auth/password/change", "/api/v1/auth/change-password"];

async fn change(client: &Client, account: &Account, body: Value) -> Answer {
    client.call(Method::PUT, PATHS[0], Some(&account.tokens.access), Some(&body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_under_either_name_takes_the_new_password_and_forgets_the_old_one() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for path in PATHS {
        let account = client.sign_up().await;
        let body =
            json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD, "new_password_confirm": NEW_PASSWORD });
        let answer = client.call(Method::PUT, path, Some(&account.tokens.access), Some(&body)).await.expect(200);
        insta::allow_duplicates! {
            insta::assert_json_snapshot!(answer.json(), { ".request_id" => "[id]" }, @r#"
            {
              "message": "Your password has been changed.",
              "request_id": "[id]",
              "success": true,
              "timestamp": "2026-06-15T12:00:00Z"
            }
            "#);
        }
        client.log_in(&account.email, PASSWORD).await.expect_problem(401, "invalid_credentials");
        client.log_in(&account.email, NEW_PASSWORD).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_session_ends_at_once_and_this_one_lives() {
    let app = TestApp::spawn().await;
    let replica = app.replica().await;
    let client = app.client();
    let account = client.sign_up().await;
    let other = client.log_in(&account.email, PASSWORD).await.expect(200).tokens();
    let bystander = client.sign_up().await;
    client.change_password(&account.tokens.access, PASSWORD, NEW_PASSWORD).await.expect(200);
    for instance in [&app, &replica] {
        instance.client().me(&other.access).await.expect_problem(401, "token_revoked");
        instance.client().me(&account.tokens.access).await.expect(200);
        instance.client().me(&bystander.tokens.access).await.expect(200);
    }
    client.refresh(&other.refresh).await.expect_problem(401, "token_revoked");
    client.refresh(&account.tokens.refresh).await.expect(200);
    let sql = "select user_id::text, success, details from audit_logs where event_type = 'password.changed'";
    let row = app.database.connect().await.query_one(sql, &[]).await.unwrap();
    assert_eq!((row.get::<_, String>(0), row.get(1)), (account.id, true));
    assert_eq!(row.get::<_, Value>(2), json!({ "sessions_ended": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_current_password_is_forbidden_so_that_clients_do_not_refresh_and_resend() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let answer = client.change_password(&account.tokens.access, "not the password", NEW_PASSWORD).await;
    answer.expect_problem(403, "invalid_credentials");
    assert_eq!(answer.header("www-authenticate"), "");
    client.me(&account.tokens.access).await.expect(200);
    client.log_in(&account.email, PASSWORD).await.expect(200);
    let sql = "select user_id::text, success from audit_logs where event_type = 'password.change_failed'";
    let row = app.database.connect().await.query_one(sql, &[]).await.unwrap();
    assert_eq!((row.get::<_, String>(0), row.get(1)), (account.id, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_the_policy_refuses_is_refused_with_its_code() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let answer = client.register("quietharbour@example.com", PASSWORD).await.expect(201);
    let access = answer.tokens().access;
    let before = app.database.account_data().await;
    for (password, codes) in [
        ("Zq7 vWk".to_owned(), &["too_short"][..]),
        ("x".repeat(129), &["too_long"]),
        ("🔑".repeat(129), &["too_long"]),
        ("x".repeat(5000), &["too_long"]),
        ("password".to_owned(), &["too_common"]),
        ("Password123!".to_owned(), &["too_common"]),
        ("12345678".to_owned(), &["too_common"]),
        ("1234".to_owned(), &["too_short", "too_common"]),
        ("Lovelace".to_owned(), &["contains_context"]),
        ("AdaLovelace2026!".to_owned(), &["contains_context"]),
        ("ada lovelace".to_owned(), &["contains_context"]),
        ("PORTCULLIS1".to_owned(), &["contains_context"]),
        ("QuietHarbour1!".to_owned(), &["contains_context"]),
    ] {
        let answer = client.change_password(&access, PASSWORD, &password).await;
        answer.expect_problem(400, "validation_error");
        let expected: Vec<_> = codes.iter().map(|code| ("new_password".to_owned(), (*code).to_owned())).collect();
        assert_eq!(answer.faults(), expected, "{password:?}");
    }
    assert_eq!(app.database.account_data().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_the_same_words_with_more_to_it_is_accepted() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let mut account = client.sign_up().await;
    for new in [
        "my password is a gate",
        "Lovelace wrote note G",
        "12345678 sheep asleep",
        "пароль для ворот",
        " x  y  z ",
        "🔑🔒🗝️🚪🏰⚔️🛡️👑",
    ] {
        client.change_password(&account.tokens.access, &account.password, new).await.expect(200);
        account.password = new.to_owned();
        client.log_in(&account.email, new).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_that_is_wrong_is_named_at_once() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let body =
        json!({ "current_password": 1, "new_password": "1234", "new_password_confirm": "x", "confirm_password": "y" });
    let answer = change(&client, &account, body).await;
    answer.expect_problem(400, "validation_error");
    let faults = [
        ("current_password", "wrong_type"),
        ("new_password_confirm", "mismatch"),
        ("confirm_password", "mismatch"),
        ("new_password", "too_short"),
        ("new_password", "too_common"),
    ];
    assert_eq!(answer.faults(), faults.map(|(field, code)| (field.to_owned(), code.to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_changes_one_wins() {
    let app = TestApp::builder().set("RATE_LIMIT_ENABLED", "false").spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let calls: Vec<_> = (0..10)
        .map(|number| {
            let (client, access) = (client.clone(), account.tokens.access.clone());
            let new = format!("harbour cat number {number} of ten");
            tokio::spawn(async move { (client.change_password(&access, PASSWORD, &new).await, new) })
        })
        .collect();
    let mut winners = Vec::new();
    for call in calls {
        let (answer, password) = call.await.unwrap();
        if answer.status == 200 {
            winners.push(password);
        } else {
            answer.expect_problem(403, "invalid_credentials");
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    client.log_in(&account.email, &winners[0]).await.expect(200);
    client.log_in(&account.email, PASSWORD).await.expect_problem(401, "invalid_credentials");
    assert_eq!(app.audited().await.iter().filter(|event| *event == "password.changed").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_with_the_old_password_that_is_under_way_does_not_survive_the_change() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for _ in 0..5 {
        let account = client.sign_up().await;
        let late = {
            let (client, email) = (client.clone(), account.email.clone());
            tokio::spawn(async move { client.log_in(&email, PASSWORD).await })
        };
        client.change_password(&account.tokens.access, PASSWORD, NEW_PASSWORD).await.expect(200);
        let late = late.await.unwrap();
        // Either it came first and its session ended with the others, or it came too late.
        match late.status.as_u16() {
            200 => drop(client.me(&late.tokens().access).await.expect_problem(401, "token_revoked")),
            _ => drop(late.expect_problem(401, "invalid_credentials")),
        }
    }
}

/// A thief who knew the old password has asked for things; the owner changes it.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_for_with_the_old_password_is_off_and_links_that_take_something_back_still_work() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let verify = app.link("verify-email", &account.email).await;
    let thief = client.clone().with_header("user-agent", "curl/8");
    let stolen = thief.log_in(&account.email, PASSWORD).await.expect(200).tokens();
    let end_session = app.link("end-session", &account.email).await;
    client.change_email(&stolen.access, "thief@example.net", PASSWORD).await.expect(200);
    let confirm = app.link("confirm-email-change", "thief@example.net").await;
    let undo = app.link("undo-email-change", &account.email).await;
    let reset = app.reset_link(&account.email).await;

    client.change_password(&account.tokens.access, PASSWORD, NEW_PASSWORD).await.expect(200);
    for operation in ["confirm-change", "inspect"] {
        client.follow(operation, &confirm).await.expect_problem(400, "invalid_token");
    }
    client.reset_password(&reset, PASSWORD).await.expect_problem(400, "invalid_token");
    let me = client.me(&account.tokens.access).await.expect(200).json();
    assert_eq!(me["email"], account.email);

    // Somebody who signs up with an address that is not theirs must not outrun its owner by a new password.
    assert_eq!(client.inspect(&verify).await["purpose"], "verify");
    client.follow("verify", &verify).await.expect(200);
    client.end_session(&end_session).await.expect(200);
    client.follow("undo", &undo).await.expect(200);
}
