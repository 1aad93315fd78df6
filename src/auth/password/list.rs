//! The embedded list of common passwords: the 12 000 most frequent entries of the list that Django ships
//! (BSD-3-Clause), itself Royce Williams' count over published breaches; case-folded, one a line, sorted by bytes.

use std::cmp::Ordering;

const LIST: &str = include_str!("common_passwords.txt");

/// Whether the list has exactly this line. Searches the embedded text itself: no copy, no index, no memory.
pub(super) fn contains(word: &str) -> bool {
    let list = LIST.as_bytes();
    let (mut low, mut high) = (0, list.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let start = list[low..middle].iter().rposition(|&byte| byte == b'\n').map_or(low, |at| low + at + 1);
        let end = list[start..].iter().position(|&byte| byte == b'\n').map_or(list.len(), |at| start + at);
        match list[start..end].cmp(word.as_bytes()) {
            Ordering::Less => low = end + 1,
            Ordering::Greater => high = start,
            Ordering::Equal => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_unique_and_folded() {
        let lines: Vec<&str> = LIST.lines().collect();
        assert!(lines.len() >= 10_000, "{} entries", lines.len());
        assert!(lines.is_sorted_by(|one, next| one < next), "sorted by bytes, each once");
        for line in &lines {
            assert!(!line.is_empty() && caseless::default_case_fold_str(line) == *line, "{line:?}");
        }
    }

    #[test]
    fn every_entry_of_the_list_is_found_and_its_neighbours_are_not() {
        for line in LIST.lines() {
            assert!(contains(line), "{line:?}");
            let beside = format!("{line}\u{1}");
            assert!(!contains(&beside), "{beside:?}");
        }
        for absent in ["", "\n", "\u{10ffff}", "password\n", "123456\n123456789"] {
            assert!(!contains(absent), "{absent:?}");
        }
    }
}
