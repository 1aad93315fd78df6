//! Queries and clauses: `SELECT`, `UNION`, `ORDER BY` and those that follow.

use super::super::super::bytes::{is_blank, is_word_at};
use super::super::lexer::{Lexer, Token};
use super::super::words::Kind;
use super::{Operand, Select, Step, Walk};

impl<'a> Walk<'a> {
    /// `SELECT`: from here on names may follow each other.
    pub(super) fn begin_select(&mut self) -> Step {
        let nested = self.depth > 0 || self.broke_out();
        let follows_operator =
            matches!(self.previous, Kind::Open) && (self.operators > 0 || self.row && self.broke_out());
        if follows_operator && self.select.is_none() && self.subquery_follows() {
            return Step::Found("compares with a query of its own");
        }
        if self.select.is_some_and(|outer| outer.from) && self.previous == Kind::Open {
            return Step::Found("is a query");
        }
        let previous = self.select.unwrap_or_default();
        self.select =
            Some(Select { nested, structure: previous.structure + u32::from(self.select.is_some()), ..previous });
        Step::On
    }

    /// Whether what follows `( select` is more than a word in parentheses.
    pub(super) fn subquery_follows(&self) -> bool {
        let mut next = self.lexer.clone();
        match next.next().map(|token| token.kind) {
            Some(Kind::Word) => !matches!(next.ahead(), Some(Kind::Word | Kind::Close) | None),
            None => false,
            Some(_) => true,
        }
    }

    /// Whether a query follows right after an operand, as no expression allows.
    pub(super) fn is_query_after(&self, left: Operand, token: Token) -> bool {
        let mut next = self.lexer.clone();
        let query = match token.kind {
            Kind::Select => Some(Kind::Select),
            _ => next.find(|token| token.kind != Kind::Open).map(|token| token.kind),
        } == Some(Kind::Select);
        let glued = token.start > 0 && !is_blank(self.text[token.start - 1]);
        let bare = !self.broke_out() && left.kind == Kind::Number && (self.lexer.commented || glued);
        query && (self.broke_out() && left.kind == Kind::Text || bare) && {
            bare && glued
                || !matches!(next.next().map(|token| token.kind), Some(Kind::Word) | None)
                || next.take(8).any(|token| token.kind == Kind::From)
        }
    }

    /// Whether a `SELECT` has shown that it is none of prose.
    pub(super) fn is_query(&self, select: Select) -> bool {
        select.structure >= 2 || select.structure == 1 && (select.from || select.nested) && select.words <= 3
    }

    /// `UNION` and what follows it.
    pub(super) fn union(&self) -> Step {
        let mut next = self.lexer.clone();
        let anchored = self.broke_out() || self.left.is_some_and(|left| left.literal);
        let mut open = false;
        for _ in 0..16 {
            match next.next().map(|token| token.kind) {
                Some(Kind::Open) => open = true,
                Some(Kind::Modifier) => {}
                Some(Kind::Operator) if open => {}
                Some(Kind::Select) => {
                    let item = next.next();
                    let prose = item.is_some_and(|item| item.kind == Kind::Word)
                        && matches!(
                            next.ahead(),
                            Some(Kind::Word | Kind::Function | Kind::Logic | Kind::Verb | Kind::Close) | None
                        );
                    let alone = item.is_none() && self.at_start() && !self.name;
                    if anchored || open && !prose || alone || !prose && item.is_some() {
                        return Step::Found("joins a query of its own with UNION");
                    }
                    return Step::Prose;
                }
                Some(Kind::Word) if self.joins_rows(open, anchored) => {
                    return Step::Found("joins a query of its own with UNION");
                }
                Some(Kind::Comment) | None
                    if self.left.is_some() && (anchored && !self.broke_out() || self.operators > 0) =>
                {
                    return Step::Found("joins a query of its own with UNION");
                }
                Some(Kind::Union) => {}
                _ => break,
            }
        }
        Step::Prose
    }

    /// `union values (1,2)`, and `union table users--` after a quote or a literal.
    fn joins_rows(&self, open: bool, anchored: bool) -> bool {
        let mut next = self.lexer.clone();
        let Some(word) = next.find(|token| !matches!(token.kind, Kind::Open | Kind::Modifier)) else { return false };
        let is = |name: &str| is_word_at(self.text, word.start, name);
        is("values") && next.ahead() == Some(Kind::Open)
            || is("table")
                && (open || anchored)
                && next.next().is_some_and(|name| name.kind == Kind::Word)
                && matches!(next.ahead(), Some(Kind::Comment | Kind::Logic) | None)
    }

