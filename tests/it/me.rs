//! The profile: reading it, and changing names.

use std::time::Duration;

use serde_json::json;

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn me_is_the_user_object_at_top_level_and_holds_no_secret() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let answer = client.register("Ada.Lovelace@Example.com", "correct horse battery staple").await.expect(201);
    let me = client.me(&answer.tokens().access).await.expect(200);
    assert_eq!(me.header("cache-control"), "no-store");
    insta::assert_json_snapshot!(me.json(), { ".id" => "[uuid]" }, @r#"
    {
      "created_at": "2026-06-15T12:00:00Z",
      "email": "Ada.Lovelace@example.com",
      "first_name": "Ada",
      "full_name": "Ada Lovelace",
      "id": "[uuid]",
      "is_active": true,
      "is_email_verified": false,
      "last_login_at": null,
      "last_name": "Lovelace",
      "updated_at": "2026-06-15T12:00:00Z"
    }
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_shows_in_the_profile() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    app.advance(Duration::from_secs(61));
    let tokens = client.log_in(&account.email, &account.password).await.expect(200).tokens();
    assert_eq!(client.me(&tokens.access).await.expect(200).json()["last_login_at"], "2026-06-15T12:01:01Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_name_or_both_can_be_changed() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let access = client.sign_up().await.tokens.access;
    for (seconds, body, full_name) in [
        (1, json!({ "first_name": "Augusta" }), "Augusta Lovelace"),
        (2, json!({ "last_name": "King" }), "Augusta King"),
        (3, json!({ "first_name": "毛", "last_name": "泽东" }), "毛 泽东"),
        (4, json!({ "first_name": null, "last_name": "Byron" }), "毛 Byron"),
    ] {
        app.advance(Duration::from_secs(1));
        let updated = client.update_me(&access, body).await.expect(200).json();
        assert_eq!(updated["full_name"], full_name);
        assert_eq!(updated["updated_at"], format!("2026-06-15T12:00:0{seconds}Z"));
        assert_eq!(client.me(&access).await.expect(200).json(), updated);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_in_the_audit_log_with_the_names_of_its_fields_only() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    client.update_me(&account.tokens.access, json!({ "last_name": "King" })).await.expect(200);
    let sql = "select user_id::text, success, details from audit_logs where event_type = 'profile.changed'";
    let row = app.database.connect().await.query_one(sql, &[]).await.unwrap();
    assert_eq!((row.get::<_, String>(0), row.get(1)), (account.id, true));
    assert_eq!(row.get::<_, serde_json::Value>(2), json!({ "fields": ["last_name"] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_change_is_refused() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let access = client.sign_up().await.tokens.access;
    for body in [json!({}), json!({ "first_name": null }), json!({ "first_name": null, "last_name": null })] {
        let answer = client.update_me(&access, body).await;
        answer.expect_problem(400, "validation_error");
        assert_eq!(answer.faults(), [("first_name".into(), "required".into())]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_service_decides_cannot_be_set_through_the_profile() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let access = client.sign_up().await.tokens.access;
    let before = app.database.account_data().await;
    for field in [
        "id",
        "user_id",
        "role",
        "is_admin",
        "is_active",
        "is_email_verified",
        "email_verified_at",
        "email_key",
        "password_hash",
        "last_login_at",
    ] {
        let answer = client.update_me(&access, json!({ "first_name": "Eve", field: true })).await;
        answer.expect_problem(400, "unknown_field");
        assert_eq!(answer.faults(), [(field.to_owned(), "unknown_field".to_owned())]);
    }
    assert_eq!(app.database.account_data().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_could_do_harm_further_on_is_refused() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let access = client.sign_up().await.tokens.access;
    let before = app.database.account_data().await;
    for (name, code) in [
        ("", "required"),
        (" \u{200b} ", "required"),
        ("Eve\r\nBcc: all@example.com", "control_character"),
        ("Eve < Adam", "markup"),
        (&"x".repeat(101), "too_long"),
    ] {
        let answer = client.update_me(&access, json!({ "first_name": name, "last_name": name })).await;
        answer.expect_problem(400, "validation_error");
        assert_eq!(
            answer.faults(),
            [("first_name".into(), code.into()), ("last_name".into(), code.into())],
            "{name:?}"
        );
    }
    assert_eq!(app.database.account_data().await, before);
}
