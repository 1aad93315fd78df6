//! One address, one account: in every spelling that people or mail servers take for the same.

use std::collections::BTreeSet;

use crate::support::{Answer, PASSWORD, TestApp};

/// Mailboxes as their owners typed them, each with other spellings of it.
const TWINS: &[(&str, &[&str])] = &[
    (
        "mike@example.org",
        &["MIKE@EXAMPLE.ORG", " mike@example.org ", "m\u{131}ke@example.org", "M\u{130}KE@example.org"],
    ),
    ("kim@example.org", &["\u{212a}im@example.org", "KIM@example.org", "ｋｉｍ@example.org", "kim@ｅｘａｍｐｌｅ.org"]),
    ("zo\u{eb}@example.org", &["zoe\u{308}@example.org", "ZO\u{cb}@example.org"]),
    ("straße@example.org", &["strasse@example.org", "STRASSE@example.org"]),
    ("a@m\u{fc}nchen.de", &["a@xn--mnchen-3ya.de", "a@mu\u{308}nchen.de"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_twin_of_a_taken_address_is_taken() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for (owner, twins) in TWINS {
        client.register(owner, PASSWORD).await.expect(201);
        let before = app.database.account_data().await;
        for twin in *twins {
            client.register(twin, PASSWORD).await.expect_problem(409, "email_taken");
        }
        assert_eq!(app.database.account_data().await, before, "{owner}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_first_with_any_spelling_has_the_address() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for (owner, twins) in TWINS {
        let (last, earlier) = twins.split_last().unwrap();
        client.register(last, PASSWORD).await.expect(201);
        for twin in earlier.iter().chain([owner]) {
            client.register(twin, PASSWORD).await.expect_problem(409, "email_taken");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_of_an_address_is_one_account_at_log_in() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for (owner, twins) in TWINS {
        let id = client.register(owner, PASSWORD).await.expect(201).json()["user"]["id"].clone();
        for twin in *twins {
            assert_eq!(client.log_in(twin, PASSWORD).await.expect(200).json()["user"]["id"], id, "{twin}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_would_go_to_the_address_as_its_owner_typed_it_and_never_to_a_twin() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for (owner, twins) in TWINS {
        client.register(owner, PASSWORD).await.expect(201);
        for twin in *twins {
            assert_eq!(client.log_in(twin, PASSWORD).await.expect(200).json()["user"]["email"], *owner);
        }
    }
    let stored = app.database.connect().await.query("select email from users", &[]).await.unwrap();
    let stored: BTreeSet<&str> = stored.iter().map(|row| row.get(0)).collect();
    assert_eq!(stored, TWINS.iter().map(|(owner, _)| *owner).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_only_look_alike_are_different_accounts() {
    let app = TestApp::spawn().await;
    for address in ["ada@example.org", "a.da@example.org", "ada+x@example.org", "ada@example.com", "аda@example.org"] {
        app.client().register(address, PASSWORD).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_address_is_refused_with_its_code() {
    let app = TestApp::spawn().await;
    for (address, code) in [
        ("", "required"),
        ("ada", "missing_at"),
        ("ada\r\nBcc: eve@example.org", "invalid_local_part"),
        ("Ada <ada@example.org>", "invalid_local_part"),
        ("ada@localhost", "invalid_domain"),
        ("ada@127.0.0.1", "invalid_domain"),
        (&format!("{}@example.org", "a".repeat(65)), "too_long"),
    ] {
        let answer = app.client().register(address, PASSWORD).await;
        answer.expect_problem(400, "validation_error");
        assert_eq!(answer.faults(), [("email".to_owned(), code.to_owned())], "{address:?}");
    }
}

/// Status, names of the headers and body, without what differs from request to request anyway.
fn as_seen(answer: &Answer) -> (u16, BTreeSet<String>, serde_json::Value) {
    let mut body = answer.json();
    body.as_object_mut().unwrap().remove("request_id");
    (answer.status.as_u16(), answer.headers.keys().map(ToString::to_string).collect(), body)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_and_a_wrong_password_get_the_same_answer() {
    let app = TestApp::builder().set("REQUIRE_VERIFIED_EMAIL", "true").spawn().await;
    let client = app.client();
    let database = app.database.connect().await;
    let unknown = client.log_in("nobody@example.com", "not the password").await;
    unknown.expect_problem(401, "invalid_credentials");
    for (state, sql) in [
        ("unverified", "select"),
        ("verified", "update users set is_email_verified = true"),
        ("disabled", "update users set is_active = false"),
        ("deleted", "update users set deleted_at = created_at"),
        (
            "with a hash of another kind",
            "update users set password_hash = '$2b$05$HRhCmRzWRM6JLWFZGj5F1ugXxqS2ORg678KwiajLBeJ6TEuZJOPHm'",
        ),
        ("with a hash that nobody can read", "update users set password_hash = 'none'"),
    ] {
        let account = client.sign_up().await;
        database.batch_execute(sql).await.unwrap();
        let known = client.log_in(&account.email, "not the password").await;
        assert_eq!(as_seen(&known), as_seen(&unknown), "an account that is {state}");
    }
    // Each of them is one row of the log, so the work behind the answers is the same as well.
    let failures = app.audited().await.iter().filter(|event| *event == "login.failed").count();
    assert_eq!(failures, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_an_account_is_told_only_to_who_knows_its_password() {
    let app = TestApp::builder().set("REQUIRE_VERIFIED_EMAIL", "true").spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let database = app.database.connect().await;
    client.log_in(&account.email, &account.password).await.expect_problem(403, "email_not_verified");
    database.batch_execute("update users set is_active = false").await.unwrap();
    client.log_in(&account.email, &account.password).await.expect_problem(403, "account_disabled");
    database.batch_execute("update users set deleted_at = created_at").await.unwrap();
    client.log_in(&account.email, &account.password).await.expect_problem(401, "invalid_credentials");
}
