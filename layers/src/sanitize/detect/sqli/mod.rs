//! SQL injection: does the text continue, break out of, or add to a query?
//!
//! Two views. The *anchored* view ([`expression`]) assumes that the text starts where a value of a query starts: bare, or inside single or double
//! quotes that it closes. It reads tokens from there for as long as they form an expression with clauses, and stops at
//! the first place where only prose would go on; so prose costs a few tokens. The *local* view ([`spots`]) finds
//! fragments anywhere that no prose contains, such as `union select 1` or `waitfor delay '`.

mod expression;
mod lexer;
mod spots;
mod statement;
mod words;

use super::{Finding, Strictness};

pub(super) fn find(text: &[u8], strictness: Strictness) -> Option<Finding> {
    let anchored = expression::bare(text)
        .or_else(|| expression::quoted(text, b'\'', strictness))
        .or_else(|| expression::quoted(text, b'"', strictness));
    anchored.or_else(|| spots::find(text))
}
