//! Seals: what is written stays as it was written, or `portcullis audit verify` says what did not.

use portcullis::audit::head::Head;
use portcullis::audit::sealer::{self, Progress};
use portcullis::audit::verify::{Fault, Heads, Report, verify};
use portcullis::clock::Clock;
use tokio_postgres::Client;

use crate::support::{Database, PASSWORD, Program, TestApp, wait_for};

/// One pass; `None` while somebody else is at it.
async fn pass(app: &TestApp) -> Option<Progress> {
    sealer::pass(&app.app.database, &app.app.seals, app.clock.now()).await.unwrap()
}

/// Seals until nothing is left. Transactions of other tests on the same server hold the sealer back while they run.
pub(super) async fn seal(app: &TestApp) {
    wait_for("everything to be sealed", async || {
        pass(app).await.filter(|progress| progress.rows == 0 && progress.oldest_unsealed.is_none())
    })
    .await;
}

/// How many rows are sealed.
pub(super) async fn sealed(client: &Client) -> i64 {
    let sum = "select coalesce(sum(row_count), 0)::bigint from audit_seals";
    client.query_one(sum, &[]).await.unwrap().get(0)
}

pub(super) async fn report(app: &TestApp, head: Option<&Head>) -> Report {
    let client = app.app.database.get().await.unwrap();
    let heads = Heads { after: None, expected: head.cloned() };
    verify(&client, &app.app.seals, &heads, |_| ()).await.unwrap()
}

pub(super) async fn count(client: &Client, table: &str) -> i64 {
    client.query_one(&format!("select count(*) from {table}"), &[]).await.unwrap().get(0)
}

/// A sealed log with events of several kinds.
pub(super) async fn scene() -> (TestApp, Client) {
    let app = TestApp::spawn().await;
    let account = app.client().sign_up().await;
    app.client().log_in(&account.email, PASSWORD).await.expect(200);
    app.client().log_in(&account.email, "not the password").await.expect(401);
    app.client().log_in("nobody@example.com", "not the password").await.expect(401);
    seal(&app).await;
    let client = app.database.connect().await;
    (app, client)
}

