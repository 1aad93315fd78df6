//! Everything that is stored about somebody, in their own hands.

use http::Method;
use portcullis::db::export::SECTIONS;
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestApp};

const EXPORT: &str = "/api/v1/auth/me/export";

async fn export(client: &Client, access: &str) -> (Value, String) {
    let answer = client.call(Method::GET, EXPORT, Some(access), None).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"portcullis-account.json\"");
    assert_eq!(answer.header("cache-control"), "no-store");
    (answer.json(), String::from_utf8(answer.body.to_vec()).unwrap())
}

fn events(export: &Value) -> Vec<&str> {
    let events = export["audit_events"].as_array().unwrap();
    let mut events: Vec<_> = events.iter().map(|event| event["event_type"].as_str().unwrap()).collect();
    // All of one moment, as the clock stands still.
    events.sort_unstable();
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn the_export_holds_the_account_its_sessions_its_mails_and_its_events() {
    let app = TestApp::builder().set("TRUSTED_PROXIES", "127.0.0.0/8").spawn().await;
    let client = app.client().with_header("user-agent", "curl/8.14").with_header("x-forwarded-for", "203.0.113.9");
    let account = client.sign_up().await;
    let ended = client.log_in(&account.email, PASSWORD).await.expect(200).tokens();
    client.log_out(&ended.access).await.expect(200);
    let refreshed = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    client.log_in(&account.email, "not the password").await.expect(401);
    app.mails().await;

    let (export, _) = export(&client, &refreshed.access).await;
    assert_eq!(export["user"], client.me(&refreshed.access).await.json());
    let sessions = export["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0]["ip_address"], "203.0.113.9");
    assert_eq!(sessions[0]["user_agent"], "curl/8.14");
    assert_eq!(sessions.iter().filter(|session| session["revoke_reason"] == "logout").count(), 1);
    assert_eq!(export["refresh_tokens"].as_array().unwrap().len(), 3);
    let mails = export["mails"].as_array().unwrap();
    assert!(mails.iter().any(|mail| mail["kind"] == "verify" && mail["outcome"] == "sent"), "{mails:?}");
    assert!(export["email_links"].as_array().unwrap().iter().any(|link| link["purpose"] == "verify"));
    assert_eq!(
        events(&export),
        ["account.exported", "login.failed", "login.succeeded", "logout", "token.refreshed", "user.registered"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_export_holds_what_is_kept_under_the_address_alone() {
    let app = TestApp::builder().set("TRUSTED_PROXIES", "127.0.0.0/8").spawn().await;
    let client = app.client().with_header("user-agent", "curl/8.14").with_header("x-forwarded-for", "203.0.113.9");
    let (account, stranger) = (client.sign_up().await, client.sign_up().await);
    for email in [&account.email, &stranger.email] {
        client.forgot_password(&email.to_uppercase()).await.expect(200);
        client.resend(email).await.expect(200);
        client.log_in(email, "not the password").await.expect(401);
        let pending = "insert into pending_registrations (id, email, email_key, password_hash, first_name, last_name, \
            device_info, created_at, expires_at) \
            values (gen_random_uuid(), upper($1), $1, 'none', 'Eve', 'Mallory', '', '2026-06-15', '2026-06-16')";
        app.database.connect().await.execute(pending, &[email]).await.unwrap();
    }
    app.mails().await;
    app.advance(std::time::Duration::from_secs(1));
    let access = client.log_in(&account.email, PASSWORD).await.expect(200).tokens().access;
    client.log_in(&account.email, "not the password").await.expect(401);

    let (export, text) = export(&client, &access).await;
    let all = |section: &str, member: &str| {
        let rows = export[section].as_array().unwrap();
        let mut values: Vec<_> = rows.iter().map(|row| row[member].as_str().unwrap_or_default().to_owned()).collect();
        values.sort_unstable();
        values
    };
    assert_eq!(all("mails", "kind"), ["reset", "verify", "verify"]);
    assert_eq!(
        all("audit_events_of_address", "event_type"),
        ["email.verification_requested", "password.reset_requested"]
    );
    assert_eq!(all("audit_events_of_address", "user_agent"), ["curl/8.14", "curl/8.14"]);
    assert_eq!(all("pending_sign_ups", "email"), [account.email.to_uppercase()]);
    assert_eq!(all("login_attempts", "scope"), ["account", "account_network"]);
    assert_eq!(all("login_attempts", "network"), ["", "203.0.113.9"]);
    let failures = export["login_attempts"].as_array().unwrap().iter().map(|row| row["failures"].as_i64().unwrap());
    assert!(failures.clone().all(|count| count >= 1), "{}", export["login_attempts"]);
    assert!(!text.contains("address_mark") && !text.contains("cursor"), "{text}");
    assert!(!text.contains(&stranger.email.to_uppercase()));
}

/// Columns that point at a person and are in no section, with the reason.
const NOT_EXPORTED: &[(&str, &str, &str)] = &[
    ("users", "email_key", "the account itself is the member `user`"),
    ("email_changes", "new_email_key", "a change is of the account that asked for it, whoever has the new address"),
    ("email_changes", "old_email_key", "of the account that asked for the change, which `user_id` finds"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_column_that_points_at_a_person_has_a_section_or_a_reason() {
    let app = TestApp::spawn().await;
    let columns = "select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid \
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition \
        and a.attnum > 0 and not a.attisdropped and (a.attname in ('user_id', 'account') or a.attname like '%email_key')";
    let rows = app.database.connect().await.query(columns, &[]).await.unwrap();
    let columns: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert!(columns.len() > 10, "{columns:?}");
    for (table, column) in &columns {
        let has_section = SECTIONS.iter().any(|section| {
            let (_, condition) = section.sql.split_once(&format!(" from {table} where ")).unwrap_or_default();
            condition.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == column)
        });
        let has_reason = NOT_EXPORTED.iter().any(|(of, name, _)| of == table && name == column);
        assert!(has_section != has_reason, "{table}.{column}");
    }
    for (table, column, _) in NOT_EXPORTED {
        assert!(columns.contains(&((*table).to_owned(), (*column).to_owned())), "{table}.{column} is gone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_an_export_opens_anything() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let refreshed = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    let mail = app.mail_to(&account.email).await;
    let database = app.database.connect().await;
    let (_, text) = export(&client, &refreshed.access).await;

    let mut secrets = vec![account.tokens.refresh, refreshed.refresh, refreshed.access, PASSWORD.to_owned()];
    secrets.push(mail.token().to_owned());
    let sql = "select password_hash from users union all select encode(token_hash, 'hex') from refresh_tokens \
        union all select encode(token_hash, 'hex') from email_tokens \
        union all select encode(token_hash, 'base64') from refresh_tokens \
        union all select encode(sealed_successor, 'hex') from refresh_tokens where sealed_successor is not null";
    secrets.extend(database.query(sql, &[]).await.unwrap().iter().map(|row| row.get::<_, String>(0)));
    assert!(secrets.len() >= 10, "{secrets:?}");
    for secret in secrets {
        assert!(!text.contains(&secret), "{secret}");
    }
    for word in ["hash", "sealed", "salt", "digest"] {
        assert!(!text.contains(word), "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_complete_however_many_pages_it_takes_and_about_nobody_else() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let (account, stranger) = (client.sign_up().await, client.sign_up().await);
    let database = app.database.connect().await;
    // Many of one moment, so that a page must end between rows of the same time.
    let many = "insert into audit_logs (id, user_id, event_type, details, success, created_at) \
        select gen_random_uuid(), $1::text::uuid, 'token.refreshed', jsonb_build_object('number', n), true, \
        '2026-06-01'::timestamptz + (n / 400) * interval '1 second' from generate_series(1, 2345) n";
    database.execute(many, &[&account.id]).await.unwrap();
    let (export, text) = export(&client, &account.tokens.access).await;
    let mut numbers: Vec<_> = export["audit_events"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["details"]["number"].as_i64())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=2345).collect::<Vec<_>>());
    assert!(!text.contains(&stranger.id) && !text.contains(&stranger.email));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_the_database_leaves_half_way_breaks_off() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let database = app.database.connect().await;
    // Far more than connection and channel hold, so that the service is still writing when the table is gone.
    let many = "insert into audit_logs (id, user_id, event_type, details, success, created_at) \
        select gen_random_uuid(), $1::text::uuid, 'token.refreshed', jsonb_build_object('text', repeat('x', 2000)), true, \
        '2026-06-01' from generate_series(1, 1000) n";
    database.execute(many, &[&account.id]).await.unwrap();
    database.batch_execute("alter table mail_jobs rename to mail_jobs_elsewhere").await.unwrap();
    let request = http::Request::get(format!("http://{}{EXPORT}", app.address))
        .header("authorization", format!("Bearer {}", account.tokens.access))
        .body(http_body_util::Full::<bytes::Bytes>::default())
        .unwrap();
    let http = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let answer = http.request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    http_body_util::BodyExt::collect(answer.into_body()).await.expect_err("half an export must not look whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn head_answers_without_a_body_and_anonymous_callers_get_nothing() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let head = client.call(Method::HEAD, EXPORT, Some(&account.tokens.access), None).await.expect(200);
    assert!(head.body.is_empty());
    assert_eq!(client.get(EXPORT).await.refusal(), (401, "missing_token".into()));
    assert_eq!(client.call(Method::POST, EXPORT, None, Some(&json!({}))).await.status, 405);
}
