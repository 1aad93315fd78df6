//! Values that are nothing but the name of a thing that only databases have, or the call of one: what is tried first to
//! see how an application answers. Inside a sentence the same names pass.

use super::super::Finding;
use super::super::bytes::{
    Vocabulary, before_blanks, continues, is_blank, is_word, is_word_at, listed, lower, word_end, word_start,
};
use super::functions::{self, Risk};
use super::lexer::{Lexer, Token};
use super::words::Kind;

/// Longest value that is looked at, in bytes.
const LONGEST: usize = 256;

/// Tables, schemas and providers, qualified or not.
static CATALOGUE: Vocabulary<(), 256> = Vocabulary::new(&[
    ("$exists", ()),
    ("$gt", ()),
    ("$gte", ()),
    ("$lte", ()),
    ("$ne", ()),
    ("$nin", ()),
    ("$regex", ()),
    ("$where", ()),
    ("all_cons_columns", ()),
    ("all_constraints", ()),
    ("all_ind_columns", ()),
    ("all_tab_columns", ()),
    ("all_tab_privs", ()),
    ("msdasql", ()),
    ("msysaccessobjects", ()),
    ("msysaccessstorage", ()),
    ("msysaccessxml", ()),
    ("msysaces", ()),
    ("msyscompacterror", ()),
    ("msysimexcolumns", ()),
    ("msysimexspecs", ()),
    ("msysnavpanegroups", ()),
    ("msysobjects", ()),
    ("msysqueries", ()),
    ("msysrelationships", ()),
    ("mysql.columns_priv", ()),
    ("mysql.func", ()),
    ("mysql.general_log", ()),
    ("mysql.global_priv", ()),
    ("mysql.innodb_index_stats", ()),
    ("mysql.innodb_table_stats", ()),
    ("mysql.proc", ()),
    ("mysql.procs_priv", ()),
    ("mysql.slow_log", ()),
    ("mysql.tables_priv", ()),
    ("pg_attribute", ()),
    ("pg_authid", ()),
    ("pg_auth_members", ()),
    ("pg_class", ()),
    ("pg_constraint", ()),
    ("pg_group", ()),
    ("pg_largeobject", ()),
    ("pg_largeobject_metadata", ()),
    ("pg_namespace", ()),
    ("pg_proc", ()),
    ("pg_roles", ()),
    ("pg_settings", ()),
    ("pg_stat_activity", ()),
    ("pg_stat_user_tables", ()),
    ("pg_toast", ()),
    ("pg_user_mapping", ()),
    ("pg_views", ()),
    ("sqlite_schema", ()),
    ("sqlite_sequence", ()),
    ("sqlite_stat1", ()),
    ("sqlite_temp_schema", ()),
    ("sqloledb", ()),
    ("sys.all_columns", ()),
    ("sys.all_objects", ()),
    ("sys.columns", ()),
    ("sys.database_principals", ()),
    ("sys.databases", ()),
    ("sys.objects", ()),
    ("sys.procedures", ()),
    ("sys.schemas", ()),
    ("sys.server_principals", ()),
    ("sys.sql_logins", ()),
    ("sys.sysobjects", ()),
    ("sys.syslogins", ()),
    ("sys.user_tables", ()),
    ("sysindexes", ()),
    ("syslogins", ()),
    ("sysobjects", ()),
    ("sysusers", ()),
    ("sysxlogins", ()),
    ("tempdb", ()),
    ("user_cons_columns", ()),
    ("user_constraints", ()),
    ("user_ind_columns", ()),
    ("user_objects", ()),
    ("user_password_limits", ()),
    ("user_tab_privs", ()),
    ("user_tables", ()),
]);

/// Schemas and owners: everything in them is the database's own.
const SCHEMAS: &[&str] =
    &["information_schema.", "master..", "msdb..", "performance_schema.", "pg_catalog.", "tempdb.."];

/// How the objects of one owner or kind begin.
const PREFIXES: &[&str] = &["dba_", "dbms_", "gv$", "mon$", "rdb$", "utl_", "v$", "xp_"];

/// The beginnings of system procedures; people choose names that begin with `sp_`, too.
const PROCEDURES: &[&str] = &[
    "sp_add",
    "sp_attach",
    "sp_change",
    "sp_column",
    "sp_configure",
    "sp_create",
    "sp_cursor",
    "sp_database",
    "sp_delete",
    "sp_detach",
    "sp_drop",
    "sp_execute",
    "sp_fkeys",
    "sp_foreignkey",
    "sp_grant",
    "sp_help",
    "sp_linkedserver",
    "sp_makewebtask",
    "sp_msdrop",
    "sp_msforeach",
    "sp_oa",
    "sp_password",
    "sp_prepare",
    "sp_rename",
    "sp_replwrite",
    "sp_revoke",
    "sp_server",
    "sp_sproc",
    "sp_start_job",
    "sp_statistics",
    "sp_table",
    "sp_trace",
    "sp_update",
    "sp_who",
    "sp_xml",
];

/// Functions that other languages have as well, but not as the only thing that somebody writes.
const WITHOUT_ARGUMENTS: &[&str] = &["current_user", "database", "schema", "sysdate", "user", "version"];

