//! The inputs, shared by every bench that checks values.

use portcullis_layers::sanitize::FieldKind;

/// A row of the table: one iteration checks all of its values.
pub(crate) struct Input {
    /// What stands in the table.
    pub(crate) name: &'static str,
    /// What the values are.
    pub(crate) kind: FieldKind,
    /// The values.
    pub(crate) values: Vec<String>,
}

impl Input {
    /// The bytes of all values together.
    pub(crate) fn bytes(&self) -> usize {
        self.values.iter().map(String::len).sum()
    }
}

/// Every row.
pub(crate) fn all() -> Vec<Input> {
    vec![
        addresses(),
        Input {
            name: "10 names",
            kind: FieldKind::Name,
            values: owned(&[
                "Ada Lovelace",
                "Seán O'Brien",
                "Nguyễn Văn A",
                "毛泽东",
                "Müller-Lüdenscheidt",
                "María José",
                "Björk",
                "D'Souza",
                "Иван Петров",
                "Null",
            ]),
        },
        Input {
            name: "5 paths",
            kind: FieldKind::Path,
            values: owned(&[
                "images/logo.png",
                "docs/2026/report final.pdf",
                "src/lib.rs",
                "a/b/c/d/e.txt",
                "Übersicht.ods",
            ]),
        },
        text("1 kB of plain words", "the quick brown fox jumps over the lazy dog and runs far away "),
        text(
            "1 kB of prose with quotes",
            "\"I'll select two apples from the market,\" she said (and did); it's 5 < 6 - isn't it? ",
        ),
        text("1 kB of Cyrillic", "съешь же ещё этих мягких французских булок да выпей чаю "),
        Input {
            name: "5 attacks",
            kind: FieldKind::Text,
            values: owned(&[
                "' OR 1=1--",
                "1 UNION SELECT name, password FROM users",
                "<img src=x onerror=alert(1)>",
                "\"><script>alert(document.cookie)</script>",
                "'; DROP TABLE users; --",
            ]),
        },
    ]
}

/// Typical addresses.
pub(crate) fn addresses() -> Input {
    Input {
        name: "10 e-mail addresses",
        kind: FieldKind::Email,
        values: owned(&[
            "ada@example.org",
            "grace.hopper@navy.example.com",
            "o'hara+tag@x.ie",
            "info@sub.domain.example.net",
            "user.name+newsletter@company.example",
            "j@example.io",
            "first_last@mail.example.co.uk",
            "12345@example.de",
            "somebody-else@university.example.edu",
            "jörg@example.at",
        ]),
    }
}

fn text(name: &'static str, sentence: &str) -> Input {
    let mut value = sentence.repeat(1024 / sentence.len() + 1);
    let end = value.char_indices().map(|(at, _)| at).take_while(|at| *at <= 1024).last().unwrap_or(0);
    value.truncate(end);
    Input { name, kind: FieldKind::Text, values: vec![value] }
}

fn owned(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}
