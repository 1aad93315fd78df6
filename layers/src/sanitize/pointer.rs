//! The JSON Pointer (RFC 6901) to the value that is being read.

use std::fmt::Write;

/// Adds a name to a pointer.
pub(super) fn push_name(pointer: &mut String, name: &str) {
    pointer.push('/');
    for c in name.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}

/// Adds the index of an array's element to a pointer.
pub(super) fn push_index(pointer: &mut String, index: usize) {
    let _infallible = write!(pointer, "/{index}");
}
