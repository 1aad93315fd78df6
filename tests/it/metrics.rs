//! What the service tells about itself: every number of docs/metrics.md, and what moves it.

use std::collections::BTreeMap;

use http::Method;
use portcullis::db::Query;
use portcullis::db::catalog::TABLES;

use crate::support::{Client, PASSWORD, TestApp, wait_for};

/// One scrape.
struct Scrape(String);

impl Scrape {
    async fn of(app: &TestApp) -> Self {
        Self(String::from_utf8(app.client().get("/metrics").await.expect(200).body.to_vec()).unwrap())
    }

    /// The value of a series, spelled as in the exposition; `None` when there is none.
    fn find(&self, series: &str) -> Option<f64> {
        let mut lines = self.0.lines().filter_map(|line| line.rsplit_once(' '));
        lines.find(|(name, _)| *name == series).map(|(_, value)| value.parse().unwrap())
    }

    #[track_caller]
    fn value(&self, series: &str) -> f64 {
        self.find(series).unwrap_or_else(|| panic!("no {series} in\n{}", self.0))
    }

    /// The types of all metrics.
    fn types(&self) -> BTreeMap<String, String> {
        let types = self.0.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        types.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
    }
}

/// A row of docs/metrics.md.
struct Documented {
    kind: String,
    /// Whether a fresh service need not have it yet.
    is_conditional: bool,
}

fn documented() -> BTreeMap<String, Documented> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `")).map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let is_conditional = cells[4].contains("; from the first ") || cells[4].contains("; with `REDIS_URL`");
        (cells[1].trim_matches('`').to_owned(), Documented { kind: cells[2].to_owned(), is_conditional })
    });
    rows.collect()
}

fn operation(operation: &str, outcome: &str) -> String {
    format!("portcullis_auth_operations_total{{operation=\"{operation}\",outcome=\"{outcome}\"}}")
}

fn tokens(event: &str) -> String {
    format!("portcullis_tokens_total{{event=\"{event}\"}}")
}

