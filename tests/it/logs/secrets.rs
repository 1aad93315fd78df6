//! Secrets in every place, right and wrong, and where none of them may show.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use super::talkative;
use crate::support::{
    Answer, Client, Database, KEY_ENCRYPTION_KEY, PASSWORD, Tokens, fresh_database, mails_in, wait_for,
};

pub(super) const DATABASE_PASSWORD: &str = "database-password-4b1d";
const JWT_SECRET: &str = "jwt-secret-of-more-than-thirty-two-bytes-77e0";
const NEW_PASSWORD: &str = "new password of 90ac";
const WRONG_PASSWORD: &str = "wrong-password-63fe";
const STRAY_PASSWORD: &str = "stray-password-d2c8";
const NAMED_PASSWORD: &str = "password-as-a-name-18fb";
const NUMERIC_PASSWORD: u64 = 90_210_731_946_528;
const EMAIL: &str = "ada@example.com";
const LOGIN: &str = "/api/v1/auth/login";

/// Everything that went back and forth in the flows.
pub(super) struct Recorded {
    secrets: BTreeSet<String>,
    pub(super) answers: Vec<Answer>,
}

impl Recorded {
    fn new() -> Self {
        let configured = [DATABASE_PASSWORD, JWT_SECRET, KEY_ENCRYPTION_KEY];
        let typed = [PASSWORD, NEW_PASSWORD, WRONG_PASSWORD, STRAY_PASSWORD, NAMED_PASSWORD];
        let mut secrets: BTreeSet<_> = configured.into_iter().chain(typed).map(str::to_owned).collect();
        secrets.insert(NUMERIC_PASSWORD.to_string());
        Self { secrets, answers: Vec::new() }
    }

    /// Keeps an answer and its tokens.
    fn keep(&mut self, answer: Answer) -> Answer {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        for token in ["access_token", "refresh_token"].iter().filter_map(|name| body[name].as_str()) {
            self.secrets.insert(token.to_owned());
            // The signature is what makes a token one.
            self.secrets.extend(token.rsplit('.').next().map(str::to_owned));
        }
        self.answers.push(answer.clone());
        answer
    }

    /// The first secret in `text`.
    fn leaked_in(&self, text: &str) -> Option<&str> {
        self.secrets.iter().map(String::as_str).find(|secret| text.contains(secret))
    }
}

/// All flows, right and wrong, and secrets wherever a client could put one by mistake.
pub(super) async fn play(client: &Client) -> Recorded {
    let mut recorded = Recorded::new();
    let first = recorded.keep(client.register(EMAIL, PASSWORD).await.expect(201)).tokens();
    recorded.keep(client.register(EMAIL, PASSWORD).await.expect(409));
    let second = recorded.keep(client.log_in(EMAIL, PASSWORD).await.expect(200)).tokens();
    recorded.keep(client.log_in(EMAIL, WRONG_PASSWORD).await.expect(401));
    recorded.keep(client.log_in("nobody@example.com", WRONG_PASSWORD).await.expect(401));
    recorded.keep(client.refresh(&second.refresh).await.expect(200));
    recorded.keep(client.refresh(&second.refresh).await.expect(401));
    recorded.keep(client.refresh(WRONG_PASSWORD).await.expect(401));
    recorded.keep(client.me(&second.access).await.expect(401));
    recorded.keep(client.change_password(&first.access, WRONG_PASSWORD, NEW_PASSWORD).await.expect(403));
    recorded.keep(client.change_password(&first.access, PASSWORD, "short").await.expect(400));
    recorded.keep(client.change_password(&first.access, PASSWORD, NEW_PASSWORD).await.expect(200));
    misplace_in_bodies(client, &mut recorded).await;
    misplace_in_heads(client, &mut recorded, &first).await;
    recorded.keep(client.log_out(&first.access).await.expect(200));
    recorded.keep(client.me(&first.access).await.expect(401));
    recorded
}