pub(super) fn find(text: &[u8]) -> Option<Finding> {
    let value = text.trim_ascii();
    let start = text.len() - text.trim_ascii_start().len();
    if value.len() <= LONGEST
        && may_begin(value)
        && (is_statement(value) || begins_with_phrase(value) || is_literal(value))
    {
        return Some(Finding { start, end: start + value.len(), why: "is a statement" });
    }
    let name_end = value.iter().take(LONGEST).position(|&byte| !is_word(byte) && byte != b'.').unwrap_or(value.len());
    if name_end == 0 || name_end > 32 || value.len() > LONGEST {
        return None;
    }
    let mut buffer = [0; 32];
    let name = lower(&value[..name_end], &mut buffer);
    let why = match &value[name_end..] {
        [] if is_object(name) => "names a table or procedure of the database",
        [b'(', arguments @ ..] if is_called(name, arguments) => "calls a function of the database",
        _ => return None,
    };
    Some(Finding { start, end: start + value.len(), why })
}

/// Whether the value begins as one of the statements and literals below does: all that most texts are asked.
fn may_begin(value: &[u8]) -> bool {
    const FIRST: &[&str] = &[
        "dbcc",
        "deallocate",
        "declare",
        "delete",
        "explain",
        "for",
        "insert",
        "like",
        "lock",
        "reconfigure",
        "regexp",
        "select",
        "set",
        "with",
    ];
    match value {
        [b'@' | b'_', ..] | [_, b'\'' | b'&', ..] => true,
        _ => listed(FIRST, &value[..word_end(value, 0)]),
    }
}

fn is_object(name: &[u8]) -> bool {
    let begins = |prefix: &&str| name.len() > prefix.len() + 2 && name.starts_with(prefix.as_bytes());
    if CATALOGUE.get(name).is_some() {
        return true;
    }
    if !name.iter().any(|byte| matches!(byte, b'_' | b'$' | b'.')) {
        return false;
    }
    PREFIXES.iter().any(begins)
        || PROCEDURES.iter().any(|prefix| name.starts_with(prefix.as_bytes()))
        || SCHEMAS.iter().any(|schema| name.starts_with(schema.as_bytes()))
}

/// Whether `name(` and the bytes after it are one call, perhaps one that the text does not finish.
fn is_called(name: &[u8], arguments: &[u8]) -> bool {
    let empty = arguments.iter().all(|&byte| is_blank(byte) || byte == b')');
    let known = match functions::risk(name) {
        Some(Risk::Database | Risk::High) => true,
        _ => ["dbms_", "fn_", "utl_"].iter().any(|prefix| name.starts_with(prefix.as_bytes())) || is_object(name),
    };
    let mut depth = 1_u32;
    for (at, byte) in arguments.iter().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let whole = at + 1 == arguments.len();
            return whole && (known || empty && listed(WITHOUT_ARGUMENTS, name) || name == b"cast" && casts(arguments));
        }
    }
    arguments.is_empty() && (known || listed(WITHOUT_ARGUMENTS, name))
}

/// `select version()`, `select 0x41`, `explain select`, `delete from users`: short statements that no label of a button has.
fn is_statement(value: &[u8]) -> bool {
    let mut lexer = Lexer::new(value, 0);
    let Some(verb) = lexer.next() else { return false };
    let is = |token: Token, word: &str| is_word_at(value, token.start, word);
    match verb.kind {
        Kind::Select => selects(value, verb, lexer),
        Kind::Verb if is(verb, "delete") => {
            lexer.next().is_some_and(|from| from.kind == Kind::From)
                && lexer.next().is_some_and(|table| listed(TABLES, &value[table.start..table.end]))
                && lexer.next().is_none()
                && !value[0].is_ascii_uppercase() | value[1].is_ascii_uppercase()
        }
        Kind::Word if is(verb, "explain") => lexer.ahead() == Some(Kind::Select),
        Kind::Word if is(verb, "dbcc") => {
            lexer.ahead() == Some(Kind::Word) && lexer.nth(1).is_none_or(|next| next.kind == Kind::Open)
        }
        Kind::Word if is(verb, "reconfigure") => lexer.nth(1).is_some_and(|word| is(word, "override")),
        _ => false,
    }
}

/// `1 as char)`: what no other language writes in the parentheses of a call.
fn casts(arguments: &[u8]) -> bool {
    const TYPES: &[&str] = &[
        "binary", "char", "date", "decimal", "float", "int", "integer", "nchar", "numeric", "signed", "text",
        "unsigned", "varchar",
    ];
    let value = arguments.trim_ascii_end().strip_suffix(b")").unwrap_or(arguments);
    let start = word_start(value, value.len());
    let before = before_blanks(value, start);
    listed(TYPES, &value[start..]) && word_start(value, before) + 2 == before && continues(value, before - 2, "as")
}

