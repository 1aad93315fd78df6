//! Bounds on the length of values.

/// The longest value of one kind. Both bounds are inclusive and hold for the cleaned value; far longer input is refused unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limit {
    /// Unicode code points.
    pub characters: usize,
    /// Bytes of UTF-8; of an e-mail address those on the wire, its domain in ASCII.
    pub bytes: usize,
}

impl Limit {
    /// At most so many code points and so many bytes of UTF-8.
    #[must_use]
    pub const fn new(characters: usize, bytes: usize) -> Self {
        Self { characters, bytes }
    }

    /// Longest input that is looked at. Cleaning shrinks a text, by white space and marks that no honest value has in such numbers.
    pub(super) const fn input_bytes(self) -> usize {
        self.bytes.saturating_mul(4)
    }

    pub(super) fn holds(self, value: &str) -> bool {
        value.len() <= self.bytes && (value.len() <= self.characters || value.chars().count() <= self.characters)
    }
}

/// The bounds of every kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) email: Limit,
    pub(super) name: Limit,
    pub(super) text: Limit,
    pub(super) path: Limit,
}

impl Limits {
    pub(super) const DEFAULT: Self = Self {
        // RFC 5321 section 4.5.3.1.3: a forward path of 256 bytes, less its brackets.
        email: Limit::new(254, 254),
        name: Limit::new(100, 400),
        text: Limit::new(64 * 1024, 256 * 1024),
        // PATH_MAX of Linux, less its terminating NUL.
        path: Limit::new(4095, 4095),
    };
}
