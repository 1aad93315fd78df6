//! Networks that the operator lets off or shuts out, and what SIGHUP reads anew.

use std::fs;
use std::path::{Path, PathBuf};

use portcullis::routes::ROUTES;
use tempfile::TempDir;

use crate::openapi::Document;
use crate::support::{Client, PASSWORD, Program, TestApp, TestAppBuilder, good_request};

/// Two lists in a folder of their own.
struct Lists {
    folder: TempDir,
}

impl Lists {
    fn new(allowed: &str, denied: &str) -> Self {
        let lists = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(lists.allowed(), allowed).unwrap();
        fs::write(lists.denied(), denied).unwrap();
        lists
    }

    fn allowed(&self) -> PathBuf {
        self.folder.path().join("allowed")
    }

    fn denied(&self) -> PathBuf {
        self.folder.path().join("denied")
    }

    /// A service that believes the forwarding header of its clients, with one request an hour for everybody else.
    fn app(&self) -> TestAppBuilder {
        TestApp::builder()
            .set("TRUSTED_PROXIES", "127.0.0.0/8")
            .set("RATE_LIMIT_REQUESTS", "1")
            .set("RATE_LIMIT_DURATION", "1h")
            .set("LIMIT_ALLOW_FILE", text(&self.allowed()))
            .set("LIMIT_DENY_FILE", text(&self.denied()))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn from(app: &TestApp, address: &str) -> Client {
    app.client().with_header("x-forwarded-for", address)
}

#[tokio::test(flavor = "multi_thread")]
async fn allowed_networks_pay_nothing_and_everybody_else_does() {
    let lists = Lists::new("# the office\n192.0.2.0/24\n2001:db8::/32\n", "");
    let app = lists.app().spawn().await;
    for address in ["192.0.2.1", "192.0.2.255", "::ffff:192.0.2.7", "2001:db8:1::1"] {
        for _ in 0..3 {
            let answer = from(&app, address).get("/.well-known/jwks.json").await.expect(200);
            assert_eq!(answer.header("ratelimit"), "", "{address}");
        }
    }
    for address in ["192.0.3.1", "2001:db9::1"] {
        from(&app, address).get("/.well-known/jwks.json").await.expect(200);
        from(&app, address).get("/.well-known/jwks.json").await.expect_problem(429, "rate_limited");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_allowed_still_has_so_many_guesses_at_a_password_and_no_more() {
    let lists = Lists::new("192.0.2.0/24", "");
    let app = lists.app().spawn().await;
    let client = from(&app, "192.0.2.1");
    client.register("ada@example.com", PASSWORD).await.expect(201);
    for _ in 0..5 {
        client.log_in("ada@example.com", "a wrong guess").await.expect(401);
    }
    client.log_in("ada@example.com", PASSWORD).await.expect_problem(429, "too_many_attempts");
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_networks_get_nothing_from_any_row() {
    let lists = Lists::new("", "203.0.113.0/24 # known for it\n");
    let app = lists.app().set("RATE_LIMIT_REQUESTS", "100000").spawn().await;
    let account = app.client().sign_up().await;
    let denied = from(&app, "203.0.113.77");
    let document = Document::load();
    for route in ROUTES {
        let answer = denied.send(good_request(route, &account)).await;
        answer.expect_problem(403, "forbidden");
        document.assert_promised(route, &answer);
    }
    denied.get("/nothing").await.expect_problem(403, "forbidden");
    from(&app, "203.0.114.1").log_in(&account.email, PASSWORD).await.expect(200);

    let metrics = String::from_utf8(app.client().get("/metrics").await.body.to_vec()).unwrap();
    let line =
        format!("portcullis_limit_decisions_total{{class=\"deny_list\",outcome=\"refused\"}} {}", ROUTES.len() + 1);
    assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    app.app.refusals.finish(&app.app).await.unwrap();
    assert!(app.audited().await.contains(&"network.denied".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn being_on_both_lists_is_being_denied() {
    let lists = Lists::new("203.0.113.0/24", "203.0.113.7");
    let app = lists.app().spawn().await;
    from(&app, "203.0.113.7").get("/health").await.expect(403);
    from(&app, "203.0.113.8").get("/health").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_nobody_vouches_for_neither_denies_nor_allows() {
    let lists = Lists::new("192.0.2.0/24", "203.0.113.0/24");
    let app = lists.app().set("TRUSTED_PROXIES", "10.0.0.0/8").spawn().await;
    from(&app, "203.0.113.7").get("/.well-known/jwks.json").await.expect(200);
    from(&app, "192.0.2.1").get("/.well-known/jwks.json").await.expect(429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_used_is_told_before_the_service_starts() {
    let lists = Lists::new("192.0.2.0/24\nexample.com\n", "");
    let Err(failure) = lists.app().try_spawn().await else { panic!("it started") };
    let told = failure.to_string();
    assert!(told.starts_with("LIMIT_ALLOW_FILE: line 2 of ") && !told.contains("example"), "{told}");

    let program = Program::on_fresh_database().await.set("LIMIT_ALLOW_FILE", text(&lists.allowed()));
    let report = program.run(&["doctor"]).await;
    assert!(report.code == Some(1) && report.stdout.contains("FAIL  networks"), "{report:?}");
    fs::write(lists.allowed(), "192.0.2.0/24\n::1\n").unwrap();
    let report = program.run(&["doctor"]).await.done();
    assert!(report.contains("ok    networks   2 allowed, 0 denied"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_reads_the_lists_anew_and_a_bad_one_changes_nothing() {
    let lists = Lists::new("", "");
    let program = Program::on_fresh_database().await;
    let program = program.set("LIMIT_ALLOW_FILE", text(&lists.allowed())).set("LIMIT_DENY_FILE", text(&lists.denied()));
    let service = program.serve().await;
    service.client().get("/health/live").await.expect(200);

    fs::write(lists.denied(), "127.0.0.0/8\n").unwrap();
    service.client().get("/health/live").await.expect(200);
    service.hang_up("read the lists of networks anew").await;
    service.client().get("/health/live").await.expect_problem(403, "forbidden");

    fs::write(lists.denied(), "not a network\n").unwrap();
    service.hang_up("the old lists of networks stay in force").await;
    service.client().get("/health/live").await.expect(403);
    assert!(service.stderr().contains("LIMIT_DENY_FILE: line 1 of "), "{}", service.stderr());

    fs::write(lists.denied(), "").unwrap();
    service.hang_up("read the lists of networks anew").await;
    service.client().get("/health/live").await.expect(200);
    assert_eq!(service.stop().await.code, Some(0));
}
