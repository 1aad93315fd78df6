//! Addresses that pass for another one in the eyes of a reader (UTS #39).

use std::ops::Range;

use unicode_security::mixed_script::AugmentedScriptSet;
use unicode_security::skeleton;

use crate::sanitize::finding::FindingKind;
use crate::sanitize::input::form::Form;
use crate::sanitize::input::verdict::Verdict;

/// Refuses words that mix scripts (beyond the *highly restrictive* level of UTS #39 section 5.2, which lets Latin stand beside Chinese,
/// Japanese and Korean), and labels of an internationalised domain under an ASCII top-level domain that look like ASCII letters
/// throughout.
pub(super) fn refuse(form: &Form<'_>, verdict: &mut Verdict) {
    let address = &*form.text;
    if address.is_ascii() {
        return;
    }
    let Some(at) = address.rfind('@') else { return };
    for word in words(address, 0..address.len()) {
        if mixes_scripts(&address[word.clone()]) {
            let place = form.to_input(word);
            verdict.reject(
                FindingKind::Unicode,
                place,
                "scripts mixed in one word",
                "mixed_scripts",
                "must not mix scripts in one word",
            );
        }
    }
    let ascii_top = address.rsplit_once('.').is_some_and(|(_, top)| top.is_ascii());
    for label in words(address, at + 1..address.len()).filter(|_| ascii_top) {
        if looks_ascii(&address[label.clone()]) {
            let place = form.to_input(label);
            verdict.reject(
                FindingKind::Unicode,
                place,
                "label looks like ASCII letters",
                "confusable",
                "has a domain that passes for another",
            );
        }
    }
}

/// The runs of letters, digits and marks in a part of the address.
fn words(address: &str, part: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut start = part.start;
    address[part].split(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric()).map(move |word| {
        let range = start..start + word.len();
        start = range.end + 1;
        range
    })
}

fn mixes_scripts(word: &str) -> bool {
    if word.is_ascii() || !AugmentedScriptSet::for_str(word).is_empty() {
        return false;
    }
    let beside_latin = word.chars().filter(|c| !c.is_ascii_alphabetic()).map(AugmentedScriptSet::from);
    let rest = beside_latin.fold(AugmentedScriptSet::default(), |all, one| {
        let mut all = all;
        all.intersect_with(one);
        all
    });
    !(rest.kore || rest.hanb || rest.jpan)
}

fn looks_ascii(label: &str) -> bool {
    !label.is_ascii() && label.chars().all(|c| !c.is_ascii_alphabetic()) && skeleton(label).all(|c| c.is_ascii())
}
