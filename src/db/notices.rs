//! Notices between instances and the command line, by `NOTIFY`. They name no table: what they are about is in tables or in memory.

use std::future::poll_fn;

use tokio::sync::mpsc;
use tokio_postgres::AsyncMessage;

use super::catalog::queries;
use super::pool::{self, DatabaseSetupError};
use super::{Database, DbError, GenericClient, Query, query};

/// Tells all instances that limits were cleared.
pub const LIMITS_CLEARED: &str = "select pg_notify('portcullis_limits', $1)";

const LISTEN: &str = "listen portcullis_limits";

/// Notices that wait at once. An instance that falls behind so far is told late.
const WAITING: usize = 64;

/// Tells all instances, once the transaction around it commits, which limits were cleared. PostgreSQL takes 8000 bytes.
///
/// # Errors
/// When the database does not answer.
pub async fn limits_cleared(client: &impl GenericClient, notice: &str) -> Result<(), DbError> {
    query::one(client, LIMITS_CLEARED, &[&notice]).await.map(drop)
}

/// The notices that come while this is kept.
#[derive(Debug)]
pub struct Notices {
    received: mpsc::Receiver<String>,
    /// The connection lives as long as its client.
    _client: tokio_postgres::Client,
}

impl Notices {
    /// Listens over a connection of its own, which goes past a transaction pooler (`DATABASE_DIRECT_URL`): none of them passes notices on.
    ///
    /// # Errors
    /// When the server does not let us in.
    pub async fn listen(database: &Database) -> Result<Self, DatabaseSetupError> {
        let (client, mut connection) = pool::direct(database).await?;
        let (sender, received) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notification(notice) = message
                    && sender.send(notice.payload().to_owned()).await.is_err()
                {
                    return;
                }
            }
        });
        client.batch_execute(LISTEN).await?;
        Ok(Self { received, _client: client })
    }

    /// The next notice; `None` when the connection is lost.
    pub async fn next(&mut self) -> Option<String> {
        self.received.recv().await
    }
}

/// Every query of this file.
pub const QUERIES: &[Query] = queries![LIMITS_CLEARED];
