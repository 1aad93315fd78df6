//! The whole module against real PostgreSQL programs.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Instant;

use tempfile::TempDir;
use tokio_postgres::{Client, NoTls, config::Host};

use super::process::{Holder, Shutdown};
use super::*;

/// A folder that the user `postgres` can reach, whoever runs the tests.
fn data_dir() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o711)).tempdir().unwrap()
}

fn options(data_dir: &TempDir) -> Options {
    Options { data_dir: data_dir.path().to_path_buf(), durable: false }
}

async fn connect(database: &Embedded) -> Client {
    let (client, connection) = database.config().connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Connects as soon as the server answers again.
async fn reconnect(database: &Embedded) -> Client {
    for _ in 0..500 {
        if let Ok((client, connection)) = database.config().connect(NoTls).await {
            tokio::spawn(connection);
            return client;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the database did not come back within 10 s");
}

fn server_pid(cluster: &Path) -> u32 {
    let text = fs::read_to_string(cluster.join("postmaster.pid")).unwrap();
    text.lines().next().unwrap().parse().unwrap()
}

async fn value(client: &Client, query: &str) -> String {
    client.query_one(query, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_is_there_after_a_stop_and_a_quick_start() {
    let folder = data_dir();
    let database = start(options(&folder)).await.unwrap();
    let client = connect(&database).await;
    client.batch_execute("create table kept (word text); insert into kept values ('yes')").await.unwrap();
    database.stop().await.unwrap();

    let begun = Instant::now();
    let database = start(options(&folder)).await.unwrap();
    let took = begun.elapsed();
    assert_eq!(value(&connect(&database).await, "select word from kept").await, "yes");
    assert!(took < Duration::from_secs(5), "took {took:?}");
    database.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_listens_on_a_private_socket_only_and_our_role_is_no_superuser() {
    let folder = data_dir();
    let database = start(options(&folder)).await.unwrap();
    let client = connect(&database).await;

    for (query, answer) in [
        ("show listen_addresses", ""),
        ("show server_encoding", "UTF8"),
        ("select datcollate::text from pg_database where datname = 'portcullis'", "C"),
        ("select pg_get_userbyid(datdba)::text from pg_database where datname = 'portcullis'", "portcullis"),
        ("select rolsuper::text from pg_roles where rolname = current_user", "false"),
    ] {
        assert_eq!(value(&client, query).await, answer, "{query}");
    }

    let config = database.config();
    let [Host::Unix(sockets)] = config.get_hosts() else { panic!("not one socket") };
    assert_eq!(fs::metadata(sockets).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(database.data_dir()).unwrap().mode() & 0o777, 0o700);

    database.stop().await.unwrap();
    assert!(!sockets.exists(), "the socket folder goes with the server");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_on_the_same_folder_names_the_holder() {
    let folder = data_dir();
    let database = start(options(&folder)).await.unwrap();

    let refusal = start(options(&folder)).await.unwrap_err();
    assert!(matches!(refusal, EmbeddedError::InUse { holder: Some(pid), .. } if pid == std::process::id()));

    database.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_finds_the_server_while_it_runs() {
    let folder = data_dir();
    assert_eq!(running(folder.path()).await, None);

    let database = start(options(&folder)).await.unwrap();
    assert_eq!(running(folder.path()).await.unwrap().get_hosts(), database.config().get_hosts());

    database.stop().await.unwrap();
    assert_eq!(running(folder.path()).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_killed_is_started_again_with_what_was_committed() {
    let folder = data_dir();
    let database = start(Options { durable: true, ..options(&folder) }).await.unwrap();
    let client = connect(&database).await;
    client.batch_execute("create table kept (word text); insert into kept values ('yes')").await.unwrap();

    let killed = server_pid(database.data_dir());
    process::signal(killed, Shutdown::Kill).await.unwrap();
    while !client.is_closed() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let client = reconnect(&database).await;
    assert_eq!(value(&client, "select word from kept").await, "yes");
    assert_ne!(server_pid(database.data_dir()), killed);
    database.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_left_behind_is_stopped_and_replaced() {
    let folder = data_dir();
    let database = start(options(&folder)).await.unwrap();
    connect(&database).await.batch_execute("create table kept as select 'yes' as word").await.unwrap();
    database.stop().await.unwrap();

    // As after `kill -9`: nobody supervises the server, and the lock is free.
    let (server, lock) = prepare(&Options { durable: true, ..options(&folder) }).await.unwrap();
    let cluster = server.layout.cluster();
    std::mem::forget(Postmaster::start(&server).await.unwrap());
    drop(lock);
    let orphan = server_pid(&cluster);

    let database = start(Options { durable: true, ..options(&folder) }).await.unwrap();
    assert_ne!(server_pid(&cluster), orphan);
    assert_ne!(process::holder(orphan, &cluster).await, Holder::Server);
    assert_eq!(value(&connect(&database).await, "select word from kept").await, "yes");
    database.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_pid_file_whose_id_went_to_another_process_is_no_obstacle() {
    let folder = data_dir();
    let database = start(options(&folder)).await.unwrap();
    let cluster = database.data_dir().to_path_buf();
    database.stop().await.unwrap();
    let stale = format!("{}\n{}\n0\n5432\n/tmp\n\n0 0\nready\n", std::process::id(), cluster.display());
    fs::write(cluster.join("postmaster.pid"), stale).unwrap();

    let database = start(options(&folder)).await.unwrap();
    database.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_another_major_version_is_refused_untouched() {
    let folder = data_dir();
    let database = start(options(&folder)).await.unwrap();
    let version = database.data_dir().join("PG_VERSION");
    database.stop().await.unwrap();
    fs::write(&version, "99\n").unwrap();

    let refusal = start(options(&folder)).await.unwrap_err();
    assert!(matches!(refusal, EmbeddedError::OtherMajor { wanted: 99, .. }), "{refusal}");
    assert_eq!(fs::read_to_string(&version).unwrap(), "99\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_start_is_reported_with_its_own_words() {
    let folder = data_dir();
    let database = start(options(&folder)).await.unwrap();
    let cluster = database.data_dir().to_path_buf();
    database.stop().await.unwrap();
    fs::write(cluster.join("postgresql.conf"), "no_such_setting = 1\n").unwrap();

    let refusal = start(options(&folder)).await.unwrap_err().to_string();
    assert!(refusal.contains("no_such_setting"), "{refusal}");
    assert!(refusal.contains("server.log"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_server_shuts_down_by_itself() {
    let folder = data_dir();
    let database = start(options(&folder)).await.unwrap();
    let pid_file = database.data_dir().join("postmaster.pid");
    assert!(pid_file.exists());

    drop(database);
    for _ in 0..500 {
        if !pid_file.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the server still runs after 10 s");
}
