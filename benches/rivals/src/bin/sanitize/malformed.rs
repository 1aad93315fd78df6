//! Paths that leave their root, text that is not what it seems, and addresses that are none: every combination of the parts below.

use portcullis_layers::sanitize::FieldKind;

use crate::samples::Sample;

/// Two dots, plain and encoded.
const PARENTS: [&str; 8] =
    ["..", "%2e%2e", "%252e%252e", ".%2e", "%u002e%u002e", "%c0%ae%c0%ae", "．．", "\\u002e\\u002e"];

const SEPARATORS: [&str; 8] = ["/", "\\", "%2f", "%5c", "%252f", "%c0%af", "／", "//"];

const TARGETS: [&str; 4] = ["etc/shadow", "boot.ini", "kite/secret.key", ""];

const STEPS: [usize; 3] = [1, 3, 8];

/// Bytes that are not UTF-8, by the reason (RFC 3629, section 3).
const NOT_UTF8: [&[u8]; 12] = [
    b"\x80",
    b"\xbf",
    b"\xc0\x80",
    b"\xc0\xaf",
    b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xf4\x90\x80\x80",
    b"\xf8\x88\x80\x80\x80",
    b"\xe2\x82",
    b"\xff\xfe",
];

/// What stands before and after.
const AROUND: [(&str, &str); 4] = [("", ""), ("kite", ""), ("", "kite"), ("a red ", " kite")];

/// Parts before the `@` that no mail system of the host accepts (RFC 5321, section 4.1.2).
const LOCAL_PARTS: [&str; 10] =
    ["", ".ada", "ada.", "ada..b", "a da", "ada,b", "(ada)b", "ada<b", "ada\u{7}b", "ada@b"];

/// Domains that are none (RFC 1035, section 2.3.1).
const DOMAINS: [&str; 12] = [
    "",
    "example",
    "-kite.example",
    "kite-.example",
    ".example.org",
    "kite..example",
    "kite.example.",
    "ki te.example",
    "kite_example.org",
    "[192.0.2.7",
    "kite.example:25",
    "k\u{202e}ite.example",
];

/// All of them.
pub(crate) fn all() -> Vec<Sample> {
    let mut samples = paths();
    samples.extend(texts());
    samples.extend(addresses());
    samples
}

fn paths() -> Vec<Sample> {
    let mut samples = Vec::new();
    for parent in PARENTS {
        let disguise = if parent == ".." { "plain dots" } else { "encoded dots" };
        for separator in SEPARATORS {
            for steps in STEPS {
                samples.extend(TARGETS.map(|target| {
                    let path = format!("{}{target}", format!("{parent}{separator}").repeat(steps));
                    sample(&format!("path traversal, {disguise}"), FieldKind::Path, path.into_bytes())
                }));
            }
        }
    }
    samples
}

fn texts() -> Vec<Sample> {
    let kept = ['\t', '\n', '\r'];
    let controls = (0..=0x9f).filter_map(char::from_u32).filter(|c| c.is_control() && !kept.contains(c));
    let directions = ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}');
    let mut samples = Vec::new();
    for (before, after) in AROUND {
        let text = |c: char| format!("{before}{c}{after}").into_bytes();
        samples.extend(controls.clone().map(|c| sample("control characters", FieldKind::Text, text(c))));
        samples.extend(directions.clone().map(|c| sample("bidirectional overrides", FieldKind::Text, text(c))));
        samples.extend(
            NOT_UTF8.map(|bytes| {
                sample("not UTF-8", FieldKind::Text, [before.as_bytes(), bytes, after.as_bytes()].concat())
            }),
        );
    }
    samples
}

fn addresses() -> Vec<Sample> {
    let mut addresses: Vec<String> = LOCAL_PARTS.map(|local| format!("{local}@example.org")).into();
    addresses.extend(DOMAINS.map(|domain| format!("ada@{domain}")));
    addresses.extend(LOCAL_PARTS.iter().flat_map(|local| DOMAINS.map(|domain| format!("{local}@{domain}"))));
    addresses.extend(["ada".to_owned(), "ada at example.org".to_owned()]);
    addresses.push(format!("{}@example.org", "a".repeat(65)));
    addresses.push(format!("ada@{}.org", "k".repeat(64)));
    addresses.push(format!("ada@{}org", "kite.".repeat(60)));
    addresses.into_iter().map(|address| sample("malformed addresses", FieldKind::Email, address.into_bytes())).collect()
}

fn sample(group: &str, kind: FieldKind, value: Vec<u8>) -> Sample {
    Sample { groups: vec![format!("made up: {group}").into()], kind, attack: true, value }
}
