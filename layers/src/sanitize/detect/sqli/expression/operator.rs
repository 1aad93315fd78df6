//! What may follow an operand.

use super::super::super::bytes::{before_blanks, is_blank, is_word_at, listed, skip_blanks, word_end, word_start};
use super::super::lexer::Token;
use super::super::statement;
use super::super::words::Kind;
use super::{Operand, Step, Walk, trailing_comment};

impl<'a> Walk<'a> {
    /// Reads the token that follows an operand.
    pub(super) fn after_operand(&mut self, token: Token) -> Step {
        let Some(left) = self.left else { return Step::Prose };
        if self.at_start() && self.is_quoted_keyword(token) {
            return Step::Prose;
        }
        match token.kind {
            Kind::Operator => {
                if left.kind == Kind::Text && self.quote.is_some() && self.operators == 0 && self.is_list_mark(token) {
                    return Step::Prose;
                }
                self.operators += 1;
                self.continue_with()
            }
            Kind::Logic => {
                if let Some(why) = self.truth(left) {
                    return Step::Found(why);
                }
                self.note_logic();
                self.logic_on_literal = left.literal && self.plain;
                self.left = None;
                Step::On
            }
            Kind::Not => match self.lexer.peek() {
                Some(next) if next.kind == Kind::Compare => {
                    self.lexer.next();
                    self.compare(left, next)
                }
                _ => self.name_or_prose(left, token),
            },
            Kind::Compare => self.compare(left, token),
            Kind::Modifier | Kind::Branch => self.name_or_prose(left, token),
            Kind::Union => self.union(),
            Kind::Comma => self.comma(),
            Kind::Close => self.close(),
            Kind::Semicolon => self.semicolon(),
            Kind::Comment => self.comment(token),
            Kind::Clause => self.clause(left, token),
            Kind::From => self.from(left, token),
            Kind::Where => self.condition_of_clause(),
            Kind::As => {
                self.left = None;
                Step::On
            }
            Kind::Cast => {
                self.left = None;
                self.operators += 1;
                Step::On
            }
            Kind::Select | Kind::Open if self.is_query_after(left, token) => Step::Found("adds a query of its own"),
            Kind::Select => self.begin_select(),
            Kind::Verb
                if (self.broke_out() || left.kind == Kind::Number)
                    && self.operators == 0
                    && statement::starts(self.text, token, self.lexer.clone()) =>
            {
                Step::Found("adds a statement after the quote it closes")
            }
            _ => self.name_or_prose(left, token),
        }
    }

    /// `WHERE`, of a query or behind the columns of an update.
    fn condition_of_clause(&mut self) -> Step {
        if self.assigned && self.row {
            return Step::Found("sets another column and goes on with a WHERE clause");
        }
        let Some(select) = self.select.as_mut().filter(|select| select.from) else { return Step::Prose };
        select.structure += 1;
        self.left = None;
        Step::On
    }

    /// `"exec"`, `'group by'`: words that prose quotes.
    fn is_quoted_keyword(&self, token: Token) -> bool {
        let Some(quote) = self.quote else { return false };
        let glued = token.start == self.anchor + 1;
        glued && matches!(token.kind, Kind::Verb | Kind::Select | Kind::Clause) && {
            let rest = &self.text[token.end..];
            rest.iter().find(|&&byte| byte != b' ' && !byte.is_ascii_alphabetic()) == Some(&quote)
        }
    }

    /// `'-' 'x'` in prose: a dash or star between quoted words, with blanks around it.
    pub(super) fn is_list_mark(&self, token: Token) -> bool {
        let spaced = |at: usize| self.text.get(at).is_some_and(|&byte| is_blank(byte));
        let word_follows = matches!(self.lexer.ahead(), Some(Kind::Word));
        word_follows && token.end - token.start == 1 && spaced(token.end) && spaced(token.start.wrapping_sub(1))
    }

    pub(super) fn continue_with(&mut self) -> Step {
        if let Some(select) = &mut self.select {
            select.structure += 1;
        }
        self.left = None;
        Step::On
    }

    /// An operand right after an operand: an alias, an implicit concatenation, or prose.
    pub(super) fn name_or_prose(&mut self, left: Operand, token: Token) -> Step {
        if let Some(select) = &mut self.select {
            let name = matches!(token.kind, Kind::Word | Kind::Text | Kind::Function | Kind::Branch | Kind::Modifier);
            if name && left.kind != Kind::Other {
                select.words += 1;
                self.left = Some(Operand { kind: Kind::Other, ..left });
                self.open_end = token.open;
                return Step::On;
            }
            return Step::Prose;
        }
        let glued = token.start > 0 && !is_blank(self.text[token.start - 1]);
        let strings = left.kind == Kind::Text && token.kind == Kind::Text;
        if is_word_at(self.text, token.start, "collate") && left.literal && self.broke_out() {
            self.lexer.next();
            return Step::On;
        }
        if left.literal && self.operators == 0 && (self.broke_out() || left.kind == Kind::Number) && self.joins(token) {
            return Step::Found("joins another table");
        }
        if strings && self.broke_out() && self.operators > 0 {
            self.open_end = token.open;
            return Step::On;
        }
        // A lone quote at the end: the one that the query goes on with, or a backtick, which MySQL takes for a comment.
        let closes = token.open && self.text[token.start + 1..].iter().all(|&byte| is_blank(byte));
        if closes && let Some(why) = self.at_end() {
            return Step::Found(why);
        }
        if left.calls && self.after_logic && self.broke_out() {
            return Step::Found("adds a condition that calls a function");
        }
        if self.after_logic && self.broke_out() && glued && left.kind == Kind::Text && token.kind == Kind::Number {
            return Step::Found("closes the quote and adds a condition");
        }
        Step::Prose
    }

