//! Calls of functions and procedures that only databases have.

use super::super::super::Finding;
use super::super::super::bytes::{
    REACH, Vocabulary, before_blanks, continues, is_word, is_word_at, skip_blanks, word_end, word_start,
};
use super::super::lexer::Lexer;
use super::super::statement;
use super::super::words::{self, Kind};
use super::statements::queries;
use super::{OUTFILE, Spots};

/// What parentheses follow, and is neither a keyword nor a known function.
static CALLED: Vocabulary<(), 16> =
    Vocabulary::new(&[("against", ()), ("analyse", ()), ("dumpfile", ()), ("outfile", ())]);

impl<'a> Spots<'a> {
    pub(super) fn call(&self, at: usize) -> Option<Finding> {
        let argument = skip_blanks(self.text, at + 1);
        let glued = at > 0 && matches!(self.byte(at - 1), b',' | b'=' | b'(' | b'+' | b'|' | b'*' | b'^');
        if glued && is_word_at(self.text, argument, "select") {
            return Self::finding(at, argument + 6, "holds a query in parentheses");
        }
        if let Some(start) = self.preceded_by(at, &["against"])
            && self.text[..before_blanks(self.text, start)].ends_with(b")")
        {
            return Self::finding(start, at + 1, "searches a column with MATCH … AGAINST");
        }
        let (mut start, name) = self.word_before(at)?;
        if matches!(name, [b'e' | b'E'] | [b'0'..=b'9', b'e' | b'E', b'0'..=b'9'])
            && start > 1
            && self.text[start - 1] == b'.'
            && self.text[start - 2].is_ascii_digit()
        {
            return Self::finding(start, at + 1, "hides a function behind a number");
        }
        if words::classify(name) == Kind::Word && CALLED.get(name).is_none() && self.byte(start.wrapping_sub(1)) != b'.'
        {
            return None;
        }
        let word_starts = start;
        while self.byte(start.wrapping_sub(1)) == b'.' && start > 1 && is_word(self.text[start - 2]) {
            start = word_start(self.text, start - 1);
        }
        let qualified = &self.text[start..start + (before_blanks(self.text, at) - start).min(REACH)];
        let adjacent = is_word(self.byte(at.wrapping_sub(1)));
        let first = self.byte(argument);
        if let Some(found) = self.condition_of_calls(start, name, argument) {
            return Some(found);
        }
        let called = first != b')';
        if called && words::is_dangerous(qualified) && (adjacent || matches!(first, b'\'' | b'"' | b'0'..=b'9' | b'('))
        {
            return Self::finding(start, at + 1, "calls a database function that waits, reads or reveals");
        }
        let function = words::classify(name) == Kind::Function;
        if called
            && function
            && let Some(select) = self.preceded_by(start, &["select"])
        {
            return Self::finding(select, at + 1, "selects the result of a function");
        }
        if let Some(start) = self.preceded_by(at, &["analyse", "procedure"]) {
            return Self::finding(start, at + 1, "adds a PROCEDURE clause");
        }
        if name.eq_ignore_ascii_case(b"div") && adjacent_number_list(self.text, argument) {
            return Self::finding(start, at + 1, "calls a function of the database");
        }
        if name.eq_ignore_ascii_case(b"outfile") || name.eq_ignore_ascii_case(b"dumpfile") {
            return self.preceded_by(start, &["into"]).and_then(|start| Self::finding(start, at + 1, OUTFILE));
        }
        let converts = name.eq_ignore_ascii_case(b"convert")
            && is_word_at(self.text, argument, "int")
            && self.byte(skip_blanks(self.text, argument + 3)) == b',';
        if converts
            || function
                && continues(self.text, argument, "0x")
                && self.byte(argument + 3).is_ascii_hexdigit()
                && is_word(self.byte(word_starts))
                && adjacent
        {
            return Self::finding(start, at + 1, "calls a function of the database");
        }
        None
    }

