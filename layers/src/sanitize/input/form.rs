//! A text on its way from the input to what is inspected and returned.

use std::borrow::Cow;
use std::ops::Range;

use super::offsets::{OffsetMap, Rewritten};

/// A form of the input, with the way back to it.
#[derive(Clone, Debug)]
pub(super) struct Form<'a> {
    pub(super) text: Cow<'a, str>,
    maps: Vec<OffsetMap>,
}

impl<'a> Form<'a> {
    /// The input itself.
    pub(super) const fn of(text: &'a str) -> Self {
        Self { text: Cow::Borrowed(text), maps: Vec::new() }
    }

    /// Goes on with what `with` makes of the text, unless it leaves it as it is.
    pub(super) fn rewrite(&mut self, with: impl FnOnce(&str) -> Option<Rewritten>) {
        if let Some(rewritten) = with(&self.text) {
            self.apply(rewritten);
        }
    }

    /// Goes on with a new text, made from the present one.
    pub(super) fn apply(&mut self, Rewritten { text, map }: Rewritten) {
        self.text = Cow::Owned(text);
        self.maps.push(map);
    }

    /// The same text as a form of its own, to be rewritten further.
    pub(super) fn share(&self) -> Form<'_> {
        Form { text: Cow::Borrowed(&self.text), maps: self.maps.clone() }
    }

    /// The bytes of the input that the bytes `range` of this form stand for.
    pub(super) fn to_input(&self, range: Range<usize>) -> Range<usize> {
        self.maps.iter().rev().fold(range, |range, map| map.to_input(range))
    }
}
