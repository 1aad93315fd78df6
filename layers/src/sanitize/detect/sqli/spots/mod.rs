//! The local view: fragments of SQL that no prose contains, wherever they stand.
//!
//! One pass over the text stops at bytes that such fragments hold and looks around from there, never further than
//! [`REACH`] bytes.

mod calls;
mod conditions;
mod phrases;
mod statements;

use super::super::Finding;
use super::super::bytes::{Classes, REACH, Vocabulary, before_blanks, is_blank, is_word, word_start};

pub(super) fn find(text: &[u8]) -> Option<Finding> {
    let spots = Spots { text };
    if let Some(found) = spots.catalogue() {
        return Some(found);
    }
    Classes::positions(text, Classes::SQL).find_map(|at| spots.at(at))
}

struct Spots<'a> {
    text: &'a [u8],
}

const OUTFILE: &str = "writes the result elsewhere with INTO";

/// Tables and schemas in which databases describe themselves.
static CATALOGUE: Vocabulary<(), 64> = Vocabulary::new(&[
    ("all_tables", ()),
    ("dba_users", ()),
    ("information_schema", ()),
    ("mysql.db", ()),
    ("mysql.user", ()),
    ("pg_catalog", ()),
    ("pg_database", ()),
    ("pg_shadow", ()),
    ("pg_tables", ()),
    ("pg_user", ()),
    ("sqlite_master", ()),
    ("sqlite_temp_master", ()),
    ("sys.tables", ()),
    ("sys.user$", ()),
    ("syscolumns", ()),
    ("sysdatabases", ()),
    ("sysobjects", ()),
    ("user_tab_columns", ()),
]);

impl<'a> Spots<'a> {
    fn at(&self, at: usize) -> Option<Finding> {
        match self.text[at] {
            b'(' => self.directory_filter(at).or_else(|| self.call(at)),
            b'\'' | b'"' | b'`' => self.quote(at),
            b';' => self.stacked(at),
            b':' => self.cast(at).or_else(|| self.document_code(at)),
            b'@' => self.variable(at),
            b'/' => self.executable_comment(at).or_else(|| self.created(at)),
            b'[' | b'{' => self.document_operator(at),
            b'u' | b'U' => self.union(at),
            b'=' => self.tautology(at),
            b'_' | b'.' => self.procedure(at),
            b',' => self.hexadecimal(at),
            _ => None,
        }
    }

    /// A table of the catalogue, with little else in the text.
    fn catalogue(&self) -> Option<Finding> {
        const LONGEST: usize = 64;
        let text = self.text.trim_ascii();
        if text.len() > LONGEST || text.iter().filter(|byte| is_blank(**byte)).count() > 1 {
            return None;
        }
        let start = self.text.len() - self.text.trim_ascii_start().len();
        let mut at = start;
        for name in text.split(|byte| !is_word(*byte) && *byte != b'.') {
            let schema = name.split(|&byte| byte == b'.').next().unwrap_or(name);
            if CATALOGUE.get(name).is_some() || CATALOGUE.get(schema).is_some() {
                return Self::finding(at, start + text.len(), "names a table of the database's catalogue");
            }
            at += name.len() + 1;
        }
        None
    }

    const fn finding(start: usize, end: usize, why: &'static str) -> Option<Finding> {
        Some(Finding { start, end, why })
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    /// The word before `at`, across blanks and comments.
    fn word_before(&self, at: usize) -> Option<(usize, &'a [u8])> {
        let mut end = before_blanks(self.text, at);
        if self.text[..end].ends_with(b"*/") {
            let from = end.saturating_sub(REACH);
            let open = self.text[from..end].windows(2).rposition(|pair| pair == b"/*")?;
            end = before_blanks(self.text, from + open);
        }
        let start = word_start(self.text, end);
        (start < end).then(|| (start, &self.text[start..end]))
    }

    /// Whether the words before `at` are `words`, read from right to left; gives the start of the leftmost.
    fn preceded_by(&self, at: usize, words: &[&str]) -> Option<usize> {
        let mut start = at;
        for expected in words {
            let (word_start, word) = self.word_before(start)?;
            if !word.eq_ignore_ascii_case(expected.as_bytes()) {
                return None;
            }
            start = word_start;
        }
        Some(start)
    }
}
