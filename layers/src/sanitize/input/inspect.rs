//! Looks for attacks in a form of the value.

use super::form::Form;
use super::offsets::{Rewriter, Rewritten};
use super::unicode::{Oddity, begins_oddity};
use super::verdict::Verdict;
use crate::sanitize::detect::{self, Strictness};
use crate::sanitize::finding::FindingKind;

/// Looks at the value as it came, as it is returned, and at what is left of it when nothing invisible is in it any more. The detectors
/// decode what is encoded.
pub(super) fn inspect(raw: &Form<'_>, cleaned: &Form<'_>, strictness: Strictness, verdict: &mut Verdict) {
    inspect_form(raw, strictness, verdict);
    if cleaned.text != raw.text {
        inspect_form(cleaned, strictness, verdict);
    }
    // Attacks are written in ASCII. A Persian name with its joiners need not be copied to know that it is none.
    let bytes = cleaned.text.as_bytes();
    if !bytes.iter().any(|&byte| begins_oddity(byte)) || !bytes.iter().any(u8::is_ascii_graphic) {
        return;
    }
    let mut visible = cleaned.share();
    visible.rewrite(drop_invisible);
    if visible.text != cleaned.text {
        inspect_form(&visible, strictness, verdict);
    }
}

fn drop_invisible(text: &str) -> Option<Rewritten> {
    let mut rewriter = Rewriter::new(text);
    for (at, c) in text.char_indices().filter(|&(_, c)| is_invisible(c)) {
        rewriter.remove(at..at + c.len_utf8());
    }
    rewriter.finish()
}

fn is_invisible(c: char) -> bool {
    !c.is_ascii() && (matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}') || Oddity::of(c).is_some())
}

fn inspect_form(form: &Form<'_>, strictness: Strictness, verdict: &mut Verdict) {
    if !verdict.has(FindingKind::SqlInjection)
        && let Some(hit) = detect::sql_injection(&form.text, strictness)
    {
        let place = form.to_input(hit.start..hit.end);
        verdict.reject(FindingKind::SqlInjection, place, hit.why, "sql_injection", "must not contain SQL commands");
    }
    if !verdict.has(FindingKind::Xss)
        && let Some(hit) = detect::xss(&form.text, strictness)
    {
        let place = form.to_input(hit.start..hit.end);
        verdict.reject(FindingKind::Xss, place, hit.why, "xss", "must not contain active markup");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attack_split_by_an_invisible_character_is_found_where_it_stands() {
        let raw = Form::of("a <scr\u{200b}ipt>alert(1)</script>");
        let mut verdict = Verdict::new();
        inspect(&raw, &raw, Strictness::Text, &mut verdict);
        assert!(verdict.has(FindingKind::Xss));
    }
}
