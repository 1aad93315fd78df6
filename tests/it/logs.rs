//! Logs tell what happened, in which request, and never a secret.

mod fields;
mod secrets;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Database, Program, fresh_database, url, wait_for};
use secrets::DATABASE_PASSWORD;

/// A service that logs everything as JSON.
fn talkative(database: &Database) -> Program {
    Program::on(database)
        .set("DATABASE_URL", &url(database, DATABASE_PASSWORD))
        .set("LOG_FORMAT", "json")
        .set("LOG_LEVEL", "trace")
        .set("REFRESH_GRACE", "0s")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_a_json_object_and_every_request_can_be_found_by_its_id() {
    let service = talkative(&fresh_database().await).serve().await;
    let recorded = secrets::play(&service.client()).await;
    let ended = service.stop().await;

    let mut requests = BTreeSet::new();
    for line in ended.stderr.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for field in ["timestamp", "level", "target", "message"] {
            assert!(line[field].is_string(), "no {field}: {line}");
        }
        assert!(line["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{line}");
        let span = &line["span"];
        if span["name"] == "http.request" {
            let id = span["request.id"].as_str().unwrap_or_else(|| panic!("a request without an id: {line}"));
            requests.insert(id.to_owned());
        } else {
            // Outside of requests only the counts of refusals are written down, and the seals over them.
            let event = line["event"].as_str().unwrap_or_default();
            let of_nobody = event.ends_with(".refused") || event == "audit.sealed";
            assert!(line["target"] != "portcullis::security" || of_nobody, "{line}");
        }
    }
    for answer in recorded.answers {
        assert!(requests.contains(answer.header("x-request-id")), "no line about {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_logged_with_route_status_and_duration_and_its_path_without_the_query() {
    let service = talkative(&fresh_database().await).serve().await;
    let client = service.client().with_header("x-request-id", "my-request-1");
    client.get("/api/v1/health?verbose=1").await.expect(200);
    let line = wait_for("the line of the request", async || {
        let said = service.stderr();
        said.lines().find(|line| line.contains("my-request-1") && line.contains("request completed")).map(str::to_owned)
    });
    let line: Value = serde_json::from_str(&line.await).unwrap();
    let span = &line["span"];
    assert_eq!(span["http.route"], "/api/v1/health", "{line}");
    assert_eq!(span["url.path"], "/api/v1/health", "{line}");
    assert_eq!(line["http.response.status_code"], json!(200), "{line}");
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0, "{line}");
    assert!(!line.to_string().contains("verbose"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn text_for_people_names_the_request_too() {
    let program = talkative(&fresh_database().await).set("LOG_FORMAT", "text").set("LOG_LEVEL", "info");
    let service = program.serve().await;
    let answer = service.client().log_in("nobody@example.com", "not the password").await.expect(401);
    let id = answer.header("x-request-id").to_owned();
    let line = wait_for("the line of the event", async || {
        let said = service.stderr();
        said.lines().find(|line| line.contains("login.failed") && line.contains(&id)).map(str::to_owned)
    });
    assert!(!line.await.contains('\u{1b}'), "colours belong on terminals only");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_password_is_not_repeated_while_the_database_is_out_of_reach() {
    let url = format!("postgres://portcullis:{DATABASE_PASSWORD}@127.0.0.1:1/x");
    let service = Program::embedded().set("DATABASE_URL", &url).set("LOG_LEVEL", "trace").start();
    wait_for("it to notice", async || service.stderr().contains("the database is not there yet").then_some(())).await;
    let ended = service.stop().await;
    assert!(!ended.stderr.contains(DATABASE_PASSWORD), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_access_log_and_the_security_log_can_be_switched_off_one_by_one() {
    for (variable, silent, heard) in [
        ("LOG_ACCESS", "portcullis_layers::trace", "portcullis::security"),
        ("LOG_SECURITY", "portcullis::security", "portcullis_layers::trace"),
    ] {
        let service = talkative(&fresh_database().await).set(variable, "false").serve().await;
        let answer = service.client().log_in("nobody@example.com", "not the password").await.expect(401);
        let ended = service.stop().await;
        let lines: Vec<Value> = ended.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let of = |target: &str| lines.iter().filter(|line| line["target"] == target).collect::<Vec<_>>();
        assert!(of(silent).is_empty(), "{:?}", of(silent));
        let id = answer.header("x-request-id");
        assert!(of(heard).iter().any(|line| line["span"]["request.id"] == id), "{:?}", of(heard));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_reads_the_level_anew_and_one_that_is_none_changes_nothing() {
    let program = Program::on_fresh_database().await;
    let (level, denied) = (program.folder().join("level"), program.folder().join("denied"));
    std::fs::write(&level, "info\n").unwrap();
    std::fs::write(&denied, "").unwrap();
    let program = program.set("LOG_LEVEL_FILE", level.to_str().unwrap());
    let service = program.set("LIMIT_DENY_FILE", denied.to_str().unwrap()).serve().await;
    let ask = async |id: &str| {
        service.client().with_header("x-request-id", id).get("/api/v1/auth/me").await.expect(401);
    };
    let told = async |id: &str| wait_for(id, async || service.stderr().contains(id).then_some(())).await;
    ask("request-at-info").await;
    told("request-at-info").await;

    std::fs::write(&level, "chatty").unwrap();
    service.hang_up("the old level of the log stays in force").await;
    assert!(service.stderr().contains("LOG_LEVEL: must be one of trace, debug, info"), "{}", service.stderr());
    ask("request-still-at-info").await;
    told("request-still-at-info").await;

    // A fault of the lists is told at any level, and after the level was read.
    std::fs::write(&denied, "not a network\n").unwrap();
    std::fs::write(&level, "error").unwrap();
    service.hang_up("the old lists of networks stay in force").await;
    ask("request-at-error").await;

    std::fs::write(&level, "info").unwrap();
    service.hang_up("read LOG_LEVEL anew").await;
    ask("request-at-info-again").await;
    told("request-at-info-again").await;
    assert!(!service.stderr().contains("request-at-error"), "{}", service.stderr());
}
