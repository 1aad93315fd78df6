//! Which bodies can be read.

use http::{HeaderMap, header};

/// A format with fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Form,
}

impl Format {
    /// The format that a `Content-Type` names; `None` for all others and for none. Where the header is repeated, the first line that names
    /// a format counts, whichever of them the handler may believe.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        headers.get_all(header::CONTENT_TYPE).iter().find_map(|value| Self::named(value.as_bytes()))
    }

    fn named(value: &[u8]) -> Option<Self> {
        let essence = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let suffix = essence.len().checked_sub(b"+json".len()).and_then(|start| essence.get(start..));
        if essence.eq_ignore_ascii_case(b"application/json")
            || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case(b"+json"))
        {
            Some(Self::Json)
        } else {
            essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded").then_some(Self::Form)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_forms_are_known_in_any_spelling() {
        for (value, format) in [
            ("application/json", Some(Format::Json)),
            ("Application/JSON ; charset=utf-8", Some(Format::Json)),
            ("application/merge-patch+json", Some(Format::Json)),
            ("application/x-www-form-urlencoded;charset=UTF-8", Some(Format::Form)),
            ("application/jsonp", None),
            ("text/plain; a=application/json", None),
            ("multipart/form-data", None),
            ("json", None),
            ("", None),
        ] {
            assert_eq!(Format::named(value.as_bytes()), format, "{value}");
        }
    }

    #[test]
    fn a_repeated_header_cannot_hide_a_format() {
        let mut headers = HeaderMap::new();
        assert_eq!(Format::of(&headers), None);
        for value in ["text/plain", "application/json"] {
            headers.append(header::CONTENT_TYPE, value.parse().unwrap());
        }
        assert_eq!(Format::of(&headers), Some(Format::Json));
    }
}
