//! What the tokens amount to when a condition, a comment or the text ends.

use super::super::super::bytes::{is_blank, is_word, is_word_at};
use super::super::lexer::Token;
use super::super::words::Kind;
use super::{Operand, Step, Walk};

impl<'a> Walk<'a> {
    /// Whether the operand right of a logical operator is a truth value by itself: `or 1`, `and sleep(5)`.
    pub(super) fn truth(&self, operand: Operand) -> Option<&'static str> {
        if !self.after_logic {
            return None;
        }
        if operand.calls {
            return Some("adds a condition that calls a function");
        }
        if self.broke_out() && !self.loose && matches!(operand.kind, Kind::Number | Kind::Constant | Kind::Variable) {
            return Some("closes the quote and adds a condition");
        }
        None
    }

    /// Whether a `--` comment says nothing: one with words in it is a dash in prose.
    pub(super) fn comment_is_short(&self, comment: Token) -> bool {
        let body = self.text[comment.start..comment.end].trim_ascii_end();
        self.strict
            || body.len() <= 2
            || !self.text[comment.start..].starts_with(b"--")
            || body[2..].iter().all(|byte| matches!(byte, b' ' | b'-' | b'+'))
    }

    /// `19.5 ----`: a line drawn with dashes.
    fn is_rule(&self, comment: Token) -> bool {
        const SHORTEST: usize = 3;
        let line = self.text[comment.start..].trim_ascii_end();
        line.len() >= SHORTEST && line.iter().all(|&byte| byte == b'-')
    }

    /// `admin'#`: nothing but the comment sign follows the quote.
    fn follows_quote(&self, comment: Token) -> bool {
        let words = self.text[..self.anchor].contains(&b' ');
        let between = &self.text[self.anchor + 1..comment.start];
        !words && between.iter().all(|&byte| is_blank(byte)) && self.text[comment.start..].trim_ascii_end().len() == 1
    }

    /// A comment that runs to the end of the text.
    pub(super) fn comment(&mut self, comment: Token) -> Step {
        let block = self.text[comment.start..].starts_with(b"/*");
        // A `#` with nothing behind it is what `--` is.
        let lone = self.text[comment.start..].trim_ascii_end() == b"#";
        let joined = lone && (self.operators > 0 || self.groups > 0 || self.known_calls > 0);
        let hash = self.text[comment.start] == b'#' && !joined;
        let short = self.comment_is_short(comment);
        let Some(left) = self.left else {
            let query = self.select.is_some_and(|select| select.from && self.is_query(select));
            return if query { Step::Found("is a query") } else { Step::Prose };
        };
        if self.database_calls > 0 && self.known_calls > 1 && self.operators > 0 && self.plain {
            return Step::Found("builds a value from function calls");
        }
        if let Some(select) = self.select
            && (self.is_query(select) || (select.nested || select.words <= 2) && select.structure > 0)
        {
            return Step::Found("is a query");
        }
        if let Some(why) = self.truth(left) {
            return Step::Found(why);
        }
        if self.condition || self.clause && left.kind == Kind::Number {
            return Step::Found("comments out the rest");
        }
        if self.broke_out() {
            let joined = self.operators > 0 && !self.loose && left.kind != Kind::Word;
            let condition = self.logic > 0 && self.operators > 1;
            let alone = self.operators == 0
                && left.kind != Kind::Word
                && (short && (!hash || self.follows_quote(comment)) || self.unbalanced);
            if joined || condition || alone {
                return Step::Found("closes the quote and comments out the rest");
            }
            return Step::Prose;
        }
        if self.logic == 0 && !self.unbalanced && self.is_rule(comment) {
            return Step::Prose;
        }
        let value = left.literal && self.plain;
        // `10/10 -- would buy again` is prose; a comparison before a dash is not.
        let read = &self.text[self.anchor..comment.start];
        let lettered =
            matches!(self.text[comment.start..].trim_ascii(), [_, _, b' ', letter] if letter.is_ascii_alphabetic());
        let compares = self.logic > 0 && lettered || read.iter().any(|byte| matches!(byte, b'=' | b'<' | b'>'));
        let found = value && !hash && (short || self.operators > 0 && compares && !block)
            || value && hash && (self.logic > 0 || self.strings > 0 && self.operators > 0)
            || self.unbalanced && value && short
            || self.after_logic && short && !hash && self.operands == 2 && left.literal;
        if found { Step::Found("comments out the rest") } else { Step::Prose }
    }

    /// What the tokens amount to when the text ends.
    pub(super) fn at_end(&self) -> Option<&'static str> {
        if let Some(select) = self.select {
            let query = self.broke_out() && select.structure > 0
                || select.from && self.is_query(select)
                || select.nested && select.structure > 1;
            return query.then_some("is a query");
        }
        let left = self.left?;
        if self.row && !self.broke_out() {
            return None;
        }
        if self.condition {
            return Some("adds a condition");
        }
        if self.clause && left.kind == Kind::Number && self.plain {
            return Some("adds a LIMIT clause");
        }
        let found = if self.broke_out() { self.end_after_quote(left) } else { self.end_of_bare(left) };
        found.or_else(|| self.truth(left))
    }

    fn end_after_quote(&self, left: Operand) -> Option<&'static str> {
        if self.operators == 0 || self.loose || self.row && !(self.assigned && self.open_end) {
            return None;
        }
        if self.open_end {
            let name = self.strict
                && !self.text.iter().any(|byte| byte.is_ascii() && !is_word(*byte) && *byte != b'\'')
                && !self.text.iter().any(u8::is_ascii_digit);
            return (!name && !self.is_quoted_word() && !self.is_quoted_symbol())
                .then_some("closes the quote and opens it again");
        }
        let expression = left.literal && self.plain && !self.is_measure();
        expression.then_some("closes the quote and goes on with the expression")
    }

    fn end_of_bare(&self, left: Operand) -> Option<&'static str> {
        if self.open_end && self.logic > 0 && self.groups > 0 && left.kind == Kind::Text {
            return Some("adds a condition and opens a quote");
        }
        if self.operators > 0
            && self.logic == 0
            && self.plain
            && self.strings == 1
            && self.operands == 2
            && self.open_end
        {
            return Some("compares a value and opens a quote");
        }
        if self.database_calls > 0 && self.known_calls > 1 && (self.operators > 0 || self.plain) {
            return Some("builds a value from function calls");
        }
        if self.known_calls == 1 && self.operators == 0 && self.plain && self.calls_database(left) {
            return Some("calls a database function");
        }
        if self.after_logic && !self.in_order && left.literal && self.plain { self.bare_truth(left) } else { None }
    }

    /// `sleep(5)`, `current_user()`: whole texts that are calls of what only databases have.
    fn calls_database(&self, argument: Operand) -> bool {
        let is = |name: &&str| is_word_at(self.text, self.anchor, name);
        let tells =
            ["database", "db_name", "current_user", "session_user", "system_user", "suser_name", "sqlite_version"];
        argument.kind == Kind::Number && is(&"sleep") || argument.kind == Kind::Function && tells.iter().any(is)
    }

    /// `'or'`, all there is: a word that somebody quotes, in small letters, which queries seldom have it in.
    fn is_quoted_word(&self) -> bool {
        let text = self.text.trim_ascii();
        match (text, self.quote) {
            ([first, word @ .., last], Some(quote)) => {
                *first == quote && *last == quote && matches!(word, b"or" | b"and")
            }
            _ => false,
        }
    }

    /// `5'-10`, `6' x 4`: feet and inches.
    pub(super) fn is_measure(&self) -> bool {
        let feet = self.text[..self.anchor].trim_ascii();
        let words = self.text[self.anchor + 1..].iter().any(u8::is_ascii_alphabetic);
        !words && !self.unbalanced && self.logic == 0 && feet.last().is_some_and(u8::is_ascii_digit)
    }

    /// `the '*' in it`: an operator that prose quotes, with words on both sides.
    pub(super) fn is_quoted_symbol(&self) -> bool {
        let Some(last) = self.quote.and_then(|quote| self.text.iter().rposition(|&byte| byte == quote)) else {
            return false;
        };
        let prose = |part: &[u8]| {
            part.windows(3).any(|around| around[1] == b' ' && around[0] != b'-' && around[2].is_ascii_alphabetic())
        };
        // Scripts without blanks between words, and endings after a hyphen, touch the quotes from outside.
        let beyond_ascii = |byte: Option<&u8>| byte.is_some_and(|byte| !byte.is_ascii());
        let ending = self.text[last + 1..].strip_prefix(b"-").unwrap_or(&self.text[last + 1..]);
        let touched = beyond_ascii(self.text[..self.anchor].last()) || beyond_ascii(ending.first());
        // `use '<'.`, `the dash ('-')`: a word and a blank before, nothing behind.
        let before = self.text[..self.anchor].strip_suffix(b"(").unwrap_or(&self.text[..self.anchor]);
        let introduced = matches!(before, [.., letter, b' '] if letter.is_ascii_alphabetic() || !letter.is_ascii())
            && self.text[last + 1..].iter().all(|byte| matches!(byte, b'.' | b')' | b'\n' | b' '));
        !self.unbalanced
            && self.strings == 1
            && self.operands == 1
            && (touched || introduced || prose(&self.text[..self.anchor]) || prose(&self.text[last + 1..]))
    }

    /// `1 or 1`, `1 and 0`, `1 or true`: not `3 or 4`, which is prose.
    pub(super) fn bare_truth(&self, left: Operand) -> Option<&'static str> {
        let length = self.text.iter().rposition(|&byte| !is_blank(byte)).map_or(0, |last| last + 1);
        let tail = &self.text[..length];
        let truth = matches!(tail.last(), Some(b'0' | b'1'))
            && !tail[..tail.len() - 1].last().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.');
        (truth && left.kind == Kind::Number || left.kind == Kind::Constant)
            .then_some("adds a condition that is constant")
    }
}