    /// `ORDER BY`, `HAVING`, `LIMIT`, `INTO OUTFILE` and the like after an operand.
    pub(super) fn clause(&mut self, left: Operand, token: Token) -> Step {
        let is = |word: &str| is_word_at(self.text, token.start, word);
        let mut next = self.lexer.clone();
        let anchored = left.literal || self.unbalanced || self.broke_out();
        let first = next.next();
        let first_is = |word: &str| first.is_some_and(|token| is_word_at(self.text, token.start, word));
        if is("order") && first_is("by") || is("group") && first_is("by") {
            return self.ordering(anchored, next);
        }
        if is("having") {
            return Self::having(anchored, first, next);
        }
        if is("limit") || is("offset") {
            if let Some(select) = &mut self.select {
                select.structure += 1;
                self.left = None;
                return Step::On;
            }
            if anchored && first.is_some_and(|token| token.kind == Kind::Number) {
                self.clause = true;
                self.left = None;
                return Step::On;
            }
            return Step::Prose;
        }
        if is("procedure") && first_is("analyse") {
            return Step::Found("adds a PROCEDURE clause");
        }
        if is("into")
            && (first_is("outfile") || first_is("dumpfile") || first.is_some_and(|token| token.kind == Kind::Variable))
            && anchored
        {
            return Step::Found("writes the result elsewhere with INTO");
        }
        if is("for") && first_is("update") || is("lock") && first_is("in") {
            return Step::On;
        }
        self.name_or_prose(left, token)
    }

    /// `having 1=1`: literals, where prose has 2 children.
    fn having(anchored: bool, first: Option<Token>, mut next: Lexer<'a>) -> Step {
        let first = first.map(|token| token.kind);
        let then = next.next().map(|token| token.kind);
        let literal = matches!(first, Some(Kind::Number | Kind::Text | Kind::Open | Kind::Constant | Kind::Variable));
        let goes_on = match then {
            Some(Kind::Compare) => true,
            Some(Kind::Open) if first == Some(Kind::Function) => return Self::having_call(anchored),
            Some(Kind::Logic | Kind::Number | Kind::Constant | Kind::Text | Kind::Comment | Kind::Union) => {
                anchored || first == Some(Kind::Open)
            }
            _ => false,
        };
        if literal && goes_on { Step::Found("adds a HAVING clause") } else { Step::Prose }
    }

    fn having_call(anchored: bool) -> Step {
        if anchored { Step::Found("adds a HAVING clause") } else { Step::Prose }
    }

    fn opens_at(&self, at: usize) -> bool {
        self.text.get(at) == Some(&b'(')
    }

    /// `order by 3`, `group by x having …`.
    pub(super) fn ordering(&mut self, anchored: bool, mut next: Lexer<'a>) -> Step {
        let key = next.next();
        self.cross_direction(&mut next);
        let after = next.ahead();
        let listed = matches!(key.map(|token| token.kind), Some(Kind::Number))
            && matches!(after, Some(Kind::Comma | Kind::Comment));
        let called = key.is_some_and(|key| matches!(key.kind, Kind::Function | Kind::Verb) && self.opens_at(key.end));
        if !anchored && self.select.is_none() && !listed && !called {
            return Step::Prose;
        }
        let adds = match key.map(|token| token.kind) {
            Some(Kind::Number | Kind::Text | Kind::Variable | Kind::Open | Kind::Not | Kind::Constant) => {
                !matches!(after, Some(Kind::Word | Kind::From))
            }
            Some(Kind::Operator) => true,
            Some(Kind::Case) => after == Some(Kind::Branch),
            Some(Kind::Function) => {
                matches!(after, Some(Kind::Open | Kind::Clause | Kind::Comment | Kind::Union))
            }
            Some(Kind::Verb) => after == Some(Kind::Open),
            Some(Kind::Word) => {
                matches!(after, Some(Kind::Clause | Kind::Comment | Kind::Union))
                    || after == Some(Kind::Comma) && (self.select.is_some() || anchored)
            }
            _ => false,
        };
        if adds { Step::Found("adds an ORDER BY or GROUP BY clause") } else { Step::Prose }
    }

    /// Reads on after `asc` or `desc`, if a key's end follows it.
    fn cross_direction(&self, next: &mut Lexer<'a>) {
        let is_direction =
            |token: Token| ["asc", "desc"].iter().any(|direction| is_word_at(self.text, token.start, direction));
        let mut beyond = next.clone();
        if beyond.next().is_some_and(is_direction)
            && matches!(beyond.ahead(), Some(Kind::Comma | Kind::Comment | Kind::Clause | Kind::Semicolon) | None)
        {
            *next = beyond;
        }
    }

    /// `FROM`: part of a query, or what a value in parentheses is followed by.
    pub(super) fn from(&mut self, left: Operand, token: Token) -> Step {
        if let Some(select) = &mut self.select {
            select.from = true;
            self.left = None;
            return Step::On;
        }
        let mut next = self.lexer.clone();
        let name = next.next().is_some_and(|token| matches!(token.kind, Kind::Word | Kind::Function));
        if left.literal && self.unbalanced && name && next.ahead() == Some(Kind::Where) {
            return Step::Found("goes on with a FROM clause");
        }
        // `10 from London --` is prose; so a comment counts that touches the name, or is padded as in an address.
        if left.literal && self.plain && name && next.peek().is_some_and(|comment| self.is_glued_comment(comment)) {
            return Step::Found("goes on with a FROM clause");
        }
        self.name_or_prose(left, token)
    }

    fn is_glued_comment(&self, comment: Token) -> bool {
        let body = self.text[comment.start..].trim_ascii_end();
        comment.kind == Kind::Comment
            && self.comment_is_short(comment)
            && (!is_blank(self.text[comment.start - 1]) || body.starts_with(b"--") && body.len() > 2)
    }
}
