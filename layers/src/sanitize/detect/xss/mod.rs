//! Script injection: does the text open a tag, end an attribute, or name a URL that runs script?
//!
//! The text is cut at every `<`; what follows is read as a tag up to the next `<`, so the pieces are disjoint and the
//! work is linear, while a tag that hides inside another's attribute is still seen. What stands outside tags is read as
//! the rest of an attribute ([`breakout`]) and as script ([`script`]).

mod attributes;
mod breakout;
mod expression;
mod indirect;
mod script;
mod tags;
mod url;
mod whole;

use super::bytes::Classes;
use super::{Finding, Strictness};

pub(super) fn find(text: &[u8], classes: Classes, strictness: Strictness) -> Option<Finding> {
    let tag = if classes.hold(Classes::LESS_THAN) { tags::find(text, strictness) } else { None };
    tag.or_else(|| if classes.hold(Classes::EQUALS) { breakout::find(text) } else { None })
        .or_else(|| if classes.hold(Classes::SCRIPT) { script::find(text).or_else(|| whole::find(text)) } else { None })
}
