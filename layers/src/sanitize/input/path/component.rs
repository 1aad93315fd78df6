//! What the names of a path mean to a file system.

use std::ops::Range;

/// Why a path is not a relative one inside its root.
#[derive(Debug)]
pub(super) struct Escape {
    pub(super) place: Range<usize>,
    pub(super) why: &'static str,
}

/// The first place where `path` leaves its root, names it absolutely, or names a device, on Unix or on Windows.
///
/// Symbolic links inside the root are the business of whoever opens the file.
pub(super) fn find_escape(path: &str) -> Option<Escape> {
    if path.starts_with(['/', '\\']) {
        return Some(Escape { place: 0..1, why: "absolute path" });
    }
    if let Some(len) = scheme_len(path) {
        return Some(Escape { place: 0..len, why: "URL" });
    }
    let mut start = 0;
    for name in path.split(['/', '\\']) {
        if let Some((place, why)) = judge(name, start == 0) {
            return Some(Escape { place: start + place.start..start + place.end, why });
        }
        start += name.len() + 1;
    }
    None
}

fn judge(name: &str, is_first: bool) -> Option<(Range<usize>, &'static str)> {
    // Servlet containers cut off what follows a semicolon; Windows drops dots and spaces at the end of a name.
    let visible = name.split_once(';').map_or(name, |(visible, _)| visible);
    let trimmed = visible.trim();
    let start = visible.len() - visible.trim_start().len();
    let place = start..start + trimmed.len();
    if trimmed.len() > 1 && trimmed.bytes().all(|byte| matches!(byte, b'.' | b' ')) {
        return Some((place, "parent directory"));
    }
    if trimmed.ends_with("=..") {
        return Some((start + trimmed.len() - 2..start + trimmed.len(), "parent directory as a parameter"));
    }
    if let Some(len) = trimmed.strip_prefix("..").and_then(encoded_separator_len) {
        return Some((start..start + 2 + len, "parent directory before an encoded separator"));
    }
    if trimmed.len() == 2 && trimmed.bytes().all(|byte| matches!(byte, b'.' | b'?')) {
        return Some((place, "parent directory as a wildcard"));
    }
    if let Some(colon) = name.find(':') {
        if has_drive(name, is_first) {
            return Some((0..2, "drive letter"));
        }
        if let Some(stream) = name[colon..].find(":$") {
            return Some((colon + stream..colon + stream + 2, "alternate data stream"));
        }
    }
    let stem = trimmed.split(':').next().unwrap_or(trimmed).trim_end_matches(['.', ' ']);
    is_device(stem).then_some((start..start + stem.len(), "device name"))
}

/// What may be a separator to others, right behind `..`: `2f` and `5c` without their `%`, or a `%` that introduces no escape (`%qf` is `%af`
/// to a decoder that does not check its digits).
fn encoded_separator_len(rest: &str) -> Option<usize> {
    match rest.as_bytes() {
        [b'2', b'f' | b'F', ..] | [b'5', b'c' | b'C', ..] => Some(2),
        [b'%', b'u', ..] => None,
        [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => None,
        [b'%', ..] => Some(1),
        _ => None,
    }
}

/// `c:` before anything at the beginning, and alone further on. Perl's manual pages begin with `B::`.
fn has_drive(name: &str, is_first: bool) -> bool {
    match name.as_bytes() {
        [letter, b':', rest @ ..] => {
            letter.is_ascii_alphabetic() && (rest.is_empty() || is_first && rest.first() != Some(&b':'))
        }
        _ => false,
    }
}

/// The length of `scheme://` (RFC 3986 section 3.1) at the beginning, or of nested ones such as `jar:file://`.
fn scheme_len(path: &str) -> Option<usize> {
    let (scheme, _) = path.split_once("://")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b':'));
    is_scheme.then_some(scheme.len() + 3)
}

/// The devices of DOS. With an extension (`aux.c`) they are names of honest files elsewhere.
fn is_device(stem: &str) -> bool {
    const PLAIN: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
    if PLAIN.iter().any(|device| stem.eq_ignore_ascii_case(device)) {
        return true;
    }
    let mut rest = stem.chars();
    let port: [Option<char>; 3] = [rest.next(), rest.next(), rest.next()];
    let is_port = [['c', 'o', 'm'], ['l', 'p', 't']]
        .iter()
        .any(|device| port.iter().zip(device).all(|(c, d)| c.is_some_and(|c| c.eq_ignore_ascii_case(d))));
    is_port && matches!((rest.next(), rest.next()), (Some('1'..='9' | '¹' | '²' | '³'), None))
}
