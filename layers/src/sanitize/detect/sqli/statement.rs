//! Recognises a second statement, or the start of one, by its first few tokens.

use super::super::bytes::{is_word, is_word_at, listed, lower};
use super::lexer::{Lexer, Token};
use super::words::Kind;

/// Whether a statement starts with the verb `verb`, whose successors `next` reads.
pub(super) fn starts(text: &[u8], verb: Token, mut next: Lexer<'_>) -> bool {
    let mut buffer = [0; 32];
    let verb = lower(&text[verb.start..verb.end], &mut buffer);
    let first = match next.next() {
        Some(first) if !matches!(first.kind, Kind::Semicolon | Kind::Comment) => first,
        _ => return verb == b"shutdown",
    };
    if first.kind == Kind::Variable {
        // `declare @ customs` is prose.
        return first.end - first.start > 1
            && matches!(verb, b"declare" | b"set" | b"exec" | b"execute" | b"print" | b"if");
    }
    Opening { text, first, next }.follows(verb)
}

/// The tokens after a verb.
struct Opening<'a> {
    text: &'a [u8],
    first: Token,
    /// Reads on after the first.
    next: Lexer<'a>,
}

impl Opening<'_> {
    /// Whether the tokens are what SQL has after the verb, which is in lower case, and prose has not.
    fn follows(mut self, verb: &[u8]) -> bool {
        match verb {
            b"exec" | b"execute" => {
                // `execute "user" configuration` is prose.
                self.first.kind == Kind::Text && !self.first.open && self.next.ahead() != Some(Kind::Word)
                    || self.first.kind == Kind::Open
                        && self.then(|token| matches!(token.kind, Kind::Text | Kind::Variable))
                    || is_procedure(&self.text[self.first.start..self.first.end])
                    || self.first_is(&["immediate"])
                        && self.then(|token| {
                            matches!(token.kind, Kind::Text | Kind::Variable | Kind::Open | Kind::Function)
                        })
            }
            b"create" if self.first_is(&["user", "login", "or", "role", "temp", "temporary"]) => self.creates(),
            b"drop" | b"alter" | b"truncate" | b"create" => self.first_is(OBJECTS) && self.names_something(),
            b"backup" | b"restore" => self.first_is(&["database", "log"]) && self.then(is_name),
            b"bulk" => self.first_is(&["insert"]) && self.then(is_name),
            b"do" => self.first_is(&["sleep", "benchmark"]) && self.next.ahead() == Some(Kind::Open),
            b"kill" => self.first.kind == Kind::Number && self.ends(),
            b"pragma" => is_name(self.first) && self.then(|token| matches!(token.kind, Kind::Open | Kind::Compare)),
            b"rename" => self.first_is(&["table", "user"]) && self.then(is_name) && self.then_is(&["to"]),
            b"replace" => self.first_is(&["into"]) && self.then(is_name) && self.then_rows(),
            b"revoke" => self.first_is(&["all", "select", "execute"]) && self.then_is(&["privileges", "on"]),
            b"shutdown" => self.first_is(&["with"]) && self.then_is(&["nowait"]),
            b"use" => self.first.kind == Kind::Word && self.is_commented(),
            b"delete" => self.first.kind == Kind::From && self.names_something(),
            b"insert" => self.first_is(&["into"]) && self.then(is_name) && self.then_rows(),
            b"update" => is_name(self.first) && self.then_is(&["set"]) && self.then(|_| true) && self.then_compares(),
            b"waitfor" => self.first_is(&["delay", "time"]),
            b"if" | b"while" => self.decides(),
            b"load" => {
                self.first_is(&["xml", "data"]) && self.then_is(&["local", "infile", "low_priority", "concurrent"])
            }
            b"goto" => self.first.kind == Kind::Word && self.then(|token| token.kind != Kind::Word),
            b"begin" => self.first_is(&["try", "tran", "goto", "declare", "dbms_lock", "waitfor"]),
            b"print" => {
                self.first.kind == Kind::Text
                    && self.then(|token| matches!(token.kind, Kind::Semicolon | Kind::Comment))
            }
            b"merge" => self.first_is(&["into"]) && self.then(is_name) && self.then_is(&["using"]),
            b"handler" => is_name(self.first) && self.then_is(&["open", "read"]),
            b"grant" => self.first_is(&["all", "select", "execute"]) && self.then_is(&["privileges", "on"]),
            b"set" if self.first_is(&["names"]) => self.then_is(&["utf8", "utf8mb4", "latin1", "gbk", "big5", "sjis"]),
            b"set" => is_name(self.first) && self.then_compares() && self.text.contains(&b'@'),
            b"copy" => {
                (is_name(self.first) || self.first.kind == Kind::Open && self.crosses_query())
                    && self.then_is(&["to", "from"])
                    && self.then_file()
            }
            b"attach" => self.first_is(&["database"]),
            b"call" => is_name(self.first) && self.then(|token| token.kind == Kind::Open),
            b"prepare" => is_name(self.first) && self.then(|token| token.kind == Kind::From),
            b"show" => self.first_is(&["tables", "databases", "columns", "grants", "variables"]),
            _ => false,
        }
    }

    fn is(&self, token: Token, words: &[&str]) -> bool {
        words.iter().any(|word| is_word_at(self.text, token.start, word))
    }

    fn first_is(&self, words: &[&str]) -> bool {
        self.is(self.first, words)
    }

    fn then(&mut self, test: impl Fn(Token) -> bool) -> bool {
        self.next.next().is_some_and(test)
    }

    fn then_is(&mut self, words: &[&str]) -> bool {
        self.next.next().is_some_and(|token| self.is(token, words))
    }

    fn then_compares(&mut self) -> bool {
        self.then(|token| token.kind == Kind::Compare)
    }

    fn then_rows(&mut self) -> bool {
        let token = self.next.next();
        token.is_some_and(|token| matches!(token.kind, Kind::Open | Kind::Select) || self.is(token, &["values", "set"]))
    }

    fn then_file(&mut self) -> bool {
        let token = self.next.next();
        token.is_some_and(|token| token.kind == Kind::Text || self.is(token, &["program"]))
    }

    /// `user x identified by`, `or replace function`, `temp table x (`.
    fn creates(&mut self) -> bool {
        if self.first_is(&["or"]) {
            return self.then_is(&["replace"]) && self.then_is(OBJECTS);
        }
        if self.first_is(&["temp", "temporary"]) {
            return self.then_is(&["table", "view"]);
        }
        self.then(is_name)
            && self.next.next().is_none_or(|token| {
                matches!(token.kind, Kind::Semicolon | Kind::Comment)
                    || self.is(token, &["identified", "with", "password"])
            })
    }

    /// `(select …)`, up to its parenthesis.
    fn crosses_query(&mut self) -> bool {
        const LONGEST: usize = 32;
        self.next.ahead() == Some(Kind::Select)
            && self.next.by_ref().take(LONGEST).any(|token| token.kind == Kind::Close)
    }

    /// Whether nothing but a comment or another statement follows.
    fn ends(&self) -> bool {
        self.next.ahead().is_none_or(|kind| matches!(kind, Kind::Comment | Kind::Semicolon | Kind::Logic))
    }

    /// Whether a comment without words follows, as `use caution` in prose has none.
    fn is_commented(&self) -> bool {
        self.next.peek().is_some_and(|token| {
            token.kind == Kind::Comment && !self.text[token.start..token.end].iter().any(u8::is_ascii_alphanumeric)
        })
    }

    /// `table users`, and no more words: prose would go on with one.
    fn names_something(&mut self) -> bool {
        let Some(name) = self.next.next().filter(|&name| is_name(name)) else { return false };
        let Some(after) = self.next.next() else { return true };
        if self.is(after, AFTER_NAME) {
            return true;
        }
        let condition = after.kind == Kind::Logic && matches!(self.next.ahead(), Some(Kind::Text | Kind::Open));
        match after.kind {
            Kind::Logic if condition => true,
            Kind::As => self.next.ahead() == Some(Kind::Select),
            Kind::Operator => after.start == name.end,
            Kind::Open | Kind::Comma | Kind::Semicolon | Kind::Comment | Kind::Where | Kind::Text => true,
            _ => self.text[name.start..name.end].iter().any(|byte| matches!(byte, b'_' | b'.' | b'`' | b'0'..=b'9')),
        }
    }

    /// `1=1`, `(select …)`, `not (substring(…`, `exists (`.
    fn decides(mut self) -> bool {
        if self.first_is(&["exists"]) {
            return self.next.ahead() == Some(Kind::Open);
        }
        if self.first.kind == Kind::Not {
            let inner = self.next.clone().nth(1).map(|token| token.kind);
            let nested = matches!(inner, Some(Kind::Function | Kind::Open | Kind::Select));
            return nested && self.next.ahead() == Some(Kind::Open);
        }
        let mut left = Some(self.first);
        while left.is_some_and(|token| token.kind == Kind::Open) {
            left = self.next.next();
        }
        match left.map(|token| token.kind) {
            Some(Kind::Number | Kind::Text | Kind::Constant) => {
                let compare = self.next.next().filter(|token| token.kind == Kind::Compare);
                compare.is_some_and(|token| !self.text[token.start].is_ascii_alphabetic())
            }
            Some(Kind::Select | Kind::Variable) => true,
            Some(Kind::Function) => self.next.ahead() == Some(Kind::Open) && self.first.kind == Kind::Open,
            _ => false,
        }
    }
}

