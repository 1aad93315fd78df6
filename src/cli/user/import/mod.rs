//! `portcullis user import`.

mod batch;
mod progress;
mod record;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;

use self::batch::{Earlier, Outcome};
use self::progress::{Counts, Progress};
use self::record::Record;
use crate::auth::pool::HashPool;
use crate::cli::admin::Admin;
use crate::cli::output::say;
use crate::setup::Failure;

/// Lines of one transaction.
const BATCH: usize = 1000;

/// Longest line in bytes. An honest one has less than a tenth of it.
const MAX_LINE: u64 = 64 * 1024;

/// What a line is, for the help text.
pub(super) const FORMAT: &str = r#"Each line is a JSON object:

  {"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace", "password_hash": "$2y$10$…"}

It may also have id (a UUID), is_email_verified (false), is_active (true) and created_at (now). In place of password_hash it may have
password, which is hashed on arrival; with neither, the owner sets a password by a reset.

Accepted hashes: bcrypt ($2a$, $2b$, $2y$), bcrypt-sha256 version 2, argon2id, scrypt ($scrypt$ln=…), PBKDF2-SHA256 ($pbkdf2-sha256$…,
or Django's pbkdf2_sha256$…). One that would cost too much to verify is refused. People log in with their old passwords, and get a hash of
the configured algorithm at that moment.

A line that cannot be taken over is reported with its number on standard error, the others are imported all the same, and the exit code
is 1. An interrupted import is resumed by running it again: accounts that an earlier run imported, and those that are there with the same
hash, are passed over, whatever their owners have changed since."#;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The file to read; standard input if it is - or left out.
    #[arg(default_value = "-", hide_default_value = true)]
    file: PathBuf,
}

/// Imports all lines that can be.
pub(super) async fn run(admin: &Admin, arguments: &Arguments) -> Result<(), Failure> {
    let (input, size) = open(&arguments.file)?;
    let mut import = Import::new(admin, Progress::new(size)?)?;
    let done = import.read(input).await;
    import.progress.finish();
    if let Err(failure) = done {
        let lines = import.counts.lines;
        return Err(format!("stopped after line {lines} ({failure}): run the same command again to go on").into());
    }
    say(&import.counts.words());
    match import.counts.refused {
        0 => Ok(()),
        refused => Err(format!("{refused} of {} lines were refused", import.counts.lines).into()),
    }
}

/// The input, and its size if it is a file.
fn open(path: &Path) -> Result<(Box<dyn BufRead>, Option<u64>), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(BufReader::new(io::stdin())), None));
    }
    let file = File::open(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
    Ok((Box::new(BufReader::new(file)), size))
}

struct Import<'a> {
    admin: &'a Admin,
    pool: HashPool,
    earlier: Earlier,
    progress: Progress,
    counts: Counts,
    /// Bytes read so far.
    bytes: u64,
}

impl<'a> Import<'a> {
    fn new(admin: &'a Admin, progress: Progress) -> Result<Self, Failure> {
        let threads = NonZeroUsize::new(admin.config.hashing.threads).unwrap_or(NonZeroUsize::MIN);
        // Room for a batch in which every line brings a password.
        let pool = HashPool::new(admin.config.hashing.algorithm, threads, BATCH);
        let earlier = Earlier::than(admin.clock.now());
        Ok(Self { admin, pool, earlier, progress, counts: Counts::default(), bytes: 0 })
    }

    async fn read(&mut self, mut input: Box<dyn BufRead>) -> Result<(), Failure> {
        let mut number = 0;
        let mut text = Vec::new();
        let mut records = Vec::with_capacity(BATCH);
        loop {
            let line = read_line(&mut input, &mut text)?;
            if line.is_none() || records.len() == BATCH {
                self.store(std::mem::take(&mut records)).await?;
                self.counts.lines = number;
                self.progress.show(self.bytes, &self.counts);
            }
            let Some(line) = line else { return Ok(()) };
            number += 1;
            self.bytes += line.bytes;
            if text.trim_ascii().is_empty() {
                continue;
            }
            if line.is_cut {
                self.refuse(number, &format!("is longer than {MAX_LINE} bytes"));
                continue;
            }
            match Record::parse(number, &text, self.admin.clock.now()) {
                Ok(record) => records.push(record),
                Err(reason) => self.refuse(number, &reason),
            }
        }
    }

    async fn store(&mut self, records: Vec<Record>) -> Result<(), Failure> {
        for (line, outcome) in batch::store(self.admin, &self.pool, &mut self.earlier, records).await? {
            match outcome {
                Outcome::Imported => self.counts.imported += 1,
                Outcome::AlreadyThere => self.counts.already_there += 1,
                Outcome::Refused(reason) => self.refuse(line, &reason),
            }
        }
        Ok(())
    }

    fn refuse(&mut self, line: u64, reason: &str) {
        self.counts.refused += 1;
        self.progress.complain(&format!("line {line}: {reason}"));
    }
}

/// What was read of a line.
struct Line {
    bytes: u64,
    /// Whether it is longer than [`MAX_LINE`]: the rest of it was read past.
    is_cut: bool,
}

/// Reads a line into `text`. `None` at the end of the input.
fn read_line(input: &mut impl BufRead, text: &mut Vec<u8>) -> io::Result<Option<Line>> {
    text.clear();
    let mut bytes = u64::try_from(input.by_ref().take(MAX_LINE).read_until(b'\n', text)?).unwrap_or(MAX_LINE);
    if bytes == 0 {
        return Ok(None);
    }
    let is_cut = bytes == MAX_LINE && text.last() != Some(&b'\n');
    if is_cut {
        bytes += u64::try_from(input.skip_until(b'\n')?).unwrap_or(0);
    }
    if text.starts_with(b"\xef\xbb\xbf") {
        // Some editors begin a file with a byte order mark.
        text.drain(..3);
    }
    Ok(Some(Line { bytes, is_cut }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_to_their_end_and_long_ones_are_read_past() {
        let long = "x".repeat(usize::try_from(MAX_LINE).unwrap() + 10);
        let input = format!("\u{feff}one\r\n\n{long}\nlast");
        let mut input = input.as_bytes();
        let mut text = Vec::new();
        let mut seen = Vec::new();
        while let Some(line) = read_line(&mut input, &mut text).unwrap() {
            seen.push((text.len(), line.bytes, line.is_cut));
        }
        assert_eq!(seen, [(5, 8, false), (1, 1, false), (65536, 65547, true), (4, 4, false)]);
    }
}
