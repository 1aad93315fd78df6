//! Making, replacing and retiring keys: each one transaction, one at a time across all instances.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::key_pair::KeyPair;
use super::ring::{Ring, SigningKey};
use super::{KeysError, PUBLISH_AHEAD};
use crate::auth::jwt::LEEWAY;
use crate::auth::seal::Sealer;
use crate::config::KeyAlgorithm;
use crate::db::signing_keys::{self, LiveKey, NewSigningKey};
use crate::db::{Client, GenericClient, Transaction, query};

/// What private keys are sealed for; their context is the key's id.
const PURPOSE: &str = "signing key";

/// The keys in the database. A clone shares the sealer.
#[derive(Clone, Debug)]
pub struct KeyStore {
    sealer: Arc<Sealer>,
    /// How long a key verifies after another one took over.
    verify_after: Duration,
}

impl KeyStore {
    /// Keys whose private halves are sealed by `sealer`, and whose tokens live for `access_lifetime`.
    #[must_use]
    pub fn new(sealer: Arc<Sealer>, access_lifetime: Duration) -> Self {
        Self { sealer, verify_after: access_lifetime.saturating_add(LEEWAY) }
    }

    /// Makes a key where there is none that fits. A first key signs at once; one of another algorithm takes over as in a rotation.
    pub(super) async fn ensure(
        &self,
        client: &mut Client,
        algorithm: KeyAlgorithm,
        now: Timestamp,
    ) -> Result<(), KeysError> {
        let transaction = query::begin(client).await?;
        signing_keys::lock(&transaction).await?;
        signing_keys::sweep(&transaction, now).await?;
        let live = signing_keys::find_live(&transaction, now).await?;
        // An instance that cannot read the keys of the others must not add one that they cannot read.
        self.open_all(&live, None)?;
        let fits = |key: &LiveKey| key.retires_at.is_none() && key.algorithm == name(algorithm);
        if live.is_empty() {
            self.insert(&transaction, algorithm, now, now).await?;
        } else if !live.iter().any(fits) {
            self.succeed(&transaction, algorithm, now).await?;
        }
        Ok(query::commit(transaction).await?)
    }

    /// Makes a new key, which signs from `now` + [`PUBLISH_AHEAD`] on, and tells its id. The keys before it verify until the last of
    /// their tokens has expired. All of that happens when the caller commits.
    ///
    /// # Errors
    /// [`KeysError::Undecryptable`] if the other keys were made under another `KEY_ENCRYPTION_KEY`, or [`KeysError::Database`].
    pub async fn rotate(
        &self,
        transaction: &Transaction<'_>,
        algorithm: KeyAlgorithm,
        now: Timestamp,
    ) -> Result<String, KeysError> {
        signing_keys::lock(transaction).await?;
        signing_keys::sweep(transaction, now).await?;
        self.open_all(&signing_keys::find_live(transaction, now).await?, None)?;
        self.succeed(transaction, algorithm, now).await
    }

    /// Takes a key away when the caller commits: an instance stops accepting its tokens with its next reload. If it was the newest, the one before it
    /// takes over again; if it was the only one, a key of `algorithm` replaces it and signs at once. For a key that leaked, rotate
    /// first.
    ///
    /// The key need not decrypt: this is also the way out when `KEY_ENCRYPTION_KEY` is lost.
    ///
    /// # Errors
    /// [`KeysError::UnknownKey`] if no published key has the id, or [`KeysError::Database`].
    pub async fn retire(
        &self,
        transaction: &Transaction<'_>,
        kid: &str,
        algorithm: KeyAlgorithm,
        now: Timestamp,
    ) -> Result<(), KeysError> {
        signing_keys::lock(transaction).await?;
        if !signing_keys::retire(transaction, kid, now).await? {
            return Err(KeysError::UnknownKey(kid.to_owned()));
        }
        let live = signing_keys::find_live(transaction, now).await?;
        match live.last() {
            None => drop(self.insert(transaction, algorithm, now, now).await?),
            Some(newest) => {
                // Without an active key, the next in line cannot wait until every cache has seen it.
                let active = live.iter().any(|key| key.activates_at <= now);
                let activates_at = if active { newest.activates_at } else { now };
                signing_keys::activate(transaction, &newest.kid, activates_at).await?;
            }
        }
        Ok(())
    }

    /// Tells how many keys are published, if every one of them can be read. Changes nothing.
    ///
    /// # Errors
    /// [`KeysError::Undecryptable`] if they were made under another `KEY_ENCRYPTION_KEY`, or [`KeysError::Database`].
    pub async fn check(&self, client: &impl GenericClient, now: Timestamp) -> Result<usize, KeysError> {
        let live = signing_keys::find_live(client, now).await?;
        Ok(self.open_all(&live, None)?.len())
    }

    /// Opens the private keys, except those that are open in `known` already.
    pub(super) fn open_all(&self, live: &[LiveKey], known: Option<&Ring>) -> Result<Vec<Arc<SigningKey>>, KeysError> {
        live.iter()
            .map(|key| match known.and_then(|ring| ring.find(&key.kid)) {
                Some(known) if known.activates_at == key.activates_at => Ok(Arc::clone(known)),
                _ => self.open(key).map(Arc::new),
            })
            .collect()
    }

    fn open(&self, key: &LiveKey) -> Result<SigningKey, KeysError> {
        let der = self
            .sealer
            .open(PURPOSE, key.kid.as_bytes(), &key.private_key_sealed)
            .map_err(|source| KeysError::Undecryptable { kid: key.kid.clone(), source })?;
        let pair = KeyPair::from_pkcs8(&key.algorithm, &der);
        let opened = pair.map(|pair| SigningKey::from_pair(pair, key.activates_at));
        opened.filter(|opened| opened.kid == key.kid).ok_or_else(|| KeysError::Damaged { kid: key.kid.clone() })
    }

    /// Adds a key and gives those before it their end.
    async fn succeed(
        &self,
        client: &impl GenericClient,
        algorithm: KeyAlgorithm,
        now: Timestamp,
    ) -> Result<String, KeysError> {
        let activates_at = after(now, PUBLISH_AHEAD);
        let kid = self.insert(client, algorithm, now, activates_at).await?;
        signing_keys::supersede(client, &kid, after(activates_at, self.verify_after)).await?;
        Ok(kid)
    }

    async fn insert(
        &self,
        client: &impl GenericClient,
        algorithm: KeyAlgorithm,
        now: Timestamp,
        activates_at: Timestamp,
    ) -> Result<String, KeysError> {
        let pair = KeyPair::generate(algorithm)?;
        let public = pair.public();
        let private = pair.to_pkcs8()?;
        let sealed =
            self.sealer.seal(PURPOSE, public.kid.as_bytes(), private.expose_secret()).map_err(|_| KeysError::Crypto)?;
        let new = NewSigningKey {
            kid: &public.kid,
            algorithm: pair.algorithm(),
            public_jwk: &public.jwk,
            private_key_sealed: &sealed,
            now,
            activates_at,
        };
        signing_keys::insert(client, &new).await?;
        Ok(public.kid)
    }
}

/// The name that tokens, key sets and the database use.
fn name(algorithm: KeyAlgorithm) -> &'static str {
    match algorithm {
        KeyAlgorithm::EdDsa => "EdDSA",
        KeyAlgorithm::Es256 => "ES256",
        KeyAlgorithm::Rs256 => "RS256",
    }
}

fn after(moment: Timestamp, duration: Duration) -> Timestamp {
    moment.saturating_add(duration).unwrap_or(Timestamp::MAX)
}
