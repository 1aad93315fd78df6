//! Addresses: proved by a mailed link, changed, taken back.

mod changes;
mod sign_ups;
mod undo;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{PASSWORD, TestApp};

/// Operations that take a token and nothing else.
const BY_TOKEN: [&str; 5] = ["verify", "confirm-change", "undo", "inspect", "reject"];

#[tokio::test(flavor = "multi_thread")]
async fn a_mailed_link_proves_the_address_once() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let token = app.link("verify-email", &account.email).await;
    let answer = client.follow("verify", &token).await.expect(200);
    insta::assert_json_snapshot!(answer.json(), { ".request_id" => "[id]" }, @r#"
    {
      "message": "Your address is confirmed.",
      "request_id": "[id]",
      "success": true,
      "timestamp": "2026-06-15T12:00:00Z"
    }
    "#);
    assert_eq!(client.me(&account.tokens.access).await.expect(200).json()["is_email_verified"], true);
    client.follow("verify", &token).await.expect_problem(400, "invalid_token");
    // The clock stands still, so the rows have no order.
    let audited: BTreeSet<_> = app.audited().await.into_iter().collect();
    assert_eq!(audited, ["user.registered", "email.verified", "link.refused"].map(str::to_owned).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_parallel_uses_of_one_link_one_wins() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let token = app.link("verify-email", &account.email).await;
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (client, token) = (client.clone(), token.clone());
            tokio::spawn(async move { client.follow("verify", &token).await })
        })
        .collect();
    let mut wins = 0;
    for call in calls {
        let answer = call.await.unwrap();
        match answer.status.as_u16() {
            200 => wins += 1,
            _ => drop(answer.expect_problem(400, "invalid_token")),
        }
    }
    assert_eq!(wins, 1);
}

