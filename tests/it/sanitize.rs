//! Attacks in text fields: refused without a word on what was found, counted, written down; honest people pass.

use http::Method;
use serde_json::{Value, json};

use crate::support::{PASSWORD, TestApp};

fn sign_up(field: &str, value: &str) -> Value {
    let mut body =
        json!({ "email": "ada@example.com", "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace" });
    body[field] = value.into();
    body
}

const ATTACKS: &[(&str, &str, &str)] = &[
    ("first_name", "<script>alert(1)</script>", "security.xss"),
    ("last_name", "x' OR 1=1--", "security.sql_injection"),
    ("first_name", "Ada\u{0}", "security.null_byte"),
    ("email", "x'or'1'='1'--@example.com", "security.sql_injection"),
];

#[tokio::test(flavor = "multi_thread")]
async fn attacks_are_refused_counted_and_audited_and_the_answer_tells_nothing() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let mut answers = Vec::new();
    for (field, value, _) in ATTACKS {
        let answer = client.post("/api/v1/auth/register", sign_up(field, value)).await;
        assert_eq!(answer.refusal(), (400, "malicious_input".into()), "{field}: {value:?}");
        let mut body = answer.json();
        let members = body.as_object_mut().unwrap();
        members.remove("request_id");
        members.remove("timestamp");
        answers.push(body);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "the answers differ: {answers:?}");

    app.app.refusals.finish(&app.app).await.unwrap();
    let audited = app.audited().await;
    for (_, _, event) in ATTACKS {
        assert!(audited.contains(&(*event).to_owned()), "{event} is missing in {audited:?}");
    }
    let metrics = String::from_utf8(client.get("/metrics").await.body.to_vec()).unwrap();
    for line in ["kind=\"xss\"} 1", "kind=\"sql_injection\"} 2", "kind=\"null_byte\"} 1"] {
        assert!(metrics.contains(&format!("portcullis_sanitizer_findings_total{{{line}")), "{line}");
    }
    let users = app.database.connect().await.query_one("select count(*) from users", &[]).await.unwrap();
    assert_eq!(users.get::<_, i64>(0), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_and_tokens_are_never_looked_at() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let password = "' OR 1=1-- <script>alert(1)</script>";
    let account = client.register("ada@example.com", password).await.expect(201).tokens();
    client.log_in("ada@example.com", password).await.expect(200);
    client.change_password(&account.access, password, "'; drop table users; -- \u{0}").await.expect(200);
    assert_eq!(client.refresh("' OR 1=1--").await.refusal(), (401, "invalid_token".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_keep_their_names() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    for name in [
        "O'Brien",
        "D'Souza",
        "Null",
        "Select",
        "Union",
        "Jean-Luc",
        "Nguyễn",
        "Ƶoë",
        "毛泽东",
        "Müller-Lüdenscheidt",
        "نرگس\u{200c}ها",
    ] {
        let answer = client.update_me(&account.tokens.access, json!({ "last_name": name })).await.expect(200);
        assert_eq!(answer.json()["last_name"], name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_with_text_fields_is_searched() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let access = account.tokens.access.as_str();
    let mut rows = 0;
    for route in portcullis::routes::ROUTES.iter().filter(|route| !route.texts.is_empty()) {
        for (pointer, _) in route.texts {
            let body = json!({ pointer.trim_start_matches('/'): "<img src=x onerror=alert(1)>@example.com" });
            let answer = client.call(route.method.clone(), route.path, Some(access), Some(&body)).await;
            assert_eq!(answer.refusal(), (400, "malicious_input".into()), "{route:?} {pointer}");
        }
        assert_ne!(route.method, Method::GET);
        rows += 1;
    }
    assert_eq!(rows, 8);
}
