//! How every query runs: prepared once per connection, bounded in time, and timed under its name.

use std::time::Duration;

use deadpool_postgres::GenericClient as _;
use tokio::time::Instant;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use tracing::Instrument;

use super::{Client, DbError, GenericClient, Transaction};
use crate::metrics::DatabaseMetrics;
use crate::telemetry::SPANS;

/// The longest that one query may take from the client's side. A server that hangs is as good as gone, and callers deserve an early 503.
pub const TIMEOUT: Duration = Duration::from_secs(5);

type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

pub(super) async fn optional(
    client: &impl GenericClient,
    sql: &str,
    params: Params<'_>,
) -> Result<Option<Row>, DbError> {
    let driver = client.driver();
    let work = async { driver.query_opt(&driver.prepare_cached(sql).await?, params).await };
    timed(client, sql, work).await
}

pub(super) async fn one(client: &impl GenericClient, sql: &str, params: Params<'_>) -> Result<Row, DbError> {
    let driver = client.driver();
    let work = async { driver.query_one(&driver.prepare_cached(sql).await?, params).await };
    timed(client, sql, work).await
}

pub(super) async fn all(client: &impl GenericClient, sql: &str, params: Params<'_>) -> Result<Vec<Row>, DbError> {
    let driver = client.driver();
    let work = async { driver.query(&driver.prepare_cached(sql).await?, params).await };
    timed(client, sql, work).await
}

pub(super) async fn execute(client: &impl GenericClient, sql: &str, params: Params<'_>) -> Result<u64, DbError> {
    let driver = client.driver();
    let work = async { driver.execute(&driver.prepare_cached(sql).await?, params).await };
    timed(client, sql, work).await
}

/// Commits. An error leaves it open whether the database kept the change, so nothing may be acknowledged after one.
///
/// # Errors
/// When the commit was not confirmed.
pub async fn commit(transaction: Transaction<'_>) -> Result<(), DbError> {
    let Transaction { driver, metrics } = transaction;
    bounded(metrics, "transaction.commit", driver.commit()).await
}

/// Opens a transaction.
///
/// # Errors
/// When the database does not answer.
pub async fn begin(client: &mut Client) -> Result<Transaction<'_>, DbError> {
    let Client { driver, metrics } = client;
    let driver = bounded(metrics, "transaction.begin", driver.transaction()).await?;
    Ok(Transaction { driver, metrics })
}

async fn timed<T>(
    client: &impl GenericClient,
    sql: &str,
    work: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, DbError> {
    let metrics = client.metrics();
    bounded(metrics, metrics.name(sql), work).await
}

async fn bounded<T>(
    metrics: &DatabaseMetrics,
    name: &str,
    work: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, DbError> {
    let started = Instant::now();
    let span = tracing::debug_span!(
        target: SPANS,
        "db.query",
        otel.kind = "client",
        db.system.name = "postgresql",
        db.operation.name = name
    );
    let outcome = tokio::time::timeout(TIMEOUT, work.instrument(span)).await;
    metrics.query(name, started.elapsed());
    match outcome {
        Ok(result) => result.map_err(DbError::from),
        Err(_) => Err(DbError::timed_out()),
    }
}
