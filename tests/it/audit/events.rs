//! Each event of the flows has its row.

use http::Method;
use serde_json::{Value, json};

use crate::support::{Account, Answer, Client, Database, PASSWORD, TestApp};

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) Firefox/142.0";
const ADDRESS: &str = "203.0.113.9";
const NEW_PASSWORD: &str = "an entirely different passphrase";

/// What a row says, apart from its own id and time.
#[derive(Debug, PartialEq)]
struct Logged {
    event_type: String,
    success: bool,
    user_id: Option<String>,
    ip_address: Option<String>,
    user_agent: Option<String>,
    has_session: bool,
    details: Value,
}

/// The rows of one request.
async fn logged(database: &Database, answer: &Answer) -> Vec<Logged> {
    let sql = "select event_type, success, user_id::text, host(ip_address), user_agent, session_id is not null, details \
               from audit_logs where request_id = $1 order by created_at, id";
    let rows = database.connect().await.query(sql, &[&answer.header("x-request-id")]).await.unwrap();
    let logged = rows.iter().map(|row| Logged {
        event_type: row.get(0),
        success: row.get(1),
        user_id: row.get(2),
        ip_address: row.get(3),
        user_agent: row.get(4),
        has_session: row.get(5),
        details: row.get(6),
    });
    logged.collect()
}

struct Scene {
    app: TestApp,
    client: Client,
    account: Account,
}

impl Scene {
    /// Somebody who signed up through a proxy that says where requests come from.
    async fn new() -> Self {
        let app = TestApp::builder().set("TRUSTED_PROXIES", "127.0.0.0/8").set("REFRESH_GRACE", "0s").spawn().await;
        let client = app.client().with_header("user-agent", AGENT).with_header("x-forwarded-for", ADDRESS);
        let account = client.sign_up().await;
        Self { app, client, account }
    }

    /// Holds a request to have written exactly one row, which says where the request came from.
    async fn expect(
        &self,
        answer: &Answer,
        event_type: &str,
        success: bool,
        known: bool,
        has_session: bool,
        details: Value,
    ) {
        let wanted = Logged {
            event_type: event_type.to_owned(),
            success,
            user_id: known.then(|| self.account.id.clone()),
            ip_address: Some(ADDRESS.to_owned()),
            user_agent: Some(AGENT.to_owned()),
            has_session,
            details,
        };
        assert_eq!(logged(&self.app.database, answer).await, [wanted], "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_is_logged() {
    let scene = Scene::new().await;
    let answer = scene.client.register("grace@example.com", PASSWORD).await.expect(201);
    let rows = logged(&scene.app.database, &answer).await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].event_type.as_str(), rows[0].success, rows[0].has_session), ("user.registered", true, true));
    assert_eq!(rows[0].user_id.as_deref(), answer.json()["user"]["id"].as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn log_ins_are_logged_with_their_result() {
    let scene = Scene::new().await;
    let right = scene.client.log_in(&scene.account.email, PASSWORD).await.expect(200);
    let details = json!({ "remember_me": false, "rehashed": false });
    scene.expect(&right, "login.succeeded", true, true, true, details).await;

    let wrong = scene.client.log_in(&scene.account.email, "not the password").await.expect(401);
    scene.expect(&wrong, "login.failed", false, true, false, json!({ "reason": "credentials" })).await;

    let stranger = scene.client.log_in("nobody@example.com", "not the password").await.expect(401);
    let mark = scene.app.app.address_marks.of("nobody@example.com");
    let details = json!({ "reason": "credentials", "address_mark": mark });
    scene.expect(&stranger, "login.failed", false, false, false, details).await;

    scene.app.set_active(&scene.account, false).await;
    let disabled = scene.client.log_in(&scene.account.email, PASSWORD).await.expect(403);
    scene.expect(&disabled, "login.failed", false, true, false, json!({ "reason": "disabled" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_before_the_address_is_verified_is_logged_where_that_is_demanded() {
    let app = TestApp::builder().set("REQUIRE_VERIFIED_EMAIL", "true").spawn().await;
    let client = app.client();
    client.register("ada@example.com", PASSWORD).await;
    let answer = client.log_in("ada@example.com", PASSWORD).await.expect(403);
    let rows = logged(&app.database, &answer).await;
    assert_eq!(rows[0].details, json!({ "reason": "unverified" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_is_logged_and_so_is_the_replay_that_ends_its_session() {
    let scene = Scene::new().await;
    let answer = scene.client.refresh(&scene.account.tokens.refresh).await.expect(200);
    scene.expect(&answer, "token.refreshed", true, true, true, json!({ "repeated": false })).await;

    let replay = scene.client.refresh(&scene.account.tokens.refresh).await.expect(401);
    scene.expect(&replay, "token.reuse_detected", false, true, true, json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_names_and_passwords_are_logged_without_their_values() {
    let scene = Scene::new().await;
    let access = &scene.account.tokens.access;
    let renamed = scene.client.update_me(access, json!({ "first_name": "Grace" })).await.expect(200);
    scene.expect(&renamed, "profile.changed", true, true, true, json!({ "fields": ["first_name"] })).await;

    let wrong = scene.client.change_password(access, "not the password", NEW_PASSWORD).await.expect(403);
    scene.expect(&wrong, "password.change_failed", false, true, true, json!({ "reason": "credentials" })).await;

    scene.client.log_in(&scene.account.email, PASSWORD).await.expect(200);
    let changed = scene.client.change_password(access, PASSWORD, NEW_PASSWORD).await.expect(200);
    scene.expect(&changed, "password.changed", true, true, true, json!({ "sessions_ended": 1 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn log_outs_are_logged_with_how_many_sessions_ended() {
    let scene = Scene::new().await;
    let other = scene.client.log_in(&scene.account.email, PASSWORD).await.expect(200).tokens();
    let one = scene.client.log_out(&other.access).await.expect(200);
    scene.expect(&one, "logout", true, true, true, json!({})).await;

    scene.client.log_in(&scene.account.email, PASSWORD).await.expect(200);
    let all = scene.client.log_out_everywhere(&scene.account.tokens.access).await.expect(200);
    scene.expect(&all, "logout_all", true, true, true, json!({ "sessions": 2 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_reads_and_what_is_malformed_leaves_no_row() {
    let scene = Scene::new().await;
    let bad_json = json!({ "email": 7 });
    for answer in [
        scene.client.me(&scene.account.tokens.access).await.expect(200),
        scene.client.get("/health").await.expect(200),
        scene.client.post("/api/v1/auth/login", bad_json).await.expect(400),
        scene.client.register("not an address", PASSWORD).await.expect(400),
        scene.client.register(&scene.account.email, PASSWORD).await.expect(409),
        scene.client.call(Method::DELETE, "/api/v1/auth/login", None, None).await.expect(405),
        scene.client.get("/api/v1/auth/me").await.expect(401),
    ] {
        assert_eq!(logged(&scene.app.database, &answer).await, [], "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_kept_without_control_characters_and_never_beyond_256_characters() {
    let app = TestApp::spawn().await;
    let agent = format!("tab\there \u{fffd} {}", "é".repeat(400));
    let client = app.client().with_header("user-agent", &agent);
    let answer = client.log_in("nobody@example.com", PASSWORD).await.expect(401);
    let kept = logged(&app.database, &answer).await.remove(0).user_agent.unwrap();
    assert_eq!(kept.chars().count(), 256);
    assert!(kept.starts_with("tabhere") && kept.ends_with('é'), "{kept}");
}
