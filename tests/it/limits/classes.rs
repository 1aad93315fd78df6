//! Each class of the route table.

use std::time::Duration;

use http::Method;
use portcullis::routes::{Access, ROUTES, Route};
use serde_json::json;

use super::{assert_limited, forgot, from, limited, passed};
use crate::support::{Answer, Client, PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn each_class_has_a_limit_of_its_own_per_network() {
    for (variable, policy, path, body) in [
        ("LIMIT_REGISTER", "register", "/api/v1/auth/register", json!({})),
        ("LIMIT_LOGIN", "login", "/api/v1/auth/login", json!({})),
        ("LIMIT_REFRESH", "refresh", "/api/v1/auth/refresh", json!({})),
        ("LIMIT_MAIL", "mail", "/api/v1/auth/password/forgot", json!({})),
        ("LIMIT_MAIL", "mail", "/api/v1/auth/email/resend", json!({})),
        ("LIMIT_SECRET", "secret", "/api/v1/auth/password/reset", json!({})),
        ("LIMIT_SECRET", "secret", "/api/v1/auth/email/verify", json!({})),
        ("LIMIT_SECRET", "secret", "/api/v1/auth/sessions/end", json!({})),
    ] {
        let app = limited(&[(variable, "3/10m")]).spawn().await;
        let here = from(&app, "192.0.2.1");
        let (count, refused) = passed(4, async || here.post(path, body.clone()).await).await;
        assert_eq!(count, 3, "{path}");
        assert_limited(&refused, policy, 3, 600);
        assert_ne!(from(&app, "192.0.2.2").post(path, body.clone()).await.status, 429, "another network");
        app.advance(Duration::from_secs(200));
        assert_ne!(here.post(path, body).await.status, 429, "one has come back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_counts_every_request_also_for_what_is_not_there() {
    let app = limited(&[("RATE_LIMIT_REQUESTS", "3"), ("RATE_LIMIT_DURATION", "1m")]).spawn().await;
    let here = from(&app, "192.0.2.1");
    here.get("/docs").await.expect(200);
    here.get("/nothing").await.expect(404);
    here.get("/.well-known/jwks.json").await.expect(200);
    assert_limited(&here.get("/nothing/else").await, "default", 3, 60);
    for _ in 0..5 {
        here.get("/health/live").await.expect(200);
        here.get("/health/ready").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn setting_the_time_of_day_neither_lifts_limits_nor_prolongs_them() {
    let app = limited(&[("LIMIT_MAIL", "3/10m")]).spawn().await;
    let here = from(&app, "192.0.2.1");
    let (count, _) = passed(4, async || forgot(&here, "a@example.com").await).await;
    assert_eq!(count, 3);
    for time in ["2026-06-16T12:00:00Z", "2026-06-14T12:00:00Z"] {
        app.clock.set(time.parse().unwrap());
        assert_limited(&forgot(&here, "a@example.com").await, "mail", 3, 600);
    }
    app.advance(Duration::from_secs(200));
    assert_ne!(forgot(&here, "a@example.com").await.status, 429, "one has come back");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tightest_of_several_limits_speaks() {
    let app = limited(&[("RATE_LIMIT_REQUESTS", "10"), ("LIMIT_REFRESH", "2/1h")]).spawn().await;
    let here = from(&app, "192.0.2.1");
    let answer = here.refresh("x").await.expect(401);
    assert_eq!(answer.header("ratelimit-policy"), "\"refresh\";q=2;w=3600");
    assert!(answer.header("ratelimit").starts_with("\"refresh\";r=1;t="));
    assert_eq!(here.get("/docs").await.header("ratelimit-policy"), "\"default\";q=10;w=60");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_limited_from_however_many_networks() {
    let app = limited(&[("LIMIT_USER", "3/1m")]).spawn().await;
    let (ada, bob) = (app.client().sign_up().await, app.client().sign_up().await);
    for network in 1..=3 {
        let answer = from(&app, &format!("192.0.2.{network}")).me(&ada.tokens.access).await.expect(200);
        assert_eq!(answer.header("ratelimit-policy"), "\"user\";q=3;w=60");
    }
    assert_limited(&from(&app, "192.0.2.4").me(&ada.tokens.access).await, "user", 3, 60);
    from(&app, "192.0.2.4").me(&bob.tokens.access).await.expect(200);
}

/// Routes that take an address and mail nobody at it just because it was typed.
const MAIL_NOBODY: &[&str] = &["/api/v1/auth/login", "/api/v1/auth/password/reset", "/api/v1/password/reset"];

/// Asks for whatever the row does about an address.
async fn type_address(client: &Client, route: &Route, access: &str, email: &str) -> Answer {
    let mut body = json!({ "email": email });
    let more = match (&route.method, route.path) {
        (_, "/api/v1/auth/register") => json!({ "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace" }),
        (&Method::PUT, "/api/v1/auth/me") => json!({ "current_password": PASSWORD }),
        _ => json!({}),
    };
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let access = (route.access == Access::User).then_some(access);
    client.call(route.method.clone(), route.path, access, Some(&body)).await
}

async fn count_jobs(app: &TestApp) -> i64 {
    app.database.connect().await.query_one("select count(*) from mail_jobs", &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_is_not_flooded_whether_or_not_it_is_known() {
    let elsewhere = TestApp::spawn().await;
    let (known, asking) = (elsewhere.client().sign_up().await, elsewhere.client().sign_up().await);
    for registration in ["open", "confirm"] {
        let limits = limited(&[("LIMIT_MAIL_ADDRESS", "2/1h"), ("REGISTRATION", registration)]);
        let app = limits.on(elsewhere.database.clone()).with_clock(elsewhere.clock.clone()).spawn().await;
        let takes_address = |route: &&Route| route.texts.iter().any(|(field, _)| *field == "/email");
        for route in ROUTES.iter().filter(takes_address).filter(|route| !MAIL_NOBODY.contains(&route.path)) {
            let unknown = format!("nobody{}@example.com", route.path.replace('/', "."));
            for email in [&known.email, &unknown] {
                let access = from(&app, "192.0.2.9").log_in(&asking.email, PASSWORD).await.expect(200).tokens().access;
                let before = count_jobs(&app).await;
                for network in 1..=6 {
                    let spelled = if network % 2 == 0 { email.clone() } else { email.to_uppercase() };
                    let client = from(&app, &format!("192.0.2.{network}"));
                    let answer = type_address(&client, route, &access, &spelled).await;
                    if network <= 2 {
                        assert_ne!(answer.status, 429, "{route:?} {email}: {answer:?}");
                    } else {
                        assert_limited(&answer, "mail_address", 2, 3600);
                    }
                }
                // A change of address tells the old one as well, which is that of the account that asks.
                let most = if route.access == Access::User { 4 } else { 2 };
                assert!(count_jobs(&app).await - before <= most, "{route:?} {email}");
                app.advance(Duration::from_secs(3600));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_for_mail_costs_neither_a_hash_nor_a_look() {
    let app = limited(&[("LIMIT_MAIL_ADDRESS", "1/1h"), ("REGISTRATION", "confirm")]).spawn().await;
    forgot(&app.client(), "ada@example.com").await.expect(200);
    // Nothing can be hashed or looked up from here on: whatever needs it would not get as far as this answer.
    app.app.database.close();
    assert_limited(&app.client().register("Ada@example.com", PASSWORD).await, "mail_address", 1, 3600);
    assert_limited(&forgot(&app.client(), "ADA@example.com").await, "mail_address", 1, 3600);
}

#[tokio::test(flavor = "multi_thread")]
async fn spelling_a_path_otherwise_dodges_nothing() {
    let app =
        limited(&[("LIMIT_LOGIN", "1/1h"), ("RATE_LIMIT_REQUESTS", "8"), ("RATE_LIMIT_DURATION", "1h")]).spawn().await;
    let here = from(&app, "192.0.2.1");
    here.post("/api/v1/auth/login", json!({})).await.expect(400);
    here.post("/api/v1/auth/login", json!({})).await.expect(429);
    for spelling in ["//api/v1/auth/login", "/%61pi/v1/auth/login", "/api/v1/auth/login/", "/API/v1/auth/login"] {
        let answer = here.post(spelling, json!({ "email": "ada@example.com", "password": PASSWORD })).await;
        assert!([400, 404].contains(&answer.status.as_u16()), "{spelling}: {answer:?}");
    }
    let (count, _) = passed(10, async || here.get("/nothing").await).await;
    assert_eq!(count, 3, "each of them was paid for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoofed_or_garbage_forwarding_header_stays_in_its_bucket() {
    let app = TestApp::builder().set("LIMIT_REFRESH", "3/1h").spawn().await;
    for header in ["192.0.2.1", "garbage", "192.0.2.2, 192.0.2.3"] {
        from(&app, header).refresh("x").await.expect(401);
    }
    assert_limited(&from(&app, "192.0.2.4").refresh("x").await, "refresh", 3, 3600);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_of_one_ipv6_subscriber_are_one_network() {
    let app = limited(&[("LIMIT_REFRESH", "2/1h")]).spawn().await;
    from(&app, "2001:db8:1:2::1").refresh("x").await.expect(401);
    from(&app, "2001:db8:1:2:ffff::2").refresh("x").await.expect(401);
    assert_limited(&from(&app, "2001:db8:1:2::3").refresh("x").await, "refresh", 2, 3600);
    from(&app, "2001:db8:1:3::1").refresh("x").await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_parallel_refreshes_of_one_token_pass_the_limits_as_they_come() {
    // As the service is configured out of the box.
    let app = TestApp::builder().set("LIMIT_REFRESH", "1200/1m").set("RATE_LIMIT_REQUESTS", "1000").spawn().await;
    let account = app.client().sign_up().await;
    let refreshes = (0..50).map(|_| {
        let (client, token) = (app.client(), account.tokens.refresh.clone());
        tokio::spawn(async move { client.refresh(&token).await })
    });
    for answer in refreshes.collect::<Vec<_>>() {
        answer.await.unwrap().expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn switched_off_nothing_is_limited_and_nothing_is_told() {
    let app =
        limited(&[("RATE_LIMIT_ENABLED", "false"), ("RATE_LIMIT_REQUESTS", "1"), ("LIMIT_USER", "1/1h")]).spawn().await;
    let account = app.client().sign_up().await;
    for _ in 0..5 {
        let answer = app.client().me(&account.tokens.access).await.expect(200);
        assert_eq!(answer.header("ratelimit"), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_counted_in_metrics_and_in_the_audit_log() {
    let app = limited(&[("LIMIT_REFRESH", "1/1h")]).spawn().await;
    let here = from(&app, "192.0.2.1");
    here.refresh("x").await.expect(401);
    for _ in 0..3 {
        here.refresh("x").await.expect(429);
    }
    let text = app.app.metrics.text().unwrap();
    for line in [
        "portcullis_limit_decisions_total{class=\"refresh\",outcome=\"allowed\"} 1",
        "portcullis_limit_decisions_total{class=\"refresh\",outcome=\"refused\"} 3",
    ] {
        assert!(text.contains(line), "{line}");
    }
    app.app.refusals.finish(&app.app).await.unwrap();
    let row = "select details::text, host(ip_address) from audit_logs where event_type = 'rate_limit.exceeded'";
    let row = app.database.connect().await.query_one(row, &[]).await.unwrap();
    assert!(row.get::<_, String>(0).contains("\"count\": 3"), "{}", row.get::<_, String>(0));
    assert_eq!(row.get::<_, String>(1), "192.0.2.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_is_not_looked_at() {
    let app = limited(&[("LIMIT_SECRET", "1/1h")]).spawn().await;
    let account = app.client().sign_up().await;
    let here = from(&app, "192.0.2.1");
    let change = json!({ "current_password": PASSWORD, "new_password": "an entirely different passphrase" });
    here.call(Method::PUT, "/api/v1/auth/password/change", Some("none"), Some(&change)).await.expect(401);
    here.change_password(&account.tokens.access, PASSWORD, "an entirely different passphrase").await.expect(429);
    app.client().log_in(&account.email, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_two_forwarding_headers_the_configured_one_counts_and_the_other_is_anybodys() {
    let app = limited(&[("LIMIT_REFRESH", "2/1h"), ("FORWARDED_HEADER", "forwarded")]).spawn().await;
    let through = |node: &str, spoofed: &str| {
        app.client().with_header("forwarded", &format!("for={node}")).with_header("x-forwarded-for", spoofed)
    };
    assert_eq!(passed(3, async || through("192.0.2.1", "203.0.113.1").refresh("x").await).await.0, 2);
    through("192.0.2.1", "203.0.113.2").refresh("x").await.expect(429);
    through("192.0.2.2", "203.0.113.1").refresh("x").await.expect(401);
    through("\"[2001:db8::1]:4711\"", "203.0.113.1").refresh("x").await.expect(401);
    let seen = "select distinct host(ip_address) from audit_logs where event_type = 'login.failed' order by 1";
    through("192.0.2.9", "203.0.113.9").log_in("nobody@example.com", "not the password").await.expect(401);
    let seen = app.database.connect().await.query(seen, &[]).await.unwrap();
    assert_eq!(seen.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>(), ["192.0.2.9"]);
}
