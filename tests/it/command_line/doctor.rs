//! `portcullis doctor`: what is well, what is not, one line each.

use tokio::net::TcpListener;

use crate::support::{Program, empty_database, fresh_database};

/// The check of each line and whether it was passed.
fn verdicts(report: &str) -> Vec<(&str, bool)> {
    let lines = report.lines().filter(|line| !line.starts_with(' '));
    lines.map(|line| (line.split_whitespace().nth(1).unwrap(), line.starts_with("ok "))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_installation_passes_every_check() {
    let report = Program::on_fresh_database().await.run(&["doctor"]).await.done();
    let passed = ["config", "database", "clock", "schema", "keys", "audit", "mail", "logs"].map(|check| (check, true));
    assert_eq!(verdicts(&report), passed, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_no_month_takes_along_fail_their_check() {
    let database = fresh_database().await;
    let event = "insert into audit_logs (id, event_type, success, created_at) values (gen_random_uuid(), 'a', true, '2020-01-01')";
    database.connect().await.batch_execute(event).await.unwrap();
    let ended = Program::on(&database).run(&["doctor"]).await;
    assert!(ended.code == Some(1) && verdicts(&ended.stdout).contains(&("audit", false)), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_at_the_keys_neither_makes_nor_rotates_any() {
    let program = Program::on_fresh_database().await;
    assert!(program.run(&["doctor"]).await.done().contains("none yet"));
    assert!(program.run(&["keys", "list"]).await.done().contains("no keys yet"));

    program.serve().await.stop().await;
    let before = program.run(&["keys", "list"]).await.done();
    // Another algorithm would make the service add a key.
    let program = program.set("JWT_ALGORITHM", "ES256");
    assert!(program.run(&["doctor"]).await.done().contains("1 published"));
    assert_eq!(program.run(&["keys", "list"]).await.done(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_configuration_are_all_told() {
    let ended = Program::embedded().set("PORT", "99999").set("LOG_LEVEL", "loud").run(&["doctor"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(verdicts(&ended.stdout), [("config", false)], "{ended:?}");
    assert!(ended.stdout.contains("PORT: ") && ended.stdout.contains("LOG_LEVEL: "), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_out_of_reach_fails_its_check_alone() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let program =
        Program::embedded().set("DATABASE_URL", &format!("postgres://portcullis:swordfish@127.0.0.1:{free}/x"));
    let ended = program.run(&["doctor"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(
        verdicts(&ended.stdout),
        [("config", true), ("database", false), ("mail", true), ("logs", true)],
        "{ended:?}"
    );
    assert!(!ended.stdout.contains("swordfish") && !ended.stderr.contains("swordfish"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_behind_fails_and_stays_as_it_is() {
    let program = Program::on(&empty_database().await);
    for _ in 0..2 {
        let ended = program.run(&["doctor"]).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(verdicts(&ended.stdout).contains(&("schema", false)), "{ended:?}");
        assert!(ended.stdout.contains("portcullis migrate"), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_under_another_secret_fail_and_the_variable_is_named() {
    let database = fresh_database().await;
    Program::on(&database).serve().await.stop().await;
    let other = Program::on(&database).set("KEY_ENCRYPTION_KEY", "another-key-encryption-key-of-more-than-32-bytes");
    let ended = other.run(&["doctor"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(verdicts(&ended.stdout).contains(&("keys", false)), "{ended:?}");
    assert!(ended.stdout.contains("KEY_ENCRYPTION_KEY"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_do_not_answer_fail_their_checks_and_the_rest_is_still_looked_at() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port().to_string();
    let program = Program::on_fresh_database().await;
    let program = program.set("SMTP_HOST", "127.0.0.1").set("SMTP_PORT", &free).set("EMAIL_FROM", "a@example.com");
    let program = program.set("REDIS_URL", &format!("redis://:swordfish@127.0.0.1:{free}/0"));
    let ended = program.run(&["doctor"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let verdicts = verdicts(&ended.stdout);
    for expected in [("keys", true), ("redis", false), ("mail", false)] {
        assert!(verdicts.contains(&expected), "{ended:?}");
    }
    assert!(!ended.stdout.contains("swordfish"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_check_asks_the_running_instance_and_nothing_else() {
    let program = Program::on_fresh_database().await;
    let service = program.serve().await;
    // Even on a database that is gone: liveness is about the process.
    let prober = Program::embedded().set("DATABASE_URL", "postgres://nobody@127.0.0.1:1/x");
    let prober = prober.set("PORT", &service.address.port().to_string());
    assert!(prober.run(&["doctor", "--live"]).await.done().starts_with("live: "));
    service.stop().await;
    let complaint = prober.run(&["doctor", "--live"]).await.failed();
    assert!(complaint.contains("nothing answers on 127.0.0.1:"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_check_prefers_the_listener_for_operators() {
    let operations = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let program = Program::on_fresh_database().await.set("METRICS_ADDR", &operations.to_string());
    let service = program.serve().await;
    // PORT=0 cannot be asked, so an answer can only come from the other listener.
    assert_eq!(program.run(&["doctor", "--live"]).await.done(), format!("live: {operations}\n"));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_told_with_its_end_and_fails_after_it() {
    let program = Program::on_fresh_database().await;
    let (certificate, key) = (program.folder().join("cert.pem"), program.folder().join("key.pem"));
    let program = program.set("TLS_CERT", certificate.to_str().unwrap()).set("TLS_KEY", key.to_str().unwrap());
    let signing_key = rcgen::KeyPair::generate().unwrap();
    std::fs::write(&key, signing_key.serialize_pem()).unwrap();
    let until = |year| {
        let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(year, 3, 1);
        std::fs::write(&certificate, parameters.self_signed(&signing_key).unwrap().pem()).unwrap();
    };
    until(2140);
    assert!(program.run(&["doctor"]).await.done().contains("cert.pem and its key, until 2140-03-01T00:00:00Z"));
    until(2020);
    let ended = program.run(&["doctor"]).await;
    assert!(ended.code == Some(1) && ended.stdout.contains("cert.pem ended at 2020-03-01T00:00:00Z"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_and_traces_are_told_as_they_are_set() {
    let program = Program::on_fresh_database().await.set("LOG_LEVEL", "warn").set("LOG_ACCESS", "false");
    let report = program.set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318").run(&["doctor"]).await;
    assert!(report.stdout.contains("ok    logs       warn, text, no access log\n"), "{report:?}");
    assert_eq!(
        report.stdout.contains("ok    traces     to http://127.0.0.1:4318\n"),
        cfg!(feature = "otel"),
        "{report:?}"
    );
}