async fn misplace_in_bodies(client: &Client, recorded: &mut Recorded) {
    for body in [
        json!({ "email": STRAY_PASSWORD, "password": EMAIL }),
        json!({ "email": EMAIL, "password": NUMERIC_PASSWORD }),
        json!({ "email": EMAIL, "password": [STRAY_PASSWORD] }),
        json!({ "email": { "password": STRAY_PASSWORD }, "password": STRAY_PASSWORD }),
        json!({ "email": EMAIL, "password": STRAY_PASSWORD, "remember_me": STRAY_PASSWORD }),
        json!({ "email": EMAIL, "password": STRAY_PASSWORD, "passwort": STRAY_PASSWORD }),
        json!({ "email": EMAIL, "password": STRAY_PASSWORD, NAMED_PASSWORD: true }),
        json!([EMAIL, STRAY_PASSWORD]),
        json!(STRAY_PASSWORD),
        json!(NUMERIC_PASSWORD),
    ] {
        recorded.keep(client.post(LOGIN, body).await.expect(400));
    }
    let long_name = STRAY_PASSWORD.repeat(20);
    let sign_up = json!({ "email": "b@example.com", "password": PASSWORD, "first_name": long_name, "last_name": 7 });
    recorded.keep(client.post("/api/v1/auth/register", sign_up).await.expect(400));
    for (content_type, body) in [
        ("application/json", format!(r#"{{"email": "{EMAIL}", "password": "{STRAY_PASSWORD}"#)),
        ("application/json", format!(r#"{{"email": "{EMAIL}", "password": {STRAY_PASSWORD}}}"#)),
        ("application/json", format!(r#"{{"password": {NUMERIC_PASSWORD}, "password": {NUMERIC_PASSWORD}}}"#)),
        ("application/json", format!("{{\"password\": \"{STRAY_PASSWORD}\u{1}\"}}")),
        ("application/json", STRAY_PASSWORD.to_owned()),
        ("application/x-www-form-urlencoded", format!("email={EMAIL}&password={STRAY_PASSWORD}")),
        (STRAY_PASSWORD, "{}".to_owned()),
    ] {
        let request = Request::post(LOGIN).header("content-type", content_type).body(Full::new(Bytes::from(body)));
        let answer = recorded.keep(client.send(request.unwrap()).await);
        assert!(answer.status.is_client_error(), "{answer:?}");
    }
}

async fn misplace_in_heads(client: &Client, recorded: &mut Recorded, tokens: &Tokens) {
    let Tokens { access, refresh } = tokens;
    for query in [
        format!("access_token={access}"),
        format!("refresh_token={refresh}&password={STRAY_PASSWORD}"),
        STRAY_PASSWORD.to_owned(),
    ] {
        recorded.keep(client.get(&format!("/api/v1/auth/me?{query}")).await.expect(401));
        recorded.keep(client.get(&format!("/no/such/path?{query}")).await.expect(404));
        recorded.keep(client.get(&format!("//?{query}")).await.expect(400));
        recorded.keep(client.call(Method::DELETE, &format!("{LOGIN}?{query}"), None, None).await.expect(405));
    }
    for authorization in [
        format!("Basic {STRAY_PASSWORD}"),
        format!("Bearer {access}x"),
        format!("Bearer {refresh}"),
        format!("Bearer {access} {refresh}"),
        STRAY_PASSWORD.to_owned(),
    ] {
        let request = Request::get("/api/v1/auth/me").header("authorization", authorization).body(Full::default());
        let answer = recorded.keep(client.send(request.unwrap()).await);
        assert!(answer.status.is_client_error(), "{answer:?}");
    }
    let cookie = format!("token={STRAY_PASSWORD}; access={access}");
    let request = Request::get("/health").header("cookie", cookie).body(Full::default());
    recorded.keep(client.send(request.unwrap()).await.expect(200));
}

/// Every row of every table as text.
async fn dump(database: &Database) -> String {
    let client = database.connect().await;
    let tables = "select tablename::text from pg_tables where schemaname = 'public'";
    let mut text = String::new();
    for table in client.query(tables, &[]).await.unwrap() {
        let sql = format!("select t::text from {} t", table.get::<_, String>(0));
        for row in client.query(&sql, &[]).await.unwrap() {
            text.push_str(row.get(0));
            text.push('\n');
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_token_or_configured_secret_shows_in_logs_metrics_refusals_or_tables() {
    for (jwt_secret, format) in [("", "json"), (JWT_SECRET, "text")] {
        let database = fresh_database().await;
        let service = talkative(&database).set("JWT_SECRET", jwt_secret).set("LOG_FORMAT", format).serve().await;
        let recorded = play(&service.client()).await;
        let metrics = service.client().get("/metrics").await.expect(200);
        let ended = service.stop().await;
        assert_eq!(ended.code, Some(0));

        let log = ended.stdout + &ended.stderr;
        assert!(log.lines().count() > recorded.answers.len() && log.contains("login.failed"), "too little: {log}");
        assert_eq!(recorded.leaked_in(&log), None, "in the log:\n{log}");
        assert!(!log.contains("$2b$"), "a password hash is in the log:\n{log}");
        assert_eq!(recorded.leaked_in(&String::from_utf8_lossy(&metrics.body)), None, "in the metrics");

        let rows = dump(&database).await;
        assert!(rows.contains("login.failed") && rows.contains("token.refused"), "{rows}");
        assert_eq!(recorded.leaked_in(&rows), None, "in the database:\n{rows}");
        for answer in recorded.answers.iter().filter(|answer| !answer.status.is_success()) {
            let text = format!("{:?}\n{}", answer.headers, String::from_utf8_lossy(&answer.body));
            // Who sends an unknown field is told its name, whatever it is.
            let text = text.replace(NAMED_PASSWORD, "");
            assert_eq!(recorded.leaked_in(&text), None, "in a refusal: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_of_a_mail_shows_in_logs_refusals_or_tables() {
    let database = fresh_database().await;
    let program = talkative(&database);
    let service = program.serve().await;
    let client = service.client();
    let mut recorded = Recorded::new();
    let tokens = recorded.keep(client.register(EMAIL, PASSWORD).await.expect(201)).tokens();
    recorded.keep(client.forgot_password(EMAIL).await.expect(200));
    recorded.keep(client.change_email(&tokens.access, "new@example.com", PASSWORD).await.expect(200));
    let mails = wait_for("the mails", async || {
        let mails = mails_in(&program.folder().join("data/mail"));
        (mails.len() == 4).then_some(mails)
    });
    for mail in mails.await {
        let token = mail.token();
        recorded.secrets.insert(token.to_owned());
        for operation in ["inspect", "confirm-change", "undo", "verify", "verify", "reject"] {
            recorded.keep(client.follow(operation, token).await);
        }
        for _ in 0..2 {
            recorded.keep(client.reset_password(token, NEW_PASSWORD).await);
        }
        // Where a client may put it by mistake.
        recorded.keep(client.me(token).await.expect(401));
        recorded.keep(client.post("/api/v1/auth/email/verify", json!({ "token": [token] })).await.expect(400));
        recorded.keep(client.post("/api/v1/auth/email/resend", json!({ "email": token })).await.expect(400));
        recorded.keep(client.get(&format!("/verify-email?token={token}")).await.expect(200));
    }
    let ended = service.stop().await;
    let log = ended.stdout + &ended.stderr;
    assert!(log.contains("link.refused") && log.contains("password.reset"), "too little: {log}");
    assert_eq!(recorded.leaked_in(&log), None, "in the log:\n{log}");
    let rows = dump(&database).await;
    assert!(rows.contains("link.refused") && rows.contains("password.reset"), "{rows}");
    assert_eq!(recorded.leaked_in(&rows), None, "in the database:\n{rows}");
    for answer in recorded.answers.iter().filter(|answer| !answer.status.is_success()) {
        let text = format!("{:?}\n{}", answer.headers, String::from_utf8_lossy(&answer.body));
        assert_eq!(recorded.leaked_in(&text), None, "in a refusal: {text}");
    }
}
