//! The language of a mail or a page, from the `Accept-Language` header of its cause (RFC 9110 §12.5.4).

/// The longest header that is looked at, in bytes. Browsers send far less.
const MOST_BYTES: usize = 512;
/// Ranges beyond these are not looked at.
const MOST_RANGES: usize = 24;

/// The best of `available` for a header, by the lookup of RFC 4647 §3.4: ranges in the order of their weight, each cut from its end until it
/// matches. `None` when the reader would understand none of them.
pub(crate) fn choose<'a>(header: &str, available: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if header.len() > MOST_BYTES {
        return None;
    }
    let mut ranges: Vec<_> = header.split(',').take(MOST_RANGES).filter_map(weighted).collect();
    let available: Vec<_> = available.collect();
    // Stable: among equals, the first one is meant more.
    ranges.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    ranges.iter().filter(|(_, weight)| *weight > 0).find_map(|(range, _)| lookup(range, &available))
}

/// A range and its weight in thousandths.
fn weighted(element: &str) -> Option<(&str, u16)> {
    let mut parts = element.split(';').map(str::trim);
    let range = parts.next().filter(|range| !range.is_empty())?;
    let weight = match parts.next() {
        None => 1000,
        Some(parameter) => thousandths(parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?)?,
    };
    Some((range, weight))
}

/// `qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )`
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    match (whole, decimals) {
        ("0", _) => Some(decimals),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

fn lookup<'a>(range: &str, available: &[&'a str]) -> Option<&'a str> {
    let mut range = range;
    loop {
        if let Some(found) = available.iter().find(|tag| tag.eq_ignore_ascii_case(range)) {
            return Some(*found);
        }
        let (shorter, _) = range.rsplit_once('-')?;
        // A single letter introduces what follows it, and means nothing at the end.
        range = match shorter.rsplit_once('-') {
            Some((shortest, last)) if last.len() == 1 => shortest,
            _ => shorter,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::choose;

    fn chosen(header: &str) -> Option<&'static str> {
        choose(header, ["cs", "de", "en", "es", "fr", "ja", "pt-BR"].into_iter())
    }

    #[test]
    fn the_heaviest_language_that_there_is_wins() {
        for (header, language) in [
            ("de", "de"),
            ("de-AT, en;q=0.5", "de"),
            ("DE-at", "de"),
            ("da, en-GB;q=0.8, en;q=0.7", "en"),
            ("en;q=0.3, fr;q=0.9, cs", "cs"),
            ("fr;q=0.5, es;q=0.5", "fr"),
            ("de;q=0, ja;q=0.001", "ja"),
            ("pt-br", "pt-BR"),
            ("pt-BR-x-private", "pt-BR"),
            (" , ,es ; q=1.000 ,", "es"),
            ("*, fr;q=0.1", "fr"),
        ] {
            assert_eq!(chosen(header), Some(language), "{header}");
        }
    }

    #[test]
    fn what_nobody_here_speaks_and_what_is_no_header_chooses_nothing() {
        let long = "de,".repeat(200);
        for header in ["", "*", "nl", "pt", "de;q=0", "de;q=1.5", "de;q=0.1234", "de;x=1", "de;q=-1", "-", "d", &long] {
            assert_eq!(chosen(header), None, "{header}");
        }
    }
}
