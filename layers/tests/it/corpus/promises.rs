//! What holds for every value, honest or not.

use portcullis_layers::sanitize::{FieldKind, InputSanitizer, Limit, SanitizationResult};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Kind, cases};

/// Bytes from what attacks and honest values are made of.
fn input() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<char>().prop_map(|c| c.to_string().into_bytes()),
        "[ -~]{1,8}".prop_map(String::into_bytes),
        prop::sample::select(vec![
            "\0",
            "\u{1}",
            "\r\n",
            "\u{85}",
            "\u{202e}",
            "\u{200e}",
            "\u{200c}",
            "\u{200d}",
            "\u{feff}",
            "\u{fffe}",
            "\u{180e}",
            "\u{ad}",
            "e\u{301}",
            "\u{301}",
            "\u{fa19}",
            "\u{958}",
            "\u{94d}",
            "\u{645}",
            "\u{1100}",
            "\u{1161}",
            "\u{e0041}",
            "../",
            "..\\",
            "%2e",
            "%25",
            "%c0%ae",
            "%u2215",
            "0x2e",
            "@",
            ".",
            "example.org",
            "xn--",
            "ä",
            "＠",
            "<",
            "' or 1=1--",
            "<script>",
            "  ",
            "\u{3000}",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        vec(any::<u8>(), 1..4),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn check(kind: Kind, input: &[u8]) -> Result<(), TestCaseError> {
    let result = kind.sanitize(input);
    let breaks = |c: char| matches!(kind, Kind::Text) && matches!(c, '\t' | '\n' | '\r');
    prop_assert!(!result.value.chars().any(|c| c.is_control() && !breaks(c)), "{kind:?}: {result:?}");
    prop_assert_eq!(result.accepted, result.errors.is_empty());
    prop_assert_eq!(result.modified, result.value.as_bytes() != input);
    for found in &result.rejected_patterns {
        prop_assert!(found.start <= found.end && found.end <= input.len(), "{kind:?}: {found:?}");
    }
    if result.accepted {
        let again = kind.sanitize(result.value.as_bytes());
        prop_assert!(again.accepted && !again.modified, "{kind:?}: {:?} becomes {:?}", result.value, again);
        prop_assert!(again.rejected_patterns.is_empty(), "{kind:?}: {again:?}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_result_is_clean_and_stays_as_it_is(input in input()) {
        for kind in Kind::ALL {
            check(kind, &input)?;
        }
    }
}

#[test]
fn the_labelled_values_keep_the_promises_as_every_kind() {
    for (place, case) in cases() {
        for kind in Kind::ALL {
            check(kind, &case.input.bytes()).map_err(|error| format!("{place}: {error}")).unwrap();
        }
    }
}

#[test]
fn a_finding_names_its_place_in_the_input_as_given() {
    let sanitizer = InputSanitizer::new();
    let named = |result: SanitizationResult<'_>| {
        let first = &result.rejected_patterns[0];
        (first.kind.as_str(), first.start, first.end)
    };
    assert_eq!(named(sanitizer.sanitize_name("Zoe\u{308} \u{202e}X")), ("unicode", 6, 9));
    assert_eq!(named(sanitizer.sanitize_text("e\u{301}\0")), ("null_byte", 3, 4));
    assert_eq!(named(sanitizer.sanitize_path("e\u{301}/%2e%2e/x")), ("path_traversal", 4, 10));
    assert_eq!(named(sanitizer.sanitize_email(" ada@exa mple.org")), ("format", 5, 17));
    assert_eq!(named(sanitizer.sanitize_text(b"ab\xffc")), ("invalid_utf8", 2, 3));
}

#[test]
fn a_result_reads_as_json() {
    let result = InputSanitizer::new().sanitize_name("Ada\u{7}<");
    let json = serde_json::to_value(&result).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "value": "Ada<",
            "modified": true,
            "accepted": false,
            "risk": "low",
            "rejected_patterns": [
                {"kind": "control_character", "start": 3, "end": 4, "why": "control character"},
                {"kind": "format", "start": 4, "end": 5, "why": "markup in a name"},
            ],
            "errors": [{"code": "markup", "message": "must not contain < or >"}],
        })
    );
}

#[test]
fn the_number_of_findings_is_bounded() {
    let result = InputSanitizer::new().sanitize_text(&"a\u{1}".repeat(10_000)).into_owned();
    assert_eq!((result.rejected_patterns.len(), result.value.len()), (32, 10_000));
}

#[test]
fn an_honest_value_costs_no_allocation() {
    for (kind, value) in [
        (Kind::Email, "o'hara+tag@x.ie"),
        (Kind::Name, "Máire O'Brien"),
        (Kind::Name, "می\u{200c}خواهم"),
        (Kind::Text, "I'll select two apples from the union market; it's 100% fun.\r\n\tОк — 毛泽东"),
        (Kind::Path, "文書/report 2026 (final).pdf"),
    ] {
        let change = allocation_counter::measure(|| {
            let result = kind.sanitize(value.as_bytes());
            assert!(result.accepted && !result.modified, "{result:?}");
        });
        assert_eq!(change.count_total, 0, "{kind:?} {value}");
    }
}

#[test]
fn each_kind_has_its_own_bound() {
    let limit = Limit::new(12, 14);
    let sanitizer = InputSanitizer::default().email_limit(limit).name_limit(limit).text_limit(limit).path_limit(limit);
    for kind in [FieldKind::Email, FieldKind::Name, FieldKind::Text, FieldKind::Path] {
        for (value, fits) in [("ada@k.org", true), ("adaadaada@kite.org", false)] {
            assert_eq!(sanitizer.sanitize(kind, value).accepted, fits, "{kind:?} {value}");
        }
    }
}

#[test]
fn every_function_bounds_its_input_before_it_looks_at_it() {
    let long = "é".repeat(1 << 20);
    for kind in Kind::ALL {
        let result = kind.sanitize(long.as_bytes());
        assert_eq!((result.accepted, &*result.value), (false, ""), "{kind:?}");
    }
}
