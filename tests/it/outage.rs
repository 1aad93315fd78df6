//! The database is gone, hangs, or dies in the middle of a commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::support::{Answer, Client, PASSWORD, Proxy, TestApp, Tokens, Way, fresh_database, wait_for};

/// The longest wait for a connection and then for the answer to one query, and a little for the rest.
const PATIENCE: Duration = Duration::from_secs(2 + 5 + 1);

async fn app_behind_a_proxy() -> (TestApp, Proxy) {
    let proxy = Proxy::to(&fresh_database().await).await;
    let app = TestApp::builder().on(proxy.database()).spawn().await;
    (app, proxy)
}

/// Every kind of request that needs the database, in good order: only an outage can refuse it.
async fn requests(client: &Client, tokens: &Tokens, email: &str) -> Vec<(&'static str, Answer)> {
    let user = async |method: Method, path: &'static str, body: Option<Value>| {
        (path, client.call(method, path, Some(&tokens.access), body.as_ref()).await)
    };
    let register = client.register("newcomer@example.com", PASSWORD);
    let change = json!({ "current_password": PASSWORD, "new_password": "another fine passphrase" });
    let answers = tokio::join!(
        async { ("register", register.await) },
        async { ("login", client.log_in(email, PASSWORD).await) },
        async { ("login with a wrong password", client.log_in(email, "not the password").await) },
        async { ("login of a stranger", client.log_in("nobody@example.com", PASSWORD).await) },
        async { ("refresh", client.refresh(&tokens.refresh).await) },
        user(Method::GET, "/api/v1/auth/me", None),
        user(Method::PUT, "/api/v1/auth/me", Some(json!({ "first_name": "Grace" }))),
        user(Method::PUT, "/api/v1/auth/password/change", Some(change)),
        user(Method::POST, "/api/v1/auth/logout", None),
        user(Method::POST, "/api/v1/auth/logout-all", None),
    );
    let (a, b, c, d, e, f, g, h, i, j) = answers;
    vec![a, b, c, d, e, f, g, h, i, j]
}

