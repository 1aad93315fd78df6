//! Byte-level look-arounds shared by both detectors; all bounded.

use std::iter;

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
    while at < stop {
        match text[at..] {
            [byte, ..] if is_blank(byte) => at += 1,
            [0xc2, 0xa0, ..] => at += 2,
            _ => break,
        }
    }
    at
}

/// One past the last byte before `at` that is not blank.
pub(super) fn before_blanks(text: &[u8], mut at: usize) -> usize {
    let stop = at.saturating_sub(REACH);
    while at > stop {
        match text[..at] {
            [.., byte] if is_blank(byte) => at -= 1,
            [.., 0xc2, 0xa0] => at -= 2,
            _ => break,
        }
    }
    at
}

/// Whether the word ends before `at`: at another byte, or at a no-break space, which databases take for a blank.
fn breaks_word(text: &[u8], at: usize) -> bool {
    !is_word(text[at]) || text[at] == 0xc2 && text.get(at + 1) == Some(&0xa0)
}

/// One past the word that starts at `at`.
pub(super) fn word_end(text: &[u8], at: usize) -> usize {
    let stop = text.len().min(at.saturating_add(REACH));
    (at..stop).find(|&at| breaks_word(text, at)).unwrap_or(stop)
}

/// Start of the word that ends before `at`.
pub(super) fn word_start(text: &[u8], at: usize) -> usize {
    let stop = at.saturating_sub(REACH);
    let mut start = at;
    while start > stop && is_word(text[start - 1]) && !text[..start].ends_with(&[0xc2, 0xa0]) {
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
    let end = at + expected.len();
    continues(text, at, expected) && (end == text.len() || breaks_word(text, end))
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

/// Words with a meaning, found by hash in any case. `SLOTS` is a power of two, at least twice the number of words.
pub(super) struct Vocabulary<T: 'static, const SLOTS: usize> {
    words: &'static [(&'static str, T)],
    /// One more than the index of a word; zero marks a free slot.
    slots: [u16; SLOTS],
}

impl<T: Copy, const SLOTS: usize> Vocabulary<T, SLOTS> {
    pub(super) const fn new(words: &'static [(&'static str, T)]) -> Self {
        assert!(SLOTS.is_power_of_two() && words.len() * 2 <= SLOTS);
        let mut slots = [0; SLOTS];
        let mut index = 0;
        while index < words.len() {
            let mut slot = hash(words[index].0.as_bytes()) % SLOTS;
            while slots[slot] != 0 {
                slot = (slot + 1) % SLOTS;
            }
            index += 1;
            #[expect(clippy::cast_possible_truncation, reason = "there are fewer words than slots")]
            let entry = index as u16;
            slots[slot] = entry;
        }
        Self { words, slots }
    }

    pub(super) fn get(&self, word: &[u8]) -> Option<T> {
        const LONGEST: usize = 32;
        if word.len() > LONGEST {
            return None;
        }
        let mut slot = hash(word) % SLOTS;
        loop {
            let index = usize::from(self.slots[slot]).checked_sub(1)?;
            let (known, meaning) = &self.words[index];
            if known.as_bytes().eq_ignore_ascii_case(word) {
                return Some(*meaning);
            }
            slot = (slot + 1) % SLOTS;
        }
    }
}