fn calls(query: &str) -> String {
    format!("portcullis_db_query_duration_seconds_count{{query=\"{query}\"}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_service_exposes_what_is_documented_and_nothing_else() {
    let app = TestApp::spawn().await;
    let documented = documented();
    let complete = async || {
        let types = Scrape::of(&app).await.types();
        let mut demanded = documented.iter().filter(|(_, row)| !row.is_conditional);
        demanded.all(|(name, _)| types.contains_key(name)).then_some(types)
    };
    let types = wait_for("every documented metric", complete).await;
    for (name, kind) in types {
        let row = documented.get(&name).unwrap_or_else(|| panic!("{name} is not in docs/metrics.md"));
        assert_eq!(kind, row.kind, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_and_tokens_are_counted_by_how_they_end() {
    let app = TestApp::spawn().await;
    let counted = [
        (operation("register", "ok"), 1.0),
        (operation("register", "email_taken"), 1.0),
        (operation("login", "ok"), 1.0),
        (operation("login", "invalid_credentials"), 2.0),
        (operation("refresh", "ok"), 3.0),
        (operation("refresh", "refresh_token_reused"), 1.0),
        (operation("password_change", "invalid_credentials"), 1.0),
        (operation("logout", "ok"), 1.0),
        (tokens("issued"), 2.0),
        (tokens("refreshed"), 2.0),
        (tokens("replayed"), 1.0),
        (tokens("reuse_detected"), 1.0),
    ];
    let before = Scrape::of(&app).await;
    for (series, _) in &counted {
        assert_eq!(before.value(series), 0.0, "{series}");
    }

    let client = app.client();
    let account = client.sign_up().await;
    client.register(&account.email, PASSWORD).await.expect(409);
    for _ in 0..2 {
        client.log_in(&account.email, "not the password").await.expect(401);
    }
    let session = client.log_in(&account.email, PASSWORD).await.expect(200).tokens();
    let body = serde_json::json!({ "current_password": "not the password", "new_password": "another fine passphrase" });
    client.call(Method::PUT, "/api/v1/auth/change-password", Some(&session.access), Some(&body)).await.expect(403);
    client.log_out(&session.access).await.expect(200);

    let second = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    client.refresh(&account.tokens.refresh).await.expect(200);
    client.refresh(&second.refresh).await.expect(200);
    assert_eq!(client.refresh(&account.tokens.refresh).await.refusal(), (401, "refresh_token_reused".into()));

    let after = Scrape::of(&app).await;
    for (series, value) in &counted {
        assert_eq!(after.value(series), *value, "{series}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hash_pool_tells_its_work_and_whom_it_turned_away() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let scrape = Scrape::of(&app).await;
    assert_eq!(scrape.value("portcullis_hash_duration_seconds_count{algorithm=\"bcrypt\"}"), 1.0);
    assert_eq!(scrape.value("portcullis_hash_wait_seconds_count"), 1.0);
    assert_eq!(scrape.value("portcullis_hash_pool_refused_total"), 0.0);

    let places: Vec<_> = std::iter::from_fn(|| app.app.hasher.admit().ok()).collect();
    client.log_in(&account.email, PASSWORD).await.expect(503);
    let scrape = Scrape::of(&app).await;
    assert_eq!(scrape.value("portcullis_hash_pool_waiting"), f64::from(u32::try_from(places.len()).unwrap()));
    // The first refusal ended the loop, the second one the log-in.
    assert_eq!(scrape.value("portcullis_hash_pool_refused_total"), 2.0);
    assert_eq!(scrape.value(&operation("login", "overloaded")), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_tells_its_connections_and_the_duration_of_each_query_by_name() {
    let app = TestApp::builder().set("DB_MAX_OPEN_CONNS", "7").spawn().await;
    let account = app.client().sign_up().await;
    app.client().log_in(&account.email, PASSWORD).await.expect(200);
    let held = [app.app.database.get().await.unwrap(), app.app.database.get().await.unwrap()];
    let scrape = Scrape::of(&app).await;
    assert_eq!(scrape.value("portcullis_db_pool_max"), 7.0);
    assert!(scrape.value("portcullis_db_pool_connections{state=\"used\"}") >= 2.0, "{}", scrape.0);
    assert!(scrape.find("portcullis_db_pool_connections{state=\"idle\"}").is_some());
    assert!(scrape.value("portcullis_db_pool_wait_seconds_count") >= 4.0);
    drop(held);
    for query in ["users.insert", "users.find_by_email_key", "users.log_in"] {
        assert_eq!(scrape.value(&calls(query)), 1.0, "{query}");
    }
    assert_eq!(scrape.value(&calls("sessions.insert")), 2.0);
    assert!(scrape.value(&calls("transaction.begin")) >= 2.0);
    assert!(scrape.value(&calls("transaction.commit")) >= 2.0);

    let mut known: Vec<_> = TABLES.iter().copied().flatten().map(Query::name).collect();
    known.extend(["transaction.begin", "transaction.commit", "migrations.pending"].map(str::to_owned));
    for rest in scrape.0.split("_count{query=\"").skip(1) {
        let name = rest.split('"').next().unwrap();
        assert!(known.iter().any(|known| known == name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn live_sessions_are_counted_and_ended_or_expired_ones_are_not() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let forgotten = client.sign_up().await;
    app.advance(std::time::Duration::from_secs(8 * 24 * 3600));
    let ended = client.sign_up().await;
    client.log_out(&ended.tokens.access).await.expect(200);
    for _ in 0..3 {
        client.sign_up().await;
    }
    client.refresh(&forgotten.tokens.refresh).await.expect(401);
    // It counts when it starts.
    let replica = app.replica().await;
    let live = async || Scrape::of(&replica).await.find("portcullis_sessions_live");
    assert_eq!(wait_for("the count", live).await, 3.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_age_of_the_signing_key_is_told_unless_nobody_knows_it() {
    const AGE: &str = "portcullis_signing_key_age_seconds";
    let app = TestApp::spawn().await;
    assert_eq!(Scrape::of(&app).await.value(AGE), 0.0);
    app.advance(std::time::Duration::from_secs(3600));
    assert_eq!(Scrape::of(&app).await.value(AGE), 3600.0);

    let secret = TestApp::builder().set("JWT_SECRET", "a secret of the environment, long enough").spawn().await;
    assert_eq!(Scrape::of(&secret).await.find(AGE), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_probes_at_once_ask_the_database_once() {
    let app = TestApp::spawn().await;
    let begun = std::time::Instant::now();
    let probes: Vec<_> = (0..200)
        .map(|number| {
            let client: Client = app.client();
            let path = if number % 2 == 0 { "/health" } else { "/health/ready" };
            tokio::spawn(async move { client.get(path).await.status.as_u16() })
        })
        .collect();
    for probe in probes {
        assert_eq!(probe.await.unwrap(), 200);
    }
    // Once, and once more for every second that a slow machine needs for all of them.
    let most = 1.0 + begun.elapsed().as_secs_f64().floor();
    let asked = Scrape::of(&app).await.value(&calls("migrations.pending"));
    assert!((1.0..=most).contains(&asked), "{asked} > {most}");
}
