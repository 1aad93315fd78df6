//! Connections to Redis, and one question to it within a deadline.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bb8_redis::bb8::{ErrorSink, ManageConnection, Pool, RunError};
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{Cmd, ConnectionInfo, FromRedisValue, RedisError, ScriptInvocation};

use super::error::Failure;
use super::node::Node;

/// Each serves any number of requests at once; more than one spreads the work over threads.
const CONNECTIONS: u32 = 4;
/// A connection may take longer than a request waits for it: it is made beside the request.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Link {
    pool: Pool<Manager>,
    node: Arc<Node>,
    connect_failure: ConnectFailure,
}

impl Link {
    /// Connects when first asked.
    pub(super) fn new(address: ConnectionInfo) -> Result<Self, RedisError> {
        // Small writes that somebody waits for.
        let address = address.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let node = Arc::new(Node::new(address)?);
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
            .build_unchecked(Manager(node.clone()));
        Ok(Self { pool, node, connect_failure })
    }

    /// Waits until there is a connection, a second at most.
    pub(super) async fn connect(&self) -> Result<(), Failure> {
        self.connection().await.map(drop)
    }

    pub(super) async fn invoke<T>(&self, script: ScriptInvocation<'_>, deadline: Duration) -> Result<T, Failure>
    where
        T: FromRedisValue,
    {
        self.ask(deadline, &Question::Script(script)).await
    }

    pub(super) async fn delete(&self, keys: &[Vec<u8>], deadline: Duration) -> Result<(), Failure> {
        self.ask(deadline, &Question::Command(redis::cmd("DEL").arg(keys).take())).await
    }

    /// Puts one question. Whatever failed, its connection is not used again: it may be half dead, or lead to a server that is no longer
    /// the right one.
    async fn ask<T: FromRedisValue>(&self, deadline: Duration, question: &Question<'_>) -> Result<T, Failure> {
        let mut used = None;
        let answer = tokio::time::timeout(deadline, async {
            let Connection { mut redis, broken } = self.connection().await?;
            used = Some(broken.clone());
            match question.put(&mut redis).await {
                Err(moved) if self.node.follow(&moved) => {}
                answer => return answer.map_err(Failure::from),
            }
            broken.store(true, Ordering::Relaxed);
            let Connection { mut redis, broken } = self.connection().await?;
            used = Some(broken);
            question.put(&mut redis).await.map_err(Failure::from)
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

enum Question<'a> {
    Script(ScriptInvocation<'a>),
    Command(Cmd),
}

impl Question<'_> {
    async fn put<T: FromRedisValue>(&self, connection: &mut MultiplexedConnection) -> Result<T, RedisError> {
        match self {
            Self::Script(script) => script.invoke_async(connection).await,
            Self::Command(command) => command.query_async(connection).await,
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

/// What `bb8_redis` has for this takes all connections for good.
#[derive(Debug)]
struct Manager(Arc<Node>);

impl ManageConnection for Manager {
    type Connection = Connection;
    type Error = RedisError;

    async fn connect(&self) -> Result<Connection, RedisError> {
        let redis = self.0.connect().await?;
        Ok(Connection { redis, broken: Arc::default() })
    }

    async fn is_valid(&self, connection: &mut Connection) -> Result<(), RedisError> {
        redis::cmd("PING").query_async(&mut connection.redis).await
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
