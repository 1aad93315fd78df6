//! Whether the security log is what was sealed.

mod fault;
mod walk;

use jiff::SignedDuration;

pub use fault::Fault;
use walk::Walk;

use super::head::Head;
use super::seal::SealKey;
use crate::db::audit_seals;
use crate::db::{DbError, GenericClient};

/// Seals that are read at once.
const PAGE: i64 = 500;
/// How much earlier than the seal before it a row may claim to have been written: transactions last seconds, and clocks differ by less.
const LATENESS: SignedDuration = SignedDuration::from_mins(10);

/// What was looked at, and what was wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Seals that were checked.
    pub seals: u64,
    /// Rows that were checked.
    pub rows: u64,
    /// The end of the chain, as it is published.
    pub head: Option<Head>,
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
}

/// Where to begin, and what must be there.
#[derive(Clone, Debug, Default)]
pub struct Heads {
    /// Only what comes after this seal is checked. Whoever kept its head from an earlier check trusts everything up to there: it may have
    /// been made with another key.
    pub after: Option<Head>,
    /// A head that was published earlier: it must be in the chain.
    pub expected: Option<Head>,
}

/// Checks the chain and every row that it covers; `progress` hears of every stretch.
///
/// # Errors
/// When the database does not answer. What is wrong with the log is in the report.
pub async fn verify(
    client: &impl GenericClient,
    key: &SealKey,
    heads: &Heads,
    mut progress: impl FnMut(&Report),
) -> Result<Report, DbError> {
    let mut walk = Walk::new(key, heads);
    // Until a page is empty: a month that left while we looked has its seal behind all others.
    while walk.is_whole() {
        let page = audit_seals::page(client, walk.seq(), PAGE).await?;
        if page.is_empty() {
            break;
        }
        for seal in page {
            walk.step(client, seal).await?;
            progress(walk.report());
        }
    }
    walk.finish(client).await
}

impl Report {
    /// Whether all that is wrong could be the doing of another key.
    #[must_use]
    pub fn may_be_another_key(&self) -> bool {
        self.faults.iter().all(|fault| matches!(fault, Fault::BrokenChain { .. }))
    }
}