/// Whether the value is `@@version` or `@@global.version`, or a literal that only databases write: `_utf8'a'`, `u&'a'`, `x'41'`.
fn is_literal(value: &[u8]) -> bool {
    let variable = value.strip_prefix(b"@@").is_some_and(|name| {
        name.len() > 3 && name.iter().all(|&byte| byte == b'_' || byte == b'.' || byte.is_ascii_lowercase())
    });
    let Some(quote) = value.iter().position(|&byte| byte == b'\'').filter(|_| value.ends_with(b"'")) else {
        return variable;
    };
    let content = &value[quote + 1..(value.len() - 1).max(quote + 1)];
    variable
        || match &value[..quote] {
            [b'_', charset @ ..] => charset.len() > 3 && charset.iter().all(u8::is_ascii_alphanumeric),
            b"u&" | b"U&" => true,
            b"x" | b"X" => content.len() > 1 && content.iter().all(u8::is_ascii_hexdigit),
            _ => false,
        }
}

/// Beginnings of statements and clauses that no sentence has; a star stands for any word.
const PHRASES: &[&[&str]] = &[
    &["deallocate", "prepare", "*"],
    &["declare", "*", "cursor", "for"],
    &["for", "xml", "auto"],
    &["for", "xml", "explicit"],
    &["for", "xml", "path"],
    &["for", "xml", "raw"],
    &["insert", "ignore", "into"],
    &["insert", "into", "*", "select"],
    &["insert", "into", "*", "values"],
    &["like", "binary"],
    &["lock", "tables", "*", "read"],
    &["lock", "tables", "*", "write"],
    &["regexp", "binary"],
    &["set", "global", "*", "="],
    &["set", "names", "utf8"],
    &["set", "password", "for"],
    &["set", "session", "*", "="],
    &["with", "recursive", "*", "as"],
];

fn begins_with_phrase(value: &[u8]) -> bool {
    PHRASES.iter().filter(|phrase| is_word_at(value, 0, phrase[0])).any(|phrase| {
        let mut lexer = Lexer::new(value, 0);
        phrase.iter().all(|&expected| {
            lexer.next().is_some_and(|token| {
                expected == "*" && token.kind == Kind::Word
                    || expected == "=" && token.kind == Kind::Compare
                    || is_word_at(value, token.start, expected)
            })
        })
    })
}

/// Tables that attackers hope for.
const TABLES: &[&str] = &[
    "accounts",
    "admin",
    "admins",
    "customers",
    "employees",
    "members",
    "orders",
    "products",
    "students",
    "user",
    "users",
];

/// Whether `select` is all but followed by one item that prose does not select.
fn selects(value: &[u8], select: Token, mut lexer: Lexer<'_>) -> bool {
    const OPTIONS: &[&str] = &["high_priority", "sql_calc_found_rows", "sql_no_cache", "straight_join", "top"];
    let glued = value.get(select.end).is_some_and(|&byte| !is_blank(byte));
    let mut item = lexer.next();
    let mut option = false;
    while let Some(word) =
        item.filter(|item| item.kind == Kind::Modifier || listed(OPTIONS, &value[item.start..item.end]))
    {
        option |= word.kind == Kind::Word;
        item = lexer.next();
    }
    let Some(item) = item else { return false };
    let rest = lexer.clone().take(3).count();
    let bytes = &value[item.start..item.end];
    match item.kind {
        Kind::Number => {
            rest == 0 && (option || glued || bytes.len() > 2 && bytes[..2].eq_ignore_ascii_case(b"0x")) || option
        }
        Kind::Text => rest == 0 && !item.open && (glued || bytes[0].is_ascii_alphabetic()),
        Kind::Constant => rest == 0 && !bytes.eq_ignore_ascii_case(b"true") && !bytes.eq_ignore_ascii_case(b"false"),
        Kind::Variable => rest == 0 && bytes.len() > 1,
        Kind::Function | Kind::Word => {
            let called = lexer.next().is_some_and(|open| open.kind == Kind::Open && open.start == item.end);
            called
                && item.kind == Kind::Function
                && lexer.next().is_some_and(|close| close.kind == Kind::Close)
                && rest == 2
        }
        Kind::Operator | Kind::Not | Kind::Open if glued => {
            lexer.next().is_some_and(|literal| matches!(literal.kind, Kind::Number | Kind::Text))
                && lexer.next().is_none_or(|close| close.kind == Kind::Close)
                && lexer.next().is_none()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{PROCEDURES, TABLES, WITHOUT_ARGUMENTS, find};

    #[test]
    fn the_lists_are_sorted_as_the_search_needs_them() {
        for list in [PROCEDURES, TABLES, WITHOUT_ARGUMENTS] {
            assert!(list.is_sorted());
        }
    }

    #[test]
    fn a_name_or_a_call_is_found_alone_and_not_in_a_sentence() {
        for text in ["xp_cmdshell", " v$session\n", "aes_encrypt(a, b)", "user()", "select version()", "database("] {
            assert!(find(text.as_bytes()).is_some(), "{text}");
            assert!(find(format!("we use {text} here").as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn names_of_people_and_calls_of_other_languages_are_none() {
        for text in ["sp_kumar", "sin(1)", "user(7)", "f(a)(b)", "select", "Ada", "", "delete from lists"] {
            assert_eq!(find(text.as_bytes()), None, "{text}");
        }
    }
}
