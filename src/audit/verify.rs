//! Whether the security log is what was sealed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use super::seal::{self, SealKey};
use super::sealer;
use crate::db::audit_seals::{self, AuditSeal, SealKind, SealableRow};
use crate::db::{DbError, GenericClient};

/// Seals that are read at once.
const PAGE: i64 = 500;

/// Something that nobody may have done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The chain does not go on here: a seal is missing, was changed, or was made with another key.
    BrokenChain {
        /// The place at which the next seal was expected.
        seq: i64,
    },
    /// Other rows stand where these were sealed.
    RowsDiffer {
        /// The seal.
        seq: i64,
        /// The month of the rows.
        month: Date,
        /// How many rows were sealed.
        sealed: i64,
        /// How many there are.
        found: i64,
    },
    /// Rows were added where everything had been sealed.
    RowsAdded {
        /// The month of the rows.
        month: Date,
        /// How many there are.
        found: i64,
    },
    /// A personal field was rewritten, or erased but for its salt.
    PersonalFieldChanged {
        /// The row.
        id: Uuid,
    },
    /// Rows went around the stamp that every insert gets.
    Unstamped {
        /// How many.
        rows: i64,
    },
    /// The seal that was published is not in the chain: its end was cut off, or made anew.
    HeadMissing,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BrokenChain { seq } => {
                write!(f, "the chain breaks at seal {seq}: it is missing, was changed, or was made under another key")
            }
            Self::RowsDiffer { seq, month, sealed, found } if sealed == found => {
                write!(f, "seal {seq}: some of the {sealed} rows of {month:.7} were changed")
            }
            Self::RowsDiffer { seq, month, sealed, found } => {
                write!(f, "seal {seq}: {sealed} rows of {month:.7} were sealed, and {found} are there")
            }
            Self::RowsAdded { month, found } => {
                write!(f, "{found} rows of {month:.7} stand where everything had been sealed")
            }
            Self::PersonalFieldChanged { id } => write!(f, "row {id}: a personal field was rewritten"),
            Self::Unstamped { rows } => write!(f, "{rows} rows were written around the trigger that stamps them"),
            Self::HeadMissing => f.write_str("the given head is not in the chain: its end was cut off or made anew"),
        }
    }
}

/// What was looked at, and what was wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Seals that were checked.
    pub seals: u64,
    /// Rows that were checked.
    pub rows: u64,
    /// The end of the chain, as it is [published](sealer::head).
    pub head: Option<String>,
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
}

/// Checks the whole chain and every row that it covers. `head` is one that was published earlier; `progress` hears of every seal.
///
/// # Errors
/// When the database does not answer. What is wrong with the log is in the report.
pub async fn verify(
    client: &impl GenericClient,
    key: &SealKey,
    head: Option<&str>,
    mut progress: impl FnMut(&Report),
) -> Result<Report, DbError> {
    let mut report = Report::default();
    let (seals, began) = chain(client, key, head, &mut report).await?;
    let dropped: BTreeSet<Date> =
        seals.iter().filter(|seal| seal.kind == SealKind::Dropped).map(|seal| seal.month).collect();
    let mut stretches: BTreeMap<(i64, i64), Vec<&AuditSeal>> = BTreeMap::new();
    for seal in seals.iter().filter(|seal| seal.kind == SealKind::Rows) {
        stretches.entry((seal.from_txid, seal.to_txid)).or_default().push(seal);
    }
    let mut end = 0;
    for ((from, to), seals) in stretches {
        if from != end {
            report.faults.push(Fault::BrokenChain { seq: seals.first().map_or(0, |seal| seal.seq) });
        }
        end = to;
        let rows = audit_seals::rows(client, from, to).await?;
        stretch(&rows, &seals, &dropped, &mut report);
        progress(&report);
    }
    if let Some(began) = began {
        let rows = audit_seals::count_unstamped(client, began).await?;
        if rows > 0 {
            report.faults.push(Fault::Unstamped { rows });
        }
    }
    Ok(report)
}

/// Reads the chain up to its first break, and tells when its first seal was made.
async fn chain(
    client: &impl GenericClient,
    key: &SealKey,
    head: Option<&str>,
    report: &mut Report,
) -> Result<(Vec<AuditSeal>, Option<Timestamp>), DbError> {
    let mut seals: Vec<AuditSeal> = Vec::new();
    let mut is_head_found = head.is_none();
    loop {
        let page = audit_seals::page(client, seals.last().map_or(0, |seal| seal.seq), PAGE).await?;
        if page.is_empty() {
            break;
        }
        for seal in page {
            let expected = seals.last().map_or(1, |last| last.seq + 1);
            let previous = seals.last().map_or(&[][..], |last| &last.seal);
            if seal.seq != expected || !key.fits(previous, &seal) {
                report.faults.push(Fault::BrokenChain { seq: expected });
                return Ok((seals, None));
            }
            is_head_found = is_head_found || head == Some(sealer::head(&seal).as_str());
            seals.push(seal);
            report.seals += 1;
        }
    }
    if !is_head_found {
        report.faults.push(Fault::HeadMissing);
    }
    report.head = seals.last().map(sealer::head);
    let began = seals.first().map(|seal| seal.created_at);
    Ok((seals, began))
}

/// Checks the rows of one stretch of transactions against its seals, one for each month.
fn stretch(rows: &[SealableRow], seals: &[&AuditSeal], dropped: &BTreeSet<Date>, report: &mut Report) {
    let mut months: BTreeMap<Date, Vec<&SealableRow>> = BTreeMap::new();
    for row in rows {
        months.entry(seal::month(row)).or_default().push(row);
        report.rows += 1;
        if !seal::is_personal_intact(row) {
            report.faults.push(Fault::PersonalFieldChanged { id: row.id });
        }
    }
    for seal in seals {
        let found = months.remove(&seal.month).unwrap_or_default();
        if found.is_empty() && dropped.contains(&seal.month) {
            continue;
        }
        let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
        if count != seal.row_count || seal::rows_digest(found) != seal.rows_digest {
            let (seq, month) = (seal.seq, seal.month);
            report.faults.push(Fault::RowsDiffer { seq, month, sealed: seal.row_count, found: count });
        }
    }
    for (month, found) in months {
        let found = i64::try_from(found.len()).unwrap_or(i64::MAX);
        report.faults.push(Fault::RowsAdded { month, found });
    }
}
