//! The months of the security log.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::db::{DbError, GenericClient, audit_logs};

/// How many months have a partition ahead of time.
const MONTHS_AHEAD: i64 = 3;

/// Creates the partitions of this month and the next ones. A month whose events already lie in the default partition cannot have one of its
/// own any more; the others still can.
///
/// # Errors
/// The last failure, when all months were tried.
pub async fn prepare(client: &impl GenericClient, now: Timestamp) -> Result<(), DbError> {
    let this_month = now.to_zoned(TimeZone::UTC).date().first_of_month();
    let mut outcome = Ok(());
    for ahead in 0..=MONTHS_AHEAD {
        let Ok(first) = this_month.saturating_add(ahead.months()).to_zoned(TimeZone::UTC) else { continue };
        if let Err(error) = audit_logs::ensure_partition(client, first.timestamp()).await {
            outcome = Err(error);
        }
    }
    outcome
}