fn assert_unavailable(what: &str, answer: &Answer) {
    assert_eq!(answer.refusal(), (503, "service_unavailable".into()), "{what}");
    let seconds: u64 =
        answer.header("retry-after").parse().unwrap_or_else(|_| panic!("no Retry-After on {what}: {answer:?}"));
    assert!(seconds >= 1, "{what}");
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    // Nothing of where the database is or what the driver said.
    for inside in ["postgres", "127.0.0.1", "connection", "timed out", "pool"] {
        assert!(!answer.json()["detail"].to_string().to_lowercase().contains(inside), "{what}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_database_gone_every_request_that_needs_it_gets_503_with_retry_after() {
    let (app, proxy) = app_behind_a_proxy().await;
    let client = app.client();
    let account = client.sign_up().await;
    proxy.make(Way::Cut);
    let begun = Instant::now();
    for (what, answer) in requests(&client, &account.tokens, &account.email).await {
        assert_unavailable(what, &answer);
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_database_hanging_every_request_that_needs_it_gets_503_within_the_timeouts() {
    let (app, proxy) = app_behind_a_proxy().await;
    let client = app.client();
    let account = client.sign_up().await;
    proxy.make(Way::Stalled);
    let answers = timeout(PATIENCE, requests(&client, &account.tokens, &account.email));
    for (what, answer) in answers.await.expect("the timeouts of pool and query together") {
        assert_unavailable(what, &answer);
    }

    proxy.make(Way::Open);
    wait_for("the service to recover", async || (client.get("/health/ready").await.status == 200).then_some(())).await;
    client.log_in(&account.email, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn liveness_does_not_notice_an_outage_and_readiness_says_why() {
    let (app, proxy) = app_behind_a_proxy().await;
    let client = app.client();
    for way in [Way::Cut, Way::Stalled] {
        proxy.make(way);
        let begun = Instant::now();
        client.get("/health/live").await.expect(200);
        assert!(begun.elapsed() < Duration::from_millis(500), "{way:?}: {:?}", begun.elapsed());

        // What was seen a moment before the outage is good for a second.
        wait_for("readiness to notice", async || (client.get("/health/ready").await.status == 503).then_some(())).await;
        let (ready, health) = tokio::join!(client.get("/health/ready"), client.get("/health"));
        let (ready, health) = (ready.expect(503).json(), health.expect(503).json());
        assert_eq!(ready["status"], "not_ready", "{way:?}");
        assert_eq!(ready["checks"]["database"]["status"], "unhealthy", "{way:?}");
        assert_eq!(health["status"], "unhealthy", "{way:?}");
        assert_eq!(health["checks"]["database"]["status"], "unhealthy", "{way:?}");

        proxy.make(Way::Open);
        wait_for("the service to be ready", async || (client.get("/health/ready").await.status == 200).then_some(()))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_recovers_by_itself_and_its_sessions_live_on() {
    let (app, proxy) = app_behind_a_proxy().await;
    let client = app.client();
    let account = client.sign_up().await;
    for _ in 0..3 {
        proxy.make(Way::Cut);
        assert_unavailable("me", &client.me(&account.tokens.access).await);
        proxy.make(Way::Open);
        // No pause: the first request after the outage already finds a way.
        client.me(&account.tokens.access).await.expect(200);
    }
    client.refresh(&account.tokens.refresh).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_account_is_lost_in_an_outage() {
    let (app, proxy) = app_behind_a_proxy().await;
    let client = app.client();
    let answered = Arc::new(AtomicUsize::new(0));
    let workers = (0..4).map(|worker| {
        let (client, answered) = (client.clone(), answered.clone());
        tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for number in 0.. {
                let email = format!("worker{worker}-{number}@example.com");
                match client.register(&email, PASSWORD).await.status.as_u16() {
                    201 => {
                        acknowledged.push(email);
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    503 => break,
                    other => panic!("{other}"),
                }
            }
            acknowledged
        })
    });
    let workers: Vec<_> = workers.collect();
    wait_for("the load to be on", async || (answered.load(Ordering::Relaxed) > 20).then_some(())).await;
    proxy.make(Way::Cut);
    let mut acknowledged = Vec::new();
    for worker in workers {
        acknowledged.extend(worker.await.unwrap());
    }

    proxy.make(Way::Open);
    for email in acknowledged {
        client.log_in(&email, PASSWORD).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_is_never_called_wrong_while_the_database_comes_and_goes() {
    let (app, proxy) = app_behind_a_proxy().await;
    let client = app.client();
    let account = client.sign_up().await;
    let callers = (0..4).map(|_| {
        let (client, email) = (client.clone(), account.email.clone());
        tokio::spawn(async move {
            let (mut refused, end) = (0, Instant::now() + Duration::from_secs(2));
            while Instant::now() < end {
                match client.log_in(&email, PASSWORD).await {
                    answer if answer.status == 200 => {}
                    answer => {
                        assert_unavailable("login", &answer);
                        refused += 1;
                    }
                }
            }
            refused
        })
    });
    let callers: Vec<_> = callers.collect();
    for _ in 0..10 {
        proxy.make(Way::Cut);
        tokio::time::sleep(Duration::from_millis(60)).await;
        proxy.make(Way::Open);
        tokio::time::sleep(Duration::from_millis(140)).await;
    }
    let mut refused = 0;
    for caller in callers {
        refused += caller.await.unwrap();
    }
    assert!(refused > 0, "no log-in met the outage");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_of_a_token_is_neither_let_in_nor_turned_away_while_its_session_cannot_be_looked_up() {
    let (app, proxy) = app_behind_a_proxy().await;
    let client = app.client();
    let (kept, ended) = (client.sign_up().await, client.sign_up().await);
    client.log_out(&ended.tokens.access).await.expect(200);
    proxy.make(Way::Cut);
    // A revoked session too: what cannot be looked up is not known.
    for tokens in [kept.tokens, ended.tokens] {
        assert_unavailable("me", &client.me(&tokens.access).await);
    }
    // What needs no look-up is decided as ever.
    assert_eq!(client.me("not.a.token").await.refusal(), (401, "invalid_token".into()));
    assert_eq!(client.get("/api/v1/auth/me").await.refusal(), (401, "missing_token".into()));
    client.get("/.well-known/jwks.json").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_nobody_confirmed_is_not_acknowledged() {
    let (app, proxy) = app_behind_a_proxy().await;
    let client = app.client();
    let account = client.sign_up().await;

    proxy.make(Way::LosesCommits);
    assert_unavailable("register", &client.register("lost@example.com", PASSWORD).await);
    assert_unavailable("login", &client.log_in(&account.email, PASSWORD).await);
    let renamed = client.update_me(&account.tokens.access, json!({ "first_name": "Grace" })).await;
    assert_unavailable("me", &renamed);

    // All of it has happened, as asking again shows: the confirmation alone was lost.
    proxy.make(Way::Open);
    assert_eq!(client.register("lost@example.com", PASSWORD).await.refusal(), (409, "email_taken".into()));
    client.log_in("lost@example.com", PASSWORD).await.expect(200);
    assert_eq!(client.me(&account.tokens.access).await.json()["first_name"], "Grace");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_whose_commit_was_not_confirmed_can_be_repeated() {
    let (app, proxy) = app_behind_a_proxy().await;
    let client = app.client();
    let account = client.sign_up().await;
    proxy.make(Way::LosesCommits);
    assert_unavailable("refresh", &client.refresh(&account.tokens.refresh).await);
    proxy.make(Way::Open);
    let next = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    client.refresh(&next.refresh).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_out_that_was_not_confirmed_is_not_acknowledged() {
    let (app, proxy) = app_behind_a_proxy().await;
    let client = app.client();
    let account = client.sign_up().await;
    proxy.make(Way::LosesCommits);
    assert_unavailable("logout", &client.log_out(&account.tokens.access).await);
    proxy.make(Way::Open);
    assert_eq!(client.log_out(&account.tokens.access).await.refusal(), (401, "token_revoked".into()));
}
