//! What a seal is: the digest of a row, of a stretch of rows, and the HMAC that chains them.

use std::fmt;

use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::{constant_time, hmac};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use secrecy::ExposeSecret;

use crate::auth::seal::{SealError, Sealer};
use crate::db::audit_seals::{AuditSeal, SealableRow};

/// Bytes of a salt.
const SALT: usize = 8;
/// Bytes of the digest of a personal field.
const FIELD_DIGEST: usize = 12;

/// The key of seals. The database never sees it.
pub struct SealKey(hmac::Key);

impl SealKey {
    /// Derives the key from the secret that all instances share.
    ///
    /// # Errors
    /// [`SealError::Crypto`].
    pub fn new(secret: &Sealer) -> Result<Self, SealError> {
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret.derive("audit seals")?.expose_secret())))
    }

    /// The HMAC of a seal that follows `previous`.
    #[must_use]
    pub fn sign(&self, previous: &[u8], seal: &AuditSeal) -> Vec<u8> {
        hmac::sign(&self.0, &message(previous, seal, Form::WithEpoch)).as_ref().to_vec()
    }

    /// Whether a seal is ours and follows `previous`.
    #[must_use]
    pub fn fits(&self, previous: &[u8], seal: &AuditSeal) -> bool {
        [Form::WithEpoch, Form::WithoutEpoch]
            .into_iter()
            .any(|form| hmac::verify(&self.0, &message(previous, seal, form), &seal.seal).is_ok())
    }
}

/// What a seal signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// All of it.
    WithEpoch,
    /// As it was before rows had an epoch. Such a seal may be moved to another epoch, but only as a whole with its rows.
    WithoutEpoch,
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(…)")
    }
}

/// Every field has a fixed length or tells its own, so that no two seals have one message.
fn message(previous: &[u8], seal: &AuditSeal, form: Form) -> Vec<u8> {
    let mut bytes = match form {
        Form::WithEpoch => b"portcullis audit seal 2".to_vec(),
        Form::WithoutEpoch => b"portcullis audit seal 1".to_vec(),
    };
    put(&mut bytes, previous);
    bytes.extend(seal.seq.to_be_bytes());
    if form == Form::WithEpoch {
        bytes.extend(seal.epoch.to_be_bytes());
    }
    put(&mut bytes, seal.kind.name().as_bytes());
    put(&mut bytes, seal.month.to_string().as_bytes());
    bytes.extend(seal.from_txid.to_be_bytes());
    bytes.extend(seal.to_txid.to_be_bytes());
    bytes.extend(seal.row_count.to_be_bytes());
    put(&mut bytes, &seal.rows_digest);
    bytes.extend(seal.created_at.as_microsecond().to_be_bytes());
    bytes
}

/// The first day of the month, in UTC, in which an event lies.
#[must_use]
pub fn month(row: &SealableRow) -> Date {
    row.created_at.to_zoned(TimeZone::UTC).date().first_of_month()
}

/// How many rows there are, and SHA-256 over their digests in their order.
#[derive(Clone)]
pub struct Tally {
    rows: i64,
    digests: digest::Context,
}

impl Tally {
    /// Of no rows.
    #[must_use]
    pub fn new() -> Self {
        Self { rows: 0, digests: digest::Context::new(&SHA256) }
    }

    /// Counts the next row in.
    pub fn add(&mut self, row: &SealableRow) {
        self.rows += 1;
        self.digests.update(row_digest(row).as_ref());
    }

    /// How many rows there are.
    #[must_use]
    pub const fn rows(&self) -> i64 {
        self.rows
    }

    /// The digest of all of them.
    #[must_use]
    pub fn digest(&self) -> Vec<u8> {
        self.digests.clone().finish().as_ref().to_vec()
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tally({} rows)", self.rows)
    }
}

/// What of a row may never change. Its personal fields may be erased, so their digests stand for them.
fn row_digest(row: &SealableRow) -> digest::Digest {
    let mut bytes = b"portcullis audit row 1".to_vec();
    bytes.extend(row.id.as_bytes());
    bytes.extend(row.txid.to_be_bytes());
    bytes.extend(row.created_at.as_microsecond().to_be_bytes());
    put(&mut bytes, row.event_type.as_bytes());
    bytes.push(row.success.into());
    put(&mut bytes, row.session_id.as_ref().map_or(&[][..], |id| id.as_bytes()));
    bytes.push(row.request_id.is_some().into());
    put(&mut bytes, row.request_id.as_deref().unwrap_or_default().as_bytes());
    put(&mut bytes, &row.personal_digests);
    digest::digest(&SHA256, &bytes)
}

fn put(bytes: &mut Vec<u8>, field: &[u8]) {
    bytes.extend((field.len() as u64).to_be_bytes());
    bytes.extend(field);
}

/// Whether every personal field is the one that was written, or was redacted.
#[must_use]
pub fn is_personal_intact(row: &SealableRow) -> bool {
    let (salts, digests) = (row.salts.chunks_exact(SALT), row.personal_digests.chunks_exact(FIELD_DIGEST));
    if salts.len() != row.personal.len() || digests.len() != row.personal.len() {
        return false;
    }
    salts.zip(digests).zip(&row.personal).all(|((salt, digest), text)| {
        if salt == [0; SALT] {
            return text.as_deref().is_none_or(|text| text == "{}");
        }
        constant_time::verify_slices_are_equal(&field_digest(salt, text.as_deref()), digest).is_ok()
    })
}

