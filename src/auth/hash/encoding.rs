//! The pieces that the text formats share: base64 in its dialects, and `name=number` lists.

use base64::Engine;
use base64::alphabet;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{NO_PAD, STANDARD_NO_PAD};

/// bcrypt's own alphabet. The last character of a salt carries four bits that mean nothing; some writers leave noise
/// there.
pub(super) const BCRYPT: GeneralPurpose =
    GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD.with_decode_allow_trailing_bits(true));

/// Most bytes that a salt or a digest of a PHC string may decode to (PHC string format: at most 64).
const MAX_FIELD_BYTES: usize = 64;

/// Standard base64 without padding, as in PHC strings, of at most [`MAX_FIELD_BYTES`].
pub(super) fn phc_bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() <= MAX_FIELD_BYTES)
}

/// passlib's "ab64": standard base64 without padding, in which a dot stands for the plus sign.
pub(super) fn ab64_bytes(text: &str) -> Option<Vec<u8>> {
    phc_bytes(&text.replace('.', "+"))
}

/// A decimal number without sign or leading zeros. One too big for the type is its largest value, which lies above
/// every ceiling: the caller then says "too costly" rather than "malformed".
pub(super) fn decimal(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    (plain && !text.is_empty()).then(|| text.parse().unwrap_or(u32::MAX))
}

/// The values of `a=1,b=2,c=3` for exactly these names in this order.
pub(super) fn parameters<const N: usize>(text: &str, names: [&str; N]) -> Option<[u32; N]> {
    let mut fields = text.split(',');
    let mut values = [0; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = decimal(fields.next()?.strip_prefix(name)?.strip_prefix('=')?)?;
    }
    fields.next().is_none().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_plain_decimal_and_saturates() {
        let cases = [("0", Some(0)), ("12", Some(12)), ("99999999999", Some(u32::MAX))];
        for (text, expected) in cases {
            assert_eq!(decimal(text), expected, "{text}");
        }
        for text in ["", "012", "+5", "-1", " 1", "1 ", "0x10", "٣"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn parameters_keep_their_names_order_and_number() {
        assert_eq!(parameters("m=8,t=1,p=2", ["m", "t", "p"]), Some([8, 1, 2]));
        for text in ["", "m=8,t=1", "t=1,m=8,p=2", "m=8,t=1,p=2,data=x", "m=8,t=1,p=", "m8,t=1,p=2"] {
            assert_eq!(parameters(text, ["m", "t", "p"]), None, "{text}");
        }
    }
}
