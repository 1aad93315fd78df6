//! The anchored view: reads the text as the continuation of an expression.
//!
//! [`Walk`] alternates between operands and what may follow one. It remembers the little that decides: whether a quote
//! was closed, which operators joined which kinds of operands, and what a `SELECT` has shown so far.

use super::super::bytes::{before_blanks, continues, is_blank, is_word_at, skip_blanks, word_end, word_start};
use super::super::{Finding, Strictness};
use super::lexer::{Lexer, Token};
use super::statement;
use super::words::{self, Kind};

/// No injection needs more tokens to show itself; keeps the cost of an anchor constant.
const TOKENS: usize = 96;

/// Reads the text as standing outside quotes.
pub(super) fn bare(text: &[u8]) -> Option<Finding> {
    let first = text.iter().position(|&byte| !is_blank(byte))?;
    Walk::new(text, first, first, None).run()
}

/// Reads the text as starting inside quotes, if it closes them.
pub(super) fn quoted(text: &[u8], quote: u8, strictness: Strictness) -> Option<Finding> {
    let close = text.iter().position(|&byte| byte == quote)?;
    let mut walk = Walk::new(text, close + 1, close, Some(quote));
    walk.strict = strictness == Strictness::Strict;
    walk.loose = is_loose(&text[..close], <[u8]>::last);
    walk.left = Some(Operand { kind: Kind::Text, literal: true, calls: false });
    walk.run()
}

/// What stands on one side of an operator.
#[derive(Clone, Copy, Debug)]
struct Operand {
    kind: Kind,
    /// Made of literals, parentheses and known functions only, where prose would have words.
    literal: bool,
    /// Calls a known function.
    calls: bool,
}

/// What a `SELECT` has shown.
#[derive(Clone, Copy, Debug, Default)]
struct Select {
    /// Items and clauses that no prose has: numbers, stars, calls, variables, strings, commas.
    structure: u32,
    words: u32,
    from: bool,
    nested: bool,
}

enum Step {
    On,
    /// Nothing but prose goes on like this.
    Prose,
    Found(&'static str),
}

/// The state of reading one expression.
struct Walk<'a> {
    text: &'a [u8],
    lexer: Lexer<'a>,
    anchor: usize,
    /// The quote that the text has closed.
    quote: Option<u8>,
    strict: bool,
    /// The operand read last; `None` where one is expected.
    left: Option<Operand>,
    /// The left side of the comparison being read.
    compared: Option<(Operand, Token)>,
    /// Open parentheses, each bit telling whether it is a call.
    depth: i32,
    unbalanced: bool,
    operators: u32,
    /// Whether the operands since the last logical operator form its right side.
    after_logic: bool,
    logic: u32,
    known_calls: u32,
    groups: u32,
    clause: bool,
    select: Option<Select>,
    /// Only literals, operators and known functions so far.
    plain: bool,
    /// Quotes touch blanks on the inside, as they do around symbols in prose: `use '-' or '+'`.
    loose: bool,
    /// The last operand is a string that the text left open.
    open_end: bool,
    previous: Kind,
    /// What was left of the last logical operator was made of literals.
    logic_on_literal: bool,
    /// A whole comparison with a column stands right of such an operator.
    condition: bool,
    /// Operands and strings after the anchor.
    operands: u32,
    strings: u32,
}

impl<'a> Walk<'a> {
    fn new(text: &'a [u8], at: usize, anchor: usize, quote: Option<u8>) -> Self {
        Self {
            text,
            lexer: Lexer::new(text, at),
            anchor,
            quote,
            strict: false,
            left: None,
            compared: None,
            depth: 0,
            unbalanced: false,
            operators: 0,
            after_logic: false,
            logic: 0,
            known_calls: 0,
            groups: 0,
            clause: false,
            select: None,
            plain: true,
            loose: false,
            open_end: false,
            previous: Kind::Other,
            logic_on_literal: false,
            condition: false,
            operands: 0,
            strings: 0,
        }
    }

    fn run(mut self) -> Option<Finding> {
        for _ in 0..TOKENS {
            let Some(token) = self.lexer.next() else {
                return self.at_end().map(|why| self.finding(self.text.len(), why));
            };
            let step = if self.left.is_some() { self.after_operand(token) } else { self.before_operand(token) };
            self.previous = token.kind;
            match step {
                Step::Found(why) => return Some(self.finding(token.end, why)),
                Step::Prose => return None,
                Step::On => {}
            }
        }
        None
    }

