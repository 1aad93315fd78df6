//! What the README shows of a terminal is what happens.

use std::iter::Peekable;
use std::str::Chars;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::support::{Answer, Client, Program, TestApp};

const README: &str = include_str!("../../README.md");
const SERVICE: &str = "http://127.0.0.1:8080";

/// What is typed at the prompts of a section, each with the answer that the README shows below it.
fn scenes(heading: &str) -> Vec<(&'static str, &'static str)> {
    let (_, section) = README.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```console\n$ ").skip(1).map(|block| {
        let (typed, rest) = block.split_once("\n```").unwrap();
        let answer = rest.strip_prefix("\n```json\n").map(|answer| answer.split_once("\n```").unwrap().0);
        answer.map_or_else(|| typed.split_once('\n').unwrap(), |answer| (typed, answer))
    });
    blocks.collect()
}

/// The words of a command: blanks separate, quotes do not, and `$ACCESS_TOKEN` is what it stands for.
fn words(typed: &str, access: &str) -> Vec<String> {
    fn word(rest: &mut Peekable<Chars<'_>>) -> String {
        let (mut word, mut quote) = (String::new(), None);
        while let Some(letter) = rest.next_if(|letter| quote.is_some() || !letter.is_whitespace()) {
            match quote {
                Some(open) if open == letter => quote = None,
                None if letter == '\'' || letter == '"' => quote = Some(letter),
                _ => word.push(letter),
            }
        }
        word
    }
    let typed = typed.replace("$ACCESS_TOKEN", access);
    let mut rest = typed.chars().peekable();
    let mut words = Vec::new();
    while rest.peek().is_some() {
        words.push(word(&mut rest));
        while rest.next_if(|letter| letter.is_whitespace()).is_some() {}
    }
    words
}

/// Does what curl would do.
async fn curl(client: &Client, words: &[String]) -> Answer {
    let mut words = words.iter();
    assert_eq!(words.next().unwrap(), "curl");
    let path = words.next().unwrap().strip_prefix(SERVICE).unwrap();
    let mut request = Request::builder().uri(path);
    let mut body = None;
    while let Some(option) = words.next() {
        let value = words.next().unwrap();
        match option.as_str() {
            "-H" => {
                let (name, value) = value.split_once(": ").unwrap();
                request = request.header(name, value);
            }
            "-d" => body = Some(Bytes::from(value.clone())),
            _ => panic!("curl {option} is not played here"),
        }
    }
    let method = if body.is_some() { Method::POST } else { Method::GET };
    client.send(request.method(method).body(Full::new(body.unwrap_or_default())).unwrap()).await
}

/// Puts the type of each value that differs from run to run in its place.
fn redact(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let is_made_up =
                    ["id", "request_id", "access_token", "refresh_token", "timestamp"].contains(&name.as_str());
                if member.is_string() && (is_made_up || name.ends_with("_at")) {
                    *member = json!(format!("some {name}"));
                }
                redact(member);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_account_is_answered_as_the_readme_shows() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let scenes = scenes("A first account");
    assert_eq!(scenes.len(), 4);
    let mut access = String::new();
    for (typed, shown) in scenes {
        let answer = curl(&client, &words(typed, &access)).await;
        let mut found = answer.json();
        if let Some(token) = found["access_token"].as_str() {
            token.clone_into(&mut access);
        }
        let mut shown: Value = serde_json::from_str(shown).unwrap_or_else(|error| panic!("{error} below {typed}"));
        redact(&mut found);
        redact(&mut shown);
        assert_eq!(found, shown, "{typed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_ends_with_the_line_that_the_readme_shows() {
    let (typed, shown) = scenes("Accounts from elsewhere")[0];
    let words = words(typed, "");
    let arguments: Vec<_> = words.iter().map(String::as_str).collect();
    let ["portcullis", "user", "import", file] = arguments[..] else { panic!("{typed}") };
    let program = Program::on_fresh_database().await;
    std::fs::write(program.folder().join(file), "").unwrap();
    let ended = program.run(&arguments[1..]).await.done();
    let without_numbers = |line: &str| line.trim().replace(|c: char| c.is_ascii_digit(), "");
    assert_eq!(without_numbers(&ended), without_numbers(shown));
}
