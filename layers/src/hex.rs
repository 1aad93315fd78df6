//! Numbers as lower-case hex digits in header values, without the formatting machinery.

use bytes::Bytes;
use http::HeaderValue;

/// The two digits of every byte.
const PAIRS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[b'0'; 2]; 256];
    let mut byte = 0;
    while byte < pairs.len() {
        pairs[byte] = [digits[byte >> 4], digits[byte & 0xf]];
        byte += 1;
    }
    pairs
};

/// Writes the low `digits.len()` hex digits of `value`, the most significant first. Their number is even, and 32 at most.
pub(crate) fn write(digits: &mut [u8], value: u128) {
    let bytes = value.to_be_bytes();
    for (pair, byte) in digits.rchunks_exact_mut(2).zip(bytes.iter().rev()) {
        pair.copy_from_slice(&PAIRS[usize::from(*byte)]);
    }
}

/// A header value that owns `text` in one allocation; clones share it.
///
/// `text` must be visible ASCII, as digits and dashes are; anything else comes out as `0`.
pub(crate) fn header_value<const N: usize>(text: [u8; N]) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from_owner(text)).unwrap_or(HeaderValue::from_static("0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_low_digits_are_written_from_the_left() {
        for (width, value) in [(2, 0), (2, 0xf), (16, 0xb7ad_6b71_6920_3331), (32, 0xab), (32, u128::MAX), (2, 0x123)] {
            let mut digits = vec![b'x'; width];
            write(&mut digits, value);
            let all = format!("{value:032x}");
            assert_eq!(str::from_utf8(&digits), Ok(&all[32 - width..]));
        }
    }
}