    fn finding(&self, end: usize, why: &'static str) -> Finding {
        Finding { start: self.anchor, end: end.max(self.anchor), why }
    }

    fn broke_out(&self) -> bool {
        self.quote.is_some()
    }

    fn bytes(&self, token: Token) -> &'a [u8] {
        &self.text[token.start..token.end]
    }

    /// Whether a parenthesis follows at once, which makes the word before it a call.
    fn is_called(&self) -> bool {
        self.text.get(skip_blanks(self.text, self.lexer.position())) == Some(&b'(')
    }

    fn before_operand(&mut self, token: Token) -> Step {
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
            Kind::Select => self.begin_select(token),
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
            Kind::Union => self.union(token),
            Kind::Word | Kind::Function | Kind::From | Kind::Clause | Kind::Where | Kind::Verb => self.word(token),
            Kind::Comma if self.select.is_some() || self.depth > 0 => Step::On,
            _ => Step::Prose,
        }
    }

    /// `having 1=1`, `order by 3--`: the text goes on where a query ended.
    fn leading_clause(&mut self, token: Token) -> Step {
        let value = Operand { kind: Kind::Number, literal: self.is_having(token), calls: false };
        match self.clause(value, token) {
            Step::Found(why) => Step::Found(why),
            _ => {
                self.clause = false;
                self.word(token)
            }
        }
    }

    fn is_having(&self, token: Token) -> bool {
        is_word_at(self.text, token.start, "having")
            && self.lexer.clone().nth(1).is_some_and(|token| token.kind == Kind::Compare)
    }

    fn at_start(&self) -> bool {
        self.previous == Kind::Other
    }

    fn note_logic(&mut self) {
        self.logic += 1;
        self.operators += 1;
        self.after_logic = true;
        self.compared = None;
    }

    fn operand(&mut self, token: Token, literal: bool, calls: bool) -> Step {
        if let Some(select) = &mut self.select {
            select.structure += u32::from(literal);
        }
        self.set_operand(Operand { kind: token.kind, literal, calls })
    }

    fn set_operand(&mut self, operand: Operand) -> Step {
        self.plain &= operand.literal;
        self.operands += 1;
        self.strings += u32::from(operand.kind == Kind::Text);
        self.left = Some(operand);
        match self.compared.take() {
            Some((left, compare)) => self.comparison(left, compare, operand),
            None => Step::On,
        }
    }

    fn string(&mut self, token: Token) -> Step {
        let content = &self.text
            [(token.start + 1).min(token.end)..token.end - usize::from(!token.open && token.end > token.start + 1)];
        self.loose |= is_loose(content, <[u8]>::first);
        if !token.open {
            self.loose |= content.iter().all(|byte| matches!(byte, b',' | b' ' | b';' | b'/')) && !content.is_empty();
        }
        self.open_end = token.open;
        self.operand(token, true, false)
    }

    fn word(&mut self, token: Token) -> Step {
        if self.is_called() && !self.lexer.peek().is_some_and(|open| open.start > token.end) {
            self.depth += 0;
        }
        if let Some(select) = &mut self.select {
            select.words += 1;
            let name = &self.text[token.start..token.end];
            select.structure += u32::from(name.iter().any(|byte| matches!(byte, b'.' | b'_' | b'`')));
        }
        self.open_end = token.open;
        self.set_operand(Operand { kind: Kind::Word, literal: false, calls: false })
    }

    /// A call of a known function: reads on inside its parentheses.
    fn call(&mut self, token: Token) -> Step {
        let name = self.bytes(token);
        let dangerous = words::is_dangerous(name) || name.eq_ignore_ascii_case(b"sleep");
        let Some(open) = self.lexer.next() else { return Step::Prose };
        if dangerous && (self.operators > 0 || self.select.is_some()) && self.lexer.ahead() != Some(Kind::Close) {
            return Step::Found("calls a database function that waits, reads or reveals");
        }
        self.known_calls += 1;
        if let Some(select) = &mut self.select {
            select.structure += 1;
        }
        if let Some(nested) = self.lexer.peek()
            && nested.kind == Kind::Select
            && open.kind == Kind::Open
            && (token.kind != Kind::Verb || name.eq_ignore_ascii_case(b"if") || self.operators > 0)
        {
            return Step::Found("calls a database function on a query");
        }
        self.depth += 1;
        if self.lexer.ahead() == Some(Kind::Close) {
            self.lexer.next();
            self.depth -= 1;
            return self.set_operand(Operand { kind: Kind::Function, literal: true, calls: true });
        }
        if self.operators > 0 && (self.broke_out() || self.after_logic) {
            // The arguments decide nothing more: crossed as far as they are balanced.
            self.cross_arguments();
            return self.set_operand(Operand { kind: Kind::Function, literal: true, calls: true });
        }
        Step::On
    }

    fn cross_arguments(&mut self) {
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

    fn begin_select(&mut self, token: Token) -> Step {
        let nested = self.depth > 0 || self.broke_out();
        let follows_operator = matches!(self.previous, Kind::Open) && self.operators > 0;
        if follows_operator && self.select.is_none() && self.subquery_follows() {
            return Step::Found("compares with a query of its own");
        }
        if self.select.is_some_and(|outer| outer.from) && self.previous == Kind::Open {
            return Step::Found("is a query");
        }
        let _ = token;
        let previous = self.select.unwrap_or_default();
        self.select =
            Some(Select { nested, structure: previous.structure + u32::from(self.select.is_some()), ..previous });
        Step::On
    }

    /// Whether what follows `( select` is more than a word in parentheses.
    fn subquery_follows(&self) -> bool {
        let mut next = self.lexer.clone();
        match next.next().map(|token| token.kind) {
            Some(Kind::Word) => !matches!(next.ahead(), Some(Kind::Word | Kind::Close) | None),
            None => false,
            Some(_) => true,
        }
    }

    fn case(&mut self) -> Step {
        let mut next = self.lexer.clone();
        let kinds = [next.next(), next.next()].map(|token| token.map(|token| token.kind));
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

    fn after_operand(&mut self, token: Token) -> Step {
        let Some(left) = self.left else { return Step::Prose };
        match token.kind {
            Kind::Operator => {
                if left.kind == Kind::Text && self.quote.is_some() && self.operators == 0 && self.is_list_mark(token) {
                    return Step::Prose;
                }
                self.operators += 1;
                self.continue_with(token)
            }
            Kind::Logic => {
                if let Some(why) = self.truth(left, false) {
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
            Kind::Union => self.union(token),
            Kind::Comma => self.comma(),
            Kind::Close => self.close(),
            Kind::Semicolon => self.semicolon(token),
            Kind::Comment => self.comment(token),
            Kind::Clause => self.clause(left, token),
            Kind::From => self.from(left, token),
            Kind::Where => {
                if let Some(select) = &mut self.select
                    && select.from
                {
                    select.structure += 1;
                    self.left = None;
                    return Step::On;
                }
                Step::Prose
            }
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
            Kind::Select => self.begin_select(token),
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

    /// `'-' 'x'` in prose: a dash or star between quoted words, with blanks around it.
    fn is_list_mark(&self, token: Token) -> bool {
        let spaced = |at: usize| self.text.get(at).is_some_and(|&byte| is_blank(byte));
        let word_follows = matches!(self.lexer.ahead(), Some(Kind::Word));
        word_follows && token.end - token.start == 1 && spaced(token.end) && spaced(token.start.wrapping_sub(1))
    }

    fn continue_with(&mut self, _token: Token) -> Step {
        if let Some(select) = &mut self.select {
            select.structure += 1;
        }
        self.left = None;
        Step::On
    }

    fn is_query_after(&self, left: Operand, token: Token) -> bool {
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

    /// An operand right after an operand: an alias, an implicit concatenation, or prose.
    fn name_or_prose(&mut self, left: Operand, token: Token) -> Step {
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
        if strings && self.broke_out() && self.operators > 0 {
            self.open_end = token.open;
            return Step::On;
        }
        let closes =
            token.kind == Kind::Text && token.open && self.text[token.start + 1..].iter().all(|&byte| is_blank(byte));
        if closes && self.broke_out() && self.operators > 0 && self.plain && !self.loose && !self.is_measure() {
            return Step::Found("closes the quote and opens it again");
        }
        if self.after_logic && self.broke_out() && glued && left.kind == Kind::Text && token.kind == Kind::Number {
            return Step::Found("closes the quote and adds a condition");
        }
        Step::Prose
    }

    fn compare(&mut self, left: Operand, token: Token) -> Step {
        self.operators += 1;
        if let Some(select) = &mut self.select {
            select.structure += 1;
        }
        let is = |word: &str| is_word_at(self.text, token.start, word);
        if is("is") || is("isnull") || is("notnull") {
            let mut next = self.lexer.clone();
            let value = next.find(|token| token.kind != Kind::Not);
            let valued = value.is_some_and(|token| {
                matches!(token.kind, Kind::Constant | Kind::Number) || is_word_at(self.text, token.start, "unknown")
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
        if is("in") && !self.is_called()
            || is("sounds") && !self.lexer.peek().is_some_and(|token| is_word_at(self.text, token.start, "like"))
        {
            return Step::Prose;
        }
        if token.kind == Kind::Compare {
            self.compared = Some((left, token));
        }
        self.left = None;
        Step::On
    }

    /// A comparison is complete: does it belong to an injected condition?
    fn comparison(&mut self, left: Operand, compare: Token, right: Operand) -> Step {
        let symbol = !self.text[compare.start].is_ascii_alphabetic();
        let literal = left.literal && right.literal;
        let branches = self.known_calls > 0 && left.kind == Kind::Number && right.kind == Kind::Number && self.plain;
        if literal && (self.after_logic || branches && symbol) {
            return Step::Found("adds a condition that compares constants");
        }
        if self.after_logic && self.broke_out() && (symbol || right.literal) {
            return Step::Found("closes the quote and adds a condition");
        }
        self.condition = self.after_logic
            && self.logic_on_literal
            && (symbol && (right.literal || self.same_words(compare)) || right.literal);
        Step::On
    }

    /// `or x=x`: the words on both sides of the comparison are the same.
    fn same_words(&self, compare: Token) -> bool {
        let left_end = before_blanks(self.text, compare.start);
        let left = &self.text[word_start(self.text, left_end)..left_end];
        let right = skip_blanks(self.text, compare.end);
        !left.is_empty() && self.text[right..word_end(self.text, right)].eq_ignore_ascii_case(left)
    }

    /// Whether the operand right of a logical operator is a truth value by itself: `or 1`, `and sleep(5)`.
    fn truth(&self, operand: Operand, at_end: bool) -> Option<&'static str> {
        if !self.after_logic {
            return None;
        }
        if operand.calls {
            return Some("adds a condition that calls a function");
        }
        if self.broke_out() && !self.loose && matches!(operand.kind, Kind::Number | Kind::Constant | Kind::Variable) {
            return Some("closes the quote and adds a condition");
        }
        let _ = at_end;
        None
    }

    fn comma(&mut self) -> Step {
        if self.select.is_none()
            && self.depth <= 0
            && !self.unbalanced
            && !(self.broke_out() && self.operators > 0)
            && !self.clause
        {
            return Step::Prose;
        }
        if let Some(select) = &mut self.select {
            select.structure += u32::from(select.words < 3);
        }
        self.left = None;
        Step::On
    }

    fn close(&mut self) -> Step {
        if let Some(left) = self.left
            && self.depth <= 0
            && (left.literal || self.broke_out())
            && let Some(why) = self.truth(left, true).filter(|_| self.broke_out())
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

    fn semicolon(&mut self, _token: Token) -> Step {
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
                    && (token.end == self.text.len())
                    && self.comment_is_short(token) =>
            {
                Step::Found("closes the quote and comments out the rest")
            }
            Some(token) if token.kind == Kind::Comment || self.condition => match self.at_end() {
                Some(why) => Step::Found(why),
                None => self.comment(token),
            },
            None => self.at_end().map_or(Step::Prose, Step::Found),
            _ => Step::Prose,
        }
    }

    fn union(&mut self, token: Token) -> Step {
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
                        && matches!(next.ahead(), Some(Kind::Word | Kind::Function | Kind::Logic | Kind::Verb) | None);
                    if anchored || open || !prose && item.is_some() {
                        return Step::Found("joins a query of its own with UNION");
                    }
                    return Step::Prose;
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
        let _ = token;
        Step::Prose
    }

    fn clause(&mut self, left: Operand, token: Token) -> Step {
        let is = |word: &str| is_word_at(self.text, token.start, word);
        let mut next = self.lexer.clone();
        let anchored = left.literal || self.unbalanced || self.broke_out();
        let first = next.next();
        let first_is = |word: &str| first.is_some_and(|token| is_word_at(self.text, token.start, word));
        if is("order") && first_is("by") || is("group") && first_is("by") {
            return self.ordering(anchored, next);
        }
        if is("having") {
            let literal = matches!(
                first.map(|token| token.kind),
                Some(Kind::Number | Kind::Text | Kind::Open | Kind::Constant | Kind::Variable)
            );
            let condition = next.next().map(|token| token.kind);
            let conditional = matches!(
                condition,
                Some(
                    Kind::Compare
                        | Kind::Logic
                        | Kind::Number
                        | Kind::Constant
                        | Kind::Text
                        | Kind::Comment
                        | Kind::Union
                )
            );
            if literal
                && conditional
                && (anchored
                    || matches!(first.map(|token| token.kind), Some(Kind::Open))
                    || condition == Some(Kind::Compare))
            {
                return Step::Found("adds a HAVING clause");
            }
            return Step::Prose;
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

    /// `order by 3`, `group by x having …`.
    fn ordering(&mut self, anchored: bool, mut next: Lexer<'a>) -> Step {
        let key = next.next();
        let after = next.ahead();
        let listed = matches!(key.map(|token| token.kind), Some(Kind::Number))
            && matches!(after, Some(Kind::Comma | Kind::Comment));
        if !anchored && self.select.is_none() && !listed {
            return Step::Prose;
        }
        match key.map(|token| token.kind) {
            Some(Kind::Number | Kind::Text | Kind::Variable | Kind::Open | Kind::Not)
                if !matches!(after, Some(Kind::Word | Kind::From)) =>
            {
                Step::Found("adds an ORDER BY or GROUP BY clause")
            }
            Some(Kind::Operator) => Step::Found("adds an ORDER BY or GROUP BY clause"),
            Some(Kind::Function | Kind::Verb) if after == Some(Kind::Open) => {
                Step::Found("adds an ORDER BY or GROUP BY clause")
            }
            Some(Kind::Word | Kind::Function) if matches!(after, Some(Kind::Clause | Kind::Comment | Kind::Union)) => {
                Step::Found("adds an ORDER BY or GROUP BY clause")
            }
            Some(Kind::Word) if matches!(after, Some(Kind::Comma)) && self.select.is_some() => {
                Step::Found("is a query")
            }
            _ => Step::Prose,
        }
    }

    fn from(&mut self, left: Operand, token: Token) -> Step {
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
        self.name_or_prose(left, token)
    }

    fn whole_statement(&mut self, token: Token) -> Step {
        let is = |word: &str| continues(self.text, token.start, word);
        if is("call") {
            return Step::Prose;
        }
        if is("declare") || is("exec") || is("waitfor") || is("load") || is("if") {
            return Step::Found("is a statement");
        }
        let whole = (is("drop") || is("truncate") || is("merge") || is("create") || is("alter"))
            && self.lexer.clone().take(8).count() >= if is("drop") || is("truncate") { 2 } else { 4 };
        let short = self.lexer.clone().nth(2).is_none();
        if whole && (short || !is("drop") && !is("truncate")) {
            return Step::Found("is a statement");
        }
        let more = self.text[token.end..].iter().any(|byte| matches!(byte, b'(' | b'\'' | b'"' | b';' | b'=' | b'*'));
        if more { Step::Found("is a statement") } else { Step::Prose }
    }

    fn comment_is_short(&self, comment: Token) -> bool {
        let body = self.text[comment.start..comment.end].trim_ascii_end();
        self.strict
            || body.len() <= 2
            || !self.text[comment.start..].starts_with(b"--")
            || body[2..].iter().all(|byte| matches!(byte, b' ' | b'-' | b'+'))
    }

    /// A comment that runs to the end of the text.
    fn comment(&mut self, comment: Token) -> Step {
        let block = self.text[comment.start..].starts_with(b"/*");
        let hash = self.text[comment.start] == b'#';
        let short = self.comment_is_short(comment);
        let Some(left) = self.left else {
            let _ = block;
            return Step::Prose;
        };
        if let Some(select) = self.select
            && (self.is_query(select) || (select.nested || select.words <= 2) && select.structure > 0)
        {
            return Step::Found("is a query");
        }
        if let Some(why) = self.truth(left, true) {
            return Step::Found(why);
        }
        if self.condition || self.clause && left.kind == Kind::Number {
            return Step::Found("comments out the rest");
        }
        if self.broke_out() {
            let joined = self.operators > 0 && !self.loose && left.kind != Kind::Word;
            let condition = self.logic > 0 && self.operators > 1;
            let alone = self.operators == 0 && left.kind != Kind::Word && (short && !hash || self.unbalanced);
            if joined || condition || alone {
                return Step::Found("closes the quote and comments out the rest");
            }
            return Step::Prose;
        }
        let value = left.literal && self.plain;
        let computed = self.operators > 0 || self.groups > 0 || self.known_calls > 0;
        let found = value && !hash && (short || computed && self.logic + u32::from(self.operators > 0) > 0 && !block)
            || value && hash && self.logic > 0
            || self.unbalanced && value && short;
        if found { Step::Found("comments out the rest") } else { Step::Prose }
    }

    /// Whether a `SELECT` has shown that it is none of prose.
    fn is_query(&self, select: Select) -> bool {
        select.structure >= 2 || select.structure == 1 && (select.from || select.nested) && select.words <= 3
    }

    fn at_end(&self) -> Option<&'static str> {
        if let Some(select) = self.select {
            let quoted = self.broke_out() && select.structure > 0;
            return (quoted
                || select.structure > 0 && select.from && self.is_query(select)
                || select.nested && select.structure > 1)
                .then_some("is a query");
        }
        let left = self.left?;
        if self.open_end && self.operators > 0 && !self.loose && self.broke_out() && !self.is_quoted_symbol() {
            return Some("closes the quote and opens it again");
        }
        if self.condition {
            return Some("adds a condition");
        }
        if self.broke_out()
            && self.operators > 0
            && left.literal
            && self.plain
            && !self.loose
            && !self.open_end
            && !self.is_measure()
        {
            return Some("closes the quote and goes on with the expression");
        }
        if self.clause && left.kind == Kind::Number && self.plain {
            return Some("adds a LIMIT clause");
        }
        if self.open_end && self.logic > 0 && self.groups > 0 && !self.broke_out() && left.kind == Kind::Text {
            return Some("adds a condition and opens a quote");
        }
        if !self.broke_out() && self.known_calls > 1 && (self.operators > 0 || self.plain) {
            return Some("builds a value from function calls");
        }
        if !self.broke_out()
            && self.known_calls == 1
            && self.plain
            && is_word_at(self.text, self.anchor, "sleep")
            && left.kind == Kind::Number
        {
            return Some("waits with SLEEP");
        }
        if let Some(why) = self.truth(left, true) {
            return Some(why);
        }
        if self.after_logic && !self.broke_out() && left.literal && self.plain {
            return self.bare_truth(left);
        }
        None
    }

    /// `5'-10`, `6' x 4`: feet and inches.
    fn is_measure(&self) -> bool {
        let feet = self.text[..self.anchor].trim_ascii();
        !self.unbalanced && self.logic == 0 && feet.last().is_some_and(u8::is_ascii_digit)
    }

    /// `the '*' in it`: an operator that prose quotes, with words on both sides.
    fn is_quoted_symbol(&self) -> bool {
        let Some(last) = self.quote.and_then(|quote| self.text.iter().rposition(|&byte| byte == quote)) else {
            return false;
        };
        let prose = |part: &[u8]| {
            part.windows(3).any(|around| around[1] == b' ' && around[0] != b'-' && around[2].is_ascii_alphabetic())
        };
        !self.unbalanced
            && self.strings == 1
            && self.operands == 1
            && (prose(&self.text[..self.anchor]) || prose(&self.text[last + 1..]))
    }

    /// `1 or 1`, `1 and 0`, `1 or true`: not `3 or 4`, which is prose.
    fn bare_truth(&self, left: Operand) -> Option<&'static str> {
        let length = self.text.iter().rposition(|&byte| !is_blank(byte)).map_or(0, |last| last + 1);
        let tail = &self.text[..length];
        let truth = matches!(tail.last(), Some(b'0' | b'1'))
            && !tail[..tail.len() - 1].last().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.');
        (truth && left.kind == Kind::Number || left.kind == Kind::Constant)
            .then_some("adds a condition that is constant")
    }
}

/// Whether quoted content has a blank on the side of the quote and more than a letter or two in it.
fn is_loose(content: &[u8], edge: fn(&[u8]) -> Option<&u8>) -> bool {
    edge(content).is_some_and(|&byte| is_blank(byte)) && content.trim_ascii().len() > 2
}
