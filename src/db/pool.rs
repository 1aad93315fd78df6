//! The pool of connections.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Status};
use tokio::time::Instant;
use tokio_postgres::Config as Server;
use tokio_postgres::config::SslMode as WireMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Client, DbError, tls};
use crate::config::{DatabaseConfig, SslMode};
use crate::metrics::DatabaseMetrics;

/// The longest wait for a free or new connection: the time within which a request learns that the database is gone.
pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

/// Sent with every connection, so that a forgotten transaction or a runaway query cannot hold locks for good.
const SESSION_OPTIONS: &str = "-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s";

/// PostgreSQL as the service uses it. A clone shares the pool.
#[derive(Clone, Debug)]
pub struct Database {
    pool: Pool,
    /// The server itself, where a pooler stands before it.
    direct: Arc<Server>,
    ssl_mode: SslMode,
    metrics: Arc<DatabaseMetrics>,
    max_idle: usize,
    max_lifetime: Duration,
}

impl Database {
    /// Prepares a pool; connects on first use.
    ///
    /// # Errors
    /// When the TLS roots of the machine cannot be read.
    pub fn new(server: &Server, config: &DatabaseConfig, metrics: DatabaseMetrics) -> Result<Self, DatabaseSetupError> {
        let direct = Arc::new(config.direct.as_ref().unwrap_or(server).clone());
        let mut server = with_timeouts(server, config.ssl_mode);
        // A transaction pooler refuses start-up options that it does not know; its own settings bound the sessions then.
        if config.direct.is_none() && server.get_options().is_none() {
            server.options(SESSION_OPTIONS);
        }
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(server, connector(config.ssl_mode)?, recycling);
        let pool = Pool::builder(manager)
            .max_size(config.max_connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(ACQUIRE_TIMEOUT))
            .create_timeout(Some(ACQUIRE_TIMEOUT))
            .recycle_timeout(Some(ACQUIRE_TIMEOUT))
            .build()?;
        let metrics = Arc::new(metrics);
        Ok(Self {
            pool,
            direct,
            ssl_mode: config.ssl_mode,
            metrics,
            max_idle: config.max_idle,
            max_lifetime: config.max_lifetime,
        })
    }

    /// A connection, within [`ACQUIRE_TIMEOUT`].
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when there is none in time.
    pub async fn get(&self) -> Result<Client, DbError> {
        let started = Instant::now();
        let outcome = tokio::time::timeout(ACQUIRE_TIMEOUT, self.pool.get()).await;
        self.metrics.waited(started.elapsed());
        match outcome {
            Ok(driver) => Ok(Client { driver: driver?, metrics: self.metrics.clone() }),
            Err(_) => Err(DbError::timed_out()),
        }
    }

    /// How full the pool is.
    #[must_use]
    pub fn status(&self) -> Status {
        self.pool.status()
    }

    /// Closes idle connections that are too old or too many.
    pub fn trim(&self) {
        let mut kept = 0;
        self.pool.retain(|_, metrics| {
            let keep = metrics.age() < self.max_lifetime && kept < self.max_idle;
            kept += usize::from(keep);
            keep
        });
    }

    /// Closes the pool: connections in use end when they are given back.
    pub fn close(&self) {
        self.pool.close();
    }
}

/// Why no pool could be prepared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseSetupError {
    /// TLS could not be prepared.
    #[error("TLS for PostgreSQL cannot be set up: {0}")]
    Tls(#[from] tls::TlsError),
    /// The pool refused its settings.
    #[error("the connection pool cannot be built: {0}")]
    Pool(#[from] deadpool_postgres::BuildError),
    /// A connection outside the pool failed.
    #[error("cannot connect to PostgreSQL: {0}")]
    Connect(#[from] tokio_postgres::Error),
}

/// A connection of its own, outside the pool, for migrations and command-line work; it ends when the client is dropped.
///
/// # Errors
/// When the server does not let us in.
pub async fn connect(server: &Server, ssl_mode: SslMode) -> Result<tokio_postgres::Client, DatabaseSetupError> {
    let (client, connection) = with_timeouts(server, ssl_mode).connect(connector(ssl_mode)?).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = &error as &dyn std::error::Error, "a direct database connection ended");
        }
    });
    Ok(client)
}

type DirectConnection = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// A connection past any pooler, which the caller drives.
pub(super) async fn direct(
    database: &Database,
) -> Result<(tokio_postgres::Client, DirectConnection), DatabaseSetupError> {
    let server = with_timeouts(&database.direct, database.ssl_mode);
    Ok(server.connect(connector(database.ssl_mode)?).await?)
}

fn with_timeouts(server: &Server, ssl_mode: SslMode) -> Server {
    let mut server = server.clone();
    server
        .connect_timeout(ACQUIRE_TIMEOUT)
        .tcp_user_timeout(Duration::from_secs(10))
        .keepalives_idle(Duration::from_secs(30));
    if server.get_application_name().is_none() {
        server.application_name("portcullis");
    }
    server.ssl_mode(match ssl_mode {
        SslMode::Disable => WireMode::Disable,
        SslMode::Prefer => WireMode::Prefer,
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => WireMode::Require,
    });
    server
}

fn connector(mode: SslMode) -> Result<MakeRustlsConnect, tls::TlsError> {
    Ok(MakeRustlsConnect::new(tls::client_config(mode)?))
}
