//! The schema: made from nothing, by one process at a time, and never from an edited file.

use portcullis::db::migrate::{self, MIGRATIONS, MigrateError};
use tokio_postgres::Client;

use crate::support::{Database, Program, empty_database, fresh_database};

async fn tables(client: &Client) -> Vec<String> {
    let listed = "select tablename::text from pg_tables where schemaname = 'public' order by 1";
    client.query(listed, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// Makes it look as if migration 2 had been applied with another text.
async fn edit_the_second_file(database: &Database) {
    let edit = "update schema_migrations set checksum = sha256('another text') where version = 2";
    database.connect().await.batch_execute(edit).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_becomes_the_whole_schema_and_a_second_run_finds_nothing_to_do() {
    let mut client = empty_database().await.connect().await;
    assert_eq!(migrate::pending(&client).await.unwrap().len(), MIGRATIONS.len());

    let applied: Vec<_> =
        migrate::migrate(&mut client).await.unwrap().iter().map(|migration| migration.version).collect();
    assert_eq!(applied, (1..).take(MIGRATIONS.len()).collect::<Vec<_>>());
    let made = tables(&client).await;
    for table in
        ["audit_logs", "audit_logs_default", "refresh_tokens", "schema_migrations", "sessions", "signing_keys", "users"]
    {
        assert!(made.iter().any(|name| name == table), "{table} is not in {made:?}");
    }

    assert!(migrate::migrate(&mut client).await.unwrap().is_empty());
    assert!(migrate::pending(&client).await.unwrap().is_empty());
    assert_eq!(tables(&client).await, made);
}

#[test]
fn the_files_of_the_folder_are_the_migrations_that_are_compiled_in() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<_> = names.filter(|name| name.ends_with(".sql")).collect();
    files.sort();
    let compiled: Vec<_> =
        MIGRATIONS.iter().map(|migration| format!("{:04}_{}.sql", migration.version, migration.name)).collect();
    assert_eq!(files, compiled);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_callers_at_once_take_turns_and_apply_everything_once() {
    let database = empty_database().await;
    let (mut one, mut other) = (database.connect().await, database.connect().await);
    let (one, other) = tokio::join!(migrate::migrate(&mut one), migrate::migrate(&mut other));
    let mut applied = [one.unwrap().len(), other.unwrap().len()];
    applied.sort_unstable();
    assert_eq!(applied, [0, MIGRATIONS.len()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn four_processes_that_start_at_once_on_an_empty_database_all_come_up() {
    let program = Program::on(&empty_database().await);
    let (first, second, one, other) =
        tokio::join!(program.serve(), program.serve(), program.run(&["migrate"]), program.run(&["migrate"]));
    for service in [&first, &second] {
        service.client().get("/health/ready").await.expect(200);
    }
    assert_eq!((one.code, other.code), (Some(0), Some(0)), "{one:?} {other:?}");

    // They also agreed on one signing key.
    let account = first.client().sign_up().await;
    second.client().me(&account.tokens.access).await.expect(200);
    assert_eq!(first.stop().await.code, Some(0));
    assert_eq!(second.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_was_edited_after_it_was_applied_is_refused_by_name() {
    let database = fresh_database().await;
    edit_the_second_file(&database).await;
    let mut client = database.connect().await;
    for result in [migrate::pending(&client).await, migrate::migrate(&mut client).await] {
        let error = result.unwrap_err();
        assert!(matches!(error, MigrateError::Changed { version: 2, name: "sessions" }), "{error}");
    }

    let program = Program::on(&database);
    for arguments in [&["migrate"][..], &["migrate", "--check"], &["serve"], &["user", "list"]] {
        let ended = program.run(arguments).await;
        assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:?}");
        assert!(
            ended.stderr.contains("migration 2 (sessions) was applied with another text"),
            "{arguments:?}: {ended:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_fails_leaves_nothing_behind_and_says_what_was_in_its_way() {
    let database = empty_database().await;
    let mut client = database.connect().await;
    // The last file cannot make this table; all before it can do their work.
    client.batch_execute("create table audit_logs (id integer)").await.unwrap();

    let error = migrate::migrate(&mut client).await.unwrap_err();
    assert!(error.to_string().contains("audit_logs"), "{error}");
    assert_eq!(tables(&client).await, ["audit_logs"]);

    client.batch_execute("drop table audit_logs").await.unwrap();
    assert_eq!(migrate::migrate(&mut client).await.unwrap().len(), MIGRATIONS.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_tells_what_is_pending_by_its_exit_code_and_changes_nothing() {
    let database = empty_database().await;
    let program = Program::on(&database);

    let pending = program.run(&["migrate", "--check"]).await;
    assert_eq!(pending.code, Some(1), "{pending:?}");
    for migration in MIGRATIONS {
        assert!(
            pending.stdout.contains(&format!("pending {:04} {}", migration.version, migration.name)),
            "{pending:?}"
        );
    }
    assert!(tables(&database.connect().await).await.is_empty());

    let applied = program.run(&["migrate"]).await;
    assert_eq!(applied.code, Some(0), "{applied:?}");
    assert_eq!(applied.stdout.lines().count(), MIGRATIONS.len(), "{applied:?}");
    assert_eq!(program.run(&["migrate", "--check"]).await.code, Some(0));
    assert_eq!(program.run(&["migrate"]).await.stdout, "nothing to do: the schema is up to date\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_while_migrating_does_not_wedge_the_next() {
    let database = empty_database().await;
    let holder = database.connect().await;
    holder.batch_execute("begin; select pg_advisory_xact_lock(x'706f727463756c'::bigint)").await.unwrap();
    let waiting = tokio::spawn({
        let mut client = database.connect().await;
        async move { migrate::migrate(&mut client).await.unwrap().len() }
    });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(!waiting.is_finished(), "the lock was ignored");
    // Its connection ends with the process, and the lock with the connection.
    drop(holder);
    assert_eq!(waiting.await.unwrap(), MIGRATIONS.len());
}
