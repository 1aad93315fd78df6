//! What commands print: results to standard output, complaints to standard error.

use std::io::Write;

/// A line of the result. A reader that went away (`portcullis user list | head`) is no failure.
pub(super) fn say(line: &str) {
    drop(writeln!(std::io::stdout(), "{}", line.trim_end_matches('\n')));
}

/// A line for the person in front of the terminal.
pub(super) fn complain(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}