/// FNV-1a over the word in lower case.
const fn hash(word: &[u8]) -> usize {
    let mut hash: u32 = 0x811c_9dc5;
    let mut at = 0;
    while at < word.len() {
        hash = (hash ^ word[at].to_ascii_lowercase() as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    (hash ^ (hash >> 15)) as usize
}

/// Which classes of bytes a text holds, found in one pass, so that detectors skip what cannot match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Classes(u8);

impl Classes {
    pub(super) const SINGLE_QUOTE: u8 = 1;
    pub(super) const DOUBLE_QUOTE: u8 = 1 << 1;
    /// `%`, `&`, `\`, `+`, `/`, and the first bytes of full-width forms: what an encoding may begin with.
    pub(super) const ENCODED: u8 = 1 << 2;
    pub(super) const LESS_THAN: u8 = 1 << 3;
    pub(super) const EQUALS: u8 = 1 << 4;
    /// What script outside of tags needs.
    pub(super) const SCRIPT: u8 = 1 << 5;
    /// What a fragment of SQL needs.
    pub(super) const SQL: u8 = 1 << 6;
    pub(super) const BACKTICK: u8 = 1 << 7;

    const TABLE: [u8; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            #[expect(clippy::cast_possible_truncation, reason = "counts the values of a byte")]
            let byte = at as u8;
            table[at] = match byte {
                b'\'' => Self::SINGLE_QUOTE | Self::SQL,
                b'"' => Self::DOUBLE_QUOTE | Self::SQL,
                b'%' | b'&' | b'\\' | 0xc2 | 0xef => Self::ENCODED,
                b'<' => Self::LESS_THAN,
                b'=' => Self::EQUALS | Self::SQL,
                b'`' => Self::BACKTICK | Self::SCRIPT | Self::SQL,
                b'(' | b':' | b'[' | b'{' | b'.' => Self::SCRIPT | Self::SQL,
                b'+' => Self::SCRIPT | Self::ENCODED,
                b'/' => Self::SQL | Self::ENCODED,
                b';' | b'@' | b'u' | b'U' | b'_' | b',' => Self::SQL,
                _ => 0,
            };
            at += 1;
        }
        table
    };

    pub(super) fn of(text: &[u8]) -> Self {
        Self(text.iter().fold(0, |found, &byte| found | Self::TABLE[usize::from(byte)]))
    }

    pub(super) const fn hold(self, class: u8) -> bool {
        self.0 & class != 0
    }

    /// Positions of the bytes of a class.
    pub(super) fn positions(text: &[u8], class: u8) -> impl Iterator<Item = usize> {
        let mut from = 0;
        iter::from_fn(move || {
            let at = Self::next(text, from, class)?;
            from = at + 1;
            Some(at)
        })
    }

    // Out of line, so that the loop over honest text stays small whatever its callers do with a hit.
    #[inline(never)]
    fn next(text: &[u8], from: usize, class: u8) -> Option<usize> {
        const BLOCK: usize = 8;
        let mut blocks = text.get(from..)?.chunks_exact(BLOCK);
        let holds =
            |bytes: &[u8]| bytes.iter().fold(0, |found, &byte| found | Self::TABLE[usize::from(byte)]) & class != 0;
        let mut skipped = 0;
        let rest = loop {
            match blocks.next() {
                Some(block) if holds(block) => break block,
                Some(_) => skipped += BLOCK,
                None => break blocks.remainder(),
            }
        };
        let at = rest.iter().position(|&byte| Self::TABLE[usize::from(byte)] & class != 0)?;
        Some(from + skipped + at)
    }
}

#[cfg(test)]
mod tests {
    use super::{Vocabulary, before_blanks, continues, is_word_at, word_end, word_start};

    #[test]
    fn a_vocabulary_knows_its_words_in_any_case_and_no_others() {
        let numbers = Vocabulary::<u8, 8>::new(&[("one", 1), ("two", 2), ("three", 3), ("four", 4)]);
        for (word, number) in [("one", 1), ("Two", 2), ("THREE", 3), ("fOuR", 4)] {
            assert_eq!(numbers.get(word.as_bytes()), Some(number), "{word}");
        }
        for word in ["", "on", "ones", "five", "a word that is much longer than any keyword"] {
            assert_eq!(numbers.get(word.as_bytes()), None, "{word}");
        }
    }

    #[test]
    fn words_and_blanks_are_crossed_in_both_directions() {
        let text = b"drop  table_1;";
        assert_eq!(word_end(text, 0), 4);
        assert_eq!(before_blanks(text, 6), 4);
        assert_eq!(word_start(text, 13), 6);
        assert!(continues(text, 6, "table") && !is_word_at(text, 6, "table") && is_word_at(text, 0, "drop"));
    }
}