/// Whether a statement of some database begins with `word`.
pub(super) fn is_verb(word: &[u8]) -> bool {
    listed(VERBS, word)
}

/// What statements of the common databases begin with.
const VERBS: &[&str] = &[
    "alter",
    "analyze",
    "attach",
    "audit",
    "backup",
    "begin",
    "bulk",
    "call",
    "checkpoint",
    "close",
    "cluster",
    "comment",
    "commit",
    "copy",
    "create",
    "dbcc",
    "deallocate",
    "declare",
    "delete",
    "deny",
    "desc",
    "describe",
    "detach",
    "disable",
    "discard",
    "do",
    "drop",
    "enable",
    "exec",
    "execute",
    "explain",
    "fetch",
    "flush",
    "grant",
    "handler",
    "insert",
    "install",
    "kill",
    "listen",
    "load",
    "lock",
    "merge",
    "notify",
    "open",
    "optimize",
    "pragma",
    "prepare",
    "print",
    "purge",
    "raiserror",
    "reconfigure",
    "refresh",
    "reindex",
    "release",
    "rename",
    "repair",
    "replace",
    "reset",
    "restore",
    "revoke",
    "rollback",
    "savepoint",
    "select",
    "set",
    "show",
    "shutdown",
    "start",
    "stop",
    "truncate",
    "unlock",
    "update",
    "use",
    "vacuum",
    "values",
    "waitfor",
    "with",
    "xa",
];

/// What is created and dropped.
const OBJECTS: &[&str] =
    &["table", "database", "function", "procedure", "view", "user", "login", "trigger", "schema", "index"];

/// What a statement goes on with after the name of a table or the like.
const AFTER_NAME: &[&str] = &[
    "add",
    "cascade",
    "character",
    "charset",
    "column",
    "disable",
    "drop",
    "enable",
    "limit",
    "modify",
    "order",
    "rename",
    "restrict",
    "returning",
    "returns",
    "set",
    "single_user",
    "using",
];

/// `sp_…`, `xp_…`, `master..xp_…`.
pub(super) fn is_procedure(name: &[u8]) -> bool {
    let starts = |name: &[u8], prefix: &[u8]| name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let end = name.iter().position(|&byte| !is_word(byte) && byte != b'.').unwrap_or(name.len());
    name[..end].split(|&byte| byte == b'.').any(|part| starts(part, b"sp_") || starts(part, b"xp_"))
        || name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"master."))
}

fn is_name(token: Token) -> bool {
    matches!(token.kind, Kind::Word | Kind::Function | Kind::Text)
}
