//! Statements and queries that are joined to another.

use super::super::super::Finding;
use super::super::super::bytes::{REACH, continues, is_word, is_word_at, skip_blanks, word_end, word_start};
use super::super::lexer::Lexer;
use super::super::statement;
use super::super::words::{self, Kind};
use super::Spots;

impl<'a> Spots<'a> {
    pub(super) fn stacked(&self, at: usize) -> Option<Finding> {
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
                Some(Kind::Word) => selects_columns(lexer.clone()),
                _ => false,
            }
        };
        if query || verb.kind == Kind::Verb && statement::starts(self.text, verb, lexer) {
            return Self::finding(at, verb.end, "ends the statement and begins another");
        }
        None
    }

    /// `/create table x`, where a blank was avoided.
    pub(super) fn created(&self, at: usize) -> Option<Finding> {
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

    /// `/*!50000 select`: a comment whose content is run.
    pub(super) fn executable_comment(&self, at: usize) -> Option<Finding> {
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

    fn is_hyphen(&self, at: usize) -> bool {
        self.byte(at) == b'-' && is_word(self.byte(at.wrapping_sub(1))) && is_word(self.byte(at + 1))
    }

    /// `union [all | distinct] select`, followed by what prose would not select.
    pub(super) fn union(&self, at: usize) -> Option<Finding> {
        if !is_word_at(self.text, at, "union") {
            return None;
        }
        let before = self.byte(at.wrapping_sub(1));
        let glued = before.is_ascii_digit()
            || matches!(before, b'd' | b'D' | b'e' | b'E' | b'f' | b'F' | b'N')
                && at > 1
                && !self.text[at - 2].is_ascii_alphabetic();
        if at > 0 && is_word(before) && !glued {
            return None;
        }
        let mut lexer = Lexer::new(&self.text[..self.text.len().min(at + 2 * REACH)], at + 5);
        let mut structure = before == b')' || glued;
        let mut grouped = false;
        for _ in 0..24 {
            match lexer.next().map(|token| token.kind)? {
                Kind::Open => grouped = true,
                // `Union-Select` is a name with a hyphen.
                Kind::Operator if self.is_hyphen(lexer.position() - 1) => {}
                Kind::Operator | Kind::Variable => structure = true,
                Kind::Modifier => {}
                Kind::Select => {
                    structure |= lexer.commented || grouped && !says(lexer.clone());
                    return if structure || queries(&mut lexer) {
                        Self::finding(at, lexer.position(), "joins a query of its own with UNION")
                    } else {
                        None
                    };
                }
                Kind::Word => {
                    let end = lexer.position();
                    let start = word_start(self.text, end);
                    if is_word_at(self.text, start, "values") && lexer.ahead() == Some(Kind::Open) {
                        return Self::finding(at, end, "joins a query of its own with UNION");
                    }
                    let fused =
                        continues(self.text, start, "selectchar") || continues(self.text, start, "selectconcat");
                    return if fused { Self::finding(at, end, "joins a query of its own with UNION") } else { None };
                }
                _ => return None,
            }
        }
        None
    }
}

/// `(select members only)`: a word and no query.
fn says(mut lexer: Lexer<'_>) -> bool {
    lexer.next().is_some_and(|item| item.kind == Kind::Word)
        && matches!(lexer.ahead(), Some(Kind::Word | Kind::Modifier | Kind::Logic | Kind::Close) | None)
}

/// `password from users where id=1`, `a from b--`: where `; select items from the list` is prose.
fn selects_columns(mut lexer: Lexer<'_>) -> bool {
    let mut next = || lexer.next().map(|token| token.kind);
    let from = [next(), next(), next()];
    if !matches!(from, [Some(Kind::Word), Some(Kind::From), Some(Kind::Word)]) {
        return false;
    }
    match next() {
        Some(Kind::Comment | Kind::Clause) => true,
        Some(Kind::Where) => next().is_some() && next() == Some(Kind::Compare),
        _ => false,
    }
}

/// Whether what follows `select` is an item of a query and not the next word of a sentence.
pub(super) fn queries(lexer: &mut Lexer<'_>) -> bool {
    match lexer.next().map(|token| token.kind) {
        Some(Kind::Word) if lexer.ahead() == Some(Kind::As) => {
            lexer.nth(2).is_some_and(|token| token.kind == Kind::From)
        }
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
