//! Connections to Redis, and one question to it within a deadline.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bb8_redis::RedisConnectionManager;
use bb8_redis::bb8::{ErrorSink, ManageConnection, Pool, RunError};
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{ConnectionInfo, FromRedisValue, RedisError, ScriptInvocation};

use super::error::Failure;

/// Each serves any number of requests at once; more than one spreads the work over threads.
const CONNECTIONS: u32 = 4;
/// A connection may take longer than a request waits for it: it is made beside the request.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Link {
    pool: Pool<Manager>,
    connect_failure: ConnectFailure,
}

impl Link {
    /// Connects when first asked.
    pub(super) fn new(address: ConnectionInfo) -> Result<Self, RedisError> {
        // Small writes that somebody waits for.
        let address = address.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let manager = Manager(RedisConnectionManager::new(address)?);
        let connect_failure = ConnectFailure::default();
        let pool = Pool::builder()
            .max_size(CONNECTIONS)
            // A PING before each question would double the time it takes.
            .test_on_check_out(false)
            .connection_timeout(CONNECT_TIMEOUT)
            .retry_connection(false)
            // No reaper: broken connections are found by those who use them.
            .max_lifetime(None)
            .idle_timeout(None)
            .error_sink(connect_failure.boxed_clone())
            .build_unchecked(manager);
        Ok(Self { pool, connect_failure })
    }

    /// Waits until there is a connection, a second at most.
    pub(super) async fn connect(&self) -> Result<(), Failure> {
        self.connection().await.map(drop)
    }

    pub(super) async fn invoke<T>(&self, script: ScriptInvocation<'_>, deadline: Duration) -> Result<T, Failure>
    where
        T: FromRedisValue,
    {
        self.ask(deadline, async |connection| script.invoke_async(connection).await).await
    }

    pub(super) async fn delete(&self, key: &[u8], deadline: Duration) -> Result<(), Failure> {
        self.ask(deadline, async |connection| redis::cmd("DEL").arg(key).query_async(connection).await).await
    }

    /// Puts one question. Whatever failed, its connection is not used again: it may be half dead, or lead to a server that is no longer
    /// the right one.
    async fn ask<T>(
        &self,
        deadline: Duration,
        question: impl AsyncFnOnce(&mut MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Result<T, Failure> {
        let mut used = None;
        let answer = tokio::time::timeout(deadline, async {
            let Connection { mut redis, broken } = self.connection().await?;
            used = Some(broken);
            question(&mut redis).await.map_err(Failure::from)
        });
        let answer = match answer.await {
            Ok(answer) => answer,
            Err(_) if used.is_none() => Err(self.connect_failure.take().unwrap_or(Failure::Deadline)),
            Err(_) => Err(Failure::Deadline),
        };
        if let (Err(_), Some(broken)) = (&answer, used) {
            broken.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// A clone of a pooled connection, which goes back at once: many share it.
    async fn connection(&self) -> Result<Connection, Failure> {
        loop {
            let pooled = self.pool.get().await.map_err(|error| match error {
                RunError::User(error) => error.into(),
                RunError::TimedOut => self.connect_failure.take().unwrap_or(Failure::Deadline),
            })?;
            // A broken one leaves the pool as it goes back.
            if !pooled.is_broken() {
                return Ok(pooled.clone());
            }
        }
    }
}

/// A connection that knows whether it failed somebody.
#[derive(Clone)]
struct Connection {
    redis: MultiplexedConnection,
    broken: Arc<AtomicBool>,
}

impl Connection {
    fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }
}

/// [`RedisConnectionManager`], but with broken connections dropped: by itself it takes all for good.
#[derive(Debug)]
struct Manager(RedisConnectionManager);

impl ManageConnection for Manager {
    type Connection = Connection;
    type Error = RedisError;

    async fn connect(&self) -> Result<Connection, RedisError> {
        let redis = self.0.connect().await?;
        Ok(Connection { redis, broken: Arc::default() })
    }

    fn is_valid(&self, connection: &mut Connection) -> impl Future<Output = Result<(), RedisError>> + Send {
        self.0.is_valid(&mut connection.redis)
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        connection.is_broken()
    }
}

/// Why the last attempt to connect failed: the pool tells nobody who waits.
#[derive(Clone, Default)]
struct ConnectFailure(Arc<Mutex<Option<Failure>>>);

impl ConnectFailure {
    fn take(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ErrorSink<RedisError> for ConnectFailure {
    fn sink(&self, error: RedisError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.into());
    }

    fn boxed_clone(&self) -> Box<dyn ErrorSink<RedisError>> {
        Box::new(self.clone())
    }
}

impl fmt::Debug for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectFailure").finish_non_exhaustive()
    }
}
