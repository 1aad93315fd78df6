//! The keys that sign access tokens, shared by all instances through the database.
//!
//! A new key is published at once but signs only after [`PUBLISH_AHEAD`], when every verifier that caches the JWK Set and every instance
//! has seen it. The key before it verifies until the last token that it signed has expired. An instance notices changes by calling
//! [`SigningKeys::reload`] every [`POLL_INTERVAL`].
//!
//! With `JWT_SECRET` there is one HS256 key, from the environment alone, and nothing is published.

mod error;
mod key_pair;
mod ring;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use jiff::Timestamp;
use portcullis_layers::jwt_auth::{KeySet, KeySetHandle};

pub use error::KeysError;
pub use store::KeyStore;

use super::jwt::AccessClaims;
use crate::config::KeyAlgorithm;
use crate::db::{Client, GenericClient, signing_keys};
use ring::Ring;

/// For how long others may cache the JWK Set: the `max-age` it is served with.
pub const JWKS_MAX_AGE: Duration = Duration::from_secs(300);

/// How often an instance looks for changes of the keys.
pub const POLL_INTERVAL: Duration = Duration::from_secs(15);

/// How long a new key is published before it signs.
pub const PUBLISH_AHEAD: Duration = JWKS_MAX_AGE.saturating_add(POLL_INTERVAL);

/// Signs tokens and tells what verifies them. Reading never waits for a change.
#[derive(Debug)]
pub struct SigningKeys {
    /// `None` with `JWT_SECRET`.
    store: Option<KeyStore>,
    ring: ArcSwap<Ring>,
    verifying: KeySetHandle,
}

impl SigningKeys {
    /// One HS256 key from `JWT_SECRET`.
    ///
    /// # Errors
    /// [`KeysError::ShortSecret`] under 32 bytes.
    pub fn from_secret(secret: &[u8]) -> Result<Self, KeysError> {
        Ring::of_secret(secret).map(|ring| Self::new(None, ring))
    }

    /// Loads the published keys and makes one if there is none, or none of `algorithm` without a successor. Instances that start at once
    /// take turns, so that they make one key together.
    ///
    /// # Errors
    /// [`KeysError::Undecryptable`] if the keys were made under another `KEY_ENCRYPTION_KEY`, or [`KeysError::Database`].
    pub async fn load_or_create(
        client: &mut Client,
        store: KeyStore,
        algorithm: KeyAlgorithm,
        now: Timestamp,
    ) -> Result<Self, KeysError> {
        store.ensure(client, algorithm, now).await?;
        let live = signing_keys::find_live(client, now).await?;
        let ring = Ring::of_pairs(store.open_all(&live, None)?)?;
        Ok(Self::new(Some(store), ring))
    }

    fn new(store: Option<KeyStore>, (ring, verifying): (Ring, KeySet)) -> Self {
        Self { store, ring: ArcSwap::from_pointee(ring), verifying: KeySetHandle::new(verifying) }
    }

    /// A signed token with these claims.
    ///
    /// # Errors
    /// [`KeysError::NoKey`] if every key was retired, or [`KeysError::Crypto`].
    pub fn sign(&self, claims: &AccessClaims, now: Timestamp) -> Result<String, KeysError> {
        self.ring.load().sign(claims, now)
    }

    /// For how long the key that signs has been the one that does; `None` with `JWT_SECRET`.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.store.as_ref()?;
        let since = self.ring.load().active(now)?.activates_at;
        Some(Duration::try_from(now.duration_since(since)).unwrap_or_default())
    }

    /// The public JWK Set (RFC 7517 §5) as JSON; empty with `JWT_SECRET`.
    #[must_use]
    pub fn jwks(&self) -> Bytes {
        self.ring.load().jwks()
    }

    /// The keys that verify our tokens. The handle follows every change.
    #[must_use]
    pub fn verifying(&self) -> KeySetHandle {
        self.verifying.clone()
    }

    /// Takes over what any instance changed. After an error the keys are as they were.
    ///
    /// # Errors
    /// As [`load_or_create`](Self::load_or_create).
    pub async fn reload(&self, client: &impl GenericClient, now: Timestamp) -> Result<(), KeysError> {
        let Some(store) = &self.store else { return Ok(()) };
        let live = signing_keys::find_live(client, now).await?;
        let (ring, verifying) = Ring::of_pairs(store.open_all(&live, Some(&self.ring.load()))?)?;
        // Verifiers first: nothing may be signed that this instance would refuse.
        self.verifying.store(verifying);
        self.ring.store(Arc::new(ring));
        Ok(())
    }
}
