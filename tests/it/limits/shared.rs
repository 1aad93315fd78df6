//! Instances that share their limits through Redis, and Redis that fails them.

use super::{assert_limited, from, limited, passed};
use crate::support::{Redis, TestApp, wait_for};

/// Two instances over one database and one Redis.
async fn pair(redis: &Redis, limit: &str) -> (TestApp, TestApp) {
    let one = limited(&[("LIMIT_REFRESH", limit), ("REDIS_URL", &redis.url())]).spawn().await;
    let other = one.replica().await;
    for app in [&one, &other] {
        wait_for("Redis to be asked", async || app.app.limits.look().await.filter(|(is_shared, _)| *is_shared)).await;
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
        wait_for("the instance to notice", async || app.app.limits.look().await.filter(|(is_shared, _)| !*is_shared))
            .await;
        let text = app.app.metrics.text().unwrap();
        assert!(text.contains("portcullis_limit_store_up 0") && text.contains("portcullis_redis_up 0"));
        let health = client.get("/health").await.expect(200).json();
        assert_eq!((&health["status"], &health["checks"]["redis"]["status"]), (&"degraded".into(), &"degraded".into()));
        client.get("/health/ready").await.expect(200);
    }
    redis.revive();
    for app in [&one, &other] {
        // Requests make it look again.
        wait_for("the instance to come back", async || {
            from(app, "192.0.2.9").get("/nothing").await;
            app.app.limits.look().await.filter(|(is_shared, _)| *is_shared)
        })
        .await;
        assert!(app.app.metrics.text().unwrap().contains("portcullis_limit_store_up 1"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_or_refuses_us_fails_nobody_and_opens_nothing() {
    let redis = Redis::start();
    let (one, _) = pair(&redis, "5/1h").await;
    redis.stall();
    let client = from(&one, "192.0.2.1");
    assert_eq!(passed(10, async || client.refresh("x").await).await.0, 5);
    redis.resume();

    let wrong = limited(&[("LIMIT_REFRESH", "5/1h"), ("REDIS_URL", &format!("{}?pass=wrong", redis.url()))]);
    let wrong = wrong.spawn().await;
    let client = from(&wrong, "192.0.2.1");
    assert_eq!(passed(10, async || client.refresh("x").await).await.0, 5);
}
