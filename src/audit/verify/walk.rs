//! From seal to seal along the chain, with the rows of each.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Fault, Heads, LATENESS, Report};
use crate::audit::head::Head;
use crate::audit::seal::{self, SealKey, Tally};
use crate::audit::stretch::Stretch;
use crate::db::audit_seals::{self, AuditSeal, SealKind};
use crate::db::{DbError, GenericClient};

/// How far a check is. Of the chain it remembers only what the next seal has to fit.
pub(super) struct Walk<'a> {
    key: &'a SealKey,
    heads: &'a Heads,
    report: Report,
    /// The last seal that fits.
    end: Head,
    is_whole: bool,
    is_head_found: bool,
    /// The seals of one stretch, a month each, until the next one begins.
    group: Vec<AuditSeal>,
    /// When the last seal before the group was made.
    sealed_at: Option<Timestamp>,
    /// Where the chain stopped in each cluster.
    positions: BTreeMap<i64, i64>,
    /// Where the chain stopped last.
    epoch: Option<i64>,
    /// Months of which a seal found nothing: its place, and how many rows there were. Retention excuses them, if a later seal says so.
    missing: BTreeMap<Date, (i64, i64)>,
}

/// What the rows of a stretch say.
struct Found {
    months: BTreeMap<Date, Tally>,
    rows: u64,
    backdated: i64,
    rewritten: Vec<Fault>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(key: &'a SealKey, heads: &'a Heads) -> Self {
        Self {
            key,
            heads,
            report: Report::default(),
            end: heads.after.clone().unwrap_or(Head { seq: 0, seal: Vec::new() }),
            is_whole: true,
            is_head_found: heads.expected.is_none() || heads.expected == heads.after,
            group: Vec::new(),
            sealed_at: None,
            positions: BTreeMap::new(),
            epoch: None,
            missing: BTreeMap::new(),
        }
    }

    /// Whether the chain has not broken yet.
    pub(super) const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The place of the last seal that fits.
    pub(super) const fn seq(&self) -> i64 {
        self.end.seq
    }

    pub(super) const fn report(&self) -> &Report {
        &self.report
    }

    /// Goes on to the next seal. Behind a break there is nothing to go by.
    pub(super) async fn step(&mut self, client: &impl GenericClient, seal: AuditSeal) -> Result<(), DbError> {
        let expected = self.end.seq.saturating_add(1);
        if !self.is_whole || seal.seq != expected || !self.key.fits(&self.end.seal, &seal) {
            if self.is_whole {
                self.report.faults.push(Fault::BrokenChain { seq: expected });
                self.is_whole = false;
            }
            return Ok(());
        }
        self.end = Head::of(&seal);
        self.is_head_found = self.is_head_found || self.heads.expected.as_ref() == Some(&self.end);
        self.report.seals += 1;
        let goes_on = seal.kind == SealKind::Rows
            && self.group.first().is_none_or(|first| Stretch::of(first) == Stretch::of(&seal));
        if !goes_on {
            self.close_group(client).await?;
        }
        match seal.kind {
            SealKind::Rows => self.group.push(seal),
            SealKind::Dropped => {
                self.missing.remove(&seal.month);
                self.sealed_at = Some(seal.created_at);
            }
        }
        Ok(())
    }

    /// Checks what no seal covers, and tells everything.
    pub(super) async fn finish(mut self, client: &impl GenericClient) -> Result<Report, DbError> {
        self.close_group(client).await?;
        for (month, (seq, sealed)) in std::mem::take(&mut self.missing) {
            self.report.faults.push(Fault::RowsDiffer { seq, month, sealed, found: 0 });
        }
        if self.is_whole {
            if !self.is_head_found {
                self.report.faults.push(Fault::HeadMissing);
            }
            self.report.head = (self.end.seq > 0).then(|| self.end.clone());
        }
        let (mut unstamped, mut out_of_reach) = (0, 0);
        let here = audit_seals::epoch(client).await?;
        for epoch in audit_seals::epochs(client).await? {
            unstamped += audit_seals::count_unstamped(client, epoch).await?;
            if epoch == here {
                out_of_reach += audit_seals::count_ahead(client, epoch).await?;
            } else if let Some(end) = self.last_of(epoch, here) {
                out_of_reach += audit_seals::count_from(client, epoch, end).await?;
            }
        }
        if unstamped > 0 {
            self.report.faults.push(Fault::Unstamped { rows: unstamped });
        }
        if out_of_reach > 0 {
            self.report.faults.push(Fault::OutOfReach { rows: out_of_reach });
        }
        Ok(self.report)
    }

