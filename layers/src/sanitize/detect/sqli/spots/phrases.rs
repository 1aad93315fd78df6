//! Phrases around quotes, casts and variables.

use super::super::super::Finding;
use super::super::super::bytes::{before_blanks, is_word, is_word_at, skip_blanks, word_end, word_start};
use super::{OUTFILE, Spots};

impl<'a> Spots<'a> {
    pub(super) fn quote(&self, at: usize) -> Option<Finding> {
        if let Some((start, word)) = self.word_before(at) {
            let phrase =
                |words: &[&str], why| self.preceded_by(at, words).and_then(|start| Self::finding(start, at + 1, why));
            let phrases: &[(&[u8], &[&str], &'static str)] = &[
                (b"delay", &["delay", "waitfor"], "waits with WAITFOR"),
                (b"time", &["time", "waitfor"], "waits with WAITFOR"),
                (b"outfile", &["outfile", "into"], OUTFILE),
                (b"dumpfile", &["dumpfile", "into"], OUTFILE),
                (b"immediate", &["immediate", "execute"], "runs a statement it builds"),
            ];
            for (last, words, why) in phrases {
                if word.eq_ignore_ascii_case(last) {
                    return phrase(words, why);
                }
            }
            if word.eq_ignore_ascii_case(b"as") {
                return self.aliased(start, at);
            }
        }
        self.text_operator(at)
    }

    /// `… as "x" from`, where a query names a column.
    pub(super) fn aliased(&self, start: usize, at: usize) -> Option<Finding> {
        let before = before_blanks(self.text, start);
        if !matches!(self.byte(before.wrapping_sub(1)), b'`' | b'"' | b'\'' | b')' | b'0'..=b'9') {
            return None;
        }
        let name_end = word_end(self.text, at + 1);
        let after = skip_blanks(self.text, if self.byte(name_end) == self.text[at] { name_end + 1 } else { name_end });
        if is_word_at(self.text, after, "from") {
            Self::finding(start, after + 4, "names a column of a query")
        } else {
            None
        }
    }

    /// `` ` regexp ``: a quoted column and the operator of one database.
    pub(super) fn text_operator(&self, at: usize) -> Option<Finding> {
        let next = skip_blanks(self.text, at + 1);
        if self.text[at] != b'`' || next == at + 1 {
            return None;
        }
        let operators = ["regexp", "rlike"];
        let operator = operators.iter().find(|operator| is_word_at(self.text, next, operator))?;
        Self::finding(at, next + operator.len(), "matches a column against a pattern")
    }

    /// `)::text`, `'1'::int`: the casts of PostgreSQL.
    pub(super) fn cast(&self, at: usize) -> Option<Finding> {
        let types = [
            "int", "int4", "int8", "integer", "bigint", "smallint", "numeric", "varchar", "regclass", "jsonb", "bytea",
        ];
        let after_value = ["text", "double", "json", "date", "float", "bool", "boolean", "timestamp", "xml", "money"];
        if self.byte(at + 1) != b':' || at == 0 {
            return None;
        }
        let named = |types: &[&str]| types.iter().any(|name| is_word_at(self.text, at + 2, name));
        let value = matches!(self.text[at - 1], b')' | b'\'');
        let alone = word_start(self.text, at) == 0 || !self.text.contains(&b' ');
        let lower = self.text[at + 2..].first().is_some_and(u8::is_ascii_lowercase);
        if value && (named(&types) || named(&after_value))
            || alone && lower && named(&types) && !self.text[at + 2..].windows(2).any(|pair| pair == b"::")
        {
            return Self::finding(at, word_end(self.text, at + 2), "casts a value as PostgreSQL does");
        }
        None
    }

    /// `$where: '…'`: code that a document database runs.
    pub(super) fn document_code(&self, at: usize) -> Option<Finding> {
        let (start, name) = self.word_before(at)?;
        if name == b"$where" { Self::finding(start, at + 1, "is an operator of a document database") } else { None }
    }

    /// `declare @x`, `exec (@x`, `@@version`.
    pub(super) fn variable(&self, at: usize) -> Option<Finding> {
        let named = is_word(self.byte(at + 1)) && !self.byte(at + 1).is_ascii_digit();
        if named && let Some(start) = self.preceded_by(at, &["declare"]) {
            return Self::finding(start, word_end(self.text, at + 1), "declares a variable");
        }
        let open = before_blanks(self.text, at);
        if self.byte(open.wrapping_sub(1)) == b'(' && open > 0 {
            let exec = self.preceded_by(open - 1, &["exec"]).or_else(|| self.preceded_by(open - 1, &["execute"]));
            if let Some(start) = exec {
                return Self::finding(start, at + 1, "runs a statement it builds");
            }
        }
        if self.byte(at + 1) == b'@'
            && is_word(self.byte(at + 2))
            && let Some(start) = self.preceded_by(at, &["select"])
        {
            return Self::finding(start, at + 2, "reads a setting of the server");
        }
        let server =
            ["version", "datadir", "hostname", "servername", "basedir", "tmpdir", "spid", "language", "innodb_version"];
        let name = server.iter().find(|name| self.byte(at + 1) == b'@' && is_word_at(self.text, at + 2, name))?;
        let computed = matches!(self.byte(before_blanks(self.text, at).wrapping_sub(1)), b'(' | b'=' | b',' | b'+');
        let alone = !self.text.trim_ascii().contains(&b' ');
        if (computed || alone) && name.len() > 3 || self.preceded_by(at, &["select"]).is_some() {
            return Self::finding(at, at + 2 + name.len(), "reads a setting of the server");
        }
        None
    }
}
