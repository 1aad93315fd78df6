//! Health, for load balancers and people.

use std::time::Duration;

use insta::{allow_duplicates, assert_json_snapshot};

use crate::support::{Client, Proxy, TestApp, Way, fresh_database};

#[tokio::test(flavor = "multi_thread")]
async fn health_tells_the_state_of_every_dependency() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let answers = [client.get("/health").await.expect(200), client.get("/api/v1/health").await.expect(200)];
    allow_duplicates!(for answer in &answers {
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.json()["version"], env!("CARGO_PKG_VERSION"));
        assert!(answer.json()["checks"]["database"]["response_time_ms"].as_f64().unwrap() > 0.0);
        assert_json_snapshot!(answer.json(), {
            ".version" => "[version]",
            ".checks.*.response_time_ms" => "[ms]",
        }, @r#"
        {
          "checks": {
            "database": {
              "last_checked": "2026-06-15T12:00:00Z",
              "response_time_ms": "[ms]",
              "status": "healthy"
            }
          },
          "service": "portcullis",
          "status": "healthy",
          "timestamp": "2026-06-15T12:00:00Z",
          "version": "[version]"
        }
        "#);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_looks_at_the_database_and_its_schema() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let answers = [client.get("/health/ready").await.expect(200), client.get("/api/v1/health/ready").await.expect(200)];
    allow_duplicates!(for answer in &answers {
        assert_json_snapshot!(answer.json(), {
            ".version" => "[version]",
            ".checks.*.response_time_ms" => "[ms]",
        }, @r#"
        {
          "checks": {
            "database": {
              "last_checked": "2026-06-15T12:00:00Z",
              "response_time_ms": "[ms]",
              "status": "healthy"
            },
            "migrations": {
              "last_checked": "2026-06-15T12:00:00Z",
              "response_time_ms": "[ms]",
              "status": "healthy"
            }
          },
          "status": "ready",
          "timestamp": "2026-06-15T12:00:00Z",
          "version": "[version]"
        }
        "#);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn liveness_tells_a_positive_uptime_that_grows() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let first = client.get("/health/live").await.expect(200);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let answers = [first, client.get("/api/v1/health/live").await.expect(200)];
    allow_duplicates!(for answer in &answers {
        assert_json_snapshot!(answer.json(), { ".version" => "[version]", ".uptime" => "[seconds]" }, @r#"
        {
          "status": "alive",
          "timestamp": "2026-06-15T12:00:00Z",
          "uptime": "[seconds]",
          "version": "[version]"
        }
        "#);
    });
    let uptimes = answers.map(|answer| answer.json()["uptime"].as_f64().unwrap());
    assert!(0.0 < uptimes[0] && uptimes[0] < uptimes[1], "{uptimes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_never_cached_and_answers_head_without_a_body() {
    let app = TestApp::spawn().await;
    for path in ["/health", "/health/live", "/health/ready"] {
        let head = app.client().call(http::Method::HEAD, path, None, None).await.expect(200);
        assert!(head.body.is_empty(), "{path}");
        assert_eq!(head.header("cache-control"), "no-store", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_behind_makes_an_instance_not_ready_and_its_database_stays_healthy() {
    let app = TestApp::spawn().await;
    let newest = "delete from schema_migrations where version = (select max(version) from schema_migrations)";
    app.database.connect().await.batch_execute(newest).await.unwrap();
    let answer = app.client().get("/health/ready").await.expect(503).json();
    assert_eq!(answer["status"], "not_ready");
    assert_eq!(answer["checks"]["database"]["status"], "healthy");
    assert_eq!(answer["checks"]["migrations"]["status"], "unhealthy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_ahead_is_the_newer_release_next_to_us_and_no_fault() {
    let app = TestApp::spawn().await;
    let newer = "insert into schema_migrations (version, name, checksum) values (9999, 'from_the_future', '')";
    app.database.connect().await.batch_execute(newer).await.unwrap();
    app.client().get("/health/ready").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn liveness_touches_nothing_outside_the_process() {
    let proxy = Proxy::to(&fresh_database().await).await;
    let app = TestApp::builder().on(proxy.database()).spawn().await;
    proxy.make(Way::Stalled);
    let client = app.client();
    let calls = (0..50).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.get("/health/live").await.status.as_u16() })
    });
    let all = async {
        for call in calls.collect::<Vec<_>>() {
            assert_eq!(call.await.unwrap(), 200);
        }
    };
    tokio::time::timeout(Duration::from_secs(1), all).await.expect("no probe waits for the database");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_for_operators_serves_health_beside_metrics_and_nothing_else() {
    let app = TestApp::builder().set("METRICS_ADDR", "127.0.0.1:0").spawn().await;
    let operators = Client::new(app.operations.unwrap());
    for path in ["/health", "/health/live", "/health/ready", "/api/v1/health", "/metrics", "/api/v1/metrics"] {
        operators.get(path).await.expect(200);
    }
    for path in ["/api/v1/auth/me", "/api/v1/auth/login", "/docs", "/openapi.yaml", "/.well-known/jwks.json"] {
        assert_eq!(operators.get(path).await.refusal(), (404, "not_found".into()), "{path}");
    }

    let public = app.client();
    assert_eq!(public.get("/metrics").await.refusal(), (404, "not_found".into()));
    public.get("/health").await.expect(200);
}
