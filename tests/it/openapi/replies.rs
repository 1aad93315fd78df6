//! Real answers, held to what `openapi.yaml` promises for them.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use super::document::{Document, Operation, object};
use super::{links, sessions};
use crate::support::{Account, Answer, Client, PASSWORD, TestApp, TestAppBuilder};

/// The id of no session.
const NO_SESSION: &str = "00000000-0000-0000-0000-000000000000";

/// A service and a client whose every answer is held to the document.
pub(super) struct Held {
    pub(super) app: TestApp,
    pub(super) client: Client,
    pub(super) document: Document,
}

impl Held {
    pub(super) async fn spawn() -> Self {
        Self::on(TestApp::builder()).await
    }

    pub(super) async fn on(builder: TestAppBuilder) -> Self {
        let app = builder.spawn().await;
        Self { client: app.client(), app, document: Document::load() }
    }

    /// Sends JSON, and holds the answer to the operation.
    pub(super) async fn call(&self, method: Method, path: &str, access: Option<&str>, body: Option<Value>) -> Answer {
        let address = path.replace("{id}", NO_SESSION);
        let answer = self.client.call(method.clone(), &address, access, body.as_ref()).await;
        self.hold(self.document.operation(method.as_str(), path), &answer);
        answer
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, None, Some(body)).await
    }

    /// Sends anything as a body, to an operation that takes JSON.
    async fn send(&self, operation: Operation<'_>, access: &str, content_type: &str, body: impl Into<Bytes>) -> Answer {
        let mut request =
            Request::builder().method(method(operation)).uri(operation.path).header("content-type", content_type);
        if operation.needs_token() {
            request = request.header("authorization", format!("Bearer {access}"));
        }
        let answer = self.client.send(request.body(Full::new(body.into())).unwrap()).await;
        self.hold(operation, &answer);
        answer
    }

    pub(super) fn hold(&self, operation: Operation<'_>, answer: &Answer) {
        let faults = operation.faults(answer);
        let Operation { method, path, .. } = operation;
        let body = String::from_utf8_lossy(&answer.body);
        assert!(
            faults.is_empty(),
            "{method} {path} → {}: {faults:#?}\n{:?}\n{body:.2000}",
            answer.status,
            answer.headers
        );
    }
}

fn method(operation: Operation<'_>) -> Method {
    operation.method.to_uppercase().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_answers_a_good_request_as_promised() {
    let held = Held::spawn().await;
    let Account { email, tokens, .. } = held.client.sign_up().await;
    let new_password = "nine lives of the harbour cat";
    let token = Some(tokens.access.as_str());
    let change =
        |from: &str, to: &str| Some(json!({ "current_password": from, "new_password": to, "confirm_password": to }));
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD, "password_confirm": PASSWORD, "first_name": "Ada", "last_name": "Ƶoë" });
    let login = json!({ "email": email, "password": PASSWORD, "remember_me": true });
    let later = held.client.log_in(&email, PASSWORD).await.expect(200).tokens();

    let auth = [
        (Method::POST, "register", None, Some(ada), 201),
        (Method::POST, "login", None, Some(login), 200),
        (Method::POST, "refresh", None, Some(json!({ "refresh_token": tokens.refresh })), 200),
        (Method::GET, "me", token, None, 200),
        (Method::PUT, "me", token, Some(json!({ "last_name": "King" })), 200),
        (Method::POST, "logout", Some(later.access.as_str()), Some(json!({ "refresh_token": later.refresh })), 200),
        (Method::PUT, "password/change", token, change(PASSWORD, new_password), 200),
        (Method::PUT, "change-password", token, change(new_password, PASSWORD), 200),
        (Method::GET, "audit", token, None, 200),
        (Method::POST, "logout-all", token, None, 200),
    ];
    let mut seen = BTreeSet::new();
    for (method, path, access, body, status) in auth {
        let path = format!("/api/v1/auth/{path}");
        if let Some(body) = &body {
            let faults = held.document.operation(method.as_str(), &path).request_faults(body);
            assert!(faults.is_empty(), "{method} {path} would not take {body}: {faults:?}");
        }
        held.call(method.clone(), &path, access, body).await.expect(status);
        seen.insert((method.as_str().to_lowercase(), path));
    }

    seen.extend(links::TRIED.map(|path| ("post".to_owned(), path.to_owned())));
    seen.extend(sessions::TRIED.map(|(method, path)| (method.to_owned(), path.to_owned())));

    // What is left takes neither token nor body.
    for operation in held.document.operations() {
        if seen.insert((operation.method.to_owned(), operation.path.to_owned())) {
            assert_eq!(operation.method, "get", "{} is not tried", operation.path);
            for path in addresses(operation) {
                let answer = held.client.get(&path).await;
                held.hold(operation, &answer);
                assert!(
                    object(&operation.object["responses"]).contains_key(answer.status.as_str()),
                    "{path}: {answer:?}"
                );
                assert!(answer.status.as_u16() < 400, "{path}: {answer:?}");
            }
        }
    }
}

