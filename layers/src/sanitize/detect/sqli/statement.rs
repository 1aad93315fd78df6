//! Recognises a second statement, or the start of one, by its first few tokens.

use super::super::bytes::is_word_at;
use super::lexer::{Lexer, Token};
use super::words::Kind;

/// Whether a statement starts with the verb `verb`, whose successors `next` reads.
pub(super) fn starts(text: &[u8], verb: Token, mut next: Lexer<'_>) -> bool {
    let is = |word: &str| is_word_at(text, verb.start, word);
    let Some(first) = next.next() else { return is("shutdown") };
    let word = |token: Token, expected: &str| is_word_at(text, token.start, expected);
    let any = |token: Token, expected: &[&str]| expected.iter().any(|expected| word(token, expected));
    match first.kind {
        Kind::Semicolon | Kind::Comment => return is("shutdown"),
        Kind::Variable => return ["declare", "set", "exec", "execute", "print", "if"].iter().any(|verb| is(verb)),
        _ => {}
    }
    if is("exec") || is("execute") {
        return first.kind == Kind::Text
            || first.kind == Kind::Open
            || is_procedure(&text[first.start..first.end])
            || any(first, &["immediate"]);
    }
    if is("drop") || is("alter") || is("truncate") || is("create") {
        let objects =
            ["table", "database", "function", "procedure", "view", "user", "login", "trigger", "schema", "index"];
        return any(first, &objects)
            && next.next().is_some_and(|name| is_name(name) && ends_or_is_code(text, next, name));
    }
    if is("insert") {
        return any(first, &["into"])
            && next.next().is_some_and(is_name)
            && next.next().is_some_and(|token| {
                token.kind == Kind::Open || token.kind == Kind::Select || any(token, &["values", "set"])
            });
    }
    if is("delete") {
        return first.kind == Kind::From
            && next.next().is_some_and(|name| is_name(name) && ends_or_is_code(text, next, name));
    }
    if is("update") {
        return is_name(first)
            && next.next().is_some_and(|token| any(token, &["set"]))
            && next.nth(1).is_some_and(|token| token.kind == Kind::Compare);
    }
    if is("waitfor") {
        return any(first, &["delay", "time"]);
    }
    if is("if") || is("while") {
        let negated = first.kind == Kind::Not && next.ahead() == Some(Kind::Open) && {
            let inner = next.clone().nth(1).map(|token| token.kind);
            matches!(inner, Some(Kind::Function | Kind::Open | Kind::Select))
        };
        return negated
            || any(first, &["exists"]) && next.ahead() == Some(Kind::Open)
            || is_tautology_start(text, first, next);
    }
    if is("load") {
        return any(first, &["xml", "data"])
            && next.next().is_some_and(|token| any(token, &["local", "infile", "low_priority", "concurrent"]));
    }
    if is("goto") {
        return first.kind == Kind::Word && next.next().is_some_and(|token| token.kind != Kind::Word);
    }
    if is("begin") {
        return any(first, &["try", "tran", "goto", "declare", "dbms_lock"]);
    }
    if is("print") {
        return first.kind == Kind::Text && next.ahead() == Some(Kind::Semicolon);
    }
    is("merge")
        && any(first, &["into"])
        && next.next().is_some_and(is_name)
        && next.next().is_some_and(|token| any(token, &["using"]))
        || is("handler") && is_name(first) && next.next().is_some_and(|token| any(token, &["open", "read"]))
        || is("grant")
            && any(first, &["all", "select", "execute"])
            && next.next().is_some_and(|token| any(token, &["privileges", "on"]))
        || is("set")
            && is_name(first)
            && next.next().is_some_and(|token| token.kind == Kind::Compare)
            && text[verb.start..].contains(&b'@')
        || is("copy")
            && is_name(first)
            && next.next().is_some_and(|token| any(token, &["to", "from"]))
            && next.next().is_some_and(|token| token.kind == Kind::Text || any(token, &["program"]))
        || is("attach") && any(first, &["database"])
        || is("call") && is_name(first) && next.ahead() == Some(Kind::Open)
        || is("prepare") && is_name(first) && next.next().is_some_and(|token| token.kind == Kind::From)
        || is("show") && any(first, &["tables", "databases", "columns", "grants", "variables"])
}

/// `sp_…`, `xp_…`, `master..xp_…`.
pub(super) fn is_procedure(name: &[u8]) -> bool {
    let prefixes: [&[u8]; 3] = [b"sp_", b"xp_", b"master."];
    prefixes.iter().any(|prefix| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
}

fn is_name(token: Token) -> bool {
    matches!(token.kind, Kind::Word | Kind::Function | Kind::Text)
}

/// After `drop table users`, prose would go on with another word.
fn ends_or_is_code(text: &[u8], mut next: Lexer<'_>, name: Token) -> bool {
    let follows = ["character", "add", "modify", "returns", "single_user", "column"];
    next.next().is_none_or(|token| match token.kind {
        _ if follows.iter().any(|word| is_word_at(text, token.start, word)) => true,
        Kind::Word | Kind::Function | Kind::Logic | Kind::Compare | Kind::Other => {
            text[name.start..name.end].iter().any(|byte| matches!(byte, b'_' | b'.' | b'`' | b'0'..=b'9'))
        }
        _ => true,
    })
}

/// `1=1`, `(1=1)`, `not exists`.
fn is_tautology_start(text: &[u8], first: Token, mut next: Lexer<'_>) -> bool {
    let mut left = Some(first);
    while left.is_some_and(|token| token.kind == Kind::Open) {
        left = next.next();
    }
    match left.map(|token| token.kind) {
        Some(Kind::Number | Kind::Text | Kind::Constant) => {
            next.next().is_some_and(|token| token.kind == Kind::Compare && !text[token.start].is_ascii_alphabetic())
        }
        Some(Kind::Select | Kind::Variable) => true,
        Some(Kind::Function) => next.ahead() == Some(Kind::Open) && first.kind == Kind::Open,
        _ => false,
    }
}
