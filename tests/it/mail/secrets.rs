//! What must show in the mail and nowhere else.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use portcullis::auth::token::OpaqueToken;

use crate::support::{Program, TestApp, fresh_database, mails_in, wait_for};

#[tokio::test(flavor = "multi_thread")]
async fn no_link_or_token_shows_in_logs_or_tables_and_folder_and_files_are_their_owners() {
    let database = fresh_database().await;
    let program = Program::on(&database).set("LOG_LEVEL", "trace");
    let service = program.serve().await;
    let client = service.client();
    let account = client.sign_up().await;
    client.post("/api/v1/auth/password/forgot", serde_json::json!({ "email": account.email })).await.expect(200);
    let folder = program.folder().join("data/mail");
    let mails = wait_for("both mails", async || Some(mails_in(&folder)).filter(|mails| mails.len() == 2)).await;
    let ended = service.stop().await;

    let log = ended.stdout + &ended.stderr;
    let mut rows = String::new();
    for table in ["mail_jobs", "email_tokens", "password_reset_tokens", "audit_logs", "users"] {
        let sql = format!("select t::text from {table} t");
        for row in database.connect().await.query(&sql, &[]).await.unwrap() {
            rows.push_str(row.get(0));
        }
    }
    for mail in mails {
        let token = OpaqueToken::parse(mail.token()).unwrap();
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        for secret in [mail.token(), mail.link(), &hex(token.as_bytes())] {
            assert!(!log.contains(secret), "in the log: {log}");
            assert!(!rows.contains(secret), "in the database: {rows}");
        }
        assert!(rows.contains(&hex(&token.hash())), "no hash in {rows}");
    }
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    for path in files {
        assert!(log.contains(path.to_str().unwrap()), "{} is not in the log: {log}", path.display());
        assert_eq!(mode(&path), 0o600);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_for_mails_that_others_could_read_is_shut() {
    let app = TestApp::spawn().await;
    let folder = app.data_dir.path().join("mail");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let _replica = app.replica().await;
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
}
