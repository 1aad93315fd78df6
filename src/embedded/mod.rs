//! A private PostgreSQL server, run as a child process when no `DATABASE_URL` is set.
//!
//! It listens on a unix socket in a folder that only its user may enter, lets in only the user that runs us, and keeps
//! its files under `DATA_DIR`. What happens when:
//!
//! 1. *No server programs, or too old ones:* refused, with what to install.
//! 2. *`DATA_DIR` is in use:* refused, naming the process that holds it.
//! 3. *The cluster was made by another major version:* that version's programs are looked for; without them it is
//!    refused, with the ways to upgrade.
//! 4. *We are root:* the server runs as the user `postgres`, which is created if absent. If that user cannot reach
//!    `DATA_DIR`, the files live under `/var/lib/portcullis`, and `DATA_DIR` holds a link to them.
//! 5. *An earlier run was killed:* its server is stopped, and a new one recovers what was committed.
//! 6. *The server dies:* it is started again, at once at first, then with growing delays.
//! 7. *We stop:* the server ends its sessions and writes a checkpoint; if that takes too long it is made to stop.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use portcullis::embedded::{self, Options};
//!
//! let database = embedded::start(Options { data_dir: "./data".into(), durable: true }).await?;
//! let (client, connection) = database.config().connect(tokio_postgres::NoTls).await?;
//! // …
//! database.stop().await?;
//! # Ok(()) }
//! ```

mod account;
mod attach;
mod binaries;
mod cluster;
mod error;
mod layout;
mod lock;
mod postmaster;
mod process;
mod program;
mod sockets;
mod supervisor;

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use account::Caller;
pub use attach::running;
use binaries::Binaries;
pub use error::EmbeddedError;
use layout::Layout;
use lock::DataDirLock;
use postmaster::{Postmaster, Server};
use sockets::SocketFolder;
use supervisor::{Supervisor, Watchdog};

/// How to run the private server.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder for the cluster, its log and its lock; created if absent.
    pub data_dir: PathBuf,
    /// `true` keeps every acknowledged commit through a crash of the machine. `false` is for tests: nothing is
    /// flushed to disk, the role may create databases, more connections are allowed, and the server ends with this
    /// process, whichever way that ends.
    pub durable: bool,
}

/// A running private server.
///
/// Dropped without [`stop`](Self::stop), the server is told to shut down, and nobody waits for it.
#[derive(Debug)]
pub struct Embedded {
    config: tokio_postgres::Config,
    cluster: PathBuf,
    stop: oneshot::Sender<()>,
    supervisor: JoinHandle<Result<(), EmbeddedError>>,
}

/// Starts the private server and returns once its database `portcullis` takes connections.
///
/// Must be called within a tokio runtime that lives as long as the server is needed.
///
/// # Errors
/// Any [`EmbeddedError`] except [`Killed`](EmbeddedError::Killed); see the [module](self) for the cases.
pub async fn start(options: Options) -> Result<Embedded, EmbeddedError> {
    let (server, lock) = prepare(&options).await?;
    server.take_over().await?;
    let watchdog = if server.durable { None } else { Some(Watchdog::spawn(&server)?) };
    let postmaster = Postmaster::start(&server).await?;
    let config = connection_config(server.sockets.path());
    if let Err(error) = cluster::ensure_database(&config, &server).await {
        postmaster.stop().await?;
        return Err(error);
    }
    let cluster = server.layout.cluster();
    tracing::info!(pid = postmaster.id(), path = %cluster.display(), "the embedded database is up");

    let (stop, stopped) = oneshot::channel();
    let supervisor = tokio::spawn(Supervisor { server, postmaster, watchdog, lock }.run(stopped));
    Ok(Embedded { config, cluster, stop, supervisor })
}

/// Settles who runs which server where, and makes the cluster if there is none.
async fn prepare(options: &Options) -> Result<(Server, DataDirLock), EmbeddedError> {
    let caller = Caller::current().await?;
    let data_dir = layout::create_data_dir(&options.data_dir, &caller)?;
    let lock = DataDirLock::take(&data_dir)?;
    let (layout, account) = Layout::settle(&data_dir, &caller).await?;
    let cluster = layout.cluster();

    let made_by = cluster::made_by(&cluster)?;
    let binaries = Binaries::find(&cluster, made_by).await?;
    if made_by.is_none() {
        tracing::info!(path = %cluster.display(), "creating the database cluster");
        cluster::create(&layout, &binaries, account, options.durable).await?;
    }
    cluster::write_access_rules(&cluster, &caller, account)?;
    let sockets = SocketFolder::create(&data_dir, &caller, account)?;
    Ok((Server { binaries, account, layout, sockets, durable: options.durable }, lock))
}

impl Embedded {
    /// How to connect: over the socket, as the role and to the database `portcullis`.
    #[must_use]
    pub fn config(&self) -> tokio_postgres::Config {
        self.config.clone()
    }

    /// PostgreSQL's data directory: `postgres/cluster` in `DATA_DIR`, with links resolved.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.cluster
    }

    /// Shuts the server down, ending the sessions that are still open, and waits for it: up to 25 s.
    ///
    /// # Errors
    /// [`EmbeddedError::Killed`] if it did not stop in time.
    pub async fn stop(self) -> Result<(), EmbeddedError> {
        // Dropping the sender is the request.
        drop(self.stop);
        self.supervisor.await.unwrap_or(Err(EmbeddedError::Killed))
    }
}

fn connection_config(sockets: &Path) -> tokio_postgres::Config {
    let mut config = tokio_postgres::Config::new();
    config
        .host_path(sockets)
        .port(sockets::PORT)
        .user(cluster::SERVICE)
        .dbname(cluster::SERVICE)
        .connect_timeout(Duration::from_secs(5));
    config
}

/// Eight hexadecimal digits that stand for a path.
fn fingerprint(path: &Path) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, path.as_os_str().as_bytes());
    digest.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
