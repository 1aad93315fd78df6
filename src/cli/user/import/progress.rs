//! What the person in front of the terminal sees of a long run.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output::complain;
use crate::setup::Failure;

/// Where there is no terminal, a line is written every so many lines of input.
const REPORT_EVERY: u64 = 10_000;

/// How far the run is.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    reported: u64,
}

/// What became of the lines so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) lines: u64,
    pub(super) imported: u64,
    pub(super) already_there: u64,
    pub(super) refused: u64,
}

impl Counts {
    /// `3 imported, 1 already there, 2 refused`.
    pub(super) fn words(&self) -> String {
        let Self { imported, already_there, refused, .. } = self;
        format!("{imported} imported, {already_there} already there, {refused} refused")
    }
}

impl Progress {
    /// A bar on a terminal, over `bytes` of input if it is known how many there are.
    pub(super) fn new(bytes: Option<u64>) -> Result<Self, Failure> {
        if !std::io::stderr().is_terminal() {
            return Ok(Self { bar: None, reported: 0 });
        }
        let bar = ProgressBar::with_draw_target(bytes, ProgressDrawTarget::stderr());
        let template =
            if bytes.is_some() { "{bar:20} {percent:>3}% {eta:>4}  {wide_msg}" } else { "{spinner} {wide_msg}" };
        bar.set_style(ProgressStyle::with_template(template)?);
        Ok(Self { bar: Some(bar), reported: 0 })
    }

    /// Shows where the run is.
    pub(super) fn show(&mut self, bytes: u64, counts: &Counts) {
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
            bar.set_message(counts.words());
        } else if counts.lines >= self.reported + REPORT_EVERY {
            self.reported = counts.lines;
            complain(&format!("{} lines: {}", counts.lines, counts.words()));
        }
    }

    /// Writes a line that stays.
    pub(super) fn complain(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| complain(line)),
            None => complain(line),
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
