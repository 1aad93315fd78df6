//! The rows that one step of the sealer covers.

use std::collections::BTreeMap;

use jiff::civil::Date;
use uuid::Uuid;

use super::seal::{self, Tally};
use crate::db::audit_seals::{self, AuditSeal, SealableRow};
use crate::db::{DbError, GenericClient};

/// Rows that are read at once: one transaction may have written any number.
const PAGE: i64 = 5_000;

/// Transactions of one cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The cluster.
    pub epoch: i64,
    /// The first transaction.
    pub from: i64,
    /// The first one that is no part of it any more.
    pub to: i64,
}

impl Stretch {
    /// What a seal covers.
    #[must_use]
    pub const fn of(seal: &AuditSeal) -> Self {
        Self { epoch: seal.epoch, from: seal.from_txid, to: seal.to_txid }
    }

    /// Reads its rows, and tells what there is of each month. `look` sees every row on the way.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tally(
        self,
        client: &impl GenericClient,
        mut look: impl FnMut(&SealableRow),
    ) -> Result<BTreeMap<Date, Tally>, DbError> {
        let mut months = BTreeMap::<Date, Tally>::new();
        // Behind whatever an earlier transaction wrote. None has an id below 3.
        let mut after = (self.from.saturating_sub(1).max(0), Uuid::max());
        loop {
            let rows = audit_seals::rows(client, self.epoch, after, self.to, PAGE).await?;
            for row in &rows {
                look(row);
                months.entry(seal::month(row)).or_default().add(row);
            }
            match rows.last() {
                Some(last) => after = (last.txid, last.id),
                None => return Ok(months),
            }
        }
    }
}
