//! `portcullis user`: accounts in the operator's hands.

use std::time::Duration;

use portcullis::clock::{Clock, SystemClock};
use portcullis::mail::Kind;
use serde_json::{Value, json};

use crate::support::{Account, Ended, PASSWORD, Program, TestApp};

const NEW_PASSWORD: &str = "an entirely different passphrase";

/// A running instance with an account, and the command line on the same database.
async fn scene() -> (TestApp, Account, Program) {
    let app = TestApp::spawn().await;
    let account = app.client().sign_up().await;
    let program = Program::on(&app.database);
    (app, account, program)
}

async fn create(program: &Program, email: &str, more: &[&str], input: &str) -> Ended {
    let arguments = ["user", "create", "--email", email, "--first-name", "Grace", "--last-name", "Hopper"];
    program.run_with_input(&[&arguments[..], more].concat(), input).await
}

/// `(event, success, details but for who did it, whether it names the account)` of what the command line did last.
async fn last_event(app: &TestApp, account_id: &str) -> (String, bool, Value, bool) {
    let sql = "select event_type, success, details - 'operator', user_id::text = $1, ip_address is null and request_id is null \
               from audit_logs where user_agent = 'portcullis command line' order by created_at desc, id desc limit 1";
    let row = app.database.connect().await.query_one(sql, &[&account_id]).await.unwrap();
    assert!(row.get::<_, bool>(4));
    (row.get(0), row.get(1), row.get(2), row.get(3))
}

