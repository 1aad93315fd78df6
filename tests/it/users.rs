//! Sign-up: its answer, who gets an address, and what a body may decide.

mod addresses;

use std::collections::BTreeMap;
use std::net::IpAddr;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::support::{PASSWORD, TestApp};

const REGISTER: &str = "/api/v1/auth/register";

fn form(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace" })
}

fn with(mut form: Value, field: &str, value: impl Into<Value>) -> Value {
    form[field] = value.into();
    form
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_answers_with_the_user_and_a_first_pair_of_tokens() {
    let app = TestApp::spawn().await;
    let answer = app.client().register("Ada@Example.com", PASSWORD).await.expect(201);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    assert_eq!(body["request_id"], answer.header("x-request-id"));
    insta::assert_json_snapshot!(body, { ".access_token" => "[…]", ".refresh_token" => "[…]", ".request_id" => "[…]", ".user.id" => "[…]" }, @r#"
        {
          "access_token": "[…]",
          "expires_in": 900,
          "message": "The account has been created.",
          "refresh_token": "[…]",
          "request_id": "[…]",
          "success": true,
          "timestamp": "2026-06-15T12:00:00Z",
          "token_type": "Bearer",
          "user": {
            "created_at": "2026-06-15T12:00:00Z",
            "email": "Ada@example.com",
            "first_name": "Ada",
            "full_name": "Ada Lovelace",
            "id": "[…]",
            "is_active": true,
            "is_email_verified": false,
            "last_login_at": null,
            "last_name": "Lovelace",
            "updated_at": "2026-06-15T12:00:00Z"
          }
        }
        "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_tokens_work_at_once() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    assert_eq!(client.me(&account.tokens.access).await.expect(200).json()["id"], account.id);
    client.refresh(&account.tokens.refresh).await.expect(200);
    client.log_in(&account.email, &account.password).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_is_in_the_audit_log_with_who_and_from_where() {
    let app = TestApp::spawn().await;
    let request = Request::post(REGISTER)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "a test/1.0")
        .header("x-request-id", "sign-up-1")
        .body(Full::new(Bytes::from(form("ada@example.com").to_string())));
    let answer = app.client().send(request.unwrap()).await.expect(201);
    let sql = "select user_id::text, event_type, success, ip_address, user_agent, request_id, session_id is not null, \
               details::text from audit_logs";
    let row = app.database.connect().await.query_one(sql, &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), answer.json()["user"]["id"]);
    assert_eq!((row.get::<_, &str>(1), row.get(2)), ("user.registered", true));
    assert_eq!(row.get::<_, IpAddr>(3), IpAddr::from([127, 0, 0, 1]));
    assert_eq!((row.get(4), row.get(5), row.get(6)), ("a test/1.0", "sign-up-1", true));
    assert!(!row.get::<_, &str>(7).contains(PASSWORD));
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_parallel_identical_sign_ups_make_one_user() {
    let app = TestApp::spawn().await;
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let client = app.client();
            tokio::spawn(async move { client.register("ada@example.com", PASSWORD).await.status.as_u16() })
        })
        .collect();
    let mut statuses = BTreeMap::new();
    for call in calls {
        *statuses.entry(call.await.unwrap()).or_insert(0) += 1;
    }
    assert_eq!(statuses, BTreeMap::from([(201, 1), (409, 19)]));
    for table in ["users", "sessions", "refresh_tokens", "audit_logs"] {
        let count =
            app.database.connect().await.query_one(&format!("select count(*) from {table}"), &[]).await.unwrap();
        assert_eq!(count.get::<_, i64>(0), 1, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_service_decides_cannot_be_set_by_a_sign_up() {
    let app = TestApp::spawn().await;
    let before = app.database.account_data().await;
    for field in
        ["id", "user_id", "role", "roles", "is_admin", "is_active", "is_email_verified", "email_key", "password_hash"]
    {
        let answer = app.client().post(REGISTER, with(form("eve@example.com"), field, true)).await;
        let body = answer.expect_problem(400, "unknown_field");
        assert_eq!(answer.faults(), [(field.to_owned(), "unknown_field".to_owned())]);
        assert!(body["message"].as_str().unwrap().contains(field), "{body}");
    }
    assert_eq!(app.database.account_data().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_is_optional_and_must_match() {
    let app = TestApp::spawn().await;
    for (field, value, status) in [
        ("password_confirm", PASSWORD, 201),
        ("confirm_password", PASSWORD, 201),
        ("password_confirm", "correct horse battery stable", 400),
        ("confirm_password", "correct horse battery stable", 400),
        ("confirm_password", "", 400),
    ] {
        let email = format!("{field}{}{status}@example.com", value.len());
        let answer = app.client().post(REGISTER, with(form(&email), field, value)).await.expect(status);
        if status == 400 {
            assert_eq!(answer.faults(), [(field.to_owned(), "mismatch".to_owned())]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_registration_refuses_everybody_before_looking_at_the_body() {
    let app = TestApp::builder().set("REGISTRATION", "closed").spawn().await;
    for body in [form("ada@example.com"), json!({}), json!({ "email": 1 })] {
        app.client().post(REGISTER, body).await.expect_problem(403, "forbidden");
    }
    assert!(app.audited().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_real_people_come_back_as_they_were_given() {
    let app = TestApp::spawn().await;
    for (index, name) in [
        "O'Brien",
        "D’Souza",
        "Null",
        "Jean-Luc",
        "Nguyễn",
        "Ƶoë",
        "毛泽东",
        "Müller-Lüdenscheidt",
        "Union",
        "Select",
        "X Æ A-12",
        "神\u{fa19}",
        "محمد",
        "می\u{200c}خواهم",
        "ශ\u{0dca}\u{200d}රී",
        "नरेन्द्र",
        "Σωκράτης",
        "이순신",
        "Ойыч",
        "Robert'); DROP TABLE",
        "& Sons",
        "José María",
        "G\u{f6}del",
        "ʻOkina",
        "D\u{2019}Arcy",
        "𝒜da",
        "李",
    ]
    .into_iter()
    .enumerate()
    {
        let body = with(with(form(&format!("name{index}@example.com")), "first_name", name), "last_name", name);
        let user = app.client().post(REGISTER, body).await.expect(201).json()["user"].clone();
        assert_eq!((&user["first_name"], &user["last_name"]), (&json!(name), &json!(name)));
        assert_eq!(user["full_name"], format!("{name} {name}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_that_is_wrong_is_named_at_once() {
    let app = TestApp::spawn().await;
    let fault = |field: &str, code: &str| (field.to_owned(), code.to_owned());
    let required = ["email", "first_name", "last_name", "password"].map(|field| fault(field, "required"));
    for (body, faults) in [
        (json!({}), required.to_vec()),
        (json!({ "email": null, "password": null, "first_name": null, "last_name": null }), required.to_vec()),
        (
            json!({ "email": "ada", "password": "ada", "password_confirm": "eve", "first_name": "A\u{7}da", "last_name": 1 }),
            vec![
                fault("email", "missing_at"),
                fault("first_name", "control_character"),
                fault("last_name", "wrong_type"),
                fault("password_confirm", "mismatch"),
                fault("password", "too_short"),
            ],
        ),
        (
            json!({ "email": ["a"], "password": 12345678, "first_name": {}, "last_name": true }),
            ["email", "first_name", "last_name", "password"].map(|field| fault(field, "wrong_type")).to_vec(),
        ),
    ] {
        let answer = app.client().post(REGISTER, body.clone()).await;
        answer.expect_problem(400, "validation_error");
        let mut found = answer.faults();
        found.retain(|fault| *fault != ("password".to_owned(), "too_common".to_owned()));
        assert_eq!(found, faults, "{body}");
    }
}
