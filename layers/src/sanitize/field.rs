//! What an inspector looks at: one value, where it stands, and what it is meant to be.

use std::fmt;

/// Where a value stands in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place<'a> {
    /// The path of the target.
    Path,
    /// The query parameter of this name.
    Query(&'a str),
    /// The field of the body at this JSON Pointer (RFC 6901): `/address/street`, `/tags/0`. The field `a` of a form is `/a`, so that one
    /// policy serves both; the body as a whole is the empty pointer.
    Body(&'a str),
}

/// `path`, `query:page`, `body:/address/street`.
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path => f.write_str("path"),
            Self::Query(name) => write!(f, "query:{name}"),
            Self::Body(pointer) => write!(f, "body:{pointer}"),
        }
    }
}

/// What a value is meant to be: an inspector may hold a name to other standards than prose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldKind {
    /// An e-mail address.
    Email,
    /// The name of a person or thing, on one line.
    Name,
    /// Free text, in which line breaks and code words are at home.
    Text,
    /// A path, of a file or of the request itself.
    Path,
}

/// What the app wants done with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Policy {
    /// The value is not looked at and not decoded. For passwords, tokens, and whatever the handler checks in its own way.
    Skip,
    /// The value is inspected as one of this kind.
    Inspect(FieldKind),
}

/// One value to inspect.
///
/// `Debug` shows the length of the value, never the value.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Field<'a> {
    /// Where it stands.
    pub place: Place<'a>,
    /// What it is meant to be.
    pub kind: FieldKind,
    /// The value: JSON escapes resolved, or percent-decoded once. Bytes, since percent-decoding may lead out of UTF-8.
    pub bytes: &'a [u8],
}

impl<'a> Field<'a> {
    /// A field, as the layer makes it.
    #[must_use]
    pub const fn new(place: Place<'a>, kind: FieldKind, bytes: &'a [u8]) -> Self {
        Self { place, kind, bytes }
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field")
            .field("place", &self.place)
            .field("kind", &self.kind)
            .field("len", &self.bytes.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_does_not_show_the_value() {
        let shown = format!("{:?}", Field::new(Place::Body("/pin"), FieldKind::Text, b"4711"));
        assert_eq!(shown, r#"Field { place: Body("/pin"), kind: Text, len: 4 }"#);
    }

    #[test]
    fn a_place_names_its_part_of_the_request() {
        assert_eq!(Place::Path.to_string(), "path");
        assert_eq!(Place::Query("page").to_string(), "query:page");
        assert_eq!(Place::Body("/tags/0").to_string(), "body:/tags/0");
    }
}
