//! Conditions that are always true, in SQL and in document databases.

use super::super::super::Finding;
use super::super::super::bytes::{before_blanks, is_blank, is_word_at, skip_blanks, word_end, word_start};
use super::Spots;

impl<'a> Spots<'a> {
    /// `or 1=1`, `and 'a'='a`.
    pub(super) fn tautology(&self, at: usize) -> Option<Finding> {
        let end = before_blanks(self.text, at);
        let (start, _) = self.literal_before(end)?;
        let mut before = before_blanks(self.text, start);
        while before > 0 && self.text[before - 1] == b'(' {
            before = before_blanks(self.text, before - 1);
        }
        let conditions: [&[u8]; 6] = [b"or", b"and", b"xor", b"where", b"having", b"when"];
        let logic = match self.word_before(before) {
            Some((at, word)) if conditions.iter().any(|condition| word.eq_ignore_ascii_case(condition)) => at,
            _ if self.text[..before].ends_with(b"||") || self.text[..before].ends_with(b"&&") => before - 2,
            _ => return None,
        };
        let right = skip_blanks(self.text, at + 1);
        let left = &self.text[start..end];
        // The text leaves the last backtick to the query.
        let compared = left.strip_suffix(b"`").unwrap_or(left);
        let same =
            self.text[right..].starts_with(compared) && !self.byte(right + compared.len()).is_ascii_alphanumeric();
        let quoted =
            matches!(left.first(), Some(b'\'' | b'"')) && self.text.get(right) == left.first() && start > logic;
        let numbers =
            left.iter().all(u8::is_ascii_digit) && self.byte(right).is_ascii_digit() && !is_blank(self.byte(at + 1));
        if same || quoted || numbers {
            Self::finding(logic, right + 1, "adds a condition that compares constants")
        } else {
            None
        }
    }

    /// The number or string that ends at `end`.
    pub(super) fn literal_before(&self, end: usize) -> Option<(usize, &'a [u8])> {
        let last = self.byte(end.wrapping_sub(1));
        let start = match last {
            b'\'' | b'"' | b'`' if end > 1 => {
                let from = end.saturating_sub(64);
                from + self.text[from..end - 1].iter().rposition(|&byte| byte == last)?
            }
            b'0'..=b'9' => word_start(self.text, end),
            _ => return None,
        };
        let literal = &self.text[start..end];
        (!literal[0].is_ascii_alphabetic()).then_some((start, literal))
    }

    /// `*)(uid=*`, `)(|(`: ends the filter of a search in a directory (RFC 4515) and adds another.
    pub(super) fn directory_filter(&self, at: usize) -> Option<Finding> {
        if at < 2 || self.text[at - 1] != b')' {
            return None;
        }
        let nested = matches!(self.byte(at + 1), b'|' | b'&') && self.byte(at + 2) == b'(';
        let name = word_end(self.text, at + 1);
        let compared = self.text[at - 2] == b'*' && name > at + 1 && self.byte(name) == b'=';
        if nested || compared {
            Self::finding(at - 1, at + 2, "adds a filter to a search in a directory")
        } else {
            None
        }
    }

    /// `[$ne]`, `{"$gt": …`: operators of document databases.
    pub(super) fn document_operator(&self, at: usize) -> Option<Finding> {
        let mut name = skip_blanks(self.text, at + 1);
        if matches!(self.byte(name), b'\'' | b'"') {
            name += 1;
        }
        let operators = [
            "$ne",
            "$gt",
            "$gte",
            "$lt",
            "$lte",
            "$in",
            "$nin",
            "$eq",
            "$regex",
            "$where",
            "$exists",
            "$or",
            "$and",
            "$not",
            "$nor",
            "$expr",
            "$elemmatch",
            "$size",
            "$mod",
            "$all",
        ];
        let operator = operators.iter().find(|operator| is_word_at(self.text, name, operator))?;
        let mut end = name + operator.len();
        if matches!(self.byte(end), b'\'' | b'"') {
            end += 1;
        }
        end = skip_blanks(self.text, end);
        let closed = matches!((self.text[at], self.byte(end)), (b'[', b']') | (b'{', b':'));
        if closed { Self::finding(at, end + 1, "is an operator of a document database") } else { None }
    }
}
