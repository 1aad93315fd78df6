//! Is the database there, and is its schema ours? However many ask: the answer is looked for once a second at most.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Database;
use crate::clock::Clock;
use crate::error::chain;

/// The longest that a probe waits for the database.
const TIMEOUT: Duration = Duration::from_secs(2);
/// For how long an answer is good.
const FRESH: Duration = Duration::from_secs(1);

/// What a probe saw of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Whether it answered.
    pub is_reachable: bool,
    /// Whether every migration is applied.
    pub is_migrated: bool,
    /// How long the answer took.
    pub response_time: Duration,
    /// When it came.
    pub seen_at: Timestamp,
}

/// The last look at the database. Whoever asks while somebody looks waits for what he sees.
#[derive(Debug, Default)]
pub struct Probe(Mutex<Option<(Instant, Sight)>>);

impl Probe {
    /// How the database is, as seen within the last second. One round trip answers for server and schema.
    pub async fn look(&self, database: &Database, clock: &dyn Clock) -> Sight {
        let mut last = self.0.lock().await;
        if let Some((at, sight)) = *last
            && at.elapsed() < FRESH
        {
            return sight;
        }
        let sight = look(database, clock).await;
        *last = Some((Instant::now(), sight));
        sight
    }
}

async fn look(database: &Database, clock: &dyn Clock) -> Sight {
    let started = Instant::now();
    let pending = tokio::time::timeout(TIMEOUT, async {
        let client = database.get().await.map_err(|error| chain(&error))?;
        client.pending_migrations().await.map_err(|error| chain(&error))
    })
    .await
    .unwrap_or_else(|_| Err("no answer in time".to_owned()));
    let (is_reachable, is_migrated) = match pending {
        Ok(pending) if pending.is_empty() => (true, true),
        Ok(pending) => {
            tracing::warn!(pending = pending.len(), "migrations are pending");
            (true, false)
        }
        Err(error) => {
            tracing::warn!(error, "the health probe found the database unavailable");
            (false, false)
        }
    };
    Sight { is_reachable, is_migrated, response_time: started.elapsed(), seen_at: clock.now() }
}
