//! A connection of the pool and a transaction on it: the driver's, with the metrics of what runs there.

use std::sync::Arc;

use tokio::time::Instant;

use super::migrate::{self, MigrateError, Migration};
use crate::metrics::DatabaseMetrics;

/// What queries run on: a [`Client`], or a [`Transaction`] on one.
pub trait GenericClient: Sync {
    /// The driver's type for it.
    type Driver: deadpool_postgres::GenericClient;

    /// The driver's side of it.
    fn driver(&self) -> &Self::Driver;

    /// Where durations are noted.
    fn metrics(&self) -> &DatabaseMetrics;
}

/// A connection of the pool, which goes back there when this is dropped.
#[derive(Debug)]
pub struct Client {
    pub(super) driver: deadpool_postgres::Client,
    pub(super) metrics: Arc<DatabaseMetrics>,
}

impl Client {
    /// The migrations that are not applied yet.
    ///
    /// # Errors
    /// As [`migrate::pending`].
    pub async fn pending_migrations(&self) -> Result<Vec<&'static Migration>, MigrateError> {
        let started = Instant::now();
        let pending = migrate::pending(&**self.driver).await;
        self.metrics.query("migrations.pending", started.elapsed());
        pending
    }
}

impl GenericClient for Client {
    type Driver = deadpool_postgres::Client;

    fn driver(&self) -> &Self::Driver {
        &self.driver
    }

    fn metrics(&self) -> &DatabaseMetrics {
        &self.metrics
    }
}

/// A transaction, rolled back when this is dropped.
#[expect(missing_debug_implementations, reason = "the driver's transaction has none")]
pub struct Transaction<'a> {
    pub(super) driver: deadpool_postgres::Transaction<'a>,
    pub(super) metrics: &'a DatabaseMetrics,
}

impl<'a> GenericClient for Transaction<'a> {
    type Driver = deadpool_postgres::Transaction<'a>;

    fn driver(&self) -> &Self::Driver {
        &self.driver
    }

    fn metrics(&self) -> &DatabaseMetrics {
        self.metrics
    }
}
