//! A log that a dump brought to another cluster, where transactions are counted from the beginning.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use portcullis::audit::verify::Fault;
use portcullis::embedded::{self, Embedded, Options};
use tempfile::TempDir;

use super::seals::{count, report, seal, sealed, tamper};
use crate::support::{Database, PASSWORD, TestApp, fresh_database, url};

/// A cluster of its own; it ends when this is dropped.
struct Cluster {
    database: Database,
    _server: Embedded,
    _folder: TempDir,
}

impl Cluster {
    async fn start() -> Self {
        // The user who runs the database server must be able to pass through.
        let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o711)).tempdir().unwrap();
        let options = Options { data_dir: folder.path().join("data"), durable: false };
        let server = embedded::start(options).await.unwrap();
        let config = server.config();
        let database = Database { name: config.get_dbname().unwrap().to_owned(), server: config };
        Self { database, _server: server, _folder: folder }
    }
}

/// What an operator does for a major upgrade, or after a disaster.
async fn dump_and_restore(from: &Database, to: &Database) {
    let (from, to) = (url(from, ""), url(to, ""));
    tokio::task::spawn_blocking(move || {
        let mut dump = Command::new("pg_dump");
        let mut dump = dump.args(["--no-owner", "--no-privileges", &from]).stdout(Stdio::piped()).spawn().unwrap();
        let mut restore = Command::new("psql");
        restore.args(["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--single-transaction", &to]);
        let restored = restore.stdin(dump.stdout.take().unwrap()).stdout(Stdio::null()).status().unwrap();
        assert!(dump.wait().unwrap().success() && restored.success(), "apt-get install postgresql-client");
    })
    .await
    .unwrap();
}

/// A log that was sealed on one cluster, with a last event that was not, on another one.
async fn restored() -> (TestApp, Cluster, String) {
    let database = fresh_database().await;
    // The fresh cluster is far behind: every id that it gives out was sealed on this one.
    let transactions = "do $$ begin for n in 1..5000 loop perform pg_current_xact_id(); commit; end loop; end $$";
    database.connect().await.batch_execute(transactions).await.unwrap();
    let app = TestApp::builder().on(database.clone()).spawn().await;
    let account = app.client().sign_up().await;
    app.client().log_in(&account.email, "not the password").await.expect(401);
    seal(&app).await;
    app.stop().await;
    let unsealed = "insert into audit_logs (id, event_type, success, created_at) \
                    values (gen_random_uuid(), 'last', true, '2026-06-15T12:00:00Z')";
    database.connect().await.batch_execute(unsealed).await.unwrap();

    let cluster = Cluster::start().await;
    dump_and_restore(&database, &cluster.database).await;
    let app = TestApp::builder().on(cluster.database.clone()).spawn().await;
    (app, cluster, account.email)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_restored_elsewhere_is_sealed_on_and_verifies() {
    let (app, cluster, email) = restored().await;
    let client = cluster.database.connect().await;
    assert_eq!(report(&app, None).await.faults, [], "before anything happened");
    app.client().log_in(&email, PASSWORD).await.expect(200);
    assert_eq!(report(&app, None).await.faults, [], "before it was sealed");
    seal(&app).await;
    assert_eq!(sealed(&client).await, count(&client, "audit_logs").await);
    let report = report(&app, None).await;
    assert_eq!(report.faults, []);
    assert_eq!(i64::try_from(report.rows).unwrap(), count(&client, "audit_logs").await);
    assert_eq!(count(&client, "(select distinct epoch from audit_seals) epochs").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_to_a_restored_log_is_found_in_the_rows_of_either_cluster() {
    let (app, cluster, email) = restored().await;
    app.client().log_in(&email, PASSWORD).await.expect(200);
    seal(&app).await;
    for event_type in ["login.failed", "last", "login.succeeded"] {
        tamper(
            &cluster.database,
            &format!("update audit_logs set success = not success where event_type = '{event_type}'"),
        )
        .await;
        let faults = report(&app, None).await.faults;
        assert!(matches!(faults[..], [Fault::RowsDiffer { .. }]), "{event_type}: {faults:?}");
        tamper(
            &cluster.database,
            &format!("update audit_logs set success = not success where event_type = '{event_type}'"),
        )
        .await;
    }
    // The cluster that was left writes nothing any more.
    let added = "insert into audit_logs (id, event_type, success, created_at, epoch, txid) \
                 select gen_random_uuid(), 'added', true, created_at, epoch, (txid::text::bigint + 1)::text::xid8 \
                 from audit_logs where event_type = 'last'";
    tamper(&cluster.database, added).await;
    assert_eq!(report(&app, None).await.faults, [Fault::OutOfReach { rows: 1 }]);
}