    /// A comparison begins; `is`, `in` and `sounds` only with what SQL has after them.
    pub(super) fn compare(&mut self, left: Operand, token: Token) -> Step {
        self.operators += 1;
        if let Some(select) = &mut self.select {
            select.structure += 1;
        }
        let is = |word: &str| is_word_at(self.text, token.start, word);
        if is("is") || is("isnull") || is("notnull") {
            let mut next = self.lexer.clone();
            let value = next.find(|token| token.kind != Kind::Not);
            let valued = value.is_some_and(|token| {
                matches!(token.kind, Kind::Constant | Kind::Number | Kind::Variable)
                    || is_word_at(self.text, token.start, "unknown")
            });
            if !valued && is("is") {
                return Step::Prose;
            }
        }
        if is("in")
            && self.broke_out()
            && self.lexer.peek().is_some_and(|token| is_word_at(self.text, token.start, "boolean"))
        {
            self.lexer.nth(1);
            return Step::On;
        }
        if is("similar") && self.lexer.peek().is_some_and(|token| is_word_at(self.text, token.start, "to")) {
            self.lexer.next();
        }
        if is("in") && self.lexer.ahead() != Some(Kind::Open)
            || is("sounds") && !self.lexer.peek().is_some_and(|token| is_word_at(self.text, token.start, "like"))
        {
            return Step::Prose;
        }
        self.assigned |= self.row && self.bytes(token) == b"=";
        if token.kind == Kind::Compare {
            self.compared = Some((left, token));
        }
        self.left = None;
        Step::On
    }

    /// A comparison is complete: does it belong to an injected condition?
    pub(super) fn comparison(&mut self, left: Operand, compare: Token, right: Operand) -> Step {
        let symbol = !self.text[compare.start].is_ascii_alphabetic();
        let literal = left.literal && right.literal;
        let branches = self.database_calls > 0 && left.kind == Kind::Number && right.kind == Kind::Number && self.plain;
        // `3 > 2`, and `2 + 2 = 4` with the blanks of prose.
        let spaced = |at: usize| self.text.get(at).is_some_and(|&byte| is_blank(byte));
        let ordered = matches!(self.text[compare.start], b'<' | b'>') && symbol
            || spaced(compare.start.wrapping_sub(1)) && spaced(compare.end) && symbol;
        if ordered && !self.broke_out() && self.logic == 0 {
            self.in_order = true;
        }
        if literal && (self.after_logic && !(ordered && self.in_order) || branches && symbol) {
            return Step::Found("adds a condition that compares constants");
        }
        if self.after_logic && self.broke_out() && (symbol || right.literal) {
            return Step::Found("closes the quote and adds a condition");
        }
        self.condition = self.after_logic
            && !(ordered && self.in_order)
            && self.logic_on_literal
            && (right.literal || symbol && (self.same_words(compare) || self.is_qualified(compare)));
        Step::On
    }

    /// `or x=x`: the words on both sides of the comparison are the same.
    pub(super) fn same_words(&self, compare: Token) -> bool {
        let left_end = before_blanks(self.text, compare.start);
        let left = &self.text[word_start(self.text, left_end)..left_end];
        let right = skip_blanks(self.text, compare.end);
        !left.is_empty() && self.text[right..word_end(self.text, right)].eq_ignore_ascii_case(left)
    }

    /// `or a.x=b.y`: columns with their tables.
    fn is_qualified(&self, compare: Token) -> bool {
        let left_end = before_blanks(self.text, compare.start);
        let left = &self.text[left_end.saturating_sub(64)..left_end];
        let column = left.iter().rposition(|&byte| is_blank(byte)).map_or(left, |at| &left[at + 1..]);
        column.contains(&b'.') && compare.end - compare.start == 1
    }

    /// Whether a column and what it is set to follow: `role='admin`.
    fn assigns_ahead(&self) -> bool {
        let mut next = self.lexer.clone();
        next.next().is_some_and(|name| name.kind == Kind::Word)
            && next.next().is_some_and(|token| token.kind == Kind::Compare && self.bytes(token) == b"=")
            && matches!(next.ahead(), Some(Kind::Number | Kind::Text | Kind::Constant | Kind::Open | Kind::Select))
    }