fn event(event_type: &str, details: Value) -> (String, bool, Value, bool) {
    (event_type.to_owned(), true, details, true)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_created_account_can_log_in_at_once() {
    let (app, _, program) = scene().await;
    let id = create(&program, "grace@example.com", &["--password-stdin"], &format!("{PASSWORD}\n")).await.done();
    let user = app.client().log_in("grace@example.com", PASSWORD).await.expect(200).json()["user"].clone();
    assert_eq!(user["id"], id.trim_end());
    assert_eq!((&user["full_name"], &user["is_email_verified"]), (&json!("Grace Hopper"), &json!(false)));
    assert_eq!(last_event(&app, id.trim_end()).await, event("user.registered", json!({})));

    let id = create(&program, "alan@example.com", &["--password-stdin", "--verified"], PASSWORD).await.done();
    let shown: Value = serde_json::from_str(&program.run(&["user", "show", id.trim_end()]).await.done()).unwrap();
    assert_eq!(shown["is_email_verified"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_is_the_first_line_of_the_input_and_nothing_of_it_is_lost() {
    let (app, _, program) = scene().await;
    for (email, input, password) in [
        ("unix@example.com", "  spaces belong to it  \nsecond line\n", "  spaces belong to it  "),
        ("windows@example.com", "with a carriage return\r\n", "with a carriage return"),
        ("bare@example.com", "without any line end", "without any line end"),
        ("unicode@example.com", "пароль-с-буквами-и-🔑\n", "пароль-с-буквами-и-🔑"),
    ] {
        create(&program, email, &["--password-stdin"], input).await.done();
        app.client().log_in(email, password).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_sign_up_would_refuse_is_refused_here_too() {
    let (app, account, program) = scene().await;
    for (email, input, complaint) in [
        ("grace@example.com", "short", "at least 8"),
        ("grace@example.com", "password123", "common"),
        ("grace@example.com", "", "at least 8"),
        ("grace.brewster@example.com", "grace.brewster", "not accepted"),
        ("not an address", PASSWORD, "--email"),
        (account.email.as_str(), PASSWORD, "exists"),
        (&account.email.to_uppercase(), PASSWORD, "exists"),
    ] {
        let complained = create(&program, email, &["--password-stdin"], input).await.failed();
        assert!(complained.contains(complaint), "{email}, {input:?}: {complained}");
        assert!(input.is_empty() || input == "short" || !complained.contains(input), "{complained}");
    }
    let nameless =
        ["user", "create", "--email", "x@example.com", "--first-name", "", "--last-name", "King", "--password-stdin"];
    assert!(program.run_with_input(&nameless, PASSWORD).await.failed().contains("--first-name"));
    assert_eq!(program.run(&["user", "list"]).await.done().lines().count(), 1);
    assert_eq!(app.audited().await, ["user.registered"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_there_is_nobody_to_ask_for_a_password() {
    let (_, account, program) = scene().await;
    let complaint = create(&program, "grace@example.com", &[], PASSWORD).await.failed();
    assert!(complaint.contains("--password-stdin"), "{complaint}");
    let complaint = program.run_with_input(&["user", "set-password", &account.email], NEW_PASSWORD).await.failed();
    assert!(complaint.contains("--password-stdin"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_found_by_address_in_any_spelling_and_by_id() {
    let (app, account, program) = scene().await;
    let me = app.client().me(&account.tokens.access).await.expect(200).json();
    for who in [account.email.as_str(), &account.email.to_uppercase(), &account.id] {
        let shown: Value = serde_json::from_str(&program.run(&["user", "show", who]).await.done()).unwrap();
        assert_eq!(shown, me, "{who}");
    }
    for who in ["nobody@example.com", "00000000-0000-0000-0000-000000000000"] {
        assert!(program.run(&["user", "show", who]).await.failed().contains("no such account"), "{who}");
    }
    assert!(program.run(&["user", "show", "neither"]).await.failed().contains("neither an id nor an address"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_for_people_and_with_json_for_programs() {
    let (app, first, program) = scene().await;
    app.advance(Duration::from_secs(1));
    let second = app.client().sign_up().await;
    app.set_active(&second, false).await;

    let text = program.run(&["user", "list"]).await.done();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    for (line, account, state) in [(lines[0], &first, "active"), (lines[1], &second, "disabled")] {
        for wanted in [&account.id, &account.email, state, "Ada Lovelace"] {
            assert!(line.contains(wanted), "{wanted}: {line}");
        }
    }

    let listed = program.run(&["user", "list", "--json"]).await.done();
    let listed: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!([&listed[0]["id"], &listed[1]["id"]], [&first.id, &second.id]);
    assert_eq!([&listed[0]["is_active"], &listed[1]["is_active"]], [true, false]);
    assert!(listed.iter().all(|user| user.get("password_hash").is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_is_out_at_once_and_comes_back_without_its_sessions_and_links() {
    let (app, account, program) = scene().await;
    let client = app.client();
    client.me(&account.tokens.access).await.expect(200);
    let reset = app.reset_link(&account.email).await;

    program.run(&["user", "disable", &account.email]).await.done();
    assert_eq!(client.me(&account.tokens.access).await.refusal(), (401, "token_revoked".into()));
    assert_eq!(client.refresh(&account.tokens.refresh).await.refusal(), (401, "token_revoked".into()));
    assert_eq!(client.log_in(&account.email, PASSWORD).await.refusal(), (403, "account_disabled".into()));
    assert_eq!(client.log_in(&account.email, "not the password").await.refusal(), (401, "invalid_credentials".into()));
    assert_eq!(last_event(&app, &account.id).await, event("account.disabled", json!({ "sessions_ended": 1 })));
    assert!(program.run(&["user", "disable", &account.email]).await.done().contains("nothing to do"));

    program.run(&["user", "enable", &account.id]).await.done();
    assert_eq!(last_event(&app, &account.id).await.0, "account.enabled");
    client.reset_password(&reset, "an entirely different passphrase").await.expect_problem(400, "invalid_token");
    client.log_in(&account.email, PASSWORD).await.expect(200);
    assert_eq!(client.me(&account.tokens.access).await.refusal(), (401, "token_revoked".into()));
    assert!(program.run(&["user", "enable", &account.email]).await.done().contains("nothing to do"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verified_address_is_verified_once() {
    let (app, account, program) = scene().await;
    assert_eq!(program.run(&["user", "verify", &account.email]).await.done(), "verified\n");
    assert_eq!(app.client().me(&account.tokens.access).await.json()["is_email_verified"], true);
    assert_eq!(last_event(&app, &account.id).await, event("email.verified", json!({})));
    assert!(program.run(&["user", "verify", &account.email]).await.done().contains("nothing to do"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_set_by_the_operator_replaces_the_old_one_and_ends_every_session() {
    let (app, account, program) = scene().await;
    let client = app.client();
    client.log_in(&account.email, PASSWORD).await.expect(200);
    let set = ["user", "set-password", account.email.as_str(), "--password-stdin"];
    assert!(program.run_with_input(&set, "password123\n").await.failed().contains("common"));
    client.me(&account.tokens.access).await.expect(200);

    let said = program.run_with_input(&set, &format!("{NEW_PASSWORD}\n")).await.done();
    assert!(said.contains("2 session(s) ended"), "{said}");
    assert_eq!(client.me(&account.tokens.access).await.refusal(), (401, "token_revoked".into()));
    assert_eq!(client.log_in(&account.email, PASSWORD).await.refusal(), (401, "invalid_credentials".into()));
    client.log_in(&account.email, NEW_PASSWORD).await.expect(200);
    assert_eq!(last_event(&app, &account.id).await, event("password.changed", json!({ "sessions_ended": 2 })));
}

/// A service whose clock is the one of the command line.
async fn in_step() -> TestApp {
    TestApp::builder().at(&SystemClock.now().to_string()).spawn().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_set_by_the_operator_secures_the_account_and_its_owner_is_told() {
    let app = in_step().await;
    let program = Program::on(&app.database);
    let client = app.client();
    let account = client.sign_up().await;
    client.change_email(&account.tokens.access, "thief@example.net", PASSWORD).await.expect(200);
    let confirm = app.link("confirm-email-change", "thief@example.net").await;
    let undo = app.link("undo-email-change", &account.email).await;
    let reset = app.reset_link(&account.email).await;

    let set = ["user", "set-password", account.email.as_str(), "--password-stdin"];
    program.run_with_input(&set, NEW_PASSWORD).await.done();
    client.follow("confirm-change", &confirm).await.expect_problem(400, "invalid_token");
    client.reset_password(&reset, PASSWORD).await.expect_problem(400, "invalid_token");
    let user = client.log_in(&account.email, NEW_PASSWORD).await.expect(200).json()["user"].clone();
    assert_eq!(user["email"], account.email);
    let marks = "select count(*) from devices where revoked_at is null";
    let known: i64 = app.database.connect().await.query_one(marks, &[]).await.unwrap().get(0);
    assert_eq!(known, 1, "that of the log-in just now");
    client.follow("undo", &undo).await.expect(200);

    app.advance(Duration::from_secs(600));
    let mail = app.mail_of(Kind::PasswordChanged, &account.email).await;
    assert!(mail.subject.contains("was changed"), "{mail:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_its_last_owner_can_still_take_back_is_nobody_elses() {
    let app = in_step().await;
    let program = Program::on(&app.database);
    let client = app.client();
    let account = client.sign_up().await;
    client.change_email(&account.tokens.access, "new@example.com", PASSWORD).await.expect(200);
    client.follow("confirm-change", &app.link("confirm-email-change", "new@example.com").await).await.expect(200);
    let complaint = create(&program, &account.email, &["--password-stdin"], PASSWORD).await.failed();
    assert!(complaint.contains("can still take it back"), "{complaint}");
    client.follow("undo", &app.link("undo-email-change", &account.email).await).await.expect(200);
    assert_eq!(client.log_in(&account.email, PASSWORD).await.expect(200).json()["user"]["id"], account.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_sessions_are_felt_by_the_next_request_and_only_that_account_has_lost_any() {
    let (app, account, program) = scene().await;
    let client = app.client();
    let neighbour = client.sign_up().await;
    assert_eq!(program.run(&["user", "revoke-sessions", &account.id]).await.done(), "1 session(s) ended\n");
    assert_eq!(client.me(&account.tokens.access).await.refusal(), (401, "token_revoked".into()));
    assert_eq!(last_event(&app, &account.id).await, event("session.revoked", json!({ "sessions_ended": 1 })));
    client.me(&neighbour.tokens.access).await.expect(200);
    client.log_in(&account.email, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_work_beside_a_service_on_its_own_database_and_without_it() {
    let program = Program::embedded();
    let service = program.serve().await;
    let account = service.client().sign_up().await;

    program.run(&["migrate", "--check"]).await.done();
    program.run(&["doctor"]).await.done();
    assert!(program.run(&["user", "list"]).await.done().contains(&account.email));
    program.run(&["user", "disable", &account.email]).await.done();
    assert_eq!(service.client().me(&account.tokens.access).await.refusal(), (401, "token_revoked".into()));
    create(&program, "grace@example.com", &["--password-stdin"], PASSWORD).await.done();
    service.client().log_in("grace@example.com", PASSWORD).await.expect(200);
    assert_eq!(service.stop().await.code, Some(0));

    // With the service gone, a command starts the database for as long as it needs it.
    assert_eq!(program.run(&["user", "list"]).await.done().lines().count(), 2);
    assert!(!program.folder().join("data/postgres/cluster/postmaster.pid").exists());
}
