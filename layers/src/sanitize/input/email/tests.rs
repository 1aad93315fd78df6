use std::borrow::Cow;

use super::*;

fn email(input: &str) -> SanitizationResult<'_> {
    sanitize(input.as_bytes(), Limit::new(254, 254), false)
}

fn code(result: &SanitizationResult<'_>) -> Option<&'static str> {
    result.errors.first().map(|error| error.code)
}

#[test]
fn a_valid_address_is_kept_as_given() {
    for address in [
        "ada@example.org",
        "Ada.Lovelace@example.org",
        "o'hara+tag@x.ie",
        "a@b.co",
        "!#$%&'*+-/=?^_`{|}~@example.org",
        "用户@例子.广告",
        "пример@почта.рф",
        "zoë@münchen.de",
        "ada@xn--mnchen-3ya.de",
        "ada@a--b.example.org",
        "अशोक@example.org",
    ] {
        let result = email(address);
        assert!(result.accepted && !result.modified, "{result:?}");
        assert!(result.rejected_patterns.is_empty());
        assert!(matches!(result.value, Cow::Borrowed(_)));
    }
}

#[test]
fn space_around_the_address_and_capitals_of_the_domain_are_dropped() {
    for (input, expected) in [
        (" Ada@Example.ORG\t", "Ada@example.org"),
        ("Zoe\u{308}@EXAMPLE.org", "Zoë@example.org"),
        ("a@MÜNCHEN.de", "a@münchen.de"),
        ("a@ｅxample。com", "a@example.com"),
        ("a@XN--MNCHEN-3YA.de", "a@xn--mnchen-3ya.de"),
    ] {
        let result = email(input);
        assert_eq!((&*result.value, result.accepted, result.modified), (expected, true, true), "{input:?}");
        assert_eq!(result.rejected_patterns, []);
    }
}

#[test]
fn line_breaks_around_an_address_are_dropped_and_named() {
    let result = email("\nada@example.org \r\n");
    assert_eq!((&*result.value, result.accepted), ("ada@example.org", true));
    let places: Vec<_> = result.rejected_patterns.iter().map(|found| (found.kind, found.start, found.end)).collect();
    assert_eq!(places, [(FindingKind::ControlCharacter, 0, 1), (FindingKind::ControlCharacter, 16, 19)]);
}

#[test]
fn what_is_no_address_is_refused_with_its_code() {
    for (input, expected) in [
        ("", "required"),
        (" \t\r\n", "required"),
        ("ada.example.org", "missing_at"),
        ("ada＠example.org", "missing_at"),
        ("@example.org", "invalid_local_part"),
        (".ada@example.org", "invalid_local_part"),
        ("ada.@example.org", "invalid_local_part"),
        ("a..da@example.org", "invalid_local_part"),
        ("a\u{2024}.da@example.org", "invalid_local_part"),
        ("a da@example.org", "invalid_local_part"),
        ("a\u{a0}da@example.org", "invalid_local_part"),
        ("\"ada\"@example.org", "invalid_local_part"),
        ("ada(comment)@example.org", "invalid_local_part"),
        ("eve＠evil.org@example.org", "invalid_local_part"),
        ("ada\0@example.org", "null_byte"),
        ("ada\r\nBcc:eve@example.org", "invalid_local_part"),
        ("a\u{202e}da@example.org", "invalid_local_part"),
        ("a\u{e000}da@example.org", "invalid_local_part"),
        ("ada@localhost", "invalid_domain"),
        ("ada@example..org", "invalid_domain"),
        ("ada@example.org.", "invalid_domain"),
        ("ada@-example.org", "invalid_domain"),
        ("ada@exa_mple.org", "invalid_domain"),
        ("ada@127.0.0.1", "invalid_domain"),
        ("ada@[127.0.0.1]", "invalid_domain"),
        ("ada@xn--a.org", "invalid_domain"),
        ("ada@exa\u{200b}mple.org", "invalid_domain"),
        ("ada@\u{3164}example.org", "invalid_domain"),
    ] {
        let result = email(input);
        assert_eq!((code(&result), result.accepted), (Some(expected), false), "{input:?}");
    }
}

#[test]
fn the_bounds_of_rfc_5321_are_inclusive() {
    let of = |local: usize, domain: usize| {
        let labels = format!("{0}.{0}.{0}.", "d".repeat(61));
        format!("{}@{labels}{}", "l".repeat(local), "d".repeat(domain - labels.len()))
    };
    for (input, fits) in [
        (of(64, 189), true),
        (of(64, 190), false),
        (of(65, 188), false),
        (format!("{}@example.org", "é".repeat(32)), true),
        (format!("{}@example.org", "é".repeat(33)), false),
        ("a".repeat(1 << 20), false),
    ] {
        let result = email(&input);
        assert_eq!(result.accepted, fits, "{} bytes: {:?}", input.len(), result.errors);
        assert_eq!(code(&result), (!fits).then_some("too_long"));
    }
}

#[test]
fn disguises_are_refused_by_the_advanced_check_only() {
    for (input, expected) in [
        ("ada@аpple.com", Some("mixed_scripts")),
        ("pаypal@example.org", Some("mixed_scripts")),
        ("ada@аррӏе.com", Some("confusable")),
        ("ada@пример.рф", None),
        ("ada@почта.com", None),
        ("zoë@münchen.de", None),
        ("сара@example.org", None),
        ("yamada太郎さん@例え.jp", None),
        ("ivan-иван@example.org", None),
    ] {
        let advanced = sanitize(input.as_bytes(), Limit::new(254, 254), true);
        assert_eq!(code(&advanced), expected, "{input}");
        assert!(email(input).accepted, "{input}");
    }
}
