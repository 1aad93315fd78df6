//! Numbers as lower-case hex digits in header values, without the formatting machinery.

use bytes::Bytes;
use http::HeaderValue;

/// Writes the low `digits.len()` hex digits of `value`, the most significant first.
pub(crate) fn write(digits: &mut [u8], mut value: u128) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(value & 0xf) as usize];
        value >>= 4;
    }
}

/// A header value that owns `text` in one allocation; clones share it.
///
/// `text` must be visible ASCII, as digits and dashes are; anything else comes out as `0`.
pub(crate) fn header_value<const N: usize>(text: [u8; N]) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from_owner(text)).unwrap_or(HeaderValue::from_static("0"))
}
