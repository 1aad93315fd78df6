//! Attacks put together from what breaks out, what it does, and how it is disguised: every combination of the parts below.

use portcullis_layers::sanitize::FieldKind;

use crate::samples::Sample;

/// What ends the value that a query holds, and what makes the rest of the query fit again.
const BOUNDARIES: [(&str, &str); 9] = [
    ("12", ""),
    ("12", " -- kept"),
    ("kite'", " AND 'q'='q"),
    ("kite\"", " AND \"q\"=\"q"),
    ("kite')", " AND ('q'='q"),
    ("kite'", "-- "),
    ("kite' ", "#"),
    ("12)", " AND (8=8"),
    ("kite%'", " AND 'q%'='q"),
];

const PAYLOADS: [&str; 18] = [
    " AND 71=72",
    " OR 71=71",
    " OR NOT 71=72",
    " AND SLEEP(3)",
    " AND 71=(SELECT 71 FROM PG_SLEEP(3))",
    " AND (SELECT 71 FROM (SELECT(SLEEP(3)))kite)",
    ";WAITFOR DELAY '0:0:3'",
    ";SELECT PG_SLEEP(3)",
    " UNION ALL SELECT NULL,NULL,NULL",
    " UNION SELECT pin,owner FROM cards",
    " AND EXTRACTVALUE(71,CONCAT(0x5c,(SELECT USER())))",
    " AND 71=CONVERT(INT,(SELECT @@version))",
    " AND 71=CAST((SELECT pin FROM cards LIMIT 1) AS INT)",
    " AND ASCII(SUBSTRING((SELECT pin FROM cards LIMIT 1),1,1))>64",
    " AND ORD(MID((SELECT IFNULL(CAST(pin AS NCHAR),0x20) FROM cards),1,1))>64",
    ";DROP TABLE cards",
    " AND EXISTS(SELECT 1 FROM cards)",
    " ORDER BY 4",
];

/// Disguises of an SQL injection, after the tampering scripts of scanners.
const TAMPERS: [(&str, fn(&str) -> String); 12] = [
    ("plain", str::to_owned),
    ("comments for blanks", |text| text.replace(' ', "/**/")),
    ("line comments for blanks", |text| text.replace(' ', "--kite\n")),
    ("percent-encoded", percent),
    ("percent-encoded twice", |text| percent(&percent(text))),
    ("a percent sign before each letter", |text| {
        text.chars().map(|c| if c.is_alphabetic() { format!("%{c}") } else { c.to_string() }).collect()
    }),
    ("plus signs for blanks", |text| text.replace(' ', "+")),
    ("no-break spaces", |text| text.replace(' ', "\u{a0}")),
    ("mixed case", |text| {
        text.char_indices()
            .map(|(at, c)| if at % 2 == 0 { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() })
            .collect()
    }),
    ("full-width quotes", |text| text.replace('\'', "＇").replace('"', "＂")),
    ("escapes of JSON", |text| text.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect()),
    ("keywords in versioned comments", |text| {
        ["UNION", "SELECT", "AND", "OR", "FROM"]
            .iter()
            .fold(text.to_owned(), |text, word| text.replace(&format!(" {word} "), &format!(" /*!50000{word}*/ ")))
    }),
];

const OPENERS: [&str; 5] = ["", "\">", "'>", "</title>", "-->"];

const MARKUP: [&str; 14] = [
    "<svg onload=print(7)>",
    "<img src=k onerror=print(7)>",
    "<script>print(7)</script>",
    "<a href=\"javascript:print(7)\">k</a>",
    "<a href=\"java&Tab;script:print(7)\">k</a>",
    "<iframe srcdoc=\"&lt;script&gt;print(7)&lt;/script&gt;\">",
    "<kite onpointerenter=print(7) tabindex=1>",
    "<details open ontoggle=print(7)>",
    "<math><a xlink:href=javascript:print(7)>k",
    "<form><button formaction=javascript:print(7)>",
    "<meta http-equiv=refresh content=\"0;url=data:text/html,k\">",
    "<object data=data:text/html;base64,PGI+>",
    "<style>@import '//kite.example';</style>",
    "<svg><animate onbegin=print(7) attributeName=x dur=1s>",
];

/// Disguises of markup.
const DISGUISES: [(&str, fn(&str) -> String); 8] = [
    ("plain", str::to_owned),
    ("slashes for blanks", |text| text.replace(' ', "/")),
    ("line breaks for blanks", |text| text.replace(' ', "\n")),
    ("percent-encoded", percent),
    ("percent-encoded twice", |text| percent(&percent(text))),
    ("character references", |text| {
        text.chars().map(|c| if c.is_alphanumeric() { c.to_string() } else { format!("&#{};", u32::from(c)) }).collect()
    }),
    ("full-width brackets", |text| text.replace('<', "＜").replace('>', "＞")),
    ("escapes of JavaScript", |text| text.replace('<', "\\x3c").replace('>', "\\u003e").replace('"', "\\x22")),
];

/// All of them.
pub(crate) fn all() -> Vec<Sample> {
    let mut samples = Vec::new();
    for (disguise, change) in TAMPERS {
        for (before, after) in BOUNDARIES {
            samples
                .extend(PAYLOADS.map(|payload| sample("SQL", disguise, &change(&format!("{before}{payload}{after}")))));
        }
    }
    for (disguise, change) in DISGUISES {
        for opener in OPENERS {
            samples.extend(MARKUP.map(|markup| sample("script", disguise, &change(&format!("{opener}{markup}")))));
        }
    }
    samples
}

fn sample(what: &str, disguise: &str, text: &str) -> Sample {
    let group = format!("made up: {what}, {disguise}");
    Sample { groups: vec![group.into()], kind: FieldKind::Text, attack: true, value: text.as_bytes().to_vec() }
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02x}") })
        .collect()
}
