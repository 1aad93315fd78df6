//! What verifications of the stored hashes cost, so that a refused log-in takes as long whatever its account holds.
//!
//! Accounts from elsewhere bring hashes that may be dearer than ours. The floor under all refusals knows of a price once it was paid; if
//! that were at a guess of somebody's, the first guesses after each start would tell which addresses have such accounts. So one hash of each
//! kind is computed before the first request, and again and again of each kind that an import has added since.

use std::sync::Arc;
use std::time::Duration;

use crate::auth::hash::Stored;
use crate::db::users;
use crate::error::{ApiError, chain};
use crate::state::App;

/// How long a start waits until the prices are known. What is left is learned beside requests.
const PATIENCE: Duration = Duration::from_secs(5);

/// Kinds of hashes that one look considers.
const KINDS: i64 = 64;

/// Hashes that one look computes: with the dearest that are accepted, a quarter of a minute of one core.
const COMPUTATIONS: usize = 16;

/// Learns the prices before the first request, unless there are so many that it takes too long.
pub async fn learn_at_start(app: &Arc<App>) {
    let learning = tokio::spawn({
        let app = app.clone();
        async move {
            if let Err(error) = learn(app).await {
                tracing::warn!(
                    error = chain(&error),
                    "what stored hashes cost is not known yet; it will be tried again"
                );
            }
        }
    });
    if tokio::time::timeout(PATIENCE, learning).await.is_err() {
        tracing::warn!("what all stored hashes cost is not known yet: refused log-ins may differ in time for a while");
    }
}

/// Computes one stored hash of each kind whose price is not known. Safe on several instances: each learns its own machine.
///
/// # Errors
/// When the database does not answer, or the hash pool is full: what is left is for the next look.
pub async fn learn(app: Arc<App>) -> Result<(), ApiError> {
    let prefix = app.hasher.algorithm().prefix();
    let samples = users::sample_hashes(&app.database.get().await?, &prefix, KINDS).await?;
    // One that cannot be read costs nobody anything: it is refused at the configured price.
    let samples = samples.iter().filter_map(|sample| Stored::parse(sample).ok());
    let unknown: Vec<_> = samples.filter(|sample| !app.hasher.knows(sample)).take(COMPUTATIONS).collect();
    for sample in unknown {
        let format = sample.format();
        app.hasher.admit()?.weigh(sample).await.map_err(ApiError::internal)?;
        tracing::debug!(%format, floor = ?app.hasher.floor(), "learned what a stored hash costs");
    }
    Ok(())
}
