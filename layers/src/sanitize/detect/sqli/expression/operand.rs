//! What may stand where an operand is expected.

use super::super::super::bytes::{continues, is_word_at};
use super::super::functions::{self, Risk};
use super::super::lexer::Token;
use super::super::statement;
use super::super::words::{self, Kind};
use super::{Operand, Step, TOKENS, Walk, is_loose};

impl<'a> Walk<'a> {
    /// Reads a token where an operand is expected.
    pub(super) fn before_operand(&mut self, token: Token) -> Step {
        match token.kind {
            Kind::Number | Kind::Constant | Kind::Variable => self.operand(token, true, false),
            Kind::Text => self.string(token),
            Kind::Verb if self.at_start() && statement::starts(self.text, token, self.lexer.clone()) => {
                self.whole_statement(token)
            }
            Kind::Clause if self.at_start() && !self.broke_out() && !self.is_called() => self.leading_clause(token),
            Kind::Function | Kind::Verb | Kind::Compare | Kind::Clause | Kind::Operator
                if token.end - token.start > 1 && self.text[token.start].is_ascii_alphabetic() && self.is_called() =>
            {
                self.call(token)
            }
            Kind::Word
                if self.after_logic
                    && (self.broke_out() || self.logic_on_literal)
                    && self.text.get(token.end) == Some(&b'(') =>
            {
                self.unknown_call()
            }
            Kind::Select => self.begin_select(),
            Kind::Open => {
                self.depth += 1;
                self.groups += 1;
                Step::On
            }
            Kind::Close => {
                self.depth -= 1;
                self.operand(token, true, false)
            }
            Kind::Not | Kind::Modifier => Step::On,
            Kind::Operator => match self.bytes(token) {
                b"-" | b"+" => Step::On,
                b"*" if self.select.is_some() || self.depth > 0 => self.operand(token, true, false),
                _ => Step::Prose,
            },
            Kind::Compare if self.previous == Kind::Compare => Step::On,
            Kind::Case => self.case(),
            Kind::Comment => self.comment(token),
            Kind::Logic if self.previous == Kind::Other && self.operators == 0 && !self.broke_out() => {
                self.note_logic();
                Step::On
            }
            Kind::Union => self.union(),
            Kind::Word | Kind::Function | Kind::From | Kind::Clause | Kind::Where | Kind::Verb => self.word(token),
            Kind::Comma if self.select.is_some() || self.depth > 0 => Step::On,
            _ => Step::Prose,
        }
    }

    /// `having 1=1`, `order by 3--`: the text goes on where a query ended.
    pub(super) fn leading_clause(&mut self, token: Token) -> Step {
        let value = Operand { kind: Kind::Number, literal: self.is_having(token), calls: false };
        match self.clause(value, token) {
            Step::Found(why) => Step::Found(why),
            _ => {
                self.clause = false;
                self.word(token)
            }
        }
    }

    pub(super) fn is_having(&self, token: Token) -> bool {
        is_word_at(self.text, token.start, "having")
            && self.lexer.clone().nth(1).is_some_and(|token| {
                let calls = token.kind == Kind::Open && self.lexer.ahead() == Some(Kind::Function);
                token.kind == Kind::Compare || calls && self.text[token.start - 1] != b' '
            })
    }

    pub(super) fn operand(&mut self, token: Token, literal: bool, calls: bool) -> Step {
        if let Some(select) = &mut self.select {
            select.structure += u32::from(literal);
        }
        self.set_operand(Operand { kind: token.kind, literal, calls })
    }

    pub(super) fn set_operand(&mut self, operand: Operand) -> Step {
        self.plain &= operand.literal;
        self.operands += 1;
        self.strings += u32::from(operand.kind == Kind::Text);
        self.left = Some(operand);
        match self.compared.take() {
            Some((left, compare)) => self.comparison(left, compare, operand),
            None => Step::On,
        }
    }

    pub(super) fn string(&mut self, token: Token) -> Step {
        let content = &self.text
            [(token.start + 1).min(token.end)..token.end - usize::from(!token.open && token.end > token.start + 1)];
        self.loose |= is_loose(content, <[u8]>::first);
        if !token.open {
            self.loose |= content.iter().all(|byte| matches!(byte, b',' | b' ' | b';' | b'/')) && !content.is_empty();
        }
        self.open_end = token.open;
        self.operand(token, true, false)
    }

    pub(super) fn word(&mut self, token: Token) -> Step {
        if let Some(select) = &mut self.select {
            select.words += 1;
            let name = &self.text[token.start..token.end];
            select.structure += u32::from(name.iter().any(|byte| matches!(byte, b'.' | b'_' | b'`')));
        }
        self.open_end = token.open;
        self.set_operand(Operand { kind: Kind::Word, literal: false, calls: false })
    }

