//! The end of the chain as people quote it.

use std::fmt;
use std::str::FromStr;

use crate::db::audit_seals::AuditSeal;

/// A seal by its place and its HMAC, written as `SEQ:HEX`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its place in the chain, from 1.
    pub seq: i64,
    /// Its HMAC.
    pub seal: Vec<u8>,
}

impl Head {
    /// The head of a chain that ends with `seal`.
    #[must_use]
    pub fn of(seal: &AuditSeal) -> Self {
        Self { seq: seal.seq, seal: seal.seal.clone() }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.seq)?;
        self.seal.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Head {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "a head is the number of a seal, a colon and hexadecimal digits";
        let (seq, digits) = text.split_once(':').ok_or(SHAPE)?;
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        if pairs.is_empty() || !rest.is_empty() {
            return Err(SHAPE);
        }
        let byte = |pair: &[u8; 2]| {
            let digits = std::str::from_utf8(pair).ok().filter(|_| pair.iter().all(u8::is_ascii_hexdigit));
            digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or(SHAPE)
        };
        Ok(Self { seq: seq.parse().map_err(|_| SHAPE)?, seal: pairs.iter().map(byte).collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written_and_nothing_else_is_one() {
        let head = Head { seq: 12, seal: vec![0, 0x9f, 255] };
        assert_eq!(head.to_string(), "12:009fff");
        assert_eq!("12:009fff".parse(), Ok(head));
        for text in ["", "12", "12:", ":00", "12:0", "12:+1", "x:00", "12:0g"] {
            assert!(text.parse::<Head>().is_err(), "{text}");
        }
    }
}
