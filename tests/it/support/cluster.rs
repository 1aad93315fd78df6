//! The PostgreSQL server that the tests of this process share.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use portcullis::db::migrate;
use portcullis::embedded::{self, EmbeddedError, Options};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

use super::wait_for;

const TEMPLATE: &str = "portcullis_template";

/// A database of one test. It is dropped with the server's folder, not by the test: a failed test leaves it for a look.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub(crate) name: String,
    pub(crate) server: Config,
}

impl Database {
    /// A connection of the test's own, beside those of the service.
    pub(crate) async fn connect(&self) -> Client {
        connect(&self.server).await
    }
}

/// A migrated database.
pub(crate) async fn fresh_database() -> Database {
    create(&format!("template {TEMPLATE}")).await
}

/// A database without any tables.
pub(crate) async fn empty_database() -> Database {
    create("template template0").await
}

async fn create(options: &str) -> Database {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let server = shared().await;
    let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    connect(&server).await.batch_execute(&format!("create database {name} {options}")).await.unwrap();
    let mut own = server;
    own.dbname(&name);
    Database { name, server: own }
}

async fn shared() -> Config {
    static SERVER: OnceLock<Config> = OnceLock::new();
    // Starting takes a moment, and blocks whoever comes first and everybody who waits for it: not on a runtime's thread.
    tokio::task::spawn_blocking(|| SERVER.get_or_init(start).clone()).await.unwrap()
}

/// Starts the server on a runtime of its own, which lives as long as the process.
fn start() -> Config {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let server = first_free_folder().await;
            let config = server.config();
            prepare_template(&config).await;
            sender.send(config).unwrap();
            std::future::pending::<()>().await;
            drop(server);
        });
    });
    receiver.recv().expect("the shared PostgreSQL of the tests did not start; see the message above")
}

/// Folders are used again by later runs, since making a cluster takes seconds; several processes take one each.
async fn first_free_folder() -> embedded::Embedded {
    for number in 0..64 {
        let data_dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("postgres-{number}"));
        match embedded::start(Options { data_dir, durable: false }).await {
            Ok(server) => return server,
            Err(EmbeddedError::InUse { .. }) => {}
            Err(error) => panic!("the tests need PostgreSQL: {error}"),
        }
    }
    panic!("64 test processes run at once");
}

/// An autovacuum worker, which only a superuser may end, can be in the way for a moment.
async fn drop_database(admin: &Client, name: &str) {
    wait_for("a left-over database to be dropped", async || {
        match admin.batch_execute(&format!("drop database if exists {name} with (force)")).await {
            Ok(()) => Some(()),
            Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => None,
            Err(error) => panic!("{name}: {error:?}"),
        }
    })
    .await;
}

async fn prepare_template(server: &Config) {
    let admin = connect(server).await;
    let leftovers = admin.query("select datname from pg_database where datname like 'test\\_%'", &[]).await.unwrap();
    for row in leftovers {
        let name: String = row.get(0);
        drop_database(&admin, &name).await;
    }
    drop_database(&admin, TEMPLATE).await;
    admin.batch_execute(&format!("create database {TEMPLATE} template template0")).await.unwrap();
    let mut template = server.clone();
    template.dbname(TEMPLATE);
    migrate::migrate(&mut connect(&template).await).await.unwrap();
}

async fn connect(server: &Config) -> Client {
    let (client, connection) = server.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
