//! Whether the store of shared limits answers. However many ask: it is asked once a second at most.

use std::time::Duration;

use jiff::Timestamp;
use portcullis_layers::rate_limit_redis::Failure;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Limits;
use crate::clock::Clock;

/// For how long an answer is good.
const FRESH: Duration = Duration::from_secs(1);

/// How long a look may take: probes of the service do not wait long for their answer, and it does not depend on Redis.
const PATIENCE: Duration = Duration::from_millis(250);

/// What was last seen of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreSight {
    /// Whether it answers, and requests ask it.
    pub is_shared: bool,
    /// How long its answer took, or we waited for it.
    pub response_time: Duration,
    /// When it came.
    pub seen_at: Timestamp,
}

/// The last look at the store. Whoever asks while somebody looks waits for what he sees.
#[derive(Debug, Default)]
pub(super) struct StoreProbe(Mutex<Option<(Instant, StoreSight)>>);

impl Limits {
    /// Asks the store now, for somebody at a terminal. All is well where limits are not shared.
    ///
    /// # Errors
    /// When it does not answer, or takes no writes.
    pub async fn check_store(&self) -> Result<(), Failure> {
        match &self.redis {
            Some(redis) => redis.check().await,
            None => Ok(()),
        }
    }

    /// How the store is, as seen within the last second; `None` where limits are not shared.
    pub async fn look(&self, clock: &dyn Clock) -> Option<StoreSight> {
        let redis = self.redis.as_ref()?;
        let mut last = self.probe.0.lock().await;
        if let Some((at, sight)) = *last
            && at.elapsed() < FRESH
        {
            return Some(sight);
        }
        let begun = Instant::now();
        let answers = matches!(tokio::time::timeout(PATIENCE, redis.check()).await, Ok(Ok(())));
        let sight = StoreSight {
            is_shared: answers && redis.is_shared(),
            response_time: begun.elapsed(),
            seen_at: clock.now(),
        };
        self.metrics.redis_up.set(answers.into());
        self.metrics.store_up.set(sight.is_shared.into());
        *last = Some((Instant::now(), sight));
        Some(sight)
    }
}
