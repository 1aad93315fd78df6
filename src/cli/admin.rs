//! What commands that touch the database share.

use std::sync::Arc;

use prometheus::Registry;
use tokio_postgres::Config as Server;

use super::operator;
use crate::audit::{Event, Origin, partitions};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, DatabaseConfig};
use crate::db::{Database, GenericClient};
use crate::embedded;
use crate::error::chain;
use crate::metrics::DatabaseMetrics;
use crate::random::{Random, SystemRandom};
use crate::setup::{self, Failure};

/// What a command may touch.
#[derive(Debug)]
pub(super) struct Admin {
    pub(super) config: Config,
    pub(super) database: Database,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
}

impl Admin {
    /// How the audit log names the command line.
    pub(super) fn origin() -> Origin {
        Origin { user_agent: Some("portcullis command line".into()), operator: operator::name(), ..Origin::default() }
    }

    /// Notes in the security log what the command does, in the transaction that does it or before it reads anything.
    ///
    /// # Errors
    /// When it cannot be written: then the command may not go on.
    pub(super) async fn record(&self, client: &impl GenericClient, event: &Event) -> Result<(), Failure> {
        Ok(event.write_at(self.clock.now(), &*self.random, client, &Self::origin()).await?)
    }
}

/// Runs `work` against the configured database, the embedded one of a service that runs on the same `DATA_DIR`, or one that is started for
/// as long as the work takes.
pub(super) async fn with_server(
    config: &Config,
    work: impl AsyncFnOnce(Server) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if let Some(server) = &config.database.server {
        return work(server.clone()).await;
    }
    if let Some(server) = embedded::running(&config.data_dir).await {
        return work(server).await;
    }
    let embedded = embedded::start(embedded::Options { data_dir: config.data_dir.clone(), durable: true }).await?;
    let result = work(embedded.config()).await;
    embedded.stop().await?;
    result
}

/// Runs `work` on a migrated database.
pub(super) async fn with_admin(
    config: Config,
    work: impl AsyncFnOnce(Admin) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // Boxed once here, or every command would carry a Config and a Database through its own future.
    Box::pin(with_server(&config.clone(), async |server| {
        setup::migrate(&config, &server).await?;
        // One person at a terminal needs few connections.
        let settings = DatabaseConfig { max_connections: 2, ..config.database.clone() };
        let database = Database::new(&server, &settings, DatabaseMetrics::register(&Registry::new())?)?;
        let admin = Admin { config, database, clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) };
        // A first event outside all months would keep the month from ever getting a partition.
        let prepared = partitions::prepare(&admin.database.get().await?, admin.clock.now()).await;
        if let Err(error) = prepared {
            tracing::debug!(error = chain(&error), "the months of the security log could not be prepared");
        }
        work(admin).await
    }))
    .await
}
