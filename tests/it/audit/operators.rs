//! What operators do on the command line stands in the log, with who they are.

use serde_json::{Value, json};

use crate::support::{Database, Program, TestApp, fresh_database};

/// The details of the events of a kind.
async fn details(database: &Database, event_type: &str) -> Vec<Value> {
    let sql = "select details from audit_logs where event_type = $1 and success and user_agent = 'portcullis command line' \
               order by created_at, id";
    let rows = database.connect().await.query(sql, &[&event_type]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// The user who runs the tests.
fn me() -> String {
    let id = std::process::Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(id.stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_takes_secrets_out_or_exchanges_keys_leaves_an_event_with_who_did_it() {
    let app = TestApp::spawn().await;
    let program = Program::on(&app.database);
    let kid = program.run(&["keys", "rotate"]).await.done().split_whitespace().next().unwrap().to_owned();
    program.run(&["keys", "retire", &kid]).await.done();
    program.run(&["user", "export", "--with-hashes"]).await.done();
    program.run(&["user", "export"]).await.done();
    program.run(&["audit", "export", "--event-type", "logout", "--ip", "192.0.2.1", "--since", "1h"]).await.done();

    let of_key = json!({ "kid": kid, "operator": me() });
    assert_eq!(details(&app.database, "key.rotated").await, std::slice::from_ref(&of_key));
    assert_eq!(details(&app.database, "key.retired").await, [of_key]);
    let exports = details(&app.database, "users.exported").await;
    assert_eq!(exports, [true, false].map(|hashes| json!({ "with_hashes": hashes, "operator": me() })));
    let exports = details(&app.database, "audit.exported").await;
    let [export] = &exports[..] else { panic!("{exports:?}") };
    assert_eq!((&export["event_type"], &export["one_address"]), (&json!("logout"), &json!(true)));
    assert!(export["from"].is_string() && export["operator"] == me().as_str(), "{export}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_logged_is_not_done_by_an_operator_either() {
    let app = TestApp::spawn().await;
    app.client().sign_up().await;
    let client = app.database.connect().await;
    let refused = "alter table audit_logs add constraint none check (event_type !~ '^(key|users|audit)\\.') not valid";
    client.batch_execute(refused).await.unwrap();
    let program = Program::on(&app.database);
    for command in [&["keys", "rotate"][..], &["user", "export", "--with-hashes"], &["audit", "export"]] {
        let ended = program.run(command).await;
        assert!(ended.code == Some(1) && ended.stdout.is_empty(), "{command:?}: {ended:?}");
    }
    let keys = client.query_one("select count(*) from signing_keys", &[]).await.unwrap();
    assert_eq!(keys.get::<_, i64>(0), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_an_account_does_not_learn_who_the_operator_is() {
    let database = fresh_database().await;
    let program = Program::on(&database);
    let service = program.serve().await;
    let account = service.client().sign_up().await;
    program.run(&["user", "verify", &account.email]).await.done();
    let verified = details(&database, "email.verified").await;
    assert_eq!(verified, [json!({ "operator": me() })]);
    for path in ["/api/v1/auth/audit?event_type=email.verified", "/api/v1/auth/me/export"] {
        let access = Some(account.tokens.access.as_str());
        let answer = service.client().call(http::Method::GET, path, access, None).await.expect(200);
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(text.contains("email.verified") && !text.contains("operator"), "{text}");
    }
}
