//! The anchored view: reads the text as the continuation of an expression.
//!
//! [`Walk`] alternates between operands and what may follow one. It remembers the little that decides: whether a quote
//! was closed, which operators joined which kinds of operands, and what a `SELECT` has shown so far.

mod clause;
mod operand;
mod operator;
mod verdict;

use super::super::bytes::{REACH, before_blanks, is_blank, is_word, skip_blanks, word_end};
use super::super::{Finding, Strictness};
use super::lexer::{Lexer, Token};
use super::words::{self, Kind};

/// No injection needs more tokens to show itself; keeps the cost of an anchor constant.
const TOKENS: usize = 96;

/// Reads the text as standing outside quotes.
pub(super) fn bare(text: &[u8], strictness: Strictness) -> Option<Finding> {
    let first = text.iter().position(|&byte| !is_blank(byte))?;
    let mut walk = Walk::new(text, first, first, None);
    walk.name = strictness == Strictness::Strict;
    walk.run()
}

/// Reads the text as starting inside quotes, if it closes them.
pub(super) fn quoted(text: &[u8], quote: u8, strictness: Strictness) -> Option<Finding> {
    let close = text.iter().position(|&byte| byte == quote)?;
    // In prose a backtick opens a quotation, with a blank or nothing before it; one that closes a name follows it at once.
    let before = text[..close].last();
    if quote == b'`' && before.map_or_else(|| text.get(1).is_some_and(|&next| is_word(next)), |&byte| !is_word(byte)) {
        return None;
    }
    let mut walk = Walk::new(text, close + 1, close, Some(quote));
    walk.strict = strictness == Strictness::Strict;
    walk.loose = is_loose(&text[..close], <[u8]>::last) || quote == b'\'' && is_old_quotation(text, close);
    walk.left = Some(Operand { kind: Kind::Text, literal: true, calls: false });
    walk.run()
}

/// Reads the end of a text as conditions and clauses, if a comment without words ends it: `x y or 2>1 --`.
pub(super) fn commented_out(text: &[u8]) -> Option<Finding> {
    /// Keywords to start from: more than an injection needs, in a window of constant size.
    const STARTS: usize = 8;
    let end = trailing_comment(text)?;
    let window = end.saturating_sub(REACH);
    let mut at = window;
    let mut starts = 0;
    while at < end && starts < STARTS {
        if !is_word(text[at]) {
            at += 1;
            continue;
        }
        let after = word_end(text, at);
        let begins = at > window || window == 0;
        if begins
            && matches!(words::classify(&text[at..after]), Kind::Logic | Kind::Union | Kind::Clause | Kind::Compare)
        {
            starts += 1;
            let mut walk = Walk::new(text, at, at, None);
            walk.left = Some(Operand { kind: Kind::Word, literal: false, calls: false });
            walk.plain = false;
            if let Some(found) = walk.run() {
                return Some(found);
            }
        }
        at = after.max(at + 1);
    }
    None
}

/// Where the comment begins that ends the text, if it has at most one word in it.
fn trailing_comment(text: &[u8]) -> Option<usize> {
    const LONGEST: usize = 24;
    let end = before_blanks(text, text.len());
    let from = end.saturating_sub(LONGEST);
    let tail = &text[from..end];
    let marks = |at: &usize| {
        let rest = &tail[*at..];
        rest.starts_with(b"#") || rest.starts_with(b"--") || rest.starts_with(b"/*")
    };
    let at = (0..tail.len()).find(marks)?;
    let body = tail[at..].trim_ascii_start();
    let words = body.split(|&byte| is_blank(byte)).filter(|word| word.iter().any(|&byte| is_word(byte))).count();
    (words < 2).then_some(from + at)
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
    /// Whether the text may be a name of two words, such as `Union Select`.
    name: bool,
    /// The operand read last; `None` where one is expected.
    left: Option<Operand>,
    /// The left side of the comparison being read.
    compared: Option<(Operand, Token)>,
    /// Parentheses opened, less those closed.
    depth: i32,
    unbalanced: bool,
    operators: u32,
    /// Whether the operands since the last logical operator form its right side.
    after_logic: bool,
    logic: u32,
    known_calls: u32,
    /// Of these, the calls of what calculators do not have.
    database_calls: u32,
    groups: u32,
    clause: bool,
    select: Option<Select>,
    /// Further values follow the one that the quote closed, as in a row that is inserted.
    row: bool,
    /// One of them is a column that is set.
    assigned: bool,
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
    /// The text starts with an inequality, or an equation with blanks, as arithmetic in prose does: `3 > 2 and 2 > 1`.
    in_order: bool,
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
            name: false,
            left: None,
            compared: None,
            depth: 0,
            unbalanced: false,
            operators: 0,
            after_logic: false,
            logic: 0,
            known_calls: 0,
            database_calls: 0,
            groups: 0,
            clause: false,
            select: None,
            row: false,
            assigned: false,
            plain: true,
            loose: false,
            open_end: false,
            previous: Kind::Other,
            logic_on_literal: false,
            condition: false,
            in_order: false,
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

    fn at_start(&self) -> bool {
        self.previous == Kind::Other
    }

    fn note_logic(&mut self) {
        self.logic += 1;
        self.operators += 1;
        self.after_logic = true;
        self.compared = None;
    }
}

/// Whether quoted content has a blank on the side of the quote and more than a letter or two in it.
fn is_loose(content: &[u8], edge: fn(&[u8]) -> Option<&u8>) -> bool {
    edge(content).is_some_and(|&byte| is_blank(byte)) && content.trim_ascii().len() > 2
}

/// `` `on' or `off' ``: quotations as typewriters and old manuals have them. Every quote but apostrophes inside words has to close one.
fn is_old_quotation(text: &[u8], close: usize) -> bool {
    if !text[..close].contains(&b'`') {
        return false;
    }
    let is_word_at = |at: usize| text.get(at).is_some_and(|&byte| is_word(byte));
    let mut open = 0_u32;
    for (at, byte) in text.iter().enumerate() {
        let begins_word = at == 0 || !is_word_at(at - 1);
        match byte {
            b'`' if begins_word && text.get(at + 1).is_some_and(|&next| !is_blank(next)) => open += 1,
            b'\'' if open > 0 => open -= 1,
            b'\'' if at < close || begins_word || !is_word_at(at + 1) => return false,
            _ => {}
        }
    }
    true
}
