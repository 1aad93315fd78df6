//! Mails as their readers see them.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis::mail::Kind;

use super::{TestApp, wait_for};

/// A message, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    /// Every header, unfolded but not decoded.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
    /// The name of its kind, if it was a file.
    pub(crate) kind: String,
}

impl TestApp {
    /// Every mail that was written so far, oldest first, once the outbox is empty but for what is to be tried later.
    pub(crate) async fn mails(&self) -> Vec<Mail> {
        let client = self.database.connect().await;
        let waiting =
            "select count(*) from mail_jobs where finished_at is null and (due_at <= $1 or locked_until > $1)";
        let now = self.app.clock.now();
        wait_for("the outbox to be empty", async || {
            let count: i64 = client.query_one(waiting, &[&now]).await.unwrap().get(0);
            (count == 0).then_some(())
        })
        .await;
        mails_in(&self.data_dir.path().join("mail"))
    }

    /// The newest mail to an address.
    #[track_caller]
    pub(crate) fn mail_to(&self, email: &str) -> impl Future<Output = Mail> {
        let email = email.to_owned();
        async move {
            let mails = self.mails().await;
            let found = mails.iter().rev().find(|mail| mail.to == email).cloned();
            found.unwrap_or_else(|| panic!("no mail to {email} in {mails:#?}"))
        }
    }

    /// The newest mail of a kind to an address.
    pub(crate) async fn mail_of(&self, kind: Kind, email: &str) -> Mail {
        let mails = self.mails().await;
        let found = mails.iter().rev().find(|mail| mail.to == email && mail.kind == kind.name()).cloned();
        found.unwrap_or_else(|| panic!("no {} to {email} in {mails:#?}", kind.name()))
    }

    /// How many mails went to an address.
    pub(crate) async fn count_mails_to(&self, email: &str) -> usize {
        self.mails().await.iter().filter(|mail| mail.to == email).count()
    }
}

/// The mails in a folder, oldest first.
pub(crate) fn mails_in(folder: &Path) -> Vec<Mail> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .map(|path| (fs::metadata(&path).unwrap().modified().unwrap(), path))
        .collect();
    files.sort();
    files.iter().map(|(_, path)| Mail { kind: kind(path), ..Mail::parse(&fs::read(path).unwrap()) }).collect()
}

/// The kind, which stands in the name of a file between its time and its job.
fn kind(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().split('-').nth(1).unwrap().to_owned()
}

impl Mail {
    /// Takes a message of ours apart; panics at what RFC 5322 and MIME forbid.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let message = std::str::from_utf8(bytes).expect("a message in ASCII");
        let bare = message.replace("\r\n", "");
        assert!(message.is_ascii() && !bare.contains(['\r', '\n']), "bytes that servers may refuse: {message}");
        let (headers, body) = split(message);
        let value = |name: &str| header(&headers, name).unwrap_or_else(|| panic!("no {name} in {message}"));
        let content_type = value("content-type");
        let boundary = content_type.split("boundary=\"").nth(1).unwrap().split('"').next().unwrap();
        let boundary = format!("--{boundary}");
        let part = |kind: &str| {
            let mut found = body
                .split(&boundary)
                .map(|part| split(part.trim_start()))
                .filter(|(headers, _)| header(headers, "content-type").is_some_and(|value| value.starts_with(kind)));
            let (headers, body) = found.next().unwrap_or_else(|| panic!("no {kind} in {message}"));
            decode(&header(&headers, "content-transfer-encoding").unwrap(), body)
        };
        Self {
            to: value("to"),
            subject: words(&value("subject")),
            text: part("text/plain"),
            html: part("text/html"),
            headers,
            kind: String::new(),
        }
    }

    /// The one value of a header.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        let (_, value) = values.next().unwrap_or_else(|| panic!("no {name} in {:?}", self.headers));
        assert!(values.next().is_none(), "{name} twice in {:?}", self.headers);
        value
    }

    /// The link, which stands alone on its line.
    pub(crate) fn link(&self) -> &str {
        let line = self.text.lines().find(|line| line.starts_with("http"));
        line.unwrap_or_else(|| panic!("no link in {}", self.text))
    }

    /// The token in the link.
    pub(crate) fn token(&self) -> &str {
        self.link().split_once("?token=").expect("a token in the link").1
    }

    /// Whether there is a link at all.
    pub(crate) fn has_link(&self) -> bool {
        self.text.contains("?token=") || self.html.contains("?token=")
    }
}

/// Headers, unfolded (RFC 5322 §2.2.3), and the rest.
fn split(message: &str) -> (Vec<(String, String)>, &str) {
    let (head, body) = message.split_once("\r\n\r\n").unwrap_or((message, ""));
    let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let headers = head.split("\r\n").filter_map(|line| line.split_once(": "));
    (headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(), body)
}

fn header(headers: &[(String, String)], name: &str) -> Option<String> {
    headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
}

fn decode(encoding: &str, body: &str) -> String {
    match encoding {
        "7bit" => body.to_owned(),
        "base64" => String::from_utf8(STANDARD.decode(body.replace("\r\n", "")).unwrap()).unwrap(),
        "quoted-printable" => String::from_utf8(quoted_printable(&body.replace("=\r\n", ""))).unwrap(),
        other => panic!("{other} may not pass every server"),
    }
    .replace("\r\n", "\n")
}

/// RFC 2045 §6.7, without soft line breaks.
fn quoted_printable(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('=') {
        bytes.extend_from_slice(before.as_bytes());
        bytes.push(u8::from_str_radix(&after[..2], 16).unwrap());
        rest = &after[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// Encoded words (RFC 2047); white space between two of them means nothing.
fn words(value: &str) -> String {
    let mut text = String::new();
    let mut after_encoded = false;
    for word in value.split(' ') {
        let encoded = word.strip_prefix("=?utf-8?b?").and_then(|word| word.strip_suffix("?="));
        if !text.is_empty() && (!after_encoded || encoded.is_none()) {
            text.push(' ');
        }
        match encoded {
            Some(encoded) => text.push_str(std::str::from_utf8(&STANDARD.decode(encoded).unwrap()).unwrap()),
            None => text.push_str(word),
        }
        after_encoded = encoded.is_some();
    }
    text
}
