//! Instances that share their limits through Redis, and Redis that fails them.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::{assert_limited, from, limited, passed};
use crate::support::{Program, Redis, TestApp, fresh_database, wait_for};

/// Waits until an instance sees its Redis, or does not.
async fn shares(app: &TestApp, is_shared: bool) {
    wait_for("the instance to look", async || {
        app.app.limits.look(&*app.app.clock).await.filter(|sight| sight.is_shared == is_shared)
    })
    .await;
}

/// Two instances over one database and one Redis.
async fn pair(redis: &Redis, limit: &str) -> (TestApp, TestApp) {
    let one = limited(&[("LIMIT_REFRESH", limit), ("REDIS_URL", &redis.url())]).spawn().await;
    let other = one.replica().await;
    for app in [&one, &other] {
        shares(app, true).await;
    }
    (one, other)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_requests_to_two_instances_exactly_as_many_pass_as_may() {
    let redis = Redis::start();
    let (one, other) = pair(&redis, "20/1h").await;
    let requests = (0..60).map(|number| {
        let client = from(if number % 2 == 0 { &one } else { &other }, "192.0.2.1");
        tokio::spawn(async move { client.refresh("x").await.status.as_u16() })
    });
    let mut passed = 0;
    for request in requests.collect::<Vec<_>>() {
        match request.await.unwrap() {
            401 => passed += 1,
            429 => {}
            status => panic!("{status}"),
        }
    }
    assert_eq!(passed, 20);
    from(&other, "192.0.2.2").refresh("x").await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_of_instances_do_not_matter() {
    let redis = Redis::start();
    let one = limited(&[("LIMIT_REFRESH", "4/1h"), ("REDIS_URL", &redis.url())]).spawn().await;
    let late = limited(&[("LIMIT_REFRESH", "4/1h"), ("REDIS_URL", &redis.url())])
        .on(one.database.clone())
        .at("2026-06-15T13:30:00Z")
        .spawn()
        .await;
    for app in [&one, &late, &one, &late] {
        from(app, "192.0.2.1").refresh("x").await.expect(401);
    }
    for app in [&one, &late] {
        assert_limited(&from(app, "192.0.2.1").refresh("x").await, "refresh", 4, 3600);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_gone_each_instance_limits_by_itself_and_says_so_and_comes_back() {
    let mut redis = Redis::start();
    let (one, other) = pair(&redis, "5/1h").await;
    redis.kill();
    for app in [&one, &other] {
        let client = from(app, "192.0.2.1");
        assert_eq!(passed(12, async || client.refresh("x").await).await.0, 5, "never open");
        shares(app, false).await;
        let text = app.app.metrics.text().unwrap();
        assert!(text.contains("portcullis_limit_store_up 0") && text.contains("portcullis_redis_up 0"));
        let health = client.get("/health").await.expect(200).json();
        assert_eq!((&health["status"], &health["checks"]["redis"]["status"]), (&"degraded".into(), &"degraded".into()));
        client.get("/health/ready").await.expect(200);
    }
    redis.revive();
    for app in [&one, &other] {
        shares(app, true).await;
        assert!(app.app.metrics.text().unwrap().contains("portcullis_limit_store_up 1"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_fails_nobody_and_opens_nothing() {
    let redis = Redis::start();
    let (one, _) = pair(&redis, "5/1h").await;
    redis.stall();
    let client = from(&one, "192.0.2.1");
    assert_eq!(passed(10, async || client.refresh("x").await).await.0, 5);
    redis.resume();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_for_redis_opens_nothing_and_is_told_without_being_shown() {
    let redis = Redis::start_with(&["--requirepass", "the-right-one"]);
    let url = |password: &str| format!("{}?pass={password}", redis.url());
    let right = limited(&[("LIMIT_REFRESH", "5/1h"), ("REDIS_URL", &url("the-right-one"))]).spawn().await;
    shares(&right, true).await;

    let database = fresh_database().await;
    let program = Program::on(&database).set("REDIS_URL", &url("hunter2-wrong")).set("LIMIT_REFRESH", "5/1h");
    let service = program.serve().await;
    assert_eq!(passed(10, async || service.client().refresh("x").await).await.0, 5);
    let said = wait_for("the line about it", async || {
        let said = service.stderr();
        said.contains("rate limits are no longer shared").then_some(said)
    });
    let said = said.await;
    assert_eq!(said.matches("rate limits are no longer shared").count(), 1, "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    let health = service.client().get("/health").await.expect(200).json();
    assert_eq!(health["checks"]["redis"]["status"], "degraded");
    let report = program.run(&["doctor"]).await;
    assert!(report.code == Some(1) && report.stdout.contains("FAIL  redis"), "{report:?}");
    assert!(!report.stdout.contains("hunter2"), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_to_redis_that_takes_two_seconds_neither_slows_requests_down_nor_lets_more_of_them_pass() {
    let redis = Redis::start();
    let way = redis.by_tcp().await;
    let app = limited(&[("LIMIT_REFRESH", "5/1h"), ("REDIS_URL", &way.url())]).spawn().await;
    shares(&app, true).await;
    let client = from(&app, "192.0.2.1");
    client.refresh("x").await.expect(401);

    way.delay(Duration::from_secs(2));
    let (begun, client) = (Instant::now(), from(&app, "192.0.2.2"));
    assert_eq!(passed(40, async || client.refresh("x").await).await.0, 5);
    // Waiting for each answer would take 160 s.
    assert!(begun.elapsed() < Duration::from_secs(80), "{:?}", begun.elapsed());
    shares(&app, false).await;
    client.get("/health/ready").await.expect(200);

    way.delay(Duration::ZERO);
    shares(&app, true).await;
    assert_eq!(passed(10, async || from(&app, "192.0.2.1").refresh("x").await).await.0, 4, "Redis forgot nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_costs_what_was_counted_and_nothing_else() {
    let redis = Redis::start();
    let (one, other) = pair(&redis, "5/1h").await;
    let client = from(&one, "192.0.2.1");
    assert_eq!(passed(10, async || client.refresh("x").await).await.0, 5);
    assert!(redis.command("FLUSHALL").contains("+OK") && redis.command("SCRIPT FLUSH").contains("+OK"));
    assert_eq!(passed(10, async || from(&other, "192.0.2.1").refresh("x").await).await.0, 5);
    client.refresh("x").await.expect(429);
    assert!(one.app.limits.look(&*one.app.clock).await.unwrap().is_shared);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_was_never_there_is_not_called_up() {
    let app = limited(&[("REDIS_URL", "redis://127.0.0.1:1")]).spawn().await;
    let text = app.app.metrics.text().unwrap();
    assert!(text.contains("portcullis_redis_up 0") && text.contains("portcullis_limit_store_up 0"), "{text}");
    let health = app.client().get("/health").await.expect(200).json();
    assert_eq!((&health["status"], &health["checks"]["redis"]["status"]), (&"degraded".into(), &"degraded".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_probes_at_once_ask_redis_once() {
    let redis = Redis::start();
    let app = limited(&[("REDIS_URL", &redis.url())]).spawn().await;
    shares(&app, true).await;
    let asked = || {
        let said = redis.command("INFO commandstats");
        let calls =
            said.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")).unwrap_or("0,").to_owned();
        calls.split(',').next().unwrap().parse::<u32>().unwrap()
    };
    let before = asked();
    let probes = (0..100).map(|_| {
        let client = app.client();
        tokio::spawn(async move { client.get("/health/ready").await.expect(200) })
    });
    for probe in probes.collect::<Vec<_>>() {
        probe.await.unwrap();
    }
    // A busy machine may take some seconds for them; nobody asks more often than once in each.
    assert!(asked() - before < 20, "{} times", asked() - before);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_reached_over_tls_if_its_certificate_is_trusted() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, pem: String| {
        let path = folder.path().join(name).display().to_string();
        std::fs::write(&path, pem).unwrap();
        path
    };
    let (certificate, key) = (file("cert.pem", made.cert.pem()), file("key.pem", made.signing_key.serialize_pem()));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let tls = ["--tls-port", &port, "--tls-cert-file", &certificate, "--tls-key-file", &key];
    let redis =
        Redis::start_with(&[&tls[..], &["--tls-ca-cert-file", &certificate, "--tls-auth-clients", "no"]].concat());

    let url = format!("rediss://localhost:{port}");
    let program = Program::on_fresh_database().await.set("REDIS_URL", &url).set("LIMIT_REFRESH", "5/1h");
    let report = program.run(&["doctor"]).await;
    assert!(report.stdout.contains("FAIL  redis") && report.stdout.contains("certificate"), "{report:?}");
    let program = program.set("SSL_CERT_FILE", &certificate);
    assert!(program.run(&["doctor"]).await.done().contains("ok    redis"));
    let service = program.serve().await;
    wait_for("the service to look", async || {
        let health = service.client().get("/health").await.json();
        (health["checks"]["redis"]["status"] == "healthy").then_some(())
    })
    .await;
    service.client().refresh("x").await.expect(401);
    assert!(redis.command("KEYS *").contains("{portcullis}:refresh:"));
}
