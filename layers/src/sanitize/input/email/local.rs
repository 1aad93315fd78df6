//! What stands before the `@`.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_public_assigned;

use crate::sanitize::input::unicode::Oddity;

/// Whether `local`, in NFC, is a dot-atom (RFC 5322 section 3.2.3) with the characters beyond ASCII of RFC 6531 section 3.3, and stays
/// one when compatibility characters are resolved: `＠` and `․` would end a name in the eyes of a reader or a database.
pub(super) fn is_valid(local: &str) -> bool {
    is_dot_atom(local.chars()) && (local.is_ascii() || is_dot_atom(local.nfkc()))
}

fn is_dot_atom(local: impl Iterator<Item = char>) -> bool {
    let mut before = '.';
    for c in local {
        if c == '.' && before == '.' || c != '.' && !is_atom_character(c) {
            return false;
        }
        before = c;
    }
    before != '.'
}

fn is_atom_character(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => true,
        '!' | '#'..='\'' | '*' | '+' | '-' | '/' | '=' | '?' | '^'..='`' | '{'..='~' => true,
        '\0'..='\x7f' => false,
        _ => is_public_assigned(c) && !c.is_whitespace() && !is_invisible(c),
    }
}

/// Characters that may show nothing at all (`Default_Ignorable_Code_Point` of the Unicode Character Database, and the annotation marks):
/// two addresses that differ in them only cannot be told apart.
pub(super) fn is_invisible(c: char) -> bool {
    Oddity::of(c).is_some()
        || matches!(c, '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200c}'..='\u{200d}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0080}'..='\u{e0fff}')
}
