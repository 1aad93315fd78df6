//! The end of an account: at once for its owner, after the retention for its data.

use std::time::Duration;

use http::Method;
use portcullis::audit::sealer;
use portcullis::audit::verify::{Heads, verify};
use portcullis::clock::Clock;
use portcullis::mail::Kind;
use portcullis::sweep;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Account, Answer, Client, PASSWORD, Program, TestApp, wait_for};

const ME: &str = "/api/v1/auth/me";
const DAY: Duration = Duration::from_secs(86_400);

async fn delete(client: &Client, access: &str, password: &str) -> Answer {
    client.call(Method::DELETE, ME, Some(access), Some(&json!({ "password": password }))).await
}

/// A refusal without what differs from request to request.
fn bare(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    for member in ["request_id", "timestamp"] {
        body.as_object_mut().unwrap().remove(member);
    }
    (answer.status.as_u16(), body)
}

fn sorted(mut events: Vec<String>) -> Vec<String> {
    events.sort();
    events
}

/// Whether a text stands anywhere in any table.
async fn is_anywhere(app: &TestApp, text: &str) -> Vec<String> {
    let database = app.database.connect().await;
    let tables = "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace \
        where n.nspname = 'public' and c.relkind = 'r'";
    let mut found = Vec::new();
    for row in database.query(tables, &[]).await.unwrap() {
        let table: String = row.get(0);
        let sql = format!("select t::text from {table} t where position($1 in t::text) > 0");
        for row in database.query(&sql, &[&text]).await.unwrap() {
            found.push(format!("{table}: {}", row.get::<_, String>(0)));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_deletes_nothing_and_is_no_sign_of_an_expired_token() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let answer = delete(&client, &account.tokens.access, "not the password").await;
    assert_eq!(answer.refusal(), (403, "invalid_credentials".into()));
    for (body, code) in [
        (json!({}), "validation_error"),
        (json!({ "password": "" }), "validation_error"),
        (json!({ "password": PASSWORD, "user_id": account.id }), "unknown_field"),
    ] {
        let answer = client.call(Method::DELETE, ME, Some(&account.tokens.access), Some(&body)).await;
        assert_eq!(answer.refusal(), (400, code.into()));
    }
    client.me(&account.tokens.access).await.expect(200);
    // Both of one moment, as the clock stands still.
    assert_eq!(sorted(app.audited().await), ["account.deletion_failed", "user.registered"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_is_out_at_once_on_every_instance_and_looks_like_none() {
    let app = TestApp::spawn().await;
    let replica = app.replica().await;
    let client = app.client();
    let account = client.sign_up().await;
    let other = client.log_in(&account.email, PASSWORD).await.expect(200).tokens();
    let answer = delete(&client, &account.tokens.access, PASSWORD).await.expect(200);
    assert_eq!(answer.json()["success"], true);

    for instance in [&app, &replica] {
        for tokens in [&account.tokens, &other] {
            let client = instance.client();
            assert_eq!(client.me(&tokens.access).await.refusal(), (401, "token_revoked".into()));
            assert_eq!(client.refresh(&tokens.refresh).await.refusal(), (401, "token_revoked".into()));
        }
    }
    let unknown = client.log_in("nobody@example.com", PASSWORD).await;
    assert_eq!(bare(&client.log_in(&account.email, PASSWORD).await), bare(&unknown));
    assert_eq!(client.register(&account.email, PASSWORD).await.refusal(), (409, "email_taken".into()));
    let sql = "select details from audit_logs where event_type = 'account.deleted'";
    let details: Value = app.database.connect().await.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(details, json!({ "sessions_ended": 2 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_that_was_mailed_dies_with_the_account() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let user: Uuid = account.id.parse().unwrap();
    app.mails().await;
    let database = app.database.connect().await;
    let reset = "insert into password_reset_tokens (id, user_id, token_hash, expires_at, created_at) \
        values (gen_random_uuid(), $1, 'x', '2027-01-01', '2026-06-15')";
    database.execute(reset, &[&user]).await.unwrap();
    for purpose in ["verify", "confirm_change", "undo_change", "end_session"] {
        let sql = "insert into email_tokens (id, purpose, user_id, token_hash, expires_at, created_at) \
            values (gen_random_uuid(), $2, $1, $2::text::bytea, '2027-01-01', '2026-06-15')";
        database.execute(sql, &[&user, &purpose]).await.unwrap();
    }
    delete(&client, &account.tokens.access, PASSWORD).await.expect(200);
    let alive = "select (select count(*) from email_tokens where used_at is null) \
        + (select count(*) from password_reset_tokens where not is_used)";
    assert_eq!(database.query_one(alive, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_deletions_one_wins_and_is_logged_once() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    // As many as one network may try at once.
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let (client, access) = (client.clone(), account.tokens.access.clone());
            tokio::spawn(async move { delete(&client, &access, PASSWORD).await })
        })
        .collect();
    let mut deleted = 0;
    for call in calls {
        let answer = call.await.unwrap();
        deleted += usize::from(answer.status == 200);
        assert!(answer.status == 200 || answer.refusal() == (401, "token_revoked".into()), "{answer:?}");
    }
    assert_eq!(deleted, 1);
    assert_eq!(app.audited().await.iter().filter(|event| *event == "account.deleted").count(), 1);
}

/// What the person of these tests sends.
fn traced(app: &TestApp) -> Client {
    app.client()
        .with_header("user-agent", "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0 particular")
        .with_header("x-forwarded-for", "198.51.100.77")
}

/// Somebody whose data has reached every corner: sessions, mails, links, refused log-ins, requests that name nothing but the address, and
/// more events than a batch.
async fn widely_known(app: &TestApp) -> Account {
    let client = traced(app);
    // Before there is an account, and again when there is one.
    client.forgot_password("peculiar@example.com").await.expect(200);
    client.log_in("peculiar@example.com", PASSWORD).await.expect(401);
    let answer = client.register("peculiar@example.com", PASSWORD).await.expect(201);
    let id = answer.json()["user"]["id"].as_str().unwrap().to_owned();
    let account =
        Account { id, email: "peculiar@example.com".into(), password: PASSWORD.into(), tokens: answer.tokens() };
    client.forgot_password("Peculiar@example.com").await.expect(200);
    client.resend("PECULIAR@EXAMPLE.COM").await.expect(200);
    client.update_me(&account.tokens.access, json!({ "first_name": "Peculiar", "last_name": "Singular" })).await;
    client.log_in(&account.email, PASSWORD).await.expect(200);
    client.log_in(&account.email, "not the password").await.expect(401);
    app.mails().await;
    let many = "insert into audit_logs (id, user_id, event_type, details, ip_address, user_agent, success, created_at) \
        select gen_random_uuid(), $1::text::uuid, 'token.refreshed', '{\"repeated\": false}', '198.51.100.77', \
        'particular', true, $2 from generate_series(1, 1200)";
    app.database.connect().await.execute(many, &[&account.id, &app.clock.now()]).await.unwrap();
    account
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_retention_an_account_leaves_no_personal_data_and_its_address_is_free() {
    let app = TestApp::builder().set("TRUSTED_PROXIES", "127.0.0.0/8").spawn().await;
    let account = widely_known(&app).await;
    let neighbour = app.client().sign_up().await;
    let events = app.audited().await.len();
    let access = app.client().log_in(&account.email, PASSWORD).await.expect(200).tokens().access;
    delete(&app.client(), &access, PASSWORD).await.expect(200);
    // Nobody looks whose address this is.
    traced(&app).log_in(&account.email, PASSWORD).await.expect(401);
    traced(&app).forgot_password(&account.email).await.expect(200);
    app.mails().await;
    wait_for("everything to be sealed", async || {
        let pass = sealer::pass(&app.app.database, &app.app.seals, app.clock.now()).await.unwrap();
        pass.filter(|progress| progress.rows == 0 && progress.oldest_unsealed.is_none())
    })
    .await;

    app.advance(30 * DAY - Duration::from_secs(1));
    app.sweep().await;
    assert_eq!(app.client().register(&account.email, PASSWORD).await.refusal(), (409, "email_taken".into()));
    assert!(!is_anywhere(&app, "Peculiar").await.is_empty());

    app.advance(Duration::from_secs(1));
    app.sweep().await;
    for trace in [account.email.as_str(), "Peculiar", "Singular", "198.51.100.77", "particular"] {
        assert_eq!(is_anywhere(&app, trace).await, Vec::<String>::new(), "{trace}");
    }
    // The events themselves stay, with the log-in, its notice, the deletion and the erasure behind them.
    let sql = "select count(*), count(*) filter (where ip_address is not null or user_agent is not null or details <> '{}') \
        from audit_logs where user_id::text = $1";
    let row = app.database.connect().await.query_one(sql, &[&account.id]).await.unwrap();
    assert_eq!(row.get::<_, i64>(1), 0);
    assert!(row.get::<_, i64>(0) > 1200 && app.audited().await.len() > events);
    assert_eq!(app.audited().await.last().unwrap(), "account.erased");
    let report =
        verify(&app.app.database.get().await.unwrap(), &app.app.seals, &Heads::default(), |_| {}).await.unwrap();
    assert!(report.rows > 1200 && report.faults.is_empty(), "{report:?}");

    let again = app.client().register(&account.email, PASSWORD).await.expect(201);
    assert_ne!(again.json()["user"]["id"], account.id.as_str());
    app.client().log_in(&neighbour.email, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_for_under_a_former_address_goes_too_but_not_what_its_next_owner_asks_for() {
    let app = TestApp::builder().set("TRUSTED_PROXIES", "127.0.0.0/8").spawn().await;
    let client = traced(&app);
    let account = client.sign_up().await;
    client.forgot_password(&account.email).await.expect(200);
    client.change_email(&account.tokens.access, "singular@example.com", PASSWORD).await.expect(200);
    client.follow("confirm-change", &app.link("confirm-email-change", "singular@example.com").await).await.expect(200);
    app.advance(4 * DAY);
    let next = app.client().with_header("user-agent", "neighbourly");
    next.register(&account.email, PASSWORD).await.expect(201);
    next.forgot_password(&account.email).await.expect(200);

    let access = client.log_in("singular@example.com", PASSWORD).await.expect(200).tokens().access;
    delete(&client, &access, PASSWORD).await.expect(200);
    app.advance(30 * DAY);
    app.sweep().await;
    for trace in ["particular", "198.51.100.77", "singular@example.com"] {
        assert_eq!(is_anywhere(&app, trace).await, Vec::<String>::new(), "{trace}");
    }
    let kept = "select event_type from audit_logs where user_agent = 'neighbourly' order by event_type";
    let kept = app.database.connect().await.query(kept, &[]).await.unwrap();
    let kept: Vec<String> = kept.iter().map(|row| row.get(0)).collect();
    assert_eq!(kept, ["password.reset_requested", "user.registered"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_that_waited_for_its_mail_goes_with_the_account_that_came_of_it() {
    let app = TestApp::builder()
        .set("TRUSTED_PROXIES", "127.0.0.0/8")
        .set("REGISTRATION", "confirm")
        .set("DELETION_RETENTION", "0s")
        .spawn()
        .await;
    let client = traced(&app);
    client.register("singular@example.com", PASSWORD).await.expect(202);
    let link = app.link("verify-email", "singular@example.com").await;
    client.complete(&link, "not the password").await.expect(403);
    client.complete(&link, PASSWORD).await.expect(200);
    client.complete(&link, PASSWORD).await.expect(400);
    let access = client.log_in("singular@example.com", PASSWORD).await.expect(200).tokens().access;
    delete(&client, &access, PASSWORD).await.expect(200);
    app.mails().await;
    app.sweep().await;
    for trace in ["particular", "198.51.100.77", "singular@example.com", "Firefox on Windows"] {
        assert_eq!(is_anywhere(&app, trace).await, Vec::<String>::new(), "{trace}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_told_of_the_end_and_until_when_nothing_is_erased() {
    let app = TestApp::builder().set("DELETION_RETENTION", "10d").spawn().await;
    let german = app.client().with_header("accept-language", "de");
    let account = german.sign_up().await;
    delete(&german, &account.tokens.access, PASSWORD).await.expect(200);
    let mail = app.mail_of(Kind::AccountDeleted, &account.email).await;
    assert_eq!(mail.subject, "Ihr Konto bei Portcullis wurde gelöscht");
    assert!(mail.text.contains("Bis 2026-06-25 12:00 UTC wird nichts entfernt"), "{}", mail.text);
    assert!(!mail.text.contains("http") && !mail.html.contains("<a "), "{}", mail.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_retention_the_next_sweep_frees_the_address() {
    let app = TestApp::builder().set("DELETION_RETENTION", "0s").spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    delete(&client, &account.tokens.access, PASSWORD).await.expect(200);
    app.sweep().await;
    client.register(&account.email, PASSWORD).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_erasure_is_taken_up_again() {
    let app = TestApp::builder().set("TRUSTED_PROXIES", "127.0.0.0/8").set("DELETION_RETENTION", "0s").spawn().await;
    let account = widely_known(&app).await;
    let access = app.client().log_in(&account.email, PASSWORD).await.expect(200).tokens().access;
    // As if the service had ended after some of the batches.
    let some = "update audit_logs set ip_address = null where id in \
        (select id from audit_logs where user_id::text = $1 limit 700)";
    app.database.connect().await.execute(some, &[&account.id]).await.unwrap();
    delete(&app.client(), &access, PASSWORD).await.expect(200);
    app.sweep().await;
    app.sweep().await;
    for trace in ["particular", "198.51.100.77", "peculiar@example.com"] {
        assert_eq!(is_anywhere(&app, trace).await, Vec::<String>::new(), "{trace}");
    }
    assert_eq!(app.audited().await.iter().filter(|event| *event == "account.erased").count(), 1);
    let attempts = "select count(*) from login_attempts where account is not null";
    assert_eq!(app.database.connect().await.query_one(attempts, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_erased_keeps_no_other_from_it_and_is_tried_again() {
    let app = TestApp::builder().set("DELETION_RETENTION", "1h").spawn().await;
    let client = app.client();
    let mut accounts = Vec::new();
    for _ in 0..3 {
        let account = client.sign_up().await;
        delete(&client, &account.tokens.access, PASSWORD).await.expect(200);
        app.advance(Duration::from_secs(1));
        accounts.push(account);
    }
    let database = app.database.connect().await;
    let stuck = format!("check (id <> '{}' or email <> '') not valid", accounts[0].id);
    database.batch_execute(&format!("alter table users add constraint stuck {stuck}")).await.unwrap();
    app.advance(Duration::from_secs(3600));
    wait_for("a failed sweep", async || sweep::run(&app.app).await.err()).await;
    let left = "select id::text from users where email_key is not null";
    let rows = database.query(left, &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<String>>(), [accounts[0].id.clone()]);

    database.batch_execute("alter table users drop constraint stuck").await.unwrap();
    app.sweep().await;
    assert!(database.query(left, &[]).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_deletes_an_account_as_its_owner_would() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let program = Program::on(&app.database);
    let said = program.run(&["user", "delete", &account.email]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.starts_with("deleted; 1 session(s) ended"), "{said:?}");
    assert_eq!(client.me(&account.tokens.access).await.refusal(), (401, "token_revoked".into()));
    assert_eq!(client.log_in(&account.email, PASSWORD).await.refusal(), (401, "invalid_credentials".into()));
    let again = program.run(&["user", "delete", &account.email]).await;
    assert!(again.code == Some(1) && again.stderr.contains("no such account"), "{again:?}");
    let told = "select kind, user_id::text from mail_jobs where kind = 'account_deleted'";
    let told = app.database.connect().await.query_one(told, &[]).await.unwrap();
    assert_eq!(told.get::<_, String>(1), account.id);
    assert_eq!(app.audited().await.iter().filter(|event| *event == "account.deleted").count(), 1);
}