    /// Where the chain ended for good in another cluster. Until it has gone on from there to this one, rows may still be sealed.
    fn last_of(&self, epoch: i64, here: i64) -> Option<i64> {
        let is_left = self.is_whole && self.epoch == Some(here);
        let position = self.positions.get(&epoch).copied();
        // Behind a trusted head, what came before is not known.
        is_left.then(|| position.or(self.heads.after.is_none().then_some(0))).flatten()
    }

    async fn close_group(&mut self, client: &impl GenericClient) -> Result<(), DbError> {
        let group = std::mem::take(&mut self.group);
        let (Some(first), Some(last)) = (group.first(), group.last()) else { return Ok(()) };
        let stretch = Stretch::of(first);
        let position = self.positions.insert(stretch.epoch, stretch.to);
        let is_known = position.is_some() || self.heads.after.is_none();
        if is_known && position.unwrap_or(0) != stretch.from {
            self.report.faults.push(Fault::BrokenChain { seq: first.seq });
        }
        let mut found = self.read(client, stretch).await?;
        if !fits(&group, &found) {
            // A month may have left between two pages of its rows: then it is all gone by now.
            found = self.read(client, stretch).await?;
        }
        self.report.rows += found.rows;
        self.report.faults.append(&mut found.rewritten);
        if found.backdated > 0 {
            self.report.faults.push(Fault::Backdated { seq: first.seq, rows: found.backdated });
        }
        self.compare(&group, found.months);
        self.sealed_at = Some(last.created_at);
        self.epoch = Some(stretch.epoch);
        Ok(())
    }

    async fn read(&self, client: &impl GenericClient, stretch: Stretch) -> Result<Found, DbError> {
        let earliest = self.sealed_at.and_then(|sealed_at| sealed_at.checked_sub(LATENESS).ok());
        let (mut rows, mut backdated, mut rewritten) = (0, 0, Vec::new());
        let months = stretch.tally(client, |row| {
            rows += 1;
            backdated += i64::from(earliest.is_some_and(|earliest| row.created_at < earliest));
            if !seal::is_personal_intact(row) {
                rewritten.push(Fault::PersonalFieldChanged { id: row.id });
            }
        });
        Ok(Found { months: months.await?, rows, backdated, rewritten })
    }

    fn compare(&mut self, group: &[AuditSeal], mut months: BTreeMap<Date, Tally>) {
        for seal in group {
            let (seq, month, sealed) = (seal.seq, seal.month, seal.row_count);
            match months.remove(&month) {
                None => {
                    let (_, rows) = self.missing.entry(month).or_insert((seq, 0));
                    *rows += sealed;
                }
                Some(tally) if is_sealed_by(&tally, seal) => {}
                Some(tally) => {
                    self.report.faults.push(Fault::RowsDiffer { seq, month, sealed, found: tally.rows() });
                }
            }
        }
        for (month, tally) in months {
            self.report.faults.push(Fault::RowsAdded { month, found: tally.rows() });
        }
    }
}

fn fits(group: &[AuditSeal], found: &Found) -> bool {
    found.months.len() == group.len()
        && group.iter().all(|seal| found.months.get(&seal.month).is_some_and(|tally| is_sealed_by(tally, seal)))
}

fn is_sealed_by(tally: &Tally, seal: &AuditSeal) -> bool {
    tally.rows() == seal.row_count && tally.digest() == seal.rows_digest
}
