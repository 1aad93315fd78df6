//! `portcullis user import` and `user export`: accounts from elsewhere, and on to elsewhere.

mod formats;

use portcullis::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::support::{Ended, Program, TestApp, fresh_database};

const HASH: &str = "$2b$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm";
/// The password behind [`HASH`].
const PASSWORD: &str = "gate of horn";

/// A line for an account, with more members or other ones.
fn line(email: &str, more: Value) -> String {
    let mut line = json!({ "email": email, "first_name": "Ada", "last_name": "Lovelace", "password_hash": HASH });
    let members = line.as_object_mut().unwrap();
    let Value::Object(more) = more else { panic!("no object: {more}") };
    for (name, value) in more {
        match value {
            Value::Null => members.remove(&name),
            value => members.insert(name, value),
        };
    }
    line.to_string()
}

async fn import(program: &Program, lines: &[String]) -> Ended {
    program.run_with_input(&["user", "import"], &lines.join("\n")).await
}

#[track_caller]
fn assert_summary(ended: &Ended, code: i32, summary: &str) {
    assert_eq!((ended.code, ended.stdout.trim_end()), (Some(code), summary), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_account_is_what_its_line_says_and_logs_in_with_its_old_password() {
    let app = TestApp::spawn().await;
    let program = Program::on(&app.database);
    let full = json!({
        "id": "0199e0c4-11aa-7f0e-8d32-5b7c9e1fa604", "first_name": "Zoë", "last_name": "O'Brien",
        "is_email_verified": true, "created_at": "2019-03-04T05:06:07.123456+01:00",
    });
    let lines = [line("Zoe@Example.com", full), line("bare@example.com", json!({})), String::new()];
    let ended = import(&program, &lines).await;
    assert_summary(&ended, 0, "2 imported, 0 already there, 0 refused");

    let answer = app.client().log_in("zoe@example.com", PASSWORD).await.expect(200);
    let user = &answer.json()["user"];
    assert_eq!(user["id"], "0199e0c4-11aa-7f0e-8d32-5b7c9e1fa604");
    assert_eq!((&user["email"], &user["full_name"]), (&json!("Zoe@example.com"), &json!("Zoë O'Brien")));
    assert_eq!(
        (&user["is_email_verified"], &user["created_at"]),
        (&json!(true), &json!("2019-03-04T04:06:07.123456Z"))
    );
    let bare = app.client().log_in("bare@example.com", PASSWORD).await.expect(200);
    assert_eq!(bare.json()["user"]["is_email_verified"], false);
    assert_eq!(app.audited().await.iter().filter(|event| *event == "user.imported").count(), 2);
    assert_eq!(app.mails().await.len(), 0, "an import writes to nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_stays_out_and_one_without_a_password_lets_nobody_in() {
    let app = TestApp::spawn().await;
    let program = Program::on(&app.database);
    let lines = [
        line("off@example.com", json!({ "is_active": false })),
        line("none@example.com", json!({ "password_hash": null })),
        line("plain@example.com", json!({ "password_hash": null, "password": "old habits die hard" })),
        line("weak@example.com", json!({ "password_hash": null, "password": "123456" })),
    ];
    assert_summary(&import(&program, &lines).await, 0, "4 imported, 0 already there, 0 refused");
    let client = app.client();
    assert_eq!(client.log_in("off@example.com", PASSWORD).await.refusal(), (403, "account_disabled".into()));
    assert_eq!(client.log_in("none@example.com", PASSWORD).await.refusal(), (401, "invalid_credentials".into()));
    client.log_in("plain@example.com", "old habits die hard").await.expect(200);
    // What somebody chose elsewhere is not judged here: they could not log in otherwise.
    client.log_in("weak@example.com", "123456").await.expect(200);
    let sql = "select password_hash from users where email like 'plain%'";
    let stored: String = app.database.connect().await.query_one(sql, &[]).await.unwrap().get(0);
    assert!(stored.starts_with("$2b$04$"), "{stored}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refused_line_is_named_and_the_others_are_imported() {
    let app = TestApp::spawn().await;
    let taken = app.client().sign_up().await;
    let program = Program::on(&app.database);
    let lines = [
        line("one@example.com", json!({ "id": "0199e0c4-11aa-7f0e-8d32-5b7c9e1fa604" })),
        "{\"email\": ".to_owned(),
        String::new(),
        line("ONE@example.com", json!({ "password_hash": VALID_OTHER })),
        line(&taken.email, json!({})),
        line("two@example.com", json!({ "id": "0199e0c4-11aa-7f0e-8d32-5b7c9e1fa604" })),
        line("not an address", json!({ "first_name": "" })),
        line("three@example.com", json!({ "role": "admin" })),
        line("four@example.com", json!({ "password_hash": "$1$abcdefgh$irWbblnpmw.5z7wgBnprh0" })),
        line("five@example.com", json!({})),
    ];
    let ended = import(&program, &lines).await;
    assert_summary(&ended, 1, "2 imported, 0 already there, 7 refused");
    for complaint in [
        "line 2: The body is not valid JSON",
        "line 4: duplicate",
        "line 5: duplicate",
        "line 6: id belongs to another account",
        "line 7: email must have the form",
        "line 7: email must have the form name@example.org; first_name is required",
        "line 8: role is not a field",
        "line 9: password_hash is not accepted",
        "portcullis: 7 of 10 lines were refused",
    ] {
        assert!(ended.stderr.contains(complaint), "{complaint} is not in {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("irWbblnp"), "{}", ended.stderr);
    app.client().log_in(&taken.email, &taken.password).await.expect(200);
    app.client().log_in("five@example.com", PASSWORD).await.expect(200);
}

/// Another hash of the same password.
const VALID_OTHER: &str = "$2y$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm";

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_interrupted_is_resumed_by_running_it_again() {
    let app = TestApp::spawn().await;
    let program = Program::on(&app.database);
    let mut lines: Vec<_> = (0..2500).map(|number| line(&format!("user{number}@example.com"), json!({}))).collect();
    lines[7] = line("user7@example.com", json!({ "password_hash": null, "password": "old habits die hard" }));
    assert_summary(&import(&program, &lines[..1700]).await, 0, "1700 imported, 0 already there, 0 refused");
    assert_summary(&import(&program, &lines).await, 0, "800 imported, 1700 already there, 0 refused");
    assert_summary(&import(&program, &lines).await, 0, "0 imported, 2500 already there, 0 refused");
    let count = app.database.connect().await.query_one("select count(*) from users", &[]).await.unwrap();
    assert_eq!(count.get::<_, i64>(0), 2500);
    assert_eq!(app.audited().await.len(), 2500);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_owners_did_between_two_runs_makes_no_line_a_duplicate() {
    const IDS: [&str; 2] = ["0199e0c4-11aa-7f0e-8d32-5b7c9e1fa604", "0199e0c4-11aa-7f0e-8d32-5b7c9e1fa605"];
    // Another cost than that of the imported hashes, so that every log-in rehashes.
    let app = TestApp::builder().set("PASSWORD_BCRYPT_COST", "5").spawn().await;
    let program = Program::on(&app.database);
    let lines = [
        line("rehashed@example.com", json!({})),
        line("Rehashed@example.com", json!({ "password_hash": VALID_OTHER })),
        line("changed@example.com", json!({ "id": IDS[0] })),
        line("moved@example.com", json!({ "id": IDS[1] })),
        line("stranger@example.com", json!({ "id": IDS[1] })),
    ];
    assert_summary(&import(&program, &lines).await, 1, "3 imported, 0 already there, 2 refused");

    let client = app.client();
    client.log_in("rehashed@example.com", PASSWORD).await.expect(200);
    let access = client.log_in("changed@example.com", PASSWORD).await.expect(200).tokens().access;
    client.change_password(&access, PASSWORD, "an entirely different passphrase").await.expect(200);
    let access = client.log_in("moved@example.com", PASSWORD).await.expect(200).tokens().access;
    client.change_email(&access, "new@example.com", PASSWORD).await.expect(200);
    client.follow("confirm-change", &app.link("confirm-email-change", "new@example.com").await).await.expect(200);

    let ended = import(&program, &lines).await;
    assert_summary(&ended, 1, "0 imported, 3 already there, 2 refused");
    for complaint in ["line 2: duplicate", "line 5: id belongs to another account"] {
        assert!(ended.stderr.contains(complaint), "{complaint} is not in {}", ended.stderr);
    }
    client.log_in("changed@example.com", "an entirely different passphrase").await.expect(200);
    client.log_in("new@example.com", PASSWORD).await.expect(200);
    assert_eq!(app.audited().await.iter().filter(|event| *event == "user.imported").count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_imports_at_once_import_every_account_once() {
    let app = TestApp::spawn().await;
    let program = Program::on(&app.database);
    let lines: Vec<_> = (0..2000).map(|number| line(&format!("user{number}@example.com"), json!({}))).collect();
    let (one, other) = tokio::join!(import(&program, &lines), import(&program, &lines));
    let imported = |ended: &Ended| ended.stdout.split(' ').next().unwrap().parse::<u32>().unwrap();
    assert_eq!((one.code, other.code), (Some(0), Some(0)), "{one:?} {other:?}");
    assert_eq!(imported(&one) + imported(&other), 2000);
    assert_eq!(app.audited().await.len(), 2000);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_a_deleted_account_is_refused_until_it_is_erased() {
    let app = TestApp::spawn().await;
    let program = Program::on(&app.database);
    let lines = [line("ada@example.com", json!({}))];
    assert_summary(&import(&program, &lines).await, 0, "1 imported, 0 already there, 0 refused");
    assert_eq!(program.run(&["user", "delete", "ada@example.com"]).await.code, Some(0));
    let ended = import(&program, &lines).await;
    assert_summary(&ended, 1, "0 imported, 0 already there, 1 refused");
    assert!(ended.stderr.contains("line 1: email belongs to a deleted account"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_its_last_owner_can_still_take_back_is_refused() {
    let app = TestApp::builder().at(&SystemClock.now().to_string()).spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    client.change_email(&account.tokens.access, "new@example.com", &account.password).await.expect(200);
    client.follow("confirm-change", &app.link("confirm-email-change", "new@example.com").await).await.expect(200);
    let lines = [
        line("before@example.com", json!({})),
        line(&account.email, json!({})),
        line(&account.email.to_uppercase(), json!({})),
        line("after@example.com", json!({})),
    ];
    let ended = import(&Program::on(&app.database), &lines).await;
    assert_summary(&ended, 1, "2 imported, 0 already there, 2 refused");
    for complaint in ["line 2: email can still be taken back", "line 3: duplicate"] {
        assert!(ended.stderr.contains(complaint), "{complaint} is not in {}", ended.stderr);
    }
    assert_eq!(app.audited().await.iter().filter(|event| *event == "user.imported").count(), 2);
    client.follow("undo", &app.link("undo-email-change", &account.email).await).await.expect(200);
    client.log_in(&account.email, &account.password).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_read_and_one_that_is_not_there_is_said_to_be_missing() {
    let program = Program::on_fresh_database().await;
    let path = program.folder().join("users.jsonl");
    std::fs::write(&path, format!("\u{feff}{}\r\n", line("ada@example.com", json!({})))).unwrap();
    let ended = program.run(&["user", "import", path.to_str().unwrap()]).await;
    assert_summary(&ended, 0, "1 imported, 0 already there, 0 refused");
    let ended = program.run(&["user", "import", "missing.jsonl"]).await;
    assert!(ended.code == Some(1) && ended.stderr.contains("missing.jsonl cannot be read"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_service_exports_another_imports_unchanged() {
    let (from, to) = (TestApp::spawn().await, TestApp::spawn().await);
    let (source, target) = (Program::on(&from.database), Program::on(&to.database));
    let lines: Vec<_> = (0..1200)
        .map(|number| {
            let more = json!({ "is_active": number % 7 != 0, "is_email_verified": number % 2 == 0,
                "created_at": format!("2020-01-01T00:00:{:02}.00000{}Z", number % 60, number % 10) });
            line(&format!("Traveller{number}@example.com"), more)
        })
        .chain([line("none@example.com", json!({ "password_hash": null }))])
        .collect();
    assert_eq!(import(&source, &lines).await.code, Some(0));
    let account = from.client().sign_up().await;
    let gone = from.client().sign_up().await;
    assert_eq!(source.run(&["user", "delete", &gone.email]).await.code, Some(0));

    let exported = source.run(&["user", "export", "--with-hashes"]).await;
    assert_eq!(exported.code, Some(0));
    assert_eq!(exported.stdout.lines().count(), 1202);
    assert!(!exported.stdout.contains(&gone.email));
    let ended = target.run_with_input(&["user", "import", "-"], &exported.stdout).await;
    assert_summary(&ended, 0, "1202 imported, 0 already there, 0 refused");
    assert_eq!(target.run(&["user", "export", "--with-hashes"]).await.stdout, exported.stdout);
    to.client().log_in(&account.email, &account.password).await.expect(200);
    to.client().log_in("traveller1@example.com", PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn hashes_leave_only_when_they_are_asked_for() {
    let database = fresh_database().await;
    let program = Program::on(&database);
    assert_eq!(import(&program, &[line("ada@example.com", json!({}))]).await.code, Some(0));
    let exported = program.run(&["user", "export"]).await.stdout;
    assert!(
        exported.contains("ada@example.com") && !exported.contains("$2b$") && !exported.contains("hash"),
        "{exported}"
    );
}
