//! Single values, checked and cleaned: see [`InputSanitizer`].

mod clean;
mod email;
mod form;
mod inspect;
mod inspector;
mod limits;
mod name;
mod offsets;
mod path;
mod result;
mod text;
mod unicode;
mod verdict;

pub use limits::Limit;
pub use result::{Risk, SanitizationError, SanitizationResult};

use super::field::FieldKind;
use limits::Limits;

/// Checks and cleans single values: e-mail addresses, names, free text, paths. Cheap to copy; the methods are pure functions of their input.
///
/// Two things count the same: attacks are caught, and honest input is left alone. O'Brien, Null and 毛泽东 are names; "I'll select two
/// apples from the union market" is a sentence. So nothing is escaped here (that is the business of whoever writes HTML or SQL, who knows
/// the context), and detection is a second line behind parameterised queries and encoded output, never the first.
///
/// # What is done
///
/// 1. Bytes that are not UTF-8 and U+0000 refuse every value.
/// 2. Control characters, bidirectional overrides, noncharacters and byte order marks are taken out of names and free text, and named in
///    the result. Free text keeps TAB, LF and CR. In addresses and paths they refuse the value: without them it would be another one.
/// 3. Values come back in NFC. A name keeps the characters whose NFC is another character: the 神 (U+FA19) of a family is its own.
/// 4. Lengths are bounded in characters and in bytes.
/// 5. Names and free text are searched for SQL injection and script, as they came and cleaned, plain and decoded. A name may hold no markup
///    at all. Addresses are searched by [`sanitize_email_advanced`](InputSanitizer::sanitize_email_advanced) only; their form leaves little
///    room.
/// 6. Paths must be relative and stay inside their root, plain and under every encoding, on Unix and on Windows.
///
/// Every function is idempotent, takes time linear in the length of the input, never panics, and allocates nothing where nothing has to
/// change.
///
/// # Examples
///
/// ```
/// use portcullis_layers::sanitize::InputSanitizer;
///
/// let sanitizer = InputSanitizer::new();
///
/// let name = sanitizer.sanitize_name("  Máire   O'Brien ");
/// assert!(name.accepted);
/// assert_eq!(name.value, "Máire O'Brien");
///
/// let path = sanitizer.sanitize_path("images/%2e%2e/%2e%2e/etc/passwd");
/// assert!(!path.accepted);
/// assert_eq!((path.rejected_patterns[0].start, path.rejected_patterns[0].end), (7, 13));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct InputSanitizer {
    limits: Limits,
}

impl InputSanitizer {
    /// With the default bounds: 254 bytes of e-mail address, names of 100 characters and 400 bytes, texts of 65,536 characters and
    /// 262,144 bytes, paths of 4,095 bytes.
    pub const fn new() -> Self {
        Self { limits: Limits::DEFAULT }
    }

    /// The bound of e-mail addresses. Those of RFC 5321 hold beside it.
    pub const fn email_limit(mut self, limit: Limit) -> Self {
        self.limits.email = limit;
        self
    }

    /// The bound of names.
    pub const fn name_limit(mut self, limit: Limit) -> Self {
        self.limits.name = limit;
        self
    }

    /// The bound of free text.
    pub const fn text_limit(mut self, limit: Limit) -> Self {
        self.limits.text = limit;
        self
    }

    /// The bound of paths. Each name in a path has at most 255 bytes beside it.
    pub const fn path_limit(mut self, limit: Limit) -> Self {
        self.limits.path = limit;
        self
    }

    /// An e-mail address: its local part in NFC and otherwise as it was, its domain in lower case. Space around it is dropped.
    ///
    /// Internationalised addresses (RFC 6531) are accepted; quoted local parts, comments, IP literals and domains of one label are not.
    pub fn sanitize_email<'a, B: AsRef<[u8]> + ?Sized>(&self, input: &'a B) -> SanitizationResult<'a> {
        email::sanitize(input.as_ref(), self.limits.email, false)
    }

    /// An e-mail address, as by [`sanitize_email`](Self::sanitize_email), searched for attacks and for disguises: words that mix
    /// scripts, and domains that pass for another (UTS #39).
    pub fn sanitize_email_advanced<'a, B: AsRef<[u8]> + ?Sized>(&self, input: &'a B) -> SanitizationResult<'a> {
        email::sanitize(input.as_ref(), self.limits.email, true)
    }

    /// A person's name, in any script: white space collapses to single spaces, what is invisible and shapes no letter is taken out.
    pub fn sanitize_name<'a, B: AsRef<[u8]> + ?Sized>(&self, input: &'a B) -> SanitizationResult<'a> {
        name::sanitize(input.as_ref(), self.limits.name)
    }

    /// Free text, which may talk about code but not be an attack.
    pub fn sanitize_text<'a, B: AsRef<[u8]> + ?Sized>(&self, input: &'a B) -> SanitizationResult<'a> {
        text::sanitize(input.as_ref(), self.limits.text)
    }

    /// A relative path inside a root, accepted as it is or refused.
    ///
    /// `/` and `\` both separate. `.` may be among the names, `..` never, also where the path would come back: `a/..` leaves the root
    /// if `a` is a link. Whoever opens the file still has to refuse links that lead out (`openat2` with `RESOLVE_BENEATH`).
    pub fn sanitize_path<'a, B: AsRef<[u8]> + ?Sized>(&self, input: &'a B) -> SanitizationResult<'a> {
        path::sanitize(input.as_ref(), self.limits.path)
    }

    /// A value of this kind; an e-mail address by its form, as [`sanitize_email`](Self::sanitize_email) does. As an inspector of the layer,
    /// the sanitiser searches addresses for attacks as well.
    pub fn sanitize<'a, B: AsRef<[u8]> + ?Sized>(&self, kind: FieldKind, input: &'a B) -> SanitizationResult<'a> {
        match kind {
            FieldKind::Email => self.sanitize_email(input),
            FieldKind::Name => self.sanitize_name(input),
            FieldKind::Text => self.sanitize_text(input),
            FieldKind::Path => self.sanitize_path(input),
        }
    }
}

impl Default for InputSanitizer {
    fn default() -> Self {
        Self::new()
    }
}
