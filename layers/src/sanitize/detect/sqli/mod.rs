//! SQL injection: does the text continue, break out of, or add to a query?
//!
//! Two views. The *anchored* view ([`expression`]) assumes that the text starts where a value of a query starts: bare,
//! or inside quotes or backticks that it closes. It reads tokens from there for as long as they form an expression with
//! clauses, and stops at the first place where only prose would go on; so prose costs a few tokens. A text that ends with
//! a comment is read from its conditions on as well, whatever comes before them. The *local* view ([`spots`]) finds
//! fragments anywhere that no prose contains, such as `union select 1` or `waitfor delay '`. And a value that is only the
//! name of a system table, or one call, shows by that what it is for ([`whole`]).

mod expression;
mod functions;
mod lexer;
mod spots;
mod statement;
mod whole;
mod words;

use super::bytes::Classes;
use super::{Finding, Strictness};

pub(super) fn find(text: &[u8], classes: Classes, strictness: Strictness) -> Option<Finding> {
    let quoted = |class, quote| if classes.hold(class) { expression::quoted(text, quote, strictness) } else { None };
    expression::bare(text, strictness)
        .or_else(|| whole::find(text))
        .or_else(|| quoted(Classes::SINGLE_QUOTE, b'\''))
        .or_else(|| quoted(Classes::DOUBLE_QUOTE, b'"'))
        .or_else(|| quoted(Classes::BACKTICK, b'`'))
        .or_else(|| expression::commented_out(text))
        .or_else(|| if classes.hold(Classes::SQL) { spots::find(text) } else { None })
}
