//! Expressions that templates on a server or in a page run: `{{constructor.constructor('alert(1)')()}}`, `${jndi:ldap://…}`.
//!
//! A name in braces is how messages and shells write a placeholder, so only what reaches past the template counts.

use super::super::Finding;
use super::super::bytes::continues;
use super::script::{byte_before, finding};

/// How far an expression is read, in bytes.
const LONGEST: usize = 128;

/// What leads from a value of JavaScript to code.
const JAVASCRIPT: &[&str] = &["constructor", "$eval", "$on.", "__proto__", "alert(", "charat"];

/// What leads from a value of Python, Java, Ruby or PHP to the system, in any template.
const SYSTEM: &[&str] = &[
    "__class__",
    "__globals__",
    "__import__",
    "__init__",
    "__mro__",
    "__subclasses__",
    "_self.env",
    "getruntime(",
    "java.lang.",
    "popen(",
    "processbuilder",
    "t(java",
];

/// Finds an expression at the brace `at`.
pub(super) fn find(text: &[u8], at: usize) -> Option<Finding> {
    let body = &text[at + 1..text.len().min(at + LONGEST)];
    let holds = |parts: &[&str]| parts.iter().any(|part| contains(body, part));
    let code = match (byte_before(text, at), body.first()) {
        (_, Some(b'{')) => {
            body.get(1) != Some(&b'{') && (holds(JAVASCRIPT) || holds(SYSTEM) || is_arithmetic(&body[1..]))
        }
        (_, Some(b'%')) => holds(SYSTEM),
        (b'$' | b'#' | b'*' | b'%', Some(_)) => holds(SYSTEM) || looks_up(body) || is_arithmetic(body),
        _ => false,
    };
    if code { finding(at, at + 1, "is an expression that a template runs") } else { None }
}

/// Whether the code between `<%` and `%>` reaches the system.
pub(super) fn reaches_system(code: &[u8]) -> bool {
    const CALLS: &[&str] = &["system(", "exec(", "popen(", "eval(", "file.open(", "file.read(", "io.read(", "runtime"];
    let code = &code[..code.len().min(LONGEST)];
    CALLS.iter().any(|call| contains(code, call)) || is_arithmetic(code.strip_prefix(b"=").unwrap_or(code))
}

fn contains(body: &[u8], part: &str) -> bool {
    body.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

/// `jndi:`, also put together from `${lower:j}` and the like, as a logging library of Java resolved it.
fn looks_up(body: &[u8]) -> bool {
    continues(body, 0, "jndi:")
        || continues(body, 0, "${")
            && (contains(body, "ndi:") || ["lower:", "upper:", "::-"].iter().any(|part| contains(body, part)))
}

/// `7*7}`: a probe for templates.
fn is_arithmetic(body: &[u8]) -> bool {
    let length = body.iter().position(|&byte| matches!(byte, b'}' | b'%')).unwrap_or(0);
    let body = body[..length].trim_ascii();
    body.first().is_some_and(u8::is_ascii_digit)
        && body.contains(&b'*')
        && body.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b' ' | b'\''))
}