/// Scanners of mail open every link, often more than once, and some ask with HEAD first.
#[tokio::test(flavor = "multi_thread")]
async fn the_get_of_a_mail_scanner_consumes_no_link() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    client.change_email(&account.tokens.access, "new@example.com", PASSWORD).await.expect(200);
    let reset = app.reset_link(&account.email).await;
    let before = app.database.account_data().await;
    for mail in app.mails().await.iter().filter(|mail| mail.has_link()) {
        let path = format!("/{}", mail.link().splitn(4, '/').nth(3).unwrap());
        for method in [http::Method::GET, http::Method::HEAD, http::Method::GET] {
            client.call(method, &path, None, None).await.expect(200);
        }
    }
    assert_eq!(app.database.account_data().await, before);
    for (operation, page, email) in [
        ("verify", "verify-email", account.email.as_str()),
        ("confirm-change", "confirm-email-change", "new@example.com"),
        ("undo", "undo-email-change", &account.email),
    ] {
        client.follow("inspect", &app.link(page, email).await).await.expect(200);
        if operation == "verify" {
            client.follow(operation, &app.link(page, email).await).await.expect(200);
        }
    }
    client.reset_password(&reset, "nine lives of the harbour cat").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_no_good_is_refused_everywhere_with_one_answer() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    client.change_email(&account.tokens.access, "new@example.com", PASSWORD).await.expect(200);
    let verify = app.link("verify-email", &account.email).await;
    let confirm = app.link("confirm-email-change", "new@example.com").await;
    let undo = app.link("undo-email-change", &account.email).await;
    let reset = app.reset_link(&account.email).await;
    let before = app.database.account_data().await;
    let malformed = [String::new(), "x".into(), verify[1..].to_owned(), format!("{verify}="), "A".repeat(43)];
    for token in malformed.iter().chain([&account.tokens.refresh, &account.tokens.access]) {
        for operation in BY_TOKEN {
            client.follow(operation, token).await.expect_problem(400, "invalid_token");
        }
    }
    for operation in BY_TOKEN.into_iter().filter(|operation| *operation != "inspect") {
        client.follow(operation, &reset).await.expect_problem(400, "invalid_token");
    }
    // A good link opens what it was mailed for and nothing else.
    for (operation, tokens) in [
        ("verify", [&confirm, &undo]),
        ("reject", [&confirm, &undo]),
        ("confirm-change", [&verify, &undo]),
        ("undo", [&verify, &confirm]),
    ] {
        for token in tokens {
            client.follow(operation, token).await.expect_problem(400, "invalid_token");
        }
    }
    for token in [&verify, &confirm, &undo] {
        client.reset_password(token, "nine lives of the harbour cat").await.expect_problem(400, "invalid_token");
        assert_eq!(client.me(token).await.refusal(), (401, "invalid_token".into()), "a link is no bearer token");
    }
    assert_eq!(app.database.account_data().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_expires() {
    for (page, operation, hours) in [
        ("verify-email", "verify", 24),
        ("confirm-email-change", "confirm-change", 24),
        ("undo-email-change", "undo", 72),
    ] {
        let app = TestApp::spawn().await;
        let client = app.client();
        let account = client.sign_up().await;
        client.change_email(&account.tokens.access, "new@example.com", PASSWORD).await.expect(200);
        let reader = if operation == "confirm-change" { "new@example.com" } else { account.email.as_str() };
        let token = app.link(page, reader).await;
        app.advance(Duration::from_secs(hours * 3600 - 1));
        client.follow("inspect", &token).await.expect(200);
        app.advance(Duration::from_secs(1));
        for operation in [operation, "inspect"] {
            client.follow(operation, &token).await.expect_problem(400, "invalid_token");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_link_ends_the_older_one() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let older = app.link("verify-email", &account.email).await;
    app.advance(Duration::from_secs(60));
    client.resend(&account.email).await.expect(200);
    let newer = app.link("verify-email", &account.email).await;
    assert_ne!(older, newer);
    client.follow("verify", &older).await.expect_problem(400, "invalid_token");
    client.follow("verify", &newer).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_of_a_disabled_or_deleted_account_are_dead() {
    for sql in ["update users set is_active = false", "update users set deleted_at = created_at"] {
        let app = TestApp::spawn().await;
        let client = app.client();
        let account = client.sign_up().await;
        client.change_email(&account.tokens.access, "new@example.com", PASSWORD).await.expect(200);
        client.clone().with_header("user-agent", "curl/8").log_in(&account.email, PASSWORD).await.expect(200);
        let end_session = app.link("end-session", &account.email).await;
        let links = [
            ("verify", app.link("verify-email", &account.email).await),
            ("reject", app.link("verify-email", &account.email).await),
            ("confirm-change", app.link("confirm-email-change", "new@example.com").await),
            ("undo", app.link("undo-email-change", &account.email).await),
        ];
        let reset = app.reset_link(&account.email).await;
        app.database.connect().await.batch_execute(sql).await.unwrap();
        for (operation, token) in &links {
            client.follow(operation, token).await.expect_problem(400, "invalid_token");
            client.follow("inspect", token).await.expect_problem(400, "invalid_token");
        }
        client.end_session(&end_session).await.expect_problem(400, "invalid_token");
        client.follow("inspect", &reset).await.expect_problem(400, "invalid_token");
        client.reset_password(&reset, "nine lives of the harbour cat").await.expect_problem(400, "invalid_token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn known_links_that_are_refused_are_logged_with_their_owner_and_without_the_token() {
    const ADA: &str = "ada@example.com";
    let app = TestApp::builder().set("REGISTRATION", "confirm").spawn().await;
    let client = app.client();
    let database = app.database.connect().await;
    let mut refused = Vec::new();
    let mut twice = async |purpose: &'static str, token: String| {
        for status in [200, 400] {
            app.advance(Duration::from_secs(1));
            let answer = match purpose {
                "sign_up" => client.complete(&token, PASSWORD).await,
                "reset" => client.reset_password(&token, PASSWORD).await,
                "end_session" => client.end_session(&token).await,
                "confirm_change" => client.follow("confirm-change", &token).await,
                "undo_change" => client.follow("undo", &token).await,
                _ => client.follow(purpose, &token).await,
            };
            answer.expect(status);
        }
        refused.push(purpose);
    };
    client.register(ADA, PASSWORD).await.expect(202);
    twice("sign_up", app.link("verify-email", ADA).await).await;
    database.batch_execute("update users set is_email_verified = false").await.unwrap();
    client.resend(ADA).await.expect(200);
    twice("verify", app.link("verify-email", ADA).await).await;
    twice("reset", app.reset_link(ADA).await).await;
    let access = client.log_in(ADA, PASSWORD).await.expect(200).tokens().access;
    client.clone().with_header("user-agent", "curl/8").log_in(ADA, PASSWORD).await.expect(200);
    client.change_email(&access, "new@example.com", PASSWORD).await.expect(200);
    twice("confirm_change", app.link("confirm-email-change", "new@example.com").await).await;
    twice("end_session", app.link("end-session", ADA).await).await;
    twice("undo_change", app.link("undo-email-change", ADA).await).await;

    let sql = "select a.success, a.details from audit_logs a join users u on u.id = a.user_id \
               where a.event_type = 'link.refused' order by a.created_at";
    let rows = database.query(sql, &[]).await.unwrap();
    let rows: Vec<(bool, Value)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let row = |purpose| (false, json!({ "purpose": purpose, "reason": "used" }));
    assert_eq!(rows, refused.into_iter().map(row).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_mail_is_asked_for_with_one_answer_and_one_job_whoever_has_the_address() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let verified = client.sign_up().await;
    client.follow("verify", &app.link("verify-email", &verified.email).await).await.expect(200);
    let waiting = client.sign_up().await;
    app.mails().await;
    let mut answers = Vec::new();
    for email in [waiting.email.as_str(), &verified.email, "nobody@example.com"] {
        let mut answer = client.resend(email).await.expect(200).json();
        answer.as_object_mut().unwrap().remove("request_id");
        answers.push(answer);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    assert_eq!(app.count_mails_to(&waiting.email).await, 2);
    assert_eq!(app.count_mails_to(&verified.email).await, 1);
    let sql = "select count(*) from mail_jobs where kind = 'verify' and user_id is null and email_key is not null";
    assert_eq!(app.database.connect().await.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 3);
    for email in ["", "ada", "ada@localhost"] {
        client.resend(email).await.expect_problem(400, "validation_error");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_service_decides_cannot_be_set_by_a_link_either() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let token = app.link("verify-email", &account.email).await;
    let reset = app.reset_link(&account.email).await;
    let before = app.database.account_data().await;
    for field in ["id", "user_id", "role", "is_admin", "is_email_verified", "purpose", "sub"] {
        for operation in BY_TOKEN {
            let body = json!({ "token": token, field: true });
            let answer = client.post(&format!("/api/v1/auth/email/{operation}"), body).await;
            answer.expect_problem(400, "unknown_field");
            assert_eq!(answer.faults(), [(field.to_owned(), "unknown_field".to_owned())]);
        }
        for path in ["/api/v1/auth/email/resend", "/api/v1/auth/password/forgot"] {
            let answer = client.post(path, json!({ "email": account.email, field: true })).await;
            answer.expect_problem(400, "unknown_field");
        }
        let body = json!({ "token": reset, "new_password": "nine lives of the harbour cat", field: true });
        client.post("/api/v1/auth/password/reset", body).await.expect_problem(400, "unknown_field");
    }
    assert_eq!(app.database.account_data().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_logged_does_not_happen_and_uses_no_link_up() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let watcher = app.database.connect().await;
    let account = client.sign_up().await;
    client.change_email(&account.tokens.access, "new@example.com", PASSWORD).await.expect(200);
    let verify = app.link("verify-email", &account.email).await;
    let confirm = app.link("confirm-email-change", "new@example.com").await;
    let undo = app.link("undo-email-change", &account.email).await;
    let reset = app.reset_link(&account.email).await;
    let before = app.database.account_data().await;
    for event_type in [
        "password.reset_requested",
        "email.verification_requested",
        "email.change_requested",
        "email.verified",
        "user.rejected",
        "email.changed",
        "email.change_undone",
        "password.reset",
    ] {
        let constraint = format!("check (event_type <> '{event_type}') not valid");
        watcher.batch_execute(&format!("alter table audit_logs add constraint no_event {constraint}")).await.unwrap();
        let answer = match event_type {
            "password.reset_requested" => client.forgot_password(&account.email).await,
            "email.verification_requested" => client.resend(&account.email).await,
            "email.change_requested" => client.change_email(&account.tokens.access, "b@example.com", PASSWORD).await,
            "email.verified" => client.follow("verify", &verify).await,
            "user.rejected" => client.follow("reject", &verify).await,
            "email.changed" => client.follow("confirm-change", &confirm).await,
            "email.change_undone" => client.follow("undo", &undo).await,
            _ => client.reset_password(&reset, "nine lives of the harbour cat").await,
        };
        assert_eq!(answer.refusal(), (503, "service_unavailable".into()), "{event_type}");
        watcher.batch_execute("alter table audit_logs drop constraint no_event").await.unwrap();
        assert_eq!(app.database.account_data().await, before, "{event_type}");
    }
    client.reset_password(&reset, "nine lives of the harbour cat").await.expect(200);
}