    /// A list goes on; a sentence does not, unless every item of it could be one of a query.
    pub(super) fn comma(&mut self) -> Step {
        let numbers = !self.broke_out() && self.plain && self.operators == 0;
        if self.select.is_none()
            && self.depth <= 0
            && !self.unbalanced
            && !(self.broke_out() && self.operators > 0)
            && !self.clause
        {
            let goes_on = matches!(self.lexer.ahead(), Some(Kind::Number | Kind::Text | Kind::Constant | Kind::Open))
                || self.broke_out() && self.assigns_ahead();
            // A row that is inserted, or the columns of an update, go on; a sentence does so after a word.
            if !(goes_on && (numbers || self.broke_out())) {
                return Step::Prose;
            }
            self.row = true;
        }
        if let Some(select) = &mut self.select {
            select.structure += u32::from(select.words < 3);
        }
        self.left = None;
        Step::On
    }

    /// A parenthesis closes, perhaps one that the query opened.
    pub(super) fn close(&mut self) -> Step {
        if let Some(left) = self.left
            && self.depth <= 0
            && (left.literal || self.broke_out())
            && let Some(why) = self.truth(left).filter(|_| self.broke_out())
        {
            return Step::Found(why);
        }
        self.depth -= 1;
        self.unbalanced |= self.depth < 0;
        if let Some(select) = self.select
            && select.nested
            && self.is_query(select)
        {
            return Step::Found("holds a query in parentheses");
        }
        if let Some(left) = self.left {
            self.left = Some(Operand { kind: if left.kind == Kind::Word { Kind::Word } else { Kind::Number }, ..left });
        }
        Step::On
    }

    /// The statement ends: does another begin?
    pub(super) fn semicolon(&mut self) -> Step {
        if let Some(select) = self.select
            && self.is_query(select)
        {
            return Step::Found("is a query");
        }
        let mut next = self.lexer.clone();
        while next.ahead() == Some(Kind::Semicolon) {
            next.next();
        }
        match next.next() {
            Some(verb) if verb.kind == Kind::Verb && statement::starts(self.text, verb, next.clone()) => {
                Step::Found("ends the statement and begins another")
            }
            Some(verb) if verb.kind == Kind::Select && (self.broke_out() || self.plain) => match next.next() {
                Some(item) if !matches!(item.kind, Kind::Word | Kind::Verb) || next.ahead() == Some(Kind::Comma) => {
                    Step::Found("ends the statement and begins a query")
                }
                _ => Step::Prose,
            },
            Some(token)
                if token.kind == Kind::Comment
                    && self.broke_out()
                    && token.end == self.text.len()
                    && self.comment_is_short(token) =>
            {
                Step::Found("closes the quote and comments out the rest")
            }
            Some(verb) if self.broke_out() && self.ends_commented(verb) => {
                Step::Found("ends the statement and begins another")
            }
            Some(word) if self.broke_out() && self.returns(word) => {
                Step::Found("ends the statement of a document database and returns from its function")
            }
            Some(token) if token.kind == Kind::Comment || self.condition => match self.at_end() {
                Some(why) => Step::Found(why),
                None => self.comment(token),
            },
            None => self.at_end().map_or(Step::Prose, Step::Found),
            _ => Step::Prose,
        }
    }

    /// `'; vacuum--`: a verb of some database after the quote and the statement, and nothing behind it that counts.
    fn ends_commented(&self, verb: Token) -> bool {
        statement::is_verb(self.bytes(verb)) && trailing_comment(self.text).is_some_and(|at| at >= verb.end)
    }

    /// `natural join users--`, `inner join users on`.
    fn joins(&self, token: Token) -> bool {
        const KINDS: &[&str] =
            &["cross", "full", "inner", "join", "left", "natural", "outer", "right", "straight_join"];
        if !listed(KINDS, self.bytes(token)) {
            return false;
        }
        let mut next = self.lexer.clone();
        let mut word = Some(token);
        let is_join =
            |token: Token| ["join", "straight_join"].iter().any(|join| is_word_at(self.text, token.start, join));
        while let Some(token) = word.filter(|&token| !is_join(token) && listed(KINDS, self.bytes(token))) {
            word = next.next().filter(|&next| next.start > token.start);
        }
        let Some(table) = word.filter(|&token| is_join(token)).and_then(|_| next.next()) else { return false };
        match table.kind {
            Kind::Open => next.ahead() == Some(Kind::Select),
            Kind::Word => next.next().is_some_and(|after| {
                after.kind == Kind::Comment && self.comment_is_short(after)
                    || ["on", "using"].iter().any(|condition| is_word_at(self.text, after.start, condition))
                        && next.clone().any(|token| token.kind == Kind::Compare || token.kind == Kind::Open)
            }),
            _ => false,
        }
    }

    /// `'; return true; var a='`: script that a document database runs.
    fn returns(&self, word: Token) -> bool {
        let tail = self.text.trim_ascii_end();
        is_word_at(self.text, word.start, "return")
            && self.text[word.end..].contains(&b';')
            && tail.last().is_some_and(|&last| Some(last) == self.quote || last == b'/')
    }
}
