//! A new address: asked for with the password, and nobody's until its mailbox confirms.

use std::time::Duration;

use serde_json::json;

use crate::support::{Account, Client, PASSWORD, TestApp, wait_for};

const NEW: &str = "new@example.com";

async fn email_of(client: &Client, account: &Account) -> (String, bool) {
    let me = client.me(&account.tokens.access).await.expect(200).json();
    (me["email"].as_str().unwrap().to_owned(), me["is_email_verified"].as_bool().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_address_waits_until_it_confirms() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let answer = client.change_email(&account.tokens.access, "New@Example.com", PASSWORD).await.expect(200);
    assert_eq!(answer.json()["email"], account.email);
    assert_eq!(email_of(&client, &account).await, (account.email.clone(), false));
    client.log_in(NEW, PASSWORD).await.expect_problem(401, "invalid_credentials");

    let token = app.link("confirm-email-change", "New@example.com").await;
    client.follow("confirm-change", &token).await.expect(200);
    assert_eq!(email_of(&client, &account).await, ("New@example.com".into(), true));
    client.log_in(NEW, PASSWORD).await.expect(200);
    client.log_in(&account.email, PASSWORD).await.expect_problem(401, "invalid_credentials");
    client.follow("confirm-change", &token).await.expect_problem(400, "invalid_token");
    let audited = app.audited().await;
    for event in ["email.change_requested", "email.changed"] {
        assert_eq!(audited.iter().filter(|found| *found == event).count(), 1, "{audited:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_new_address_gets_the_link_that_confirms_and_the_old_one_the_link_that_takes_back() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    client.change_email(&account.tokens.access, NEW, PASSWORD).await.expect(200);
    let mut jobs: Vec<(String, usize)> = Vec::new();
    for (email, page) in [(NEW, "confirm-email-change"), (&account.email, "undo-email-change")] {
        assert!(app.find_link(page, email).await.is_some(), "{email}");
        jobs.push((email.to_owned(), app.count_mails_to(email).await));
    }
    assert_eq!(jobs, [(NEW.to_owned(), 1), (account.email.clone(), 2)]);
    for (page, email) in [("undo-email-change", NEW), ("confirm-email-change", account.email.as_str())] {
        assert_eq!(app.find_link(page, email).await, None);
    }
    let confirm = client.inspect(&app.link("confirm-email-change", NEW).await).await;
    assert_eq!((&confirm["purpose"], &confirm["email"]), (&json!("confirm_change"), &json!(NEW)));
    let undo = client.inspect(&app.link("undo-email-change", &account.email).await).await;
    assert_eq!((&undo["purpose"], &undo["email"]), (&json!("undo_change"), &json!(account.email)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_address_needs_the_current_password() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let access = &account.tokens.access;
    for body in [json!({ "email": NEW }), json!({ "email": NEW, "current_password": null })] {
        let answer = client.update_me(access, body).await;
        answer.expect_problem(400, "validation_error");
        assert_eq!(answer.faults(), [("current_password".into(), "required".into())]);
    }
    let both = client.update_me(access, json!({ "email": "nonsense", "first_name": "<b>" })).await;
    assert_eq!(both.refusal().0, 400);
    let answer = client.change_email(access, NEW, "not the password").await;
    answer.expect_problem(403, "invalid_credentials");
    assert_eq!(answer.header("www-authenticate"), "");
    assert_eq!(app.count_mails_to(NEW).await, 0);
    assert!(app.audited().await.contains(&"email.change_failed".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_address_are_changed_together_or_not_at_all() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let (account, other) = (client.sign_up().await, client.sign_up().await);
    let access = &account.tokens.access;
    let body = |email: &str| json!({ "first_name": "Grace", "email": email, "current_password": PASSWORD });
    client.update_me(access, body(&other.email)).await.expect_problem(409, "email_taken");
    assert_eq!(client.me(access).await.json()["first_name"], "Ada");
    let user = client.update_me(access, body(NEW)).await.expect(200).json();
    assert_eq!((&user["first_name"], &user["email"]), (&json!("Grace"), &json!(account.email)));
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_address_in_any_spelling_is_no_change_and_calls_a_waiting_one_off() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let access = client.register("kim@example.org", PASSWORD).await.expect(201).tokens().access;
    for twin in ["kim@example.org", "KIM@EXAMPLE.ORG", "\u{212a}\u{131}m@example.org", "ｋｉｍ@example.org"] {
        let user = client.update_me(&access, json!({ "email": twin })).await.expect(200).json();
        assert_eq!(user["email"], "kim@example.org", "{twin}");
    }
    assert_eq!(app.count_mails_to("kim@example.org").await, 1);
    client.change_email(&access, NEW, PASSWORD).await.expect(200);
    let token = app.link("confirm-email-change", NEW).await;
    client.update_me(&access, json!({ "email": "Kim@example.org" })).await.expect(200);
    client.follow("confirm-change", &token).await.expect_problem(400, "invalid_token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_request_takes_the_place_of_an_older_one() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    client.change_email(&account.tokens.access, "first@example.com", PASSWORD).await.expect(200);
    let first = app.link("confirm-email-change", "first@example.com").await;
    app.advance(Duration::from_secs(1));
    client.change_email(&account.tokens.access, "second@example.com", PASSWORD).await.expect(200);
    let second = app.link("confirm-email-change", "second@example.com").await;
    client.follow("confirm-change", &first).await.expect_problem(400, "invalid_token");
    client.follow("confirm-change", &second).await.expect(200);
    assert_eq!(email_of(&client, &account).await.0, "second@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_address_or_its_twin_is_refused_where_that_may_be_told() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    client.register("mike@example.org", PASSWORD).await.expect(201);
    for taken in ["mike@example.org", "MIKE@example.org", "m\u{131}ke@example.org"] {
        client.change_email(&account.tokens.access, taken, PASSWORD).await.expect_problem(409, "email_taken");
    }
    assert_eq!(app.count_mails_to("mike@example.org").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_addresses_are_kept_secret_a_taken_one_gets_the_usual_answer_and_its_owner_a_word() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let (account, owner) = (client.sign_up().await, client.sign_up().await);
    let secretive = TestApp::builder().set("REGISTRATION", "confirm").on(app.database.clone()).spawn().await;
    let client = secretive.client();
    let mut answers = Vec::new();
    for email in [owner.email.as_str(), NEW] {
        let mut answer = client.change_email(&account.tokens.access, email, PASSWORD).await.expect(200).json();
        answer.as_object_mut().unwrap().remove("request_id");
        answers.push(answer);
    }
    assert_eq!(answers[0], answers[1]);
    app.mails().await;
    let changes = "select count(*) from email_tokens t join email_changes c on c.id = t.subject_id \
                   where t.purpose = 'confirm_change' and c.new_email = $1";
    let row = app.database.connect().await.query_one(changes, &[&owner.email]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 0, "the owner's mailbox got a link that moves somebody else's account there");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_somebody_took_meanwhile_is_not_confirmed() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    client.change_email(&account.tokens.access, NEW, PASSWORD).await.expect(200);
    let token = app.link("confirm-email-change", NEW).await;
    client.register(NEW, PASSWORD).await.expect(201);
    let before = app.database.account_data().await;
    client.follow("confirm-change", &token).await.expect_problem(409, "email_taken");
    assert_eq!(app.database.account_data().await, before);
    assert_eq!(email_of(&client, &account).await.0, account.email);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_accounts_that_confirm_one_address_at_once_one_gets_it() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let mut tokens = Vec::new();
    for spelling in ["Twin@example.org", "twin@example.org", "TWIN@example.org"] {
        let account = client.sign_up().await;
        client.change_email(&account.tokens.access, spelling, PASSWORD).await.expect(200);
        tokens.push(app.link("confirm-email-change", spelling).await);
    }
    let calls: Vec<_> = tokens
        .into_iter()
        .map(|token| {
            let client = client.clone();
            tokio::spawn(async move { client.follow("confirm-change", &token).await })
        })
        .collect();
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(call.await.unwrap().status.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409]);
}

/// A link that was mailed to the old address must not open the account of the new one.
#[tokio::test(flavor = "multi_thread")]
async fn links_that_were_mailed_to_the_old_address_end_with_its_change() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let verify = app.link("verify-email", &account.email).await;
    let reset = app.reset_link(&account.email).await;
    client.change_email(&account.tokens.access, NEW, PASSWORD).await.expect(200);
    client.follow("confirm-change", &app.link("confirm-email-change", NEW).await).await.expect(200);
    client.follow("verify", &verify).await.expect_problem(400, "invalid_token");
    client.follow("reject", &verify).await.expect_problem(400, "invalid_token");
    client.reset_password(&reset, "nine lives of the harbour cat").await.expect_problem(400, "invalid_token");
    // Those to the new one work.
    client.reset_password(&app.reset_link(NEW).await, "nine lives of the harbour cat").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_changed_meanwhile_does_not_move_the_account() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for number in 0..5 {
        let account = client.sign_up().await;
        let email = format!("moved{number}@example.com");
        let late = {
            let (client, access, email) = (client.clone(), account.tokens.access.clone(), email.clone());
            tokio::spawn(async move { client.change_email(&access, &email, PASSWORD).await })
        };
        client.change_password(&account.tokens.access, PASSWORD, "nine lives of the harbour cat").await.expect(200);
        let late = late.await.unwrap();
        match late.status.as_u16() {
            // It came first, and is off all the same.
            200 => {}
            _ => drop(late.expect_problem(403, "invalid_credentials")),
        }
        if let Some(token) = app.find_link("confirm-email-change", &email).await {
            client.follow("confirm-change", &token).await.expect_problem(400, "invalid_token");
        }
        assert_eq!(email_of(&client, &account).await.0, account.email);
        let again = client.change_email(&account.tokens.access, &email, PASSWORD).await;
        again.expect_problem(403, "invalid_credentials");
    }
}

/// Whoever moved an account to their own address may ask for a new password there, just as its owner takes the account back.
#[tokio::test(flavor = "multi_thread")]
async fn no_link_is_mailed_to_an_address_that_the_account_leaves_at_that_moment() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    app.mails().await;
    let moving = app.database.connect().await;
    moving.batch_execute("begin; select 1 from users for no key update").await.unwrap();
    client.forgot_password(&account.email).await.expect(200);
    let attempted = "select 1 from mail_jobs where kind = 'reset' and attempts > 0";
    let watcher = app.database.connect().await;
    wait_for("the worker", async || watcher.query_opt(attempted, &[]).await.unwrap()).await;
    moving
        .batch_execute("update users set email = 'new@example.com', email_key = 'new@example.com'; commit")
        .await
        .unwrap();
    assert_eq!(app.find_link("reset-password", &account.email).await, None);
    assert_eq!(app.find_link("reset-password", "new@example.com").await, None);
    let issued = watcher.query_opt("select 1 from password_reset_tokens", &[]).await.unwrap();
    assert!(issued.is_none());
}
