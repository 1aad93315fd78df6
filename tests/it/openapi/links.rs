//! Operations that take what was mailed: their answers and refusals, held to the document.

use http::Method;
use serde_json::{Value, json};

use super::replies::Held;
use crate::support::{PASSWORD, TestApp};

const NEW_PASSWORD: &str = "nine lives of the harbour cat";

/// The operations that are tried here.
pub(super) const TRIED: [&str; 10] = [
    "/api/v1/auth/email/confirm-change",
    "/api/v1/auth/email/inspect",
    "/api/v1/auth/email/reject",
    "/api/v1/auth/email/resend",
    "/api/v1/auth/email/undo",
    "/api/v1/auth/email/verify",
    "/api/v1/auth/password/forgot",
    "/api/v1/auth/password/reset",
    "/api/v1/password/forgot",
    "/api/v1/password/reset",
];

/// Sends a good body, and holds the answer to what is promised for its success.
async fn succeed(held: &Held, path: &str, body: Value) -> Value {
    let faults = held.document.operation("POST", path).request_faults(&body);
    assert!(faults.is_empty(), "{path} would not take {body}: {faults:?}");
    held.post(path, body).await.expect(200).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_that_takes_a_mailed_link_answers_as_promised() {
    let held = Held::spawn().await;
    let account = held.client.sign_up().await;
    let unknown = json!({ "token": account.tokens.refresh });
    for path in TRIED.iter().filter(|path| path.contains("/email/") && !path.ends_with("resend")) {
        assert_eq!(held.post(path, unknown.clone()).await.refusal(), (400, "invalid_token".into()), "{path}");
    }
    for path in ["/api/v1/auth/password/forgot", "/api/v1/password/forgot", "/api/v1/auth/email/resend"] {
        succeed(&held, path, json!({ "email": account.email })).await;
    }
    for reset in ["/api/v1/auth/password/reset", "/api/v1/password/reset"] {
        let token = held.app.reset_link(&account.email).await;
        succeed(&held, "/api/v1/auth/email/inspect", json!({ "token": token })).await;
        let body = json!({ "token": token, "email": account.email, "new_password": NEW_PASSWORD });
        succeed(&held, reset, body.clone()).await;
        assert_eq!(held.post(reset, body).await.refusal(), (400, "invalid_token".into()));
    }

    let squatter = held.client.sign_up().await;
    let token = held.app.link("verify-email", &squatter.email).await;
    succeed(&held, "/api/v1/auth/email/reject", json!({ "token": token })).await;

    let mover = held.client.sign_up().await;
    let token = held.app.link("verify-email", &mover.email).await;
    succeed(&held, "/api/v1/auth/email/inspect", json!({ "token": token })).await;
    succeed(&held, "/api/v1/auth/email/verify", json!({ "token": token })).await;
    let change = json!({ "email": "new@example.com", "current_password": PASSWORD });
    let access = Some(mover.tokens.access.as_str());
    held.call(Method::PUT, "/api/v1/auth/me", access, Some(change)).await.expect(200);
    for (operation, page, reader) in [
        ("confirm-change", "confirm-email-change", "new@example.com"),
        ("undo", "undo-email-change", mover.email.as_str()),
    ] {
        let token = held.app.link(page, reader).await;
        succeed(&held, "/api/v1/auth/email/inspect", json!({ "token": token })).await;
        succeed(&held, &format!("/api/v1/auth/email/{operation}"), json!({ "token": token })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_address_is_refused_as_promised() {
    let held = Held::spawn().await;
    let (account, other) = (held.client.sign_up().await, held.client.sign_up().await);
    let access = Some(account.tokens.access.as_str());
    for (email, password, refusal) in [
        ("new@example.com", "not the password", (403, "invalid_credentials")),
        (other.email.as_str(), PASSWORD, (409, "email_taken")),
    ] {
        let body = json!({ "email": email, "current_password": password });
        let answer = held.call(Method::PUT, "/api/v1/auth/me", access, Some(body)).await;
        assert_eq!(answer.refusal(), (refusal.0, refusal.1.to_owned()));
    }
    held.client.change_email(&account.tokens.access, "new@example.com", PASSWORD).await.expect(200);
    // Before somebody else takes the address: its mail would say that it is taken.
    let token = held.app.link("confirm-email-change", "new@example.com").await;
    held.client.register("new@example.com", PASSWORD).await.expect(201);
    let answer = held.post("/api/v1/auth/email/confirm-change", json!({ "token": token })).await;
    assert_eq!(answer.refusal(), (409, "email_taken".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_that_waits_for_confirmation_is_answered_as_promised() {
    let held = Held::on(TestApp::builder().set("REGISTRATION", "confirm")).await;
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace" });
    held.post("/api/v1/auth/register", ada).await.expect(202);
    let token = held.app.link("verify-email", "ada@example.com").await;
    let inspected = succeed(&held, "/api/v1/auth/email/inspect", json!({ "token": token })).await;
    assert_eq!(inspected["password_required"], true);
    let verify = "/api/v1/auth/email/verify";
    assert_eq!(held.post(verify, json!({ "token": token })).await.refusal(), (400, "validation_error".into()));
    let wrong = json!({ "token": token, "password": "not the password" });
    assert_eq!(held.post(verify, wrong).await.refusal(), (403, "invalid_credentials".into()));
    succeed(&held, verify, json!({ "token": token, "password": PASSWORD })).await;

    let access = held.client.log_in("ada@example.com", PASSWORD).await.expect(200).tokens().access;
    let body = json!({ "password": PASSWORD });
    held.client.call(Method::DELETE, "/api/v1/auth/me", Some(&access), Some(&body)).await.expect(200);
    held.client.register("ada@example.com", PASSWORD).await.expect(202);
    let token = held.app.link("verify-email", "ada@example.com").await;
    let body = json!({ "token": token, "password": PASSWORD });
    assert_eq!(held.post(verify, body).await.refusal(), (409, "email_taken".into()));
}
