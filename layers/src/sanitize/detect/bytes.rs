//! Byte-level look-arounds shared by both detectors; all bounded.

/// Longest run of blanks, comments or characters that a look-around crosses.
pub(super) const REACH: usize = 256;

/// Letters, digits, underscore, `$` and every byte of a non-ASCII character.
pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// White space as SQL dialects see it; NUL and other controls count, since some parsers skip them.
pub(super) const fn is_blank(byte: u8) -> bool {
    byte <= b' '
}

pub(super) fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    let stop = text.len().min(at.saturating_add(REACH));
    while at < stop && is_blank(text[at]) {
        at += 1;
    }
    at
}

/// One past the last byte before `at` that is not blank.
pub(super) fn before_blanks(text: &[u8], mut at: usize) -> usize {
    let stop = at.saturating_sub(REACH);
    while at > stop && is_blank(text[at - 1]) {
        at -= 1;
    }
    at
}

/// One past the word that starts at `at`.
pub(super) fn word_end(text: &[u8], at: usize) -> usize {
    let stop = text.len().min(at.saturating_add(REACH));
    (at..stop).find(|&at| !is_word(text[at])).unwrap_or(stop)
}

/// Start of the word that ends before `at`.
pub(super) fn word_start(text: &[u8], at: usize) -> usize {
    let stop = at.saturating_sub(REACH);
    let mut start = at;
    while start > stop && is_word(text[start - 1]) {
        start -= 1;
    }
    start
}

/// Whether `text` continues at `at` with `expected`, which is in lower case, in any case.
pub(super) fn continues(text: &[u8], at: usize, expected: &str) -> bool {
    text.get(at..at + expected.len()).is_some_and(|found| found.eq_ignore_ascii_case(expected.as_bytes()))
}

/// Whether the word at `at` is `expected`, which is in lower case.
pub(super) fn is_word_at(text: &[u8], at: usize, expected: &str) -> bool {
    continues(text, at, expected) && text.get(at + expected.len()).is_none_or(|&next| !is_word(next))
}

/// The word in lower case, if it fits the buffer; no keyword is longer.
pub(super) fn lower<'a>(word: &[u8], buffer: &'a mut [u8; 32]) -> &'a [u8] {
    let Some(target) = buffer.get_mut(..word.len()) else { return &[] };
    target.copy_from_slice(word);
    target.make_ascii_lowercase();
    target
}

/// Whether `sorted` holds the word, in any case.
pub(super) fn listed(sorted: &[&str], word: &[u8]) -> bool {
    let mut buffer = [0; 32];
    let word = lower(word, &mut buffer);
    !word.is_empty() && sorted.binary_search_by(|entry| entry.as_bytes().cmp(word)).is_ok()
}