/// The addresses of an operation: more than one if its path has a parameter, whose schema lists the values.
fn addresses(operation: Operation<'_>) -> Vec<String> {
    let mut parameters = operation.object["parameters"].as_array().into_iter().flatten();
    let Some(parameter) = parameters.find(|parameter| parameter["in"] == "path") else {
        return vec![operation.path.to_owned()];
    };
    let name = format!("{{{}}}", parameter["name"].as_str().unwrap());
    let values = parameter["schema"]["enum"].as_array().unwrap();
    values.iter().map(|value| operation.path.replace(&name, value.as_str().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_with_a_body_refuses_a_bad_one_as_promised() {
    let held = Held::spawn().await;
    let access = held.client.sign_up().await.tokens.access;
    for operation in held.document.operations() {
        let Some(required) = operation.body_required() else { continue };
        let large = vec![b' '; 1024 * 1024];
        for (content_type, body, status, code) in [
            ("text/plain", b"{}".to_vec(), 415, "unsupported_media_type"),
            ("application/json", br#"{"a":tru}"#.to_vec(), 400, "malformed_json"),
            ("application/json", br#"{"is_admin":true}"#.to_vec(), 400, "unknown_field"),
            ("application/json", large, 413, "payload_too_large"),
        ] {
            let answer = held.send(operation, &access, content_type, body).await;
            assert_eq!(answer.refusal(), (status, code.into()), "{}", operation.path);
            assert!(object(&operation.object["responses"]).contains_key(&status.to_string()), "{}", operation.path);
        }
        if required {
            let answer = held.send(operation, &access, "application/json", "{}").await;
            assert_eq!(answer.refusal(), (400, "validation_error".into()), "{}", operation.path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_for_users_refuses_a_bad_token_as_promised() {
    let held = Held::spawn().await;
    let ended = held.client.sign_up().await.tokens.access;
    held.client.log_out(&ended).await.expect(200);
    let expired = held.client.sign_up().await.tokens.access;
    for operation in held.document.operations().filter(Operation::needs_token) {
        for (access, code) in
            [(None, "missing_token"), (Some("no.such.token"), "invalid_token"), (Some(&ended), "token_revoked")]
        {
            let answer = held.call(method(operation), operation.path, access, None).await;
            assert_eq!(answer.refusal(), (401, code.into()), "{}", operation.path);
        }
    }
    held.app.advance(Duration::from_secs(1000));
    for operation in held.document.operations().filter(Operation::needs_token) {
        let answer = held.call(method(operation), operation.path, Some(&expired), None).await;
        assert_eq!(answer.refusal(), (401, "token_expired".into()), "{}", operation.path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_credentials_are_as_promised() {
    let held = Held::spawn().await;
    let Account { email, id, tokens, .. } = held.client.sign_up().await;
    let access = Some(tokens.access.as_str());

    let names = json!({ "email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace" });
    assert_eq!(held.post("/api/v1/auth/register", names).await.refusal(), (409, "email_taken".into()));
    let wrong = json!({ "email": email, "password": "not the password" });
    assert_eq!(held.post("/api/v1/auth/login", wrong).await.refusal(), (401, "invalid_credentials".into()));
    for path in ["/api/v1/auth/password/change", "/api/v1/auth/change-password"] {
        let wrong = json!({ "current_password": "not the password", "new_password": "nine lives of the harbour cat" });
        assert_eq!(
            held.call(Method::PUT, path, access, Some(wrong)).await.refusal(),
            (403, "invalid_credentials".into())
        );
    }

    let database = held.app.database.connect().await;
    database.execute("update users set is_active = false where id::text = $1", &[&id]).await.unwrap();
    let right = json!({ "email": email, "password": PASSWORD });
    assert_eq!(held.post("/api/v1/auth/login", right).await.refusal(), (403, "account_disabled".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_refresh_tokens_are_as_promised() {
    let held = Held::spawn().await;
    let refresh = async |token: &str| held.post("/api/v1/auth/refresh", json!({ "refresh_token": token })).await;
    let reused = held.client.sign_up().await.tokens.refresh;
    let revoked = refresh(&reused).await.tokens().refresh;
    let forgotten = held.client.sign_up().await.tokens.refresh;

    assert_eq!(refresh("unknown").await.refusal(), (401, "invalid_token".into()));
    held.app.advance(Duration::from_secs(60));
    assert_eq!(refresh(&reused).await.refusal(), (401, "refresh_token_reused".into()));
    assert_eq!(refresh(&revoked).await.refusal(), (401, "token_revoked".into()));
    held.app.advance(Duration::from_secs(8 * 86_400));
    assert_eq!(refresh(&forgotten).await.refusal(), (401, "token_expired".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_shut_people_out_refuse_as_promised() {
    let closed = Held::on(TestApp::builder().set("REGISTRATION", "closed")).await;
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace" });
    assert_eq!(closed.post("/api/v1/auth/register", ada).await.refusal(), (403, "forbidden".into()));

    let strict = Held::on(TestApp::builder().set("REQUIRE_VERIFIED_EMAIL", "true")).await;
    let Account { email, .. } = strict.client.sign_up().await;
    let login = json!({ "email": email, "password": PASSWORD });
    assert_eq!(strict.post("/api/v1/auth/login", login).await.refusal(), (403, "email_not_verified".into()));

    let moved = Held::on(TestApp::builder().set("METRICS_ADDR", "127.0.0.1:0")).await;
    for path in ["/metrics", "/api/v1/metrics"] {
        assert_eq!(moved.call(Method::GET, path, None, None).await.refusal(), (404, "not_found".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_a_path_does_not_have_is_refused_as_promised() {
    let held = Held::spawn().await;
    let promised = json!({ "$ref": "#/components/responses/MethodNotAllowed" });
    for path in object(&held.document.root()["paths"]).keys() {
        let answer = held
            .client
            .call(Method::PATCH, &path.replace("{file}", "init.js").replace("{id}", NO_SESSION), None, None)
            .await
            .expect(405);
        assert_eq!(held.document.faults(&promised, &answer), [""; 0], "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_fit_no_operation_are_refused_as_promised() {
    let held = Held::spawn().await;
    let any = held.document.operation("GET", "/health/live");
    let long = format!("/health/live?{}", "a".repeat(5000));
    for (path, status) in [("/nowhere", 404), ("/health//live", 400), ("/docs/other.js", 404), (long.as_str(), 414)] {
        let answer = held.client.get(path).await.expect(status);
        held.hold(any, &answer);
    }
    let request = Request::get("/health/live").header("x-large", "a".repeat(9000)).body(Full::default()).unwrap();
    held.hold(any, &held.client.send(request).await.expect(431));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_still_good_is_not_sent_again() {
    let held = Held::spawn().await;
    for operation in held.document.operations().filter(|operation| !operation.object["responses"]["304"].is_null()) {
        for path in addresses(operation) {
            let tag = held.client.get(&path).await.expect(200).header("etag").to_owned();
            let request =
                Request::get(&path).header("if-none-match", format!("\"old\", {tag}")).body(Full::default()).unwrap();
            held.hold(operation, &held.client.send(request).await.expect(304));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_the_service_answers_as_promised() {
    let held = Held::spawn().await;
    let Account { email, tokens, .. } = held.client.sign_up().await;
    let mut other = held.app.database.server.clone();
    other.dbname("postgres");
    let (admin, connection) = other.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    admin.batch_execute(&format!("drop database {} with (force)", held.app.database.name)).await.unwrap();

    for path in ["/health", "/health/ready", "/api/v1/health", "/api/v1/health/ready"] {
        held.call(Method::GET, path, None, None).await.expect(503);
    }
    held.call(Method::GET, "/health/live", None, None).await.expect(200);
    let gone = (503, "service_unavailable".to_owned());
    assert_eq!(held.call(Method::GET, "/api/v1/auth/me", Some(&tokens.access), None).await.refusal(), gone);
    let login = json!({ "email": email, "password": PASSWORD });
    assert_eq!(held.post("/api/v1/auth/login", login).await.refusal(), gone);
    let refresh = json!({ "refresh_token": tokens.refresh });
    assert_eq!(held.post("/api/v1/auth/refresh", refresh).await.refusal(), gone);
}
