//! `portcullis limits`: show, clear.

use serde_json::Value;

use crate::support::{Client, Database, PASSWORD, Program, Redis, Service, fresh_database, wait_for};

/// A service that believes the forwarding header of its clients, and somebody who signed up with it.
struct Attacked {
    program: Program,
    database: Database,
    service: Service,
}

impl Attacked {
    async fn new(settings: &[(&str, &str)]) -> Self {
        let database = fresh_database().await;
        let program = Program::on(&database).set("TRUSTED_PROXIES", "127.0.0.0/8");
        let program = settings.iter().fold(program, |program, (name, value)| program.set(name, value));
        let service = program.serve().await;
        service.client().register("ada@example.com", PASSWORD).await.expect(201);
        Self { program, database, service }
    }

    fn from(&self, address: &str) -> Client {
        self.service.client().with_header("x-forwarded-for", address)
    }

    /// Guesses from an address until nothing more is taken from there.
    async fn lock(&self, address: &str) {
        for number in 0..5 {
            self.from(address).log_in("ada@example.com", &format!("wrong guess {number}")).await.expect(401);
        }
        self.from(address).log_in("ada@example.com", PASSWORD).await.expect(429);
    }

    async fn shown(&self, arguments: &[&str]) -> Value {
        let arguments = [&["limits", "show", "--json"], arguments].concat();
        serde_json::from_str(&self.program.run(&arguments).await.done()).unwrap()
    }
}

fn scopes(shown: &Value) -> Vec<(String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let counters = shown["log_ins"].as_array().unwrap().iter();
    let mut scopes: Vec<_> =
        counters.map(|counter| (text(&counter["scope"]).unwrap(), text(&counter["network"]))).collect();
    scopes.sort();
    scopes
}

