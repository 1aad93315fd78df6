//! The mark that a device keeps after a log-in: an identifier, authenticated together with the account that it is for.
//!
//! A mark opens nothing. It only says that its bearer logged in here before, so that wrong guesses of strangers are not counted against
//! him.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::seal::{SealError, Sealer};

/// Bytes of the authenticating tag.
const TAG: usize = 16;

/// The key of marks.
pub struct DeviceMarks(hmac::Key);

impl DeviceMarks {
    /// Derives the key from the secret that all instances share.
    ///
    /// # Errors
    /// [`SealError::Crypto`].
    pub fn new(secret: &Sealer) -> Result<Self, SealError> {
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret.derive("device marks")?.expose_secret())))
    }

    /// The text of a mark: 43 characters of unpadded base64url.
    #[must_use]
    pub fn write(&self, mark: Uuid, user: Uuid) -> String {
        let mut bytes = mark.as_bytes().to_vec();
        bytes.extend(self.tag(mark, user));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a mark. `None` for one that is not ours, or another user's.
    #[must_use]
    pub fn read(&self, text: &str, user: Uuid) -> Option<Uuid> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (mark, tag) = bytes.split_last_chunk::<TAG>()?;
        let mark = Uuid::from_slice(mark).ok()?;
        constant_time::verify_slices_are_equal(tag, &self.tag(mark, user)).ok()?;
        Some(mark)
    }

    fn tag(&self, mark: Uuid, user: Uuid) -> [u8; TAG] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(mark.as_bytes());
        context.update(user.as_bytes());
        let mut tag = [0; TAG];
        tag.copy_from_slice(&context.sign().as_ref()[..TAG]);
        tag
    }
}

impl fmt::Debug for DeviceMarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceMarks(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_for_its_own_user_only() {
        let marks = DeviceMarks::new(&Sealer::new(&[4; 32]).unwrap()).unwrap();
        let (mark, user) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let text = marks.write(mark, user);
        assert_eq!(text.len(), 43);
        assert_eq!(marks.read(&text, user), Some(mark));
        assert_eq!(marks.read(&text, Uuid::from_u128(3)), None);
        for at in 0..text.len() {
            let other = if &text[at..=at] == "A" { "B" } else { "A" };
            assert_eq!(marks.read(&format!("{}{other}{}", &text[..at], &text[at + 1..]), user), None, "{at}");
        }
        for wrong in ["", "AAAA", "é", &text[1..]] {
            assert_eq!(marks.read(wrong, user), None, "{wrong:?}");
        }
    }
}
