//! Sign-ups by whoever typed the address, and the owner of the mailbox who judges them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, TestApp};

const ADA: &str = "ada@example.com";
const ATTACKERS_PASSWORD: &str = "known to the attacker only";

async fn confirming() -> TestApp {
    TestApp::builder().set("REGISTRATION", "confirm").spawn().await
}

/// What a client can see of an answer, without what differs from request to request anyway.
fn as_seen(answer: &Answer) -> (u16, Vec<String>, Value) {
    let mut body = answer.json();
    body.as_object_mut().unwrap().remove("request_id");
    let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
    names.sort();
    (answer.status.as_u16(), names, body)
}

async fn count(app: &TestApp, table: &str) -> i64 {
    let sql = format!("select count(*) from {table}");
    app.database.connect().await.query_one(&sql, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_that_waits_becomes_an_account_by_its_link_and_its_password() {
    let app = confirming().await;
    let client = app.client();
    let answer = client.register("Ada@Example.com", PASSWORD).await.expect(202);
    insta::assert_json_snapshot!(answer.json(), { ".request_id" => "[id]" }, @r#"
    {
      "message": "A mail is on its way to this address; the link in it completes the sign-up.",
      "request_id": "[id]",
      "success": true,
      "timestamp": "2026-06-15T12:00:00Z"
    }
    "#);
    assert_eq!(count(&app, "users").await, 0);
    client.log_in(ADA, PASSWORD).await.expect_problem(401, "invalid_credentials");

    let token = app.link("verify-email", "Ada@example.com").await;
    client.complete(&token, PASSWORD).await.expect(200);
    let user = client.log_in(ADA, PASSWORD).await.expect(200).json()["user"].clone();
    assert_eq!((&user["email"], &user["is_email_verified"]), (&json!("Ada@example.com"), &json!(true)));
    assert_eq!(user["full_name"], "Ada Lovelace");
    client.complete(&token, PASSWORD).await.expect_problem(400, "invalid_token");
    assert_eq!(count(&app, "pending_registrations").await, 0);
    let audited = app.audited().await;
    let wanted = ["registration.requested", "login.failed", "email.verified", "user.registered", "login.succeeded"];
    assert!(wanted.iter().all(|event| audited.contains(&(*event).to_owned())), "{audited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_and_an_unknown_address_get_the_same_answer_and_cause_the_same_work() {
    let app = confirming().await;
    let client = app.client();
    client.register(ADA, PASSWORD).await.expect(202);
    client.complete(&app.link("verify-email", ADA).await, PASSWORD).await.expect(200);
    app.mails().await;
    let before = app.app.hasher.stats();

    let known = client.register(ADA, PASSWORD).await;
    let twin = client.register("ADA@EXAMPLE.COM", PASSWORD).await;
    let unknown = client.register("nobody@example.com", PASSWORD).await;
    assert_eq!(as_seen(&known), as_seen(&unknown));
    assert_eq!(as_seen(&twin), as_seen(&unknown));
    assert_eq!(app.app.hasher.stats(), before);
    let sql = "select kind, user_id is null, email_key is null, subject_id is not null from mail_jobs \
               order by created_at, id offset 1";
    let rows = app.database.connect().await.query(sql, &[]).await.unwrap();
    let jobs: Vec<(String, bool, bool, bool)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
    assert_eq!(jobs, vec![("sign_up".to_owned(), true, false, true); 3]);

    // The owner learns of it, without a link that would do anything to the account; the sign-ups are forgotten.
    assert_eq!(app.count_mails_to(ADA).await, 3);
    assert_eq!(count(&app, "pending_registrations").await, 1);
    assert_eq!(count(&app, "users").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_victims_click_never_blesses_an_attackers_password() {
    let app = confirming().await;
    let client = app.client();
    client.register(ADA, ATTACKERS_PASSWORD).await.expect(202);
    let token = app.link("verify-email", ADA).await;
    let before = app.database.account_data().await;

    // The victim does not know the password, so a click does nothing, whatever is typed.
    let answer = client.follow("verify", &token).await;
    answer.expect_problem(400, "validation_error");
    assert_eq!(answer.faults(), [("password".into(), "required".into())]);
    assert_eq!(app.database.account_data().await, before);
    for _ in 0..3 {
        client.complete(&token, PASSWORD).await.expect_problem(403, "invalid_credentials");
    }
    assert_eq!(count(&app, "users").await, 0);
    assert_eq!(app.audited().await.iter().filter(|event| *event == "email.verification_failed").count(), 3);

    // The victim's own sign-up is another one, with another link; with it, the attacker's is gone.
    client.register(ADA, PASSWORD).await.expect(202);
    let own = app.link("verify-email", ADA).await;
    assert_ne!(own, token);
    client.complete(&own, ATTACKERS_PASSWORD).await.expect_problem(403, "invalid_credentials");
    client.complete(&own, PASSWORD).await.expect(200);
    client.complete(&token, ATTACKERS_PASSWORD).await.expect_problem(400, "invalid_token");
    client.log_in(ADA, ATTACKERS_PASSWORD).await.expect_problem(401, "invalid_credentials");
    client.log_in(ADA, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_completions_of_several_sign_ups_one_makes_the_account() {
    let builder = TestApp::builder().set("REGISTRATION", "confirm");
    // So many attempts at once are more than one address gets.
    let app = builder.set("RATE_LIMIT_ENABLED", "false").spawn().await;
    let client = app.client();
    let mut links = Vec::new();
    for number in 0..4 {
        client.register(ADA, &format!("password number {number} of four")).await.expect(202);
        links.push((app.link("verify-email", ADA).await, format!("password number {number} of four")));
        app.advance(Duration::from_secs(1));
    }
    let calls: Vec<_> = links
        .into_iter()
        .flat_map(|link| [link.clone(), link])
        .map(|(token, password)| {
            let client = client.clone();
            tokio::spawn(async move { client.complete(&token, &password).await })
        })
        .collect();
    let mut made = 0;
    for call in calls {
        let answer = call.await.unwrap();
        match answer.status.as_u16() {
            200 => made += 1,
            // It came as another one was about to win.
            409 => drop(answer.expect_problem(409, "email_taken")),
            _ => drop(answer.expect_problem(400, "invalid_token")),
        }
    }
    assert_eq!((made, count(&app, "users").await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_that_nobody_completes_in_a_day_is_worth_nothing() {
    let app = confirming().await;
    let client = app.client();
    client.register(ADA, PASSWORD).await.expect(202);
    let token = app.link("verify-email", ADA).await;
    app.advance(Duration::from_secs(24 * 3600));
    client.complete(&token, PASSWORD).await.expect_problem(400, "invalid_token");
    assert_eq!(count(&app, "users").await, 0);
}

/// Strangers learn nothing of it: only who reads the address's mail can ask.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_free_yet_is_said_to_be_taken_and_the_link_works_once_it_is_free() {
    let app = TestApp::builder().set("REGISTRATION", "confirm").set("DELETION_RETENTION", "12h").spawn().await;
    let client = app.client();
    client.register(ADA, PASSWORD).await.expect(202);
    client.complete(&app.link("verify-email", ADA).await, PASSWORD).await.expect(200);
    let access = client.log_in(ADA, PASSWORD).await.expect(200).tokens().access;
    let body = json!({ "password": PASSWORD });
    client.call(http::Method::DELETE, "/api/v1/auth/me", Some(&access), Some(&body)).await.expect(200);

    app.advance(Duration::from_secs(3600));
    client.register(ADA, PASSWORD).await.expect(202);
    let token = app.link("verify-email", ADA).await;
    client.complete(&token, PASSWORD).await.expect_problem(409, "email_taken");
    client.complete(&token, ATTACKERS_PASSWORD).await.expect_problem(403, "invalid_credentials");
    app.advance(Duration::from_secs(12 * 3600));
    app.sweep().await;
    client.complete(&token, PASSWORD).await.expect(200);
    client.log_in(ADA, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_its_last_owner_can_still_take_back_is_said_to_be_taken() {
    let app = confirming().await;
    let client = app.client();
    client.register(ADA, PASSWORD).await.expect(202);
    client.complete(&app.link("verify-email", ADA).await, PASSWORD).await.expect(200);
    let access = client.log_in(ADA, PASSWORD).await.expect(200).tokens().access;
    client.change_email(&access, "new@example.com", PASSWORD).await.expect(200);
    client.follow("confirm-change", &app.link("confirm-email-change", "new@example.com").await).await.expect(200);

    app.advance(Duration::from_secs(60 * 3600));
    client.register(ADA, PASSWORD).await.expect(202);
    let token = app.link("verify-email", ADA).await;
    client.complete(&token, PASSWORD).await.expect_problem(409, "email_taken");
    app.advance(Duration::from_secs(12 * 3600));
    client.complete(&token, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_that_waits_can_be_rejected_by_the_owner_of_the_mailbox() {
    let app = confirming().await;
    let client = app.client();
    client.register(ADA, ATTACKERS_PASSWORD).await.expect(202);
    let token = app.link("verify-email", ADA).await;
    client.follow("reject", &token).await.expect(200);
    assert_eq!(count(&app, "pending_registrations").await, 0);
    for answer in [client.follow("reject", &token).await, client.complete(&token, ATTACKERS_PASSWORD).await] {
        answer.expect_problem(400, "invalid_token");
    }
    assert!(app.audited().await.contains(&"user.rejected".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_tells_when_and_from_which_device_a_sign_up_came() {
    for (mode, purpose) in [("open", "verify"), ("confirm", "sign_up")] {
        let app = TestApp::builder().set("REGISTRATION", mode).set("TRUSTED_PROXIES", "127.0.0.0/8").spawn().await;
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let client = app.client().with_header("user-agent", firefox).with_header("x-forwarded-for", "203.0.113.9");
        client.register(ADA, PASSWORD).await;
        let wanted = json!({
            "purpose": purpose, "email": ADA, "created_at": "2026-06-15T12:00:00Z", "device_info": "Firefox on Linux",
            "ip_address": "203.0.113.9", "password_required": mode == "confirm",
        });
        let link = app.link("verify-email", ADA).await;
        assert_eq!(app.client().inspect(&link).await, wanted);
        // Looking changes nothing.
        assert_eq!(app.client().inspect(&link).await, wanted);
        if mode == "open" {
            // Whoever asks for the mail again is not who signed up.
            app.advance(Duration::from_secs(600));
            app.client().with_header("user-agent", "curl/8").resend(ADA).await.expect(200);
            assert_eq!(app.client().inspect(&app.link("verify-email", ADA).await).await, wanted);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn this_was_not_me_deletes_the_unverified_account_with_all_that_was_its_own() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let squatter = client.register(ADA, ATTACKERS_PASSWORD).await.expect(201).tokens();
    let bystander = client.sign_up().await;
    let token = app.link("verify-email", ADA).await;
    client.follow("reject", &token).await.expect(200);
    client.me(&squatter.access).await.expect_problem(401, "token_revoked");
    client.refresh(&squatter.refresh).await.expect_problem(401, "invalid_token");
    client.log_in(ADA, ATTACKERS_PASSWORD).await.expect_problem(401, "invalid_credentials");
    client.me(&bystander.tokens.access).await.expect(200);
    for operation in ["verify", "reject", "inspect"] {
        client.follow(operation, &token).await.expect_problem(400, "invalid_token");
    }
    // The address is free at once.
    client.register(ADA, PASSWORD).await.expect(201);
    client.follow("verify", &app.link("verify-email", ADA).await).await.expect(200);
}

/// With open registration a click proves the address for whoever chose the password. The mailbox has the last word.
#[tokio::test(flavor = "multi_thread")]
async fn who_confirmed_a_strangers_sign_up_shuts_the_stranger_out_by_a_reset() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let stranger = client.register(ADA, ATTACKERS_PASSWORD).await.expect(201).tokens();
    client.follow("verify", &app.link("verify-email", ADA).await).await.expect(200);
    assert_eq!(client.me(&stranger.access).await.expect(200).json()["is_email_verified"], true);
    client.change_email(&stranger.access, "stranger@example.com", ATTACKERS_PASSWORD).await.expect(200);
    let change = app.link("confirm-email-change", "stranger@example.com").await;

    client.reset_password(&app.reset_link(ADA).await, PASSWORD).await.expect(200);
    client.me(&stranger.access).await.expect_problem(401, "token_revoked");
    client.refresh(&stranger.refresh).await.expect_problem(401, "token_revoked");
    client.log_in(ADA, ATTACKERS_PASSWORD).await.expect_problem(401, "invalid_credentials");
    client.follow("confirm-change", &change).await.expect_problem(400, "invalid_token");
    let user = client.log_in(ADA, PASSWORD).await.expect(200).json()["user"].clone();
    assert_eq!((&user["email"], &user["is_email_verified"]), (&json!(ADA), &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_address_was_proved_is_never_deleted_by_a_link() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let token = app.link("verify-email", &account.email).await;
    // Proved by another way, so that the link itself was not used.
    app.database.connect().await.batch_execute("update users set is_email_verified = true").await.unwrap();
    client.follow("reject", &token).await.expect_problem(400, "invalid_token");
    client.me(&account.tokens.access).await.expect(200);
    client.follow("verify", &token).await.expect(200);
}

/// Somebody signs up with an address that is not theirs, and waits for its owner to come.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_attacker_who_came_first_outlives_the_owners_reset() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let attacker = client.register(ADA, ATTACKERS_PASSWORD).await.expect(201).tokens();
    let second = client.log_in(ADA, ATTACKERS_PASSWORD).await.expect(200).tokens();
    client.change_email(&attacker.access, "attacker@example.com", ATTACKERS_PASSWORD).await.expect(200);
    let change = app.link("confirm-email-change", "attacker@example.com").await;

    client.register(ADA, PASSWORD).await.expect_problem(409, "email_taken");
    let reset = app.reset_link(ADA).await;
    client.reset_password(&reset, PASSWORD).await.expect(200);

    for tokens in [&attacker, &second] {
        client.me(&tokens.access).await.expect_problem(401, "token_revoked");
        client.refresh(&tokens.refresh).await.expect_problem(401, "token_revoked");
    }
    client.log_in(ADA, ATTACKERS_PASSWORD).await.expect_problem(401, "invalid_credentials");
    client.follow("confirm-change", &change).await.expect_problem(400, "invalid_token");
    let user = client.log_in(ADA, PASSWORD).await.expect(200).json()["user"].clone();
    assert_eq!((&user["email"], &user["is_email_verified"]), (&json!(ADA), &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_click_and_a_rejection_at_once_one_wins() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for _ in 0..10 {
        let account = client.sign_up().await;
        let token = app.link("verify-email", &account.email).await;
        let (verified, rejected, refreshed) = tokio::join!(
            client.follow("verify", &token),
            client.follow("reject", &token),
            client.refresh(&account.tokens.refresh)
        );
        let mut statuses = [verified.status.as_u16(), rejected.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400], "{verified:?} {rejected:?}");
        assert!([200, 401].contains(&refreshed.status.as_u16()), "{refreshed:?}");
        let exists = client.log_in(&account.email, PASSWORD).await.status == 200;
        assert_eq!(exists, verified.status == 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mail_of_a_sign_up_that_waits_can_be_asked_for_again() {
    let app = confirming().await;
    let client = app.client();
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    client.clone().with_header("user-agent", firefox).register(ADA, PASSWORD).await.expect(202);
    let lost = app.link("verify-email", ADA).await;
    app.advance(Duration::from_secs(60));
    client.resend("ADA@example.com").await.expect(200);
    let token = app.link("verify-email", ADA).await;
    assert_ne!(token, lost);
    let inspected = client.inspect(&token).await;
    assert_eq!(
        (&inspected["purpose"], &inspected["device_info"], &inspected["created_at"]),
        (&json!("sign_up"), &json!("Firefox on Linux"), &json!("2026-06-15T12:00:00Z"))
    );
    client.complete(&lost, PASSWORD).await.expect_problem(400, "invalid_token");
    client.complete(&token, PASSWORD).await.expect(200);
    // Now there is nothing to confirm.
    let mails = app.count_mails_to(ADA).await;
    client.resend(ADA).await.expect(200);
    assert_eq!(app.count_mails_to(ADA).await, mails);
}