/// As `audit_logs_field_digest` of the migration makes it.
fn field_digest(salt: &[u8], text: Option<&str>) -> [u8; FIELD_DIGEST] {
    let mut context = digest::Context::new(&SHA256);
    context.update(salt);
    if let Some(text) = text {
        context.update(b"=");
        context.update(text.as_bytes());
    }
    let mut short = [0; FIELD_DIGEST];
    short.copy_from_slice(&context.finish().as_ref()[..FIELD_DIGEST]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::audit_seals::SealKind;
    use uuid::Uuid;

    fn rows_digest<const N: usize>(rows: [&SealableRow; N]) -> Vec<u8> {
        let mut tally = Tally::new();
        for row in rows {
            tally.add(row);
        }
        tally.digest()
    }

    fn key() -> SealKey {
        SealKey::new(&Sealer::new(&[7; 32]).unwrap()).unwrap()
    }

    fn row() -> SealableRow {
        let salts: Vec<u8> = (1..=32).collect();
        let personal = [None, Some("192.0.2.7".to_owned()), Some("curl".to_owned()), Some("{}".to_owned())];
        let personal_digests =
            salts.chunks(SALT).zip(&personal).flat_map(|(salt, text)| field_digest(salt, text.as_deref())).collect();
        SealableRow {
            id: Uuid::from_u128(1),
            txid: 700,
            created_at: "2026-06-15T12:00:00Z".parse().unwrap(),
            event_type: "login.failed".into(),
            success: false,
            session_id: None,
            request_id: Some("request-1".into()),
            salts,
            personal_digests,
            personal,
        }
    }

    #[test]
    fn every_field_of_a_row_that_may_not_change_is_in_its_digest() {
        let original = rows_digest([&row()]);
        let changes: [fn(&mut SealableRow); 8] = [
            |row| row.id = Uuid::from_u128(2),
            |row| row.txid += 1,
            |row| row.created_at += jiff::SignedDuration::from_micros(1),
            |row| row.event_type.push('s'),
            |row| row.success = true,
            |row| row.session_id = Some(Uuid::nil()),
            |row| row.request_id = None,
            |row| row.personal_digests[40] ^= 1,
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut changed = row();
            change(&mut changed);
            assert_ne!(rows_digest([&changed]), original, "change {number}");
        }
        assert_ne!(rows_digest([&row(), &row()]), original);
        assert_ne!(rows_digest([]), original);
    }

    #[test]
    fn a_redacted_field_is_intact_and_a_rewritten_one_is_not() {
        assert!(is_personal_intact(&row()));

        let mut redacted = row();
        redacted.personal[1] = None;
        assert!(!is_personal_intact(&redacted), "gone, but its salt still tells what it was");
        redacted.salts[8..16].fill(0);
        assert!(is_personal_intact(&redacted));
        assert_eq!(rows_digest([&redacted]), rows_digest([&row()]));

        let mut rewritten = row();
        rewritten.personal[1] = Some("192.0.2.8".into());
        assert!(!is_personal_intact(&rewritten));
        rewritten.salts[8..16].fill(0);
        assert!(!is_personal_intact(&rewritten), "something stands where nothing may");
    }

    #[test]
    fn a_seal_from_before_there_were_epochs_still_fits() {
        let mut seal = AuditSeal {
            seq: 1,
            kind: SealKind::Rows,
            month: jiff::civil::date(2026, 6, 1),
            epoch: 7,
            from_txid: 0,
            to_txid: 701,
            row_count: 1,
            rows_digest: rows_digest([&row()]),
            seal: Vec::new(),
            created_at: "2026-06-15T12:00:10Z".parse().unwrap(),
        };
        seal.seal = hmac::sign(&key().0, &message(&[], &seal, Form::WithoutEpoch)).as_ref().to_vec();
        assert!(key().fits(&[], &seal));
        assert!(!key().fits(b"the one before", &seal));
    }

    #[test]
    fn a_seal_fits_in_one_place_of_the_chain_only() {
        let mut seal = AuditSeal {
            seq: 2,
            kind: SealKind::Rows,
            month: jiff::civil::date(2026, 6, 1),
            epoch: 7,
            from_txid: 700,
            to_txid: 701,
            row_count: 1,
            rows_digest: rows_digest([&row()]),
            seal: Vec::new(),
            created_at: "2026-06-15T12:00:10Z".parse().unwrap(),
        };
        seal.seal = key().sign(b"the one before", &seal);
        assert!(key().fits(b"the one before", &seal));
        assert!(!key().fits(b"another", &seal));
        assert!(!SealKey::new(&Sealer::new(&[8; 32]).unwrap()).unwrap().fits(b"the one before", &seal));
        seal.epoch = 8;
        assert!(!key().fits(b"the one before", &seal), "the rows of another cluster");
        seal.epoch = 7;
        seal.kind = SealKind::Dropped;
        assert!(!key().fits(b"the one before", &seal));
    }
}