fn counter(scope: &str, network: &str) -> (String, Option<String>) {
    (scope.to_owned(), (!network.is_empty()).then(|| network.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_are_shown_by_account_and_by_network() {
    let attacked = Attacked::new(&[]).await;
    assert_eq!(attacked.program.run(&["limits", "show"]).await.done(), "nothing is counted\n");
    attacked.lock("192.0.2.1").await;
    attacked.lock("198.51.100.1").await;
    let both =
        [counter("account", ""), counter("account_network", "192.0.2.1"), counter("account_network", "198.51.100.1")];
    assert_eq!(scopes(&attacked.shown(&[]).await), both);
    assert_eq!(scopes(&attacked.shown(&["--account", "ADA@example.com"]).await), both);
    assert_eq!(scopes(&attacked.shown(&["--account", "eve@example.com"]).await), []);
    assert_eq!(scopes(&attacked.shown(&["--network", "192.0.2.0/24"]).await), both[1..2]);
    let account = ["--account", "ada@example.com", "--network", "198.51.100.1"];
    assert_eq!(scopes(&attacked.shown(&account).await), both[2..]);
    let text = attacked.program.run(&["limits", "show", "--network", "192.0.2.1"]).await.done();
    assert!(text.starts_with("account_network     5 attempts  1 strikes  until ") && text.ends_with("  192.0.2.1\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cleared_account_may_log_in_from_where_it_was_locked_out() {
    let attacked = Attacked::new(&[]).await;
    attacked.lock("192.0.2.1").await;
    attacked.lock("192.0.2.2").await;
    let clear = ["limits", "clear", "--account", "ada@example.com", "--network", "192.0.2.1"];
    assert!(attacked.program.run(&clear).await.done().starts_with("1 counter(s)"));
    attacked.from("192.0.2.1").log_in("ada@example.com", PASSWORD).await.expect(200);
    attacked.from("192.0.2.2").log_in("ada@example.com", PASSWORD).await.expect(429);

    let cleared = attacked.program.run(&["limits", "clear", "--account", "ada@example.com", "--json"]).await.done();
    assert!(cleared.starts_with("{\"cleared\":2}"), "{cleared}");
    attacked.from("192.0.2.2").log_in("ada@example.com", PASSWORD).await.expect(200);
    let events = "select details from audit_logs where event_type = 'limits.cleared' order by created_at, id";
    let events = attacked.database.connect().await.query(events, &[]).await.unwrap();
    assert_eq!(events[0].get::<_, Value>(0)["network"], "192.0.2.1/32");
    assert_eq!(events.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn clearing_a_network_reaches_the_memory_of_running_instances() {
    let attacked = Attacked::new(&[("LIMIT_MAIL", "1/1h"), ("LIMIT_MAIL_ADDRESS", "3/1h")]).await;
    let ask = async |address: &str, email: &str| {
        let body = serde_json::json!({ "email": email });
        attacked.from(address).post("/api/v1/auth/password/forgot", body).await.status.as_u16()
    };
    for address in ["192.0.2.1", "198.51.100.1"] {
        assert_eq!((ask(address, "ada@example.com").await, ask(address, "eve@example.com").await), (200, 429));
    }
    attacked.program.run(&["limits", "clear", "--network", "192.0.2.0/24"]).await.done();
    wait_for("the instance to forget", async || (ask("192.0.2.1", "eve@example.com").await == 200).then_some(())).await;
    assert_eq!(ask("198.51.100.1", "eve@example.com").await, 429);

    // The budget of the address is spent, whoever asks.
    assert_eq!(ask("192.0.2.7", "ada@example.com").await, 429);
    attacked.program.run(&["limits", "clear", "--account", "ada@example.com"]).await.done();
    let mut network = 8;
    wait_for("the instance to forget", async || {
        network += 1;
        (ask(&format!("192.0.2.{network}"), "ada@example.com").await == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_cleared_is_told() {
    let program = Program::on_fresh_database().await;
    let complaint = program.run(&["limits", "clear"]).await.failed();
    assert!(complaint.contains("--account") && complaint.contains("--network"), "{complaint}");
    for (flag, value) in
        [("--network", "example.com"), ("--network", "10.0.0.0/8"), ("--network", "::/0"), ("--account", "ada")]
    {
        let complaint = program.run(&["limits", "clear", flag, value]).await.misused();
        assert!(complaint.contains(flag), "{complaint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_redis_counts_is_shown_and_cleared_and_its_silence_is_told() {
    let redis = Redis::start();
    let attacked = Attacked::new(&[("REDIS_URL", &redis.url()), ("LIMIT_MAIL", "2/1h")]).await;
    wait_for("the service to share its limits", async || {
        let health = attacked.service.client().get("/health").await.json();
        (health["checks"]["redis"]["status"] == "healthy").then_some(())
    })
    .await;
    let ask = async || {
        let body = serde_json::json!({ "email": "eve@example.com" });
        attacked.from("192.0.2.1").post("/api/v1/auth/password/forgot", body).await.status.as_u16()
    };
    assert_eq!((ask().await, ask().await, ask().await), (200, 200, 429));
    let shown = attacked.shown(&["--network", "192.0.2.0/24"]).await;
    let mail = shown["rate_limits"].as_array().unwrap().iter().find(|standing| standing["class"] == "mail").unwrap();
    assert_eq!((&mail["network"], &mail["remaining"]), (&"192.0.2.1".into(), &0.into()), "{shown}");

    attacked.lock("192.0.2.7").await;
    redis.stall();
    let complaint = attacked.program.run(&["limits", "show", "--network", "192.0.2.1"]).await.failed();
    assert!(complaint.contains("Redis does not answer"), "{complaint}");
    let clear = ["limits", "clear", "--account", "ada@example.com"];
    let complaint = attacked.program.run(&clear).await.failed();
    assert!(complaint.contains("Redis keeps what it counts"), "{complaint}");
    attacked.from("192.0.2.7").log_in("ada@example.com", PASSWORD).await.expect(200);
    redis.resume();

    attacked.program.run(&["limits", "clear", "--network", "192.0.2.0/24"]).await.done();
    wait_for("the service to share its limits again", async || (ask().await == 200).then_some(())).await;
}
