//! The database cluster on disk: made once, checked at every start.

use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use tokio_postgres::error::SqlState;

use super::account::{Account, Caller};
use super::binaries::Binaries;
use super::error::{EmbeddedError, IoContext};
use super::layout::{Layout, hand_over};
use super::postmaster::Server;
use super::program;

/// The role that owns the service's database and nothing else.
pub(super) const SERVICE: &str = "portcullis";
/// The role that may do everything. Used to create the other one.
pub(super) const SUPERUSER: &str = "postgres";

const INITDB_LIMIT: Duration = Duration::from_secs(120);
const DATABASE_LIMIT: Duration = Duration::from_secs(60);

/// The major version that made the cluster; `None` if there is no cluster yet.
pub(super) fn made_by(cluster: &Path) -> Result<Option<u32>, EmbeddedError> {
    let path = cluster.join("PG_VERSION");
    match fs::read_to_string(&path) {
        Ok(text) => text
            .trim()
            .parse()
            .map(Some)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
            .context("understand", path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("read", path),
    }
}

/// Makes a new cluster.
///
/// Locale C: sorting never changes under an index when the system's collations do.
pub(super) async fn create(
    layout: &Layout,
    binaries: &Binaries,
    account: Option<Account>,
    durable: bool,
) -> Result<(), EmbeddedError> {
    let unfinished = layout.unfinished_cluster();
    match fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).context("remove", unfinished),
        _ => {}
    }
    fs::DirBuilder::new().mode(0o700).create(&unfinished).context("create", &unfinished)?;
    hand_over(&unfinished, account)?;

    let mut initdb = program::command(binaries.initdb(), account);
    initdb
        .arg("--pgdata")
        .arg(&unfinished)
        .args(["--username", SUPERUSER, "--locale=C", "--encoding=UTF8", "--data-checksums", "--no-instructions"])
        .args(["--auth-local=peer", "--auth-host=reject"]);
    if !durable {
        initdb.arg("--no-sync");
    }
    program::text(&mut initdb, INITDB_LIMIT).await?;

    let cluster = layout.cluster();
    fs::rename(&unfinished, &cluster).context("create", cluster)
}

/// Writes who may connect: the operating system's word on which user is at the other end of the socket (`peer`), and
/// that user must be ours.
///
/// Passwords would have to be kept somewhere, and `trust` would rest on the folder's mode alone. Peer works alike when
/// we are root and the server is not. Written at every start, so that a moved or re-owned `DATA_DIR` follows its user.
pub(super) fn write_access_rules(
    cluster: &Path,
    caller: &Caller,
    account: Option<Account>,
) -> Result<(), EmbeddedError> {
    write_if_changed(&cluster.join("pg_hba.conf"), "local all all peer map=portcullis\n", account)?;
    let name = caller.name.replace('"', "\"\"");
    let map = format!("portcullis \"{name}\" {SERVICE}\nportcullis \"{name}\" {SUPERUSER}\n");
    write_if_changed(&cluster.join("pg_ident.conf"), &map, account)
}

fn write_if_changed(path: &Path, text: &str, account: Option<Account>) -> Result<(), EmbeddedError> {
    if fs::read_to_string(path).is_ok_and(|current| current == text) {
        return Ok(());
    }
    fs::write(path, text).context("write", path)?;
    hand_over(path, account)
}

/// Makes sure that our role and database exist, with one connection if they do.
pub(super) async fn ensure_database(service: &tokio_postgres::Config, server: &Server) -> Result<(), EmbeddedError> {
    match tokio::time::timeout(DATABASE_LIMIT, create_database_if_missing(service, server.durable)).await {
        Ok(ensured) => Ok(ensured?),
        Err(_) => Err(EmbeddedError::TooSlow { program: server.binaries.postgres(), limit: DATABASE_LIMIT }),
    }
}

async fn create_database_if_missing(
    service: &tokio_postgres::Config,
    durable: bool,
) -> Result<(), tokio_postgres::Error> {
    let missing = [&SqlState::INVALID_CATALOG_NAME, &SqlState::INVALID_AUTHORIZATION_SPECIFICATION];
    match connect(service).await {
        Ok(_) => return Ok(()),
        Err(error) if error.code().is_some_and(|code| missing.contains(&code)) => {}
        Err(error) => return Err(error),
    }
    let mut administrator = service.clone();
    administrator.user(SUPERUSER).dbname(SUPERUSER);
    let client = connect(&administrator).await?;
    // A test makes a database of its own for each case.
    let role = if durable { "create role portcullis login" } else { "create role portcullis login createdb" };
    for (statement, exists) in [
        (role, SqlState::DUPLICATE_OBJECT),
        ("create database portcullis owner portcullis", SqlState::DUPLICATE_DATABASE),
    ] {
        match client.batch_execute(statement).await {
            Err(error) if error.code() == Some(&exists) => {}
            done => done?,
        }
    }
    Ok(())
}

/// A connection that lasts as long as its client.
async fn connect(config: &tokio_postgres::Config) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
