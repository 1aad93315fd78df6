//! Operations on sessions and on whole accounts: their answers and refusals, held to the document.

use http::Method;
use serde_json::json;

use super::replies::Held;
use crate::support::PASSWORD;

/// The operations that are tried here.
pub(super) const TRIED: [(&str, &str); 6] = [
    ("get", "/api/v1/auth/sessions"),
    ("delete", "/api/v1/auth/sessions"),
    ("delete", "/api/v1/auth/sessions/{id}"),
    ("post", "/api/v1/auth/sessions/end"),
    ("get", "/api/v1/auth/me/export"),
    ("delete", "/api/v1/auth/me"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_on_sessions_answers_as_promised() {
    let held = Held::spawn().await;
    let account = held.client.sign_up().await;
    let access = Some(account.tokens.access.as_str());
    let phone = held.client.clone().with_header("user-agent", "Firefox/140.0 Android");
    phone.log_in(&account.email, PASSWORD).await.expect(200);
    let token = held.app.link("end-session", &account.email).await;
    let end = "/api/v1/auth/sessions/end";
    assert_eq!(held.document.operation("POST", end).request_faults(&json!({ "token": token })), [""; 0]);
    held.post(end, json!({ "token": token })).await.expect(200);
    assert_eq!(held.post(end, json!({ "token": token })).await.refusal(), (400, "invalid_token".into()));

    phone.log_in(&account.email, PASSWORD).await.expect(200);
    let listed = held.call(Method::GET, "/api/v1/auth/sessions", access, None).await.expect(200).json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    let own = listed["data"].as_array().unwrap().iter().find(|session| session["current"] == true).unwrap();
    held.call(Method::DELETE, "/api/v1/auth/sessions", access, None).await.expect(200);
    let one = held.document.operation("DELETE", "/api/v1/auth/sessions/{id}");
    for (id, status) in [("00000000-0000-0000-0000-000000000000", 404), (own["id"].as_str().unwrap(), 200)] {
        let answer = held.client.call(Method::DELETE, &format!("/api/v1/auth/sessions/{id}"), access, None).await;
        assert_eq!(one.faults(&answer.expect(status)), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_with_something_in_every_list_and_a_deletion_answer_as_promised() {
    let held = Held::spawn().await;
    let account = held.client.sign_up().await;
    let access = Some(account.tokens.access.as_str());
    held.post("/api/v1/auth/password/forgot", json!({ "email": account.email })).await.expect(200);
    let change = json!({ "email": "next@example.com", "current_password": PASSWORD });
    held.call(Method::PUT, "/api/v1/auth/me", access, Some(change)).await.expect(200);
    held.post("/api/v1/auth/login", json!({ "email": account.email, "password": "not the password" }))
        .await
        .expect(401);
    // Where registration is open nothing waits: this one is from a time when it was not.
    let pending = "insert into pending_registrations (id, email, email_key, password_hash, first_name, last_name, \
        device_info, created_at, expires_at) \
        values (gen_random_uuid(), $1, $1, 'none', 'Ada', 'Lovelace', '', '2026-06-15', '2026-06-16')";
    held.app.database.connect().await.execute(pending, &[&account.email]).await.unwrap();
    held.app.mails().await;
    let export = held.call(Method::GET, "/api/v1/auth/me/export", access, None).await.expect(200).json();
    for (list, rows) in export.as_object().unwrap().iter().filter_map(|(list, value)| Some((list, value.as_array()?))) {
        assert!(!rows.is_empty(), "{list} is empty in {export:#}");
    }

    let wrong = json!({ "password": "not the password" });
    let refused = held.call(Method::DELETE, "/api/v1/auth/me", access, Some(wrong)).await;
    assert_eq!(refused.refusal(), (403, "invalid_credentials".into()));
    let right = json!({ "password": PASSWORD });
    let operation = held.document.operation("DELETE", "/api/v1/auth/me");
    assert_eq!(operation.request_faults(&right), [""; 0]);
    held.call(Method::DELETE, "/api/v1/auth/me", access, Some(right)).await.expect(200);
}