    /// `exists(select`, `and (select`, `or sleep(5)`, `,sleep(5)`, `if(1=1,`: what conditions are made of.
    fn condition_of_calls(&self, start: usize, name: &[u8], argument: usize) -> Option<Finding> {
        let is = |known: &[&str]| known.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
        let selects = is_word_at(self.text, argument, "select") && {
            let window = self.text.len().min(argument + REACH);
            queries(&mut Lexer::new(&self.text[..window], argument + 6))
        };
        if selects && is(&["and", "exists", "not", "or", "rlike", "xor"]) {
            return Self::finding(start, argument + 6, "compares with a query of its own");
        }
        let number = word_end(self.text, argument);
        let numeric = number > argument && self.text[argument..number].iter().all(u8::is_ascii_digit);
        if !numeric {
            return None;
        }
        let conditions = ["and", "or", "xor", "rlike", "regexp", "like", "not"];
        let joined = conditions.iter().any(|word| self.preceded_by(start, &[word]).is_some())
            || matches!(self.text[..before_blanks(self.text, start)], [.., b'|', b'|'] | [.., b'&', b'&'])
            || self.byte(start.wrapping_sub(1)) == b',';
        if is(&["sleep"]) && joined && self.byte(number) == b')' {
            return Self::finding(start, argument, "calls a database function that waits, reads or reveals");
        }
        let compares = self.byte(number) == b'=' && self.byte(number + 1).is_ascii_digit();
        if compares && (is(&["if"]) || words::classify(name) == Kind::Function) {
            return Self::finding(start, number + 1, "calls a function of the database");
        }
        None
    }

    /// `exec xp_…`, `master..xp_…`, `information_schema.tables` after `from`.
    pub(super) fn procedure(&self, at: usize) -> Option<Finding> {
        if !is_word(self.byte(at + 1)) && self.byte(at + 1) != b'.' {
            return None;
        }
        let start = word_start(self.text, at);
        if let Some(verb) = self.preceded_by(start, &["exec"]).or_else(|| self.preceded_by(start, &["execute"]))
            && statement::is_procedure(&self.text[start..])
        {
            return Self::finding(verb, at + 1, "runs a stored procedure");
        }
        if self.text[at] == b'.' && self.preceded_by(start, &["from"]).is_some() {
            let catalogs = [
                "information_schema",
                "pg_catalog",
                "mysql",
                "sys",
                "performance_schema",
                "sysibm",
                "msdb",
                "master",
                "syscat",
            ];
            let name = &self.text[start..at];
            if catalogs.iter().any(|catalog| name.eq_ignore_ascii_case(catalog.as_bytes()))
                && is_word(self.byte(at + 1))
                && self.text[..start].windows(6).any(|window| window.eq_ignore_ascii_case(b"select"))
            {
                return Self::finding(start, at + 1, "reads the catalogue of the database");
            }
        }
        None
    }

    /// `,0x7170716271,floor`: bytes in hexadecimal between the arguments of an error-based query.
    pub(super) fn hexadecimal(&self, at: usize) -> Option<Finding> {
        if !continues(self.text, at + 1, "0x") {
            return None;
        }
        let digits = word_end(self.text, at + 3);
        let function = digits + 1;
        let long = digits - at > 8 && self.text[at + 3..digits].iter().all(u8::is_ascii_hexdigit);
        if long
            && self.byte(digits) == b','
            && words::classify(&self.text[function..word_end(self.text, function)]) == Kind::Function
        {
            return Self::finding(at, function, "builds a value from bytes in hexadecimal");
        }
        None
    }
}

/// `(23,-2)` from its first argument on.
fn adjacent_number_list(text: &[u8], argument: usize) -> bool {
    let number = |at: usize| {
        text[at.min(text.len())..]
            .iter()
            .take(24)
            .take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
            .count()
    };
    let first = number(argument);
    let comma = skip_blanks(text, argument + first);
    first > 0 && text.get(comma) == Some(&b',') && number(skip_blanks(text, comma + 1)) > 0
}
