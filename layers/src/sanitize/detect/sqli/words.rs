//! What the words of SQL mean, across dialects.

use super::super::bytes::{listed, lower};

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
    let mut buffer = [0; 32];
    match lower(word, &mut buffer) {
        b"null" | b"true" | b"false" | b"current_user" | b"current_date" | b"current_time" | b"current_timestamp"
        | b"localtime" | b"localtimestamp" | b"session_user" | b"system_user" | b"sysdate" | b"rownum" => {
            Kind::Constant
        }
        b"and" | b"or" | b"xor" => Kind::Logic,
        b"not" => Kind::Not,
        b"like" | b"ilike" | b"rlike" | b"regexp" | b"glob" | b"is" | b"in" | b"between" | b"sounds" | b"similar"
        | b"isnull" | b"notnull" => Kind::Compare,
        b"div" | b"mod" => Kind::Operator,
        b"binary" | b"distinct" | b"all" | b"any" | b"some" => Kind::Modifier,
        b"union" | b"except" | b"intersect" | b"minus" => Kind::Union,
        b"select" => Kind::Select,
        b"insert" | b"update" | b"delete" | b"drop" | b"alter" | b"create" | b"exec" | b"execute" | b"declare"
        | b"shutdown" | b"waitfor" | b"if" | b"begin" | b"while" | b"load" | b"truncate" | b"merge" | b"grant"
        | b"revoke" | b"call" | b"handler" | b"print" | b"goto" | b"set" | b"replace" | b"copy" | b"attach" | b"do"
        | b"rename" | b"show" | b"use" | b"backup" | b"restore" | b"kill" | b"deallocate" | b"prepare" | b"with" => {
            Kind::Verb
        }
        b"order" | b"group" | b"having" | b"limit" | b"into" | b"procedure" | b"for" | b"lock" | b"offset" => {
            Kind::Clause
        }
        b"from" => Kind::From,
        b"where" => Kind::Where,
        b"as" => Kind::As,
        b"case" => Kind::Case,
        b"when" | b"then" | b"else" | b"end" => Kind::Branch,
        _ if listed(FUNCTIONS, word) || listed(DANGEROUS, word) => Kind::Function,
        _ => Kind::Word,
    }
}

/// `N'…'`, `x'…'`, `_utf8'…'`: what may stand right before a string literal.
pub(super) fn is_string_prefix(word: &[u8]) -> bool {
    matches!(word, [b'n' | b'N' | b'x' | b'X' | b'b' | b'B' | b'e' | b'E'])
        || matches!(word, [b'_', ..] if word.len() < 10 && word[1..].iter().all(u8::is_ascii_alphanumeric))
}

/// Functions that wait, read files, speak to other hosts, run commands or reveal data through errors; no prose calls them.
pub(super) const DANGEROUS: &[&str] = &[
    "benchmark",
    "bin_to_uuid",
    "char_length",
    "character_length",
    "concat_ws",
    "current_setting",
    "database_to_xml",
    "dbms_lock.sleep",
    "dbms_pipe.receive_message",
    "dbms_xmlgen.getxml",
    "exp_imp",
    "extractvalue",
    "find_in_set",
    "from_base64",
    "from_unixtime",
    "gtid_subset",
    "group_concat",
    "has_dbaccess",
    "has_perms_by_name",
    "httpuritype",
    "ifnull",
    "inet6_aton",
    "is_member",
    "is_srvrolemember",
    "json_array_length",
    "json_extract",
    "json_keys",
    "json_valid",
    "last_insert_id",
    "listagg",
    "lo_create",
    "lo_export",
    "lo_from_bytea",
    "lo_get",
    "lo_import",
    "lo_put",
    "lo_unlink",
    "load_extension",
    "load_file",
    "make_set",
    "master_pos_wait",
    "name_const",
    "openquery",
    "openrowset",
    "pg_client_encoding",
    "pg_file_rename",
    "pg_file_write",
    "pg_ls_dir",
    "pg_read_binary_file",
    "pg_read_file",
    "pg_sleep",
    "pg_sleep_for",
    "pg_sleep_until",
    "pg_stat_file",
    "pg_terminate_backend",
    "query_to_xml",
    "randomblob",
    "release_lock",
    "row_count",
    "session_user",
    "sp_executesql",
    "sql_variant_property",
    "st_latfromgeohash",
    "string_agg",
    "substring_index",
    "sys.eval",
    "sys_context",
    "sys_eval",
    "sys_exec",
    "sysdate",
    "system_user",
    "table_to_xml",
    "to_timestamp_tz",
    "unhex",
    "updatexml",
    "user_lock.sleep",
    "utl_file.fopen",
    "utl_http.request",
    "utl_inaddr.get_host_address",
    "utl_inaddr.get_host_name",
    "utl_smtp.open_connection",
    "wait_for_executed_gtid_set",
    "xmltype",
    "xp_cmdshell",
    "xp_dirtree",
    "xp_fileexist",
    "xp_regread",
    "zeroblob",
];

