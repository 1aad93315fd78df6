//! The local view: fragments of SQL that no prose contains, wherever they stand.
//!
//! One pass over the text stops at bytes that such fragments hold and looks around from there, never further than
//! [`REACH`] bytes.

use super::super::Finding;
use super::super::bytes::{
    Classes, REACH, before_blanks, continues, is_blank, is_word, is_word_at, listed, skip_blanks, word_end, word_start,
};
use super::lexer::Lexer;
use super::statement;
use super::words::{self, Kind};

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

impl<'a> Spots<'a> {
    fn at(&self, at: usize) -> Option<Finding> {
        match self.text[at] {
            b'(' => self.call(at),
            b'\'' | b'"' | b'`' => self.quote(at),
            b';' => self.stacked(at),
            b':' => self.cast(at),
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
        const TABLES: &[&str] = &[
            "all_tables",
            "dba_users",
            "information_schema",
            "mysql.db",
            "mysql.user",
            "pg_catalog",
            "pg_database",
            "pg_shadow",
            "pg_tables",
            "pg_user",
            "sqlite_master",
            "sqlite_temp_master",
            "sys.tables",
            "sys.user$",
            "syscolumns",
            "sysdatabases",
            "sysobjects",
            "user_tab_columns",
        ];
        let text = self.text.trim_ascii();
        if text.len() > LONGEST || text.iter().filter(|byte| is_blank(**byte)).count() > 1 {
            return None;
        }
        let start = self.text.len() - self.text.trim_ascii_start().len();
        let mut at = start;
        for name in text.split(|byte| !is_word(*byte) && *byte != b'.') {
            let schema = name.split(|&byte| byte == b'.').next().unwrap_or(name);
            if listed(TABLES, name) || listed(TABLES, schema) {
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

    fn call(&self, at: usize) -> Option<Finding> {
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
        let word_starts = start;
        while self.byte(start.wrapping_sub(1)) == b'.' && start > 1 && is_word(self.text[start - 2]) {
            start = word_start(self.text, start - 1);
        }
        let qualified = &self.text[start..start + (before_blanks(self.text, at) - start).min(REACH)];
        let adjacent = is_word(self.byte(at.wrapping_sub(1)));
        let argument = skip_blanks(self.text, at + 1);
        let first = self.byte(argument);
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

    fn quote(&self, at: usize) -> Option<Finding> {
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
    fn aliased(&self, start: usize, at: usize) -> Option<Finding> {
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
    fn text_operator(&self, at: usize) -> Option<Finding> {
        let next = skip_blanks(self.text, at + 1);
        if self.text[at] != b'`' || next == at + 1 {
            return None;
        }
        let operators = ["regexp", "rlike"];
        let operator = operators.iter().find(|operator| is_word_at(self.text, next, operator))?;
        Self::finding(at, next + operator.len(), "matches a column against a pattern")
    }

    fn stacked(&self, at: usize) -> Option<Finding> {
        if self.byte(at + 1) == b';' {
            return None;
        }
        let mut lexer = Lexer::new(&self.text[..self.text.len().min(at + REACH)], at + 1);
        let verb = lexer.next()?;
        let query = verb.kind == Kind::Select && {
            let item = lexer.clone().next().map(|token| token.kind);
            let tail =
                lexer.clone().take(6).any(|token| matches!(token.kind, Kind::From | Kind::Semicolon | Kind::Comment));
            match item {
                Some(Kind::Number | Kind::Text | Kind::Variable) => tail,
                Some(Kind::Function) => self.text[verb.end..].iter().take(40).any(|&byte| byte == b'('),
                Some(Kind::Operator) => true,
                _ => false,
            }
        };
        if query || verb.kind == Kind::Verb && statement::starts(self.text, verb, lexer) {
            return Self::finding(at, verb.end, "ends the statement and begins another");
        }
        None
    }

    /// `)::text`, `'1'::int`: the casts of PostgreSQL.
    fn cast(&self, at: usize) -> Option<Finding> {
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

    /// `declare @x`, `exec (@x`, `@@version`.
    fn variable(&self, at: usize) -> Option<Finding> {
        let named = is_word(self.byte(at + 1)) && !self.byte(at + 1).is_ascii_digit();
        if named && let Some(start) = self.preceded_by(at, &["declare"]) {
            return Self::finding(start, word_end(self.text, at + 1), "declares a variable");
        }
        let open = before_blanks(self.text, at);
        if self.byte(open.wrapping_sub(1)) == b'(' && open > 0 {
            let exec = self.preceded_by(open - 1, &["exec"]).or_else(|| self.preceded_by(open - 1, &["execute"]));
            return exec.and_then(|start| Self::finding(start, at + 1, "runs a statement it builds"));
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
        if computed && name.len() > 3 || self.preceded_by(at, &["select"]).is_some() {
            return Self::finding(at, at + 2 + name.len(), "reads a setting of the server");
        }
        None
    }

    /// `/*!50000 select`: MySQL runs what such a comment holds.
    fn executable_comment(&self, at: usize) -> Option<Finding> {
        if self.byte(at + 1) != b'*' {
            return None;
        }
        let mark = skip_blanks(self.text, at + 2);
        if self.byte(mark) != b'!' {
            return None;
        }
        let digits = self.text[mark + 1..].iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
        let word = skip_blanks(self.text, mark + 1 + digits);
        let kind = words::classify(&self.text[word..word_end(self.text, word)]);
        if digits > 0 && kind != Kind::Other || !matches!(kind, Kind::Word | Kind::As | Kind::Verb | Kind::Other) {
            return Self::finding(at, word, "hides SQL in a comment that MySQL runs");
        }
        None
    }

    /// `/create table x`, where a blank was avoided.
    fn created(&self, at: usize) -> Option<Finding> {
        let verbs = ["create", "drop", "alter", "truncate"];
        let verb = verbs.iter().find(|verb| is_word_at(self.text, at + 1, verb))?;
        let object = skip_blanks(self.text, at + 1 + verb.len());
        let objects = ["table", "database", "function", "procedure"];
        let name = objects.iter().find(|name| is_word_at(self.text, object, name))?;
        let named = skip_blanks(self.text, object + name.len());
        if object > at + 1 + verb.len() && is_word(self.byte(named)) {
            Self::finding(at, named, "begins a statement")
        } else {
            None
        }
    }

    /// `[$ne]`, `{"$gt": …`: operators of document databases.
    fn document_operator(&self, at: usize) -> Option<Finding> {
        let mut name = skip_blanks(self.text, at + 1);
        if matches!(self.byte(name), b'\'' | b'"') {
            name += 1;
        }
        let operators = [
            "$ne",
            "$gt",
            "$gte",
            "$lt",
            "$lte",
            "$in",
            "$nin",
            "$eq",
            "$regex",
            "$where",
            "$exists",
            "$or",
            "$and",
            "$not",
            "$nor",
            "$expr",
            "$elemmatch",
            "$size",
            "$mod",
            "$all",
        ];
        let operator = operators.iter().find(|operator| is_word_at(self.text, name, operator))?;
        let mut end = name + operator.len();
        if matches!(self.byte(end), b'\'' | b'"') {
            end += 1;
        }
        end = skip_blanks(self.text, end);
        let closed = matches!((self.text[at], self.byte(end)), (b'[', b']') | (b'{', b':'));
        if closed { Self::finding(at, end + 1, "is an operator of a document database") } else { None }
    }

    /// `union [all | distinct] select`, followed by what prose would not select.
    fn union(&self, at: usize) -> Option<Finding> {
        if !is_word_at(self.text, at, "union") {
            return None;
        }
        let before = self.byte(at.wrapping_sub(1));
        let glued = before.is_ascii_digit()
            || matches!(before, b'e' | b'E' | b'f' | b'F' | b'N') && at > 1 && !self.text[at - 2].is_ascii_alphabetic();
        if at > 0 && is_word(before) && !glued {
            return None;
        }
        let mut lexer = Lexer::new(&self.text[..self.text.len().min(at + 2 * REACH)], at + 5);
        let mut structure = before == b')' || glued;
        for _ in 0..24 {
            match lexer.next().map(|token| token.kind)? {
                Kind::Open | Kind::Operator | Kind::Variable | Kind::Union => structure = true,
                Kind::Modifier => {}
                Kind::Select => {
                    structure |= lexer.commented;
                    return if structure || queries(&mut lexer) {
                        Self::finding(at, lexer.position(), "joins a query of its own with UNION")
                    } else {
                        None
                    };
                }
                Kind::Word => {
                    let end = lexer.position();
                    let start = word_start(self.text, end);
                    let fused =
                        continues(self.text, start, "selectchar") || continues(self.text, start, "selectconcat");
                    return if fused { Self::finding(at, end, "joins a query of its own with UNION") } else { None };
                }
                _ => return None,
            }
        }
        None
    }

    /// `or 1=1`, `and 'a'='a`.
    fn tautology(&self, at: usize) -> Option<Finding> {
        let end = before_blanks(self.text, at);
        let (start, _) = self.literal_before(end)?;
        let mut before = before_blanks(self.text, start);
        while before > 0 && self.text[before - 1] == b'(' {
            before = before_blanks(self.text, before - 1);
        }
        let logic = match self.word_before(before) {
            Some((at, word)) if word.eq_ignore_ascii_case(b"or") || word.eq_ignore_ascii_case(b"and") => at,
            _ if self.text[..before].ends_with(b"||") || self.text[..before].ends_with(b"&&") => before - 2,
            _ => return None,
        };
        let right = skip_blanks(self.text, at + 1);
        let left = &self.text[start..end];
        let same = self.text[right..].starts_with(left) && !self.byte(right + left.len()).is_ascii_alphanumeric();
        let quoted =
            matches!(left.first(), Some(b'\'' | b'"')) && self.text.get(right) == left.first() && start > logic;
        let numbers =
            left.iter().all(u8::is_ascii_digit) && self.byte(right).is_ascii_digit() && !is_blank(self.byte(at + 1));
        if same || quoted || numbers {
            Self::finding(logic, right + 1, "adds a condition that compares constants")
        } else {
            None
        }
    }

    /// The number or string that ends at `end`.
    fn literal_before(&self, end: usize) -> Option<(usize, &'a [u8])> {
        let last = self.byte(end.wrapping_sub(1));
        let start = match last {
            b'\'' | b'"' if end > 1 => {
                let from = end.saturating_sub(64);
                from + self.text[from..end - 1].iter().rposition(|&byte| byte == last)?
            }
            b'0'..=b'9' => word_start(self.text, end),
            _ => return None,
        };
        let literal = &self.text[start..end];
        (!literal[0].is_ascii_alphabetic()).then_some((start, literal))
    }

    /// `exec xp_…`, `master..xp_…`, `information_schema.tables` after `from`.
    fn procedure(&self, at: usize) -> Option<Finding> {
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
    fn hexadecimal(&self, at: usize) -> Option<Finding> {
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

const OUTFILE: &str = "writes the result elsewhere with INTO";

/// Whether what follows `select` is an item of a query and not the next word of a sentence.
fn queries(lexer: &mut Lexer<'_>) -> bool {
    match lexer.next().map(|token| token.kind) {
        Some(Kind::Word | Kind::Verb | Kind::Logic | Kind::As | Kind::Clause) => {
            matches!(
                lexer.ahead(),
                Some(Kind::From | Kind::Comma | Kind::Open | Kind::Operator | Kind::Compare | Kind::Comment)
            )
        }
        Some(Kind::Function) => lexer.ahead().is_some_and(|kind| matches!(kind, Kind::Open | Kind::Comma | Kind::From)),
        Some(Kind::Modifier | Kind::From | Kind::Other) | None => false,
        Some(_) => true,
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
