//! Cursors of lists that are read page by page.
//!
//! A cursor names the last row that was seen. It is authenticated together with whose list it belongs to and how that was filtered, so that
//! nobody can point it anywhere else.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::seal::{SealError, Sealer};

/// Bytes of the authenticating tag: forging one of 128 bits by trying is hopeless.
const TAG: usize = 16;

/// A place in a list that is ordered by time, then id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The row's time.
    pub created_at: Timestamp,
    /// The row's id.
    pub id: Uuid,
}

/// The key of cursors.
pub struct CursorKey(hmac::Key);

impl CursorKey {
    /// Derives the key from the secret that all instances share.
    ///
    /// # Errors
    /// [`SealError::Crypto`].
    pub fn new(secret: &Sealer) -> Result<Self, SealError> {
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret.derive("paging cursors")?.expose_secret())))
    }

    /// The text of a cursor for the list that `scope` describes.
    #[must_use]
    pub fn write(&self, position: Position, scope: &[u8]) -> String {
        let mut bytes = position.created_at.as_microsecond().to_be_bytes().to_vec();
        bytes.extend(position.id.as_bytes());
        let tag = self.tag(&bytes, scope);
        bytes.extend(tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor. `None` for one that is not ours, or belongs to another list.
    #[must_use]
    pub fn read(&self, text: &str, scope: &[u8]) -> Option<Position> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (position, tag) = bytes.split_last_chunk::<TAG>()?;
        constant_time::verify_slices_are_equal(tag, &self.tag(position, scope)).ok()?;
        let (time, id) = position.split_first_chunk::<8>()?;
        let created_at = Timestamp::from_microsecond(i64::from_be_bytes(*time)).ok()?;
        Some(Position { created_at, id: Uuid::from_slice(id).ok()? })
    }

    fn tag(&self, position: &[u8], scope: &[u8]) -> [u8; TAG] {
        let mut context = hmac::Context::with_key(&self.0);
        // The position has a fixed length, so that no two inputs run together.
        context.update(position);
        context.update(scope);
        let mut tag = [0; TAG];
        tag.copy_from_slice(&context.sign().as_ref()[..TAG]);
        tag
    }
}

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> CursorKey {
        CursorKey::new(&Sealer::new(&[3; 32]).unwrap()).unwrap()
    }

    fn position() -> Position {
        Position { created_at: "2026-06-15T12:00:00.123456Z".parse().unwrap(), id: Uuid::from_u128(9) }
    }

    #[test]
    fn a_cursor_reads_back_in_its_own_list_only() {
        let text = key().write(position(), b"mine");
        assert_eq!(key().read(&text, b"mine"), Some(position()));
        assert_eq!(key().read(&text, b"yours"), None);
    }

    #[test]
    fn a_cursor_with_any_character_changed_is_refused() {
        let text = key().write(position(), b"mine");
        for at in 0..text.len() {
            let other = if &text[at..=at] == "A" { "B" } else { "A" };
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            // The last character has bits that stand for nothing; a decoder that is not strict would take them.
            assert_eq!(key().read(&changed, b"mine"), None, "{changed}");
        }
        for wrong in ["", "AAAA", "€", &text[1..]] {
            assert_eq!(key().read(wrong, b"mine"), None, "{wrong:?}");
        }
    }
}
