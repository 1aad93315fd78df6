//! How every query runs: prepared once per connection, and bounded in time.

use std::time::Duration;

use deadpool_postgres::{GenericClient, Transaction};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::DbError;

/// The longest that one query may take from the client's side. A server that hangs is as good as gone, and callers deserve an early 503.
pub const TIMEOUT: Duration = Duration::from_secs(5);

type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

pub(super) async fn optional(
    client: &impl GenericClient,
    sql: &str,
    params: Params<'_>,
) -> Result<Option<Row>, DbError> {
    bounded(async { client.query_opt(&client.prepare_cached(sql).await?, params).await }).await
}

pub(super) async fn one(client: &impl GenericClient, sql: &str, params: Params<'_>) -> Result<Row, DbError> {
    bounded(async { client.query_one(&client.prepare_cached(sql).await?, params).await }).await
}

pub(super) async fn all(client: &impl GenericClient, sql: &str, params: Params<'_>) -> Result<Vec<Row>, DbError> {
    bounded(async { client.query(&client.prepare_cached(sql).await?, params).await }).await
}

pub(super) async fn execute(client: &impl GenericClient, sql: &str, params: Params<'_>) -> Result<u64, DbError> {
    bounded(async { client.execute(&client.prepare_cached(sql).await?, params).await }).await
}

/// Commits. An error leaves it open whether the database kept the change, so nothing may be acknowledged after one.
///
/// # Errors
/// When the commit was not confirmed.
pub async fn commit(transaction: Transaction<'_>) -> Result<(), DbError> {
    bounded(transaction.commit()).await
}

/// Opens a transaction.
///
/// # Errors
/// When the database does not answer.
pub async fn begin(client: &mut deadpool_postgres::Client) -> Result<Transaction<'_>, DbError> {
    bounded(client.transaction()).await
}

async fn bounded<T>(work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, DbError> {
    match tokio::time::timeout(TIMEOUT, work).await {
        Ok(result) => result.map_err(DbError::from),
        Err(_) => Err(DbError::timed_out()),
    }
}
