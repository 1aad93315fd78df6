//! What keeps the service from starting, and what it says then.

use tokio::net::TcpListener;

use crate::support::{PASSWORD, Program, fresh_database, url, wait_for};

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_the_configuration_is_told_at_once_and_no_value_is() {
    let program = Program::embedded()
        .set("PORT", "99999")
        .set("LOG_LEVEL", "ear-splitting")
        .set("DATABASE_URL", "mysql://root:swordfish@db/x")
        .set("JWT_SECRET", "swordfish")
        .set("REFRESH_GRACE", "ten seconds")
        .set("PASSWORD_BCRYPT_COST", "31")
        .set("TRUSTED_PROXIES", "10.0.0.0/8,everybody")
        .set("TLS_CERT", "/nowhere/cert.pem");
    let variables = [
        "PORT",
        "LOG_LEVEL",
        "DATABASE_URL",
        "JWT_SECRET",
        "REFRESH_GRACE",
        "PASSWORD_BCRYPT_COST",
        "TRUSTED_PROXIES",
        "TLS_CERT",
    ];
    for arguments in [&[][..], &["serve"], &["migrate"], &["user", "list"], &["keys", "list"]] {
        let complaint = program.run(arguments).await.failed();
        for variable in variables {
            assert!(
                complaint.contains(&format!("\n  {variable}: ")),
                "{arguments:?}: {variable} is missing in {complaint}"
            );
        }
        for value in ["swordfish", "ear-splitting", "99999", "everybody"] {
            assert!(!complaint.contains(value), "{arguments:?}: {complaint}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn production_names_everything_it_lacks_at_once() {
    let complaint = Program::embedded().set("ENVIRONMENT", "production").run(&["serve"]).await.failed();
    for variable in ["DATABASE_URL", "PUBLIC_URL", "KEY_ENCRYPTION_KEY", "SMTP_HOST"] {
        assert!(complaint.contains(&format!("\n  {variable}: required in production")), "{variable}: {complaint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let program = Program::on_fresh_database().await;
    let complaint = program.set("PORT", &address.port().to_string()).run(&["serve"]).await.failed();
    assert!(
        complaint.contains(&format!("cannot listen on {address}")) && complaint.contains("set PORT"),
        "{complaint}"
    );

    let program = Program::on_fresh_database().await;
    let complaint = program.set("METRICS_ADDR", &address.to_string()).run(&["serve"]).await.failed();
    assert!(
        complaint.contains(&format!("cannot listen on {address}")) && complaint.contains("METRICS_ADDR"),
        "{complaint}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_noticed_before_a_database_is_made() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let program = Program::embedded().set("PORT", &taken.local_addr().unwrap().port().to_string());
    program.run(&["serve"]).await.failed();
    assert!(!program.folder().join("data").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_exist_is_not_waited_for() {
    let mut database = fresh_database().await;
    database.name = "there_is_no_such_database".to_owned();
    let complaint = Program::on(&database).run(&["serve"]).await.failed();
    assert!(complaint.contains("there_is_no_such_database"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_cannot_read_the_signing_keys_refuses_to_start_and_names_the_variable() {
    let database = fresh_database().await;
    Program::on(&database).serve().await.stop().await;
    let other = Program::on(&database).set("KEY_ENCRYPTION_KEY", "another-key-encryption-key-of-more-than-32-bytes");
    let complaint = other.run(&["serve"]).await.failed();
    assert!(complaint.contains("KEY_ENCRYPTION_KEY"), "{complaint}");
    assert!(!complaint.contains("another-key"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_can_come_from_files_and_settings_from_a_file_in_the_working_directory() {
    let database = fresh_database().await;
    let program = Program::on(&database).unset("DATABASE_URL");
    let file = program.folder().join("database-url");
    std::fs::write(&file, format!("{}\n", url(&database, ""))).unwrap();
    std::fs::write(program.folder().join(".env"), "# of this machine\nREGISTRATION=closed\nPORT=1\n").unwrap();

    // The environment wins over .env: port 1 is not even tried.
    let service = program.set("DATABASE_URL_FILE", file.to_str().unwrap()).serve().await;
    let answer = service.client().register("ada@example.com", PASSWORD).await;
    assert_eq!(answer.refusal(), (403, "forbidden".into()));
    assert_eq!(service.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_the_env_file_that_says_nothing_is_a_fault_that_shows_no_value() {
    let program = Program::on_fresh_database().await;
    let file = program.folder().join(".env");
    for (text, problem) in [
        ("RATE_LIMIT_ENABLED=tr ue\n", ".env: line 1 is not NAME=value"),
        ("PORT=0\nJWT_SECRET=my secret with spaces in it\n", ".env: line 2 is not NAME=value"),
        ("\n\nmy secret\n", ".env: line 3 is not NAME=value"),
    ] {
        std::fs::write(&file, text).unwrap();
        let ended = program.run(&["user", "list"]).await;
        assert!(ended.code == Some(1) && ended.stderr.contains(problem), "{ended:?}");
        assert!(!ended.stderr.contains("secret with") && !ended.stderr.contains("my secret"), "{ended:?}");
    }
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let ended = program.run(&["user", "list"]).await;
    assert!(ended.code == Some(1) && ended.stderr.contains("cannot be read"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn production_reads_no_env_file_and_logs_json() {
    let database = fresh_database().await;
    let program = Program::on(&database)
        .set("ENVIRONMENT", "production")
        .set("PUBLIC_URL", "https://accounts.example.com")
        .set("SMTP_HOST", "127.0.0.1")
        .set("EMAIL_FROM", "accounts@example.com");
    std::fs::write(program.folder().join(".env"), "LOG_LEVEL=nonsense\n").unwrap();
    let service = program.start();
    let listening = wait_for("it to listen", async || {
        let said = service.stderr();
        said.lines().find(|line| line.contains("\"listening\"")).map(str::to_owned)
    });
    let line: serde_json::Value = serde_json::from_str(&listening.await).unwrap();
    assert!(line["address"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{line}");
    let ended = service.stop().await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_in_development_says_where_everything_is() {
    let program = Program::on_fresh_database().await;
    let service = program.serve().await;
    let mails = program.folder().join("data/mail");
    let said =
        wait_for("all that it says", async || Some(service.stdout()).filter(|said| said.contains("Mails"))).await;
    for wanted in [&format!("API    http://{}/api/v1", service.address), "/docs", mails.to_str().unwrap()] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert!(said.lines().count() <= 5, "{said}");
}
