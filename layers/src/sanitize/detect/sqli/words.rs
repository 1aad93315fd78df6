//! What the words of SQL mean, across dialects.

use super::super::bytes::Vocabulary;
use super::functions::{self, Risk};

/// The part a token plays in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    /// `NULL`, `TRUE`, `CURRENT_USER`: words that stand for a value.
    Constant,
    /// A string literal.
    Text,
    /// `@a`, `@@version`.
    Variable,
    /// An identifier, quoted or not, or a word of prose.
    Word,
    /// A known function; called if a parenthesis follows.
    Function,
    Open,
    Close,
    Comma,
    Semicolon,
    /// Arithmetic, bitwise and string operators.
    Operator,
    /// Comparisons.
    Compare,
    /// `AND`, `OR`, `XOR`, `||`, `&&`.
    Logic,
    /// Operators that take one operand: `NOT`, `!`, `~`.
    Not,
    /// `BINARY`, `DISTINCT`, `ALL`, `ANY`: change the operand that follows.
    Modifier,
    Union,
    Select,
    /// `DROP`, `EXEC` and other words that begin a statement.
    Verb,
    /// `ORDER`, `HAVING`, `INTO` and others that begin a clause.
    Clause,
    From,
    Where,
    As,
    /// `CASE`.
    Case,
    /// `WHEN`, `THEN`, `ELSE`, `END`.
    Branch,
    /// `::`.
    Cast,
    /// A comment that runs to the end of the text.
    Comment,
    Other,
}

/// The kind of a word; unknown words are [`Kind::Word`].
pub(super) fn classify(word: &[u8]) -> Kind {
    match KEYWORDS.get(word) {
        Some(kind) => kind,
        None if functions::risk(word).is_some() => Kind::Function,
        None => Kind::Word,
    }
}

/// Whether the function waits, reads files, speaks to other hosts, runs commands or reveals data through errors.
pub(super) fn is_dangerous(function: &[u8]) -> bool {
    functions::risk(function) == Some(Risk::High)
}

/// `N'…'`, `x'…'`, `_utf8'…'`: what may stand right before a string literal.
pub(super) fn is_string_prefix(word: &[u8]) -> bool {
    matches!(word, [b'n' | b'N' | b'x' | b'X' | b'b' | b'B' | b'e' | b'E'])
        || matches!(word, [b'_', ..] if word.len() < 10 && word[1..].iter().all(u8::is_ascii_alphanumeric))
}

static KEYWORDS: Vocabulary<Kind, 512> = Vocabulary::new(&[
    ("null", Kind::Constant),
    ("true", Kind::Constant),
    ("false", Kind::Constant),
    ("current_user", Kind::Constant),
    ("current_date", Kind::Constant),
    ("current_time", Kind::Constant),
    ("current_timestamp", Kind::Constant),
    ("localtime", Kind::Constant),
    ("localtimestamp", Kind::Constant),
    ("session_user", Kind::Constant),
    ("system_user", Kind::Constant),
    ("sysdate", Kind::Constant),
    ("rownum", Kind::Constant),
    ("and", Kind::Logic),
    ("or", Kind::Logic),
    ("xor", Kind::Logic),
    ("not", Kind::Not),
    ("like", Kind::Compare),
    ("ilike", Kind::Compare),
    ("rlike", Kind::Compare),
    ("regexp", Kind::Compare),
    ("glob", Kind::Compare),
    ("is", Kind::Compare),
    ("in", Kind::Compare),
    ("between", Kind::Compare),
    ("sounds", Kind::Compare),
    ("similar", Kind::Compare),
    ("isnull", Kind::Compare),
    ("notnull", Kind::Compare),
    ("div", Kind::Operator),
    ("mod", Kind::Operator),
    ("binary", Kind::Modifier),
    ("distinct", Kind::Modifier),
    ("distinctrow", Kind::Modifier),
    ("all", Kind::Modifier),
    ("any", Kind::Modifier),
    ("some", Kind::Modifier),
    ("union", Kind::Union),
    ("except", Kind::Union),
    ("intersect", Kind::Union),
    ("minus", Kind::Union),
    ("select", Kind::Select),
    ("insert", Kind::Verb),
    ("update", Kind::Verb),
    ("delete", Kind::Verb),
    ("drop", Kind::Verb),
    ("alter", Kind::Verb),
    ("create", Kind::Verb),
    ("exec", Kind::Verb),
    ("execute", Kind::Verb),
    ("declare", Kind::Verb),
    ("shutdown", Kind::Verb),
    ("waitfor", Kind::Verb),
    ("if", Kind::Verb),
    ("begin", Kind::Verb),
    ("while", Kind::Verb),
    ("load", Kind::Verb),
    ("truncate", Kind::Verb),
    ("merge", Kind::Verb),
    ("grant", Kind::Verb),
    ("revoke", Kind::Verb),
    ("call", Kind::Verb),
    ("handler", Kind::Verb),
    ("print", Kind::Verb),
    ("goto", Kind::Verb),
    ("set", Kind::Verb),
    ("replace", Kind::Verb),
    ("copy", Kind::Verb),
    ("attach", Kind::Verb),
    ("do", Kind::Verb),
    ("rename", Kind::Verb),
    ("show", Kind::Verb),
    ("use", Kind::Verb),
    ("backup", Kind::Verb),
    ("bulk", Kind::Verb),
    ("pragma", Kind::Verb),
    ("restore", Kind::Verb),
    ("kill", Kind::Verb),
    ("deallocate", Kind::Verb),
    ("prepare", Kind::Verb),
    ("with", Kind::Verb),
    ("order", Kind::Clause),
    ("group", Kind::Clause),
    ("having", Kind::Clause),
    ("limit", Kind::Clause),
    ("into", Kind::Clause),
    ("procedure", Kind::Clause),
    ("for", Kind::Clause),
    ("lock", Kind::Clause),
    ("offset", Kind::Clause),
    ("from", Kind::From),
    ("where", Kind::Where),
    ("as", Kind::As),
    ("case", Kind::Case),
    ("when", Kind::Branch),
    ("then", Kind::Branch),
    ("else", Kind::Branch),
    ("end", Kind::Branch),
]);
