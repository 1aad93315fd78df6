//! What stands behind the `@`.

use std::borrow::Cow;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use super::local::is_invisible;

/// Longest label of a domain name in bytes (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;

/// Longest domain name in bytes, without a final dot.
const MAX_DOMAIN: usize = 253;

/// A domain name.
pub(super) struct Names<'a> {
    /// In lower case: in Unicode if it was given so, else in ASCII.
    pub(super) shown: Cow<'a, str>,
    /// Length in ASCII, as mail servers see it.
    pub(super) ascii_len: usize,
}

/// A domain name of at least two labels that is no IPv4 address in disguise (UTS #46 with STD3 rules); `None` for anything else.
pub(super) fn parse(domain: &str) -> Option<Names<'_>> {
    if domain.is_ascii() && !may_be_encoded(domain) {
        return is_host(domain).then(|| Names { shown: lower_case(domain), ascii_len: domain.len() });
    }
    // UTS #46 would drop them in silence. Joiners it keeps where they join letters; a soft hyphen comes with copied text.
    if domain.chars().any(|c| is_invisible(c) && !matches!(c, '\u{ad}' | '\u{200c}' | '\u{200d}')) {
        return None;
    }
    let ascii = Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .ok()?;
    if !has_two_labels(&ascii) {
        return None;
    }
    let ascii_len = ascii.len();
    let shown = if domain.is_ascii() { ascii } else { unicode(&ascii) };
    Some(Names { shown, ascii_len })
}

fn unicode(ascii: &str) -> Cow<'static, str> {
    let (shown, _) = Uts46::new().to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    Cow::Owned(shown.into_owned())
}

/// Whether a label may begin with `xn--`, in any case: only then does an ASCII name need UTS #46.
fn may_be_encoded(domain: &str) -> bool {
    domain.as_bytes().windows(2).any(|pair| pair == b"--")
}

/// Letters, digits and hyphens in labels of 1 to 63, no hyphen at either end of one.
fn is_host(domain: &str) -> bool {
    let is_label = |label: &[u8]| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
            && label.first() != Some(&b'-')
            && label.last() != Some(&b'-')
    };
    domain.len() <= MAX_DOMAIN && domain.as_bytes().split(|byte| *byte == b'.').all(is_label) && has_two_labels(domain)
}

/// Whether there is a top-level domain, and it is not all digits.
fn has_two_labels(domain: &str) -> bool {
    domain.rsplit_once('.').is_some_and(|(_, top)| !top.bytes().all(|byte| byte.is_ascii_digit()))
}

fn lower_case(domain: &str) -> Cow<'_, str> {
    if domain.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(domain.to_ascii_lowercase())
    } else {
        Cow::Borrowed(domain)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_short_way_for_ascii_agrees_with_uts_46(domain in "[a-cA-C0-2._@-]{0,12}(\\.[a-z0-9]{1,3})?") {
            prop_assume!(!may_be_encoded(&domain));
            let long_way = Uts46::new()
                .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
                .ok()
                .filter(|ascii| has_two_labels(ascii));
            prop_assert_eq!(parse(&domain).map(|names| names.shown), long_way);
        }
    }

    #[test]
    fn the_length_bounds_are_inclusive() {
        let label = "d".repeat(63);
        for (domain, fits) in [
            (format!("{label}.org"), true),
            (format!("{label}d.org"), false),
            (format!("{label}.{label}.{label}.{}", &label[..61]), true),
            (format!("{label}.{label}.{label}.{}", &label[..62]), false),
        ] {
            assert_eq!(parse(&domain).is_some(), fits, "{} bytes", domain.len());
        }
    }
}
