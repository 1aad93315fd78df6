use proptest::prelude::*;

use super::*;

fn key(input: &str) -> String {
    Email::parse(input).unwrap_or_else(|fault| panic!("{input:?}: {fault}")).key
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
        assert_eq!(Email::parse(address).unwrap().given(), address);
    }
}

#[test]
fn space_around_the_address_and_capitals_of_the_domain_are_dropped() {
    for (input, given, key) in [
        (" Ada@Example.ORG\r\n", "Ada@example.org", "ada@example.org"),
        ("Zoe\u{308}@EXAMPLE.org", "Zoë@example.org", "zoë@example.org"),
        ("a@MÜNCHEN.de", "a@münchen.de", "a@xn--mnchen-3ya.de"),
        ("a@ｅxample。com", "a@example.com", "a@example.com"),
    ] {
        let email = Email::parse(input).unwrap();
        assert_eq!((email.given(), email.key()), (given, key), "{input:?}");
    }
}

#[test]
fn twins_share_one_key() {
    for twins in [
        &["mike@example.org", "MIKE@EXAMPLE.ORG", "m\u{131}ke@example.org", "M\u{130}KE@example.org"][..],
        &["mike@example.org", "mi\u{307}ke@example.org", "m\u{131}\u{307}ke@example.org"],
        &["kim@example.org", "\u{212a}im@example.org", "K\u{130}M@example.org"],
        &["ada@example.org", "ａｄａ@example.org", "ＡＤＡ@example.org", "𝐚𝐝𝐚@example.org", "ada@ｅｘａｍｐｌｅ.org"],
        &["strasse@example.org", "straße@example.org", "STRAẞE@example.org"],
        &["angstr\u{f6}m@example.org", "angstro\u{308}m@example.org", "ANGSTRÖM@example.org"],
        &["\u{e5}@example.org", "\u{212b}@example.org", "a\u{30a}@example.org"],
        &["sos@example.org", "\u{17f}o\u{17f}@example.org"],
        &["σας@example.org", "ΣΑΣ@example.org", "σασ@example.org"],
        &["fine@example.org", "\u{fb01}ne@example.org"],
        &["a@münchen.de", "a@xn--mnchen-3ya.de", "a@MU\u{308}NCHEN.de"],
    ] {
        for twin in twins {
            assert_eq!(key(twin), key(twins[0]), "{twin}");
        }
    }
}

#[test]
fn different_mailboxes_have_different_keys() {
    let addresses = [
        "ada@example.org",
        "a.da@example.org",
        "ada+x@example.org",
        "ada@example.com",
        "äda@example.org",
        "аda@example.org",
    ];
    for (index, one) in addresses.iter().enumerate() {
        for other in &addresses[index + 1..] {
            assert_ne!(key(one), key(other));
        }
    }
}

#[test]
fn what_is_no_address_is_refused_with_its_code() {
    for (input, expected) in [
        ("", "required"),
        (" \t\r\n", "required"),
        ("ada", "missing_at"),
        ("ada.example.org", "missing_at"),
        ("ada＠example.org", "missing_at"),
        ("@example.org", "invalid_local_part"),
        (".ada@example.org", "invalid_local_part"),
        ("ada.@example.org", "invalid_local_part"),
        ("a..da@example.org", "invalid_local_part"),
        ("a\u{2024}.da@example.org", "invalid_local_part"),
        ("a da@example.org", "invalid_local_part"),
        ("a\u{a0}da@example.org", "invalid_local_part"),
        ("a\u{3000}da@example.org", "invalid_local_part"),
        ("\"ada\"@example.org", "invalid_local_part"),
        ("\"a@b\"@example.org", "invalid_local_part"),
        ("ada(comment)@example.org", "invalid_local_part"),
        ("Ada <ada@example.org", "invalid_local_part"),
        ("eve@evil.org,ada@example.org", "invalid_local_part"),
        ("eve＠evil.org@example.org", "invalid_local_part"),
        ("ada\0@example.org", "invalid_local_part"),
        ("ada\r\nBcc:eve@example.org", "invalid_local_part"),
        ("a\u{200d}da@example.org", "invalid_local_part"),
        ("a\u{202e}da@example.org", "invalid_local_part"),
        ("a\u{e000}da@example.org", "invalid_local_part"),
        ("ada@", "invalid_domain"),
        ("ada@localhost", "invalid_domain"),
        ("ada@example", "invalid_domain"),
        ("ada@.org", "invalid_domain"),
        ("ada@example..org", "invalid_domain"),
        ("ada@example.org.", "invalid_domain"),
        ("ada@-example.org", "invalid_domain"),
        ("ada@exa mple.org", "invalid_domain"),
        ("ada@exa_mple.org", "invalid_domain"),
        ("ada@example.org>", "invalid_domain"),
        ("ada@127.0.0.1", "invalid_domain"),
        ("ada@[127.0.0.1]", "invalid_domain"),
        ("ada@[IPv6:::1]", "invalid_domain"),
        ("ada@xn--a.org", "invalid_domain"),
        ("ada@exa\0mple.org", "invalid_domain"),
    ] {
        assert_eq!(Email::parse(input).map_err(EmailFault::code), Err(expected), "{input:?}");
    }
}

#[test]
fn the_bounds_of_rfc_5321_are_inclusive() {
    let of = |local: usize, domain: usize| {
        let labels = "d".repeat(61) + "." + &"d".repeat(61) + "." + &"d".repeat(61) + ".";
        format!("{}@{}", "l".repeat(local), labels.clone() + &"d".repeat(domain - labels.len()))
    };
    assert_eq!(of(64, 189).len(), 254);
    for (input, fits) in [
        (of(64, 189), true),
        (of(64, 190), false),
        (of(65, 188), false),
        (format!("{}@example.org", "é".repeat(32)), true),
        (format!("{}@example.org", "é".repeat(33)), false),
        (format!("a@{}.org", "d".repeat(63)), true),
        ("a".repeat(1 << 20), false),
    ] {
        let parsed = Email::parse(&input).map(drop);
        assert_eq!(parsed.is_ok(), fits, "{} bytes: {parsed:?}", input.len());
    }
}

#[test]
fn the_local_part_is_that_of_the_address_given() {
    assert_eq!(Email::parse("Ada.L@Example.org").unwrap().local_part(), "Ada.L");
}

proptest! {
    #[test]
    fn parsing_is_stable_and_the_key_is_its_own_key(input in "\\PC{1,20}@[a-zäß]{1,8}\\.[a-z]{2,4}") {
        if let Ok(email) = Email::parse(&input) {
            prop_assert_eq!(Email::parse(email.given()), Ok(email.clone()));
            if let Ok(again) = Email::parse(email.key()) {
                prop_assert_eq!(again.key(), email.key());
            }
        }
    }
}
