//! The table as Markdown: rows of ours, each followed by its rivals.

use std::fmt::{self, Display, Formatter};

use crate::table::{Cost, Outcome, Row};

pub(crate) struct Report<'a>(pub(crate) &'a [(Row, Cost)]);

const SECTIONS: [(Outcome, &str); 3] = [
    (Outcome::Bare, "The handler alone"),
    (Outcome::Passed, "Added to a request that passes"),
    (Outcome::Refused, "An answer that the layer makes, all in all"),
];

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (outcome, title) in SECTIONS {
            writeln!(f, "\n| {title} | ns | allocations | bytes | ours ÷ theirs |\n|---|---|---|---|---|")?;
            for (row, cost) in self.0.iter().filter(|(row, _)| row.outcome == outcome && row.rival_of.is_none()) {
                writeln!(f, "| {} | {cost} | |", row.name)?;
                self.rivals(f, row.name, cost)?;
            }
        }
        Ok(())
    }
}

impl Report<'_> {
    fn rivals(&self, f: &mut Formatter<'_>, ours: &str, cost: &Cost) -> fmt::Result {
        for (rival, theirs) in self.0.iter().filter(|(row, _)| row.rival_of == Some(ours)) {
            writeln!(f, "| – {} | {theirs} | {} |", rival.name, Timed(cost.nanoseconds / theirs.nanoseconds, 2))?;
        }
        Ok(())
    }
}

impl Display for Cost {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} | {:.1} | {:.0}", Timed(self.nanoseconds, 0), self.allocations, self.bytes)
    }
}

/// A figure and its decimals; a dash if nothing was timed.
struct Timed(f64, usize);

impl Display for Timed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_finite() { write!(f, "{:.*}", self.1, self.0) } else { f.write_str("–") }
    }
}