/// What somebody does who owns the database.
pub(super) async fn tamper(database: &Database, sql: &str) {
    let client = database.connect().await;
    for table in ["audit_logs", "audit_seals"] {
        client.batch_execute(&format!("alter table {table} disable trigger user")).await.unwrap();
    }
    client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    for table in ["audit_logs", "audit_seals"] {
        client.batch_execute(&format!("alter table {table} enable trigger user")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_touched_verifies_with_every_row() {
    let (app, client) = scene().await;
    let report = report(&app, None).await;
    assert_eq!(report.faults, []);
    assert_eq!(i64::try_from(report.rows).unwrap(), count(&client, "audit_logs").await);
    assert!(report.rows >= 4 && report.seals >= 1, "{report:?}");
    seal(&app).await;
    assert_eq!(sealed(&client).await, count(&client, "audit_logs").await, "a row is sealed once");
}

#[tokio::test(flavor = "multi_thread")]
async fn redaction_of_one_field_or_of_all_leaves_the_log_clean() {
    let (app, client) = scene().await;
    for redaction in [
        "update audit_logs set ip_address = null where event_type = 'login.succeeded'",
        "update audit_logs set ip_address = null, user_agent = null, details = '{}'",
        "update audit_logs set user_id = null",
    ] {
        assert!(client.execute(redaction, &[]).await.unwrap() > 0);
        assert_eq!(report(&app, None).await.faults, [], "{redaction}");
    }
    let salts = client.query("select distinct salts from audit_logs", &[]).await.unwrap();
    let salts: Vec<Vec<u8>> = salts.iter().map(|row| row.get(0)).collect();
    assert_eq!(salts, [vec![0; 32]], "what was redacted can be guessed with its salt");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_redacted_before_it_was_sealed_verifies() {
    let app = TestApp::spawn().await;
    app.client().sign_up().await;
    let redaction = "update audit_logs set ip_address = null, user_agent = null, details = '{}'";
    app.database.connect().await.execute(redaction, &[]).await.unwrap();
    seal(&app).await;
    assert_eq!(report(&app, None).await.faults, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_a_row_is_found() {
    for change in [
        "id = '00000000-0000-0000-0000-000000000007'",
        "event_type = 'login.failed'",
        "success = false",
        "created_at = created_at + interval '1 microsecond'",
        "session_id = null",
        "request_id = 'another'",
        "txid = (txid::text::bigint - 1)::text::xid8",
        "personal_digests = sha256('')",
    ] {
        let (app, _) = scene().await;
        tamper(&app.database, &format!("update audit_logs set {change} where event_type = 'login.succeeded'")).await;
        let faults = report(&app, None).await.faults;
        assert!(faults.iter().any(|fault| matches!(fault, Fault::RowsDiffer { .. })), "{change}: {faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_a_personal_field_is_found() {
    for change in [
        "user_id = '00000000-0000-0000-0000-000000000007'",
        "ip_address = '192.0.2.66'",
        "user_agent = 'somebody else'",
        "details = '{\"remember_me\": true}'",
        // Erased, but not redacted: the salt is still there.
        "ip_address = null",
        "salts = sha256('')",
    ] {
        let (app, client) = scene().await;
        tamper(&app.database, &format!("update audit_logs set {change} where event_type = 'login.succeeded'")).await;
        let changed = "select id from audit_logs where event_type = 'login.succeeded'";
        let id = client.query_one(changed, &[]).await.unwrap().get(0);
        assert_eq!(report(&app, None).await.faults, [Fault::PersonalFieldChanged { id }], "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_deleted_or_added_are_found() {
    let (app, _) = scene().await;
    tamper(&app.database, "delete from audit_logs where event_type = 'login.succeeded'").await;
    assert!(
        matches!(&report(&app, None).await.faults[..], [Fault::RowsDiffer { sealed, found, .. }] if sealed > found)
    );

    let copy = "insert into audit_logs select (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid()))).* \
                from audit_logs a where event_type = 'login.succeeded'";
    let (app, _) = scene().await;
    tamper(&app.database, copy).await;
    assert!(
        matches!(&report(&app, None).await.faults[..], [Fault::RowsDiffer { sealed, found, .. }] if sealed < found)
    );

    let (app, _) = scene().await;
    tamper(
        &app.database,
        &format!(
            "{copy}; update audit_logs set created_at = created_at - interval '70 days' \
        where ctid = (select max(ctid) from audit_logs where event_type = 'login.succeeded')"
        ),
    )
    .await;
    assert!(!report(&app, None).await.faults.is_empty(), "a row of a month without a seal");

    let (app, _) = scene().await;
    let unstamped = "insert into audit_logs (id, event_type, success, created_at) \
                     values (gen_random_uuid(), 'login.succeeded', true, '2026-06-15T12:00:00Z')";
    tamper(&app.database, unstamped).await;
    assert_eq!(report(&app, None).await.faults, [Fault::Unstamped { rows: 1 }]);
}

/// What an insert with the trigger off may say, and what becomes of it.
const SMUGGLED: &str = "insert into audit_logs (id, event_type, success, created_at, epoch, txid, salts, personal_digests) \
                        select gen_random_uuid(), event_type, success, created_at - $AGE, $EPOCH, $TXID, salts, personal_digests \
                        from audit_logs where event_type = 'login.succeeded'";

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_say_they_were_there_before_they_could_be_are_found() {
    let (app, client) = scene().await;
    // An ordinary insert: nothing is switched off, and the sealer takes it for what it seems.
    let backdated = "insert into audit_logs (id, event_type, success, created_at) \
                     values (gen_random_uuid(), 'login.succeeded', true, '2026-06-15T09:00:00Z')";
    client.batch_execute(backdated).await.unwrap();
    seal(&app).await;
    let faults = report(&app, None).await.faults;
    assert!(matches!(faults[..], [Fault::Backdated { rows: 1, .. }]), "{faults:?}");

    let (app, client) = scene().await;
    let late = backdated.replace("09:00:00", "11:51:00");
    client.batch_execute(&late).await.unwrap();
    seal(&app).await;
    assert_eq!(report(&app, None).await.faults, [], "a commit may come late");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_where_no_seal_will_ever_get_are_found() {
    for (age, epoch, txid, fault) in [
        ("interval '0'", "epoch", "'999999999999'::xid8", Fault::OutOfReach { rows: 1 }),
        ("interval '0'", "7", "'18446744073709551615'::xid8", Fault::OutOfReach { rows: 1 }),
        ("interval '0'", "7", "'700'::xid8", Fault::OutOfReach { rows: 1 }),
        ("interval '3 years'", "epoch", "null", Fault::Unstamped { rows: 1 }),
        ("interval '0'", "7", "null", Fault::Unstamped { rows: 1 }),
        ("interval '0'", "epoch", "'0'::xid8", Fault::Unstamped { rows: 1 }),
    ] {
        let (app, _) = scene().await;
        let row = SMUGGLED.replace("$AGE", age).replace("$EPOCH", epoch).replace("$TXID", txid);
        tamper(&app.database, &row).await;
        let faults = report(&app, None).await.faults;
        assert!(faults.contains(&fault), "{row}: {faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_the_chain_is_found() {
    for (change, fault) in [
        ("delete from audit_seals where seq = 2", Fault::BrokenChain { seq: 2 }),
        ("update audit_seals set row_count = row_count + 1 where seq = 1", Fault::BrokenChain { seq: 1 }),
        (
            "update audit_seals set created_at = created_at + interval '1 second' where seq = 2",
            Fault::BrokenChain { seq: 2 },
        ),
        ("update audit_seals set kind = 'dropped' where seq = 3", Fault::BrokenChain { seq: 3 }),
        ("delete from audit_seals where seq >= 3", Fault::HeadMissing),
    ] {
        let (app, _) = scene().await;
        for _ in 0..2 {
            app.client().sign_up().await;
            seal(&app).await;
        }
        let head = report(&app, None).await.head;
        assert!(head.is_some());
        assert_eq!(report(&app, head.as_ref()).await.faults, []);
        tamper(&app.database, change).await;
        assert!(report(&app, head.as_ref()).await.faults.contains(&fault), "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_commits_late_is_sealed_all_the_same() {
    let (app, client) = scene().await;
    let event = "insert into audit_logs (id, event_type, success, created_at) \
                 values (gen_random_uuid(), 'login.succeeded', true, '2026-06-15T12:00:00Z')";
    let (late, quick) = (app.database.connect().await, app.database.connect().await);
    late.batch_execute(&format!("begin; {event}")).await.unwrap();
    quick.batch_execute(event).await.unwrap();
    let before = sealed(&client).await;
    pass(&app).await;
    assert_eq!(sealed(&client).await, before, "a sealer that overtakes a writer misses what he writes");
    late.batch_execute("commit").await.unwrap();
    seal(&app).await;
    assert_eq!(sealed(&client).await, before + 2);
    assert_eq!(report(&app, None).await.faults, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_more_rows_than_are_read_at_once_is_sealed_whole() {
    let app = TestApp::spawn().await;
    let client = app.database.connect().await;
    let many = "insert into audit_logs (id, event_type, success, created_at) \
                select gen_random_uuid(), 'a', true, '2026-06-15T12:00:00Z' from generate_series(1, 12001)";
    client.batch_execute(many).await.unwrap();
    seal(&app).await;
    assert_eq!(sealed(&client).await, 12_001);
    assert_eq!(count(&client, "audit_seals").await, 1);
    let clean = report(&app, None).await;
    assert_eq!((clean.rows, clean.faults), (12_001, vec![]));
    let one = "delete from audit_logs where id = (select id from audit_logs order by id desc offset 6000 limit 1)";
    tamper(&app.database, one).await;
    let faults = report(&app, None).await.faults;
    assert!(matches!(faults[..], [Fault::RowsDiffer { sealed: 12_001, found: 12_000, .. }]), "{faults:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_tell_when_sealing_last_succeeded_and_stand_still_when_it_fails() {
    let app = TestApp::spawn().await;
    let stamped = |name: &str| {
        let text = app.app.metrics.text().unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        line.unwrap_or_else(|| panic!("{name} is not in\n{text}"))
    };
    let sealed_at = "portcullis_audit_seal_last_success_timestamp_seconds";
    wait_for("the first pass", async || (stamped(sealed_at) > 0.0).then_some(())).await;
    #[expect(clippy::cast_precision_loss, reason = "seconds of this century are exact")]
    let now = app.clock_seconds() as f64;
    assert_eq!(stamped(sealed_at), now);
    for job in ["keys", "refusals", "audit_partitions", "audit_retention", "audit_seals", "session_count"] {
        let name = format!("portcullis_sweeper_last_success_timestamp_seconds{{sweeper=\"{job}\"}}");
        wait_for(job, async || (stamped(&name) == now).then_some(())).await;
    }
    assert_eq!(stamped("portcullis_audit_default_rows"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_instances_make_one_chain() {
    let app = TestApp::spawn().await;
    let replica = app.replica().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let client = if number % 2 == 0 { app.client() } else { replica.client() };
        let email = format!("nobody{number}@example.com");
        tasks.spawn(async move { client.log_in(&email, "not the password").await });
    }
    while !tasks.is_empty() {
        tokio::join!(seal(&app), seal(&replica));
        tasks.join_next().await.unwrap().unwrap();
    }
    seal(&app).await;
    let report = report(&replica, None).await;
    assert_eq!(report.faults, []);
    assert!(report.rows >= 15, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_verifies_and_tells_what_was_changed() {
    let (app, _) = scene().await;
    let program = Program::on(&app.database);
    let clean = program.run(&["audit", "verify"]).await.done();
    let head = clean.lines().find_map(|line| line.strip_prefix("head ")).unwrap().to_owned();
    program.run(&["audit", "verify", "--head", &head]).await.done();

    tamper(&app.database, "update audit_logs set success = not success").await;
    let ended = program.run(&["audit", "verify"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("were changed") && ended.stderr.contains("tampered"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_another_key_verifies_from_the_head_that_was_noted_before() {
    const OTHER: &str = "another-key-encryption-key-of-more-than-32-bytes";
    // Tokens are signed with a secret of their own: only the key of the seals changes.
    let builder = || TestApp::builder().set("JWT_SECRET", "a-shared-secret-of-more-than-thirty-two-bytes");
    let app = builder().spawn().await;
    app.client().sign_up().await;
    seal(&app).await;
    let head = report(&app, None).await.head.unwrap().to_string();
    let database = app.database.clone();
    app.stop().await;
    let later = builder().set("KEY_ENCRYPTION_KEY", OTHER).on(database.clone()).spawn().await;
    later.client().sign_up().await;
    seal(&later).await;

    let program = Program::on(&database).set("KEY_ENCRYPTION_KEY", OTHER);
    let ended = program.run(&["audit", "verify"]).await;
    assert!(ended.code == Some(1) && ended.stderr.contains("sealed with another key"), "{}", ended.stderr);
    let clean = program.run(&["audit", "verify", "--after", &head]).await.done();
    assert!(clean.contains("nothing was changed"), "{clean}");

    tamper(&database, "update audit_logs set success = false where event_type = 'user.registered'").await;
    let ended = program.run(&["audit", "verify", "--after", &head]).await;
    assert!(ended.code == Some(1) && ended.stderr.contains("were changed"), "{}", ended.stderr);
}