/// Other functions of SQL, many of them also words or functions elsewhere.
const FUNCTIONS: &[&str] = &[
    "abs",
    "aes_decrypt",
    "array_agg",
    "array_to_json",
    "ascii",
    "avg",
    "bin",
    "bit_and",
    "bit_length",
    "bit_or",
    "cast",
    "ceil",
    "ceiling",
    "char",
    "charindex",
    "chr",
    "coalesce",
    "collation",
    "compress",
    "concat",
    "connection_id",
    "conv",
    "convert",
    "cos",
    "count",
    "crc32",
    "curdate",
    "current_database",
    "current_schema",
    "current_user",
    "curtime",
    "database",
    "datalength",
    "date_add",
    "date_format",
    "date_sub",
    "datediff",
    "db_id",
    "db_name",
    "dcount",
    "decode",
    "elt",
    "encode",
    "exists",
    "exp",
    "field",
    "floor",
    "format",
    "generate_series",
    "getdate",
    "glob",
    "greatest",
    "hash",
    "hex",
    "host_name",
    "if",
    "iif",
    "instr",
    "isnull",
    "json_agg",
    "last",
    "lcase",
    "least",
    "left",
    "length",
    "like",
    "likelihood",
    "ln",
    "locate",
    "log",
    "lower",
    "lpad",
    "ltrim",
    "max",
    "md5",
    "mid",
    "min",
    "now",
    "nullif",
    "nvl",
    "object_id",
    "object_name",
    "oct",
    "octet_length",
    "ora_hash",
    "ord",
    "password",
    "patindex",
    "pi",
    "position",
    "pow",
    "power",
    "quote",
    "rand",
    "random",
    "repeat",
    "replace",
    "reverse",
    "right",
    "round",
    "row_to_json",
    "rpad",
    "rtrim",
    "schema",
    "serverproperty",
    "sha",
    "sha1",
    "sha2",
    "sign",
    "sin",
    "sleep",
    "soundex",
    "space",
    "sqlite_version",
    "sqrt",
    "std",
    "str",
    "strcmp",
    "stuff",
    "substr",
    "substring",
    "sum",
    "suser_name",
    "suser_sname",
    "tan",
    "to_base64",
    "to_char",
    "to_number",
    "translate",
    "trim",
    "typeof",
    "ucase",
    "unicode",
    "upper",
    "user",
    "user_id",
    "user_name",
    "uuid",
    "version",
    "xmlagg",
    "xmlelement",
    "xmlforest",
];

#[cfg(test)]
mod tests {
    use super::{DANGEROUS, FUNCTIONS};

    #[test]
    fn the_tables_are_sorted_for_binary_search() {
        assert!(FUNCTIONS.is_sorted());
        assert!(DANGEROUS.is_sorted());
    }
}