    /// A call of a known function: reads on inside its parentheses.
    pub(super) fn call(&mut self, token: Token) -> Step {
        let name = self.bytes(token);
        let dangerous = words::is_dangerous(name) || name.eq_ignore_ascii_case(b"sleep");
        let Some(open) = self.lexer.next() else { return Step::Prose };
        // `systemd-sleep(8)` is a name with a hyphen.
        let hyphenated = !self.plain && self.text[..token.start].ends_with(b"-");
        let follows = self.operators > 0 && !hyphenated || self.select.is_some();
        if dangerous && follows && self.lexer.ahead() != Some(Kind::Close) {
            return Step::Found("calls a database function that waits, reads or reveals");
        }
        // `encode and decode (JSON)` is prose.
        let calls = self.broke_out() || open.start == token.end;
        self.known_calls += 1;
        self.database_calls += u32::from(functions::risk(name) != Some(Risk::Calculator));
        if let Some(select) = &mut self.select {
            select.structure += 1;
        }
        if let Some(nested) = self.lexer.peek()
            && nested.kind == Kind::Select
            && open.kind == Kind::Open
            && (token.kind != Kind::Verb || name.eq_ignore_ascii_case(b"if") || self.operators > 0)
            && self.queries_ahead()
        {
            return Step::Found("calls a database function on a query");
        }
        self.depth += 1;
        if self.lexer.ahead() == Some(Kind::Close) {
            self.lexer.next();
            self.depth -= 1;
            return self.set_operand(Operand { kind: Kind::Function, literal: true, calls });
        }
        if self.operators > 0 && (self.broke_out() || self.after_logic) {
            // The arguments decide nothing more: crossed as far as they are balanced.
            self.cross_arguments();
            return self.set_operand(Operand { kind: Kind::Function, literal: true, calls });
        }
        Step::On
    }

    /// Whether the `select` ahead is more than a word in parentheses: `exists (select few)` is prose.
    fn queries_ahead(&self) -> bool {
        let mut next = self.lexer.clone();
        let item = next.nth(1).map(|token| token.kind);
        item.is_some() && (item != Some(Kind::Word) || !matches!(next.ahead(), Some(Kind::Word | Kind::Close) | None))
    }

    /// A call of a function that is not in the list, in a condition: `and bit_count(3)=2`.
    fn unknown_call(&mut self) -> Step {
        self.lexer.next();
        self.depth += 1;
        self.cross_arguments();
        self.set_operand(Operand { kind: Kind::Function, literal: true, calls: false })
    }

    pub(super) fn cross_arguments(&mut self) {
        let mut depth = 1;
        for _ in 0..TOKENS {
            match self.lexer.next().map(|token| token.kind) {
                Some(Kind::Open) => depth += 1,
                Some(Kind::Close) => depth -= 1,
                Some(_) => {}
                None => break,
            }
            if depth == 0 {
                break;
            }
        }
        self.depth -= 1;
    }

    /// `case when 1=1 then`, `case 1 when`.
    pub(super) fn case(&mut self) -> Step {
        let mut next = self.lexer.clone();
        let kinds = [next.next(), next.next()].map(|token| token.map(|token| token.kind));
        // `case when 2 people meet` is prose.
        if kinds == [Some(Kind::Branch), Some(Kind::Number)] && matches!(next.ahead(), Some(Kind::Word) | None) {
            return Step::Prose;
        }
        match kinds {
            [
                Some(Kind::Branch),
                Some(Kind::Number | Kind::Text | Kind::Variable | Kind::Open | Kind::Constant | Kind::Select),
            ]
            | [Some(Kind::Number | Kind::Text | Kind::Variable), Some(Kind::Branch)] => {
                Step::Found("chooses between values with CASE")
            }
            _ => Step::Prose,
        }
    }

    /// The text begins with a statement: prose begins with some of the same words.
    pub(super) fn whole_statement(&mut self, token: Token) -> Step {
        let is = |word: &str| continues(self.text, token.start, word);
        if is("call") {
            return Step::Prose;
        }
        if is("declare") || is("exec") || is("waitfor") || is("load") {
            return Step::Found("is a statement");
        }
        // `drop table x` is all there is of it; `alter table x …` needs more. Scripts without blanks write sentences as one word.
        let tokens = self.lexer.clone().take(8).count();
        if tokens == 2 && !self.text.is_ascii() {
            return Step::Prose;
        }
        let whole = (is("drop") || is("truncate")) && tokens == 2
            || (is("merge") || is("create") || is("alter")) && tokens >= 4;
        if whole {
            return Step::Found("is a statement");
        }
        // `if 1 = 2, then …` is prose.
        let equation = !is("if") && !is("while");
        let code = |byte: &u8| matches!(byte, b'(' | b'\'' | b'"' | b';' | b'*') || *byte == b'=' && equation;
        let more = self.text[token.end..].iter().any(code);
        if more { Step::Found("is a statement") } else { Step::Prose }
    }
}
