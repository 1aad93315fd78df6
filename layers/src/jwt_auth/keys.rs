//! The keys that may have signed a token, and where they come from.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::key::{KeyError, VerifyingKey, names};
use super::rejection::Fault;

/// The keys from which a token may choose by `kid`. Small by nature: it is searched in order.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<VerifyingKey>,
}

impl KeySet {
    /// A set of these keys. An empty set is fine and verifies nothing.
    ///
    /// # Errors
    /// [`KeyError::Duplicate`] if two keys share id and algorithm.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Result<Self, KeyError> {
        let mut set = Self::default();
        for key in keys {
            set.push(key)?;
        }
        Ok(set)
    }

    pub(super) fn push(&mut self, key: VerifyingKey) -> Result<(), KeyError> {
        let same = |other: &VerifyingKey| other.kid() == key.kid() && other.algorithm() == key.algorithm();
        if self.keys.iter().any(same) {
            return Err(KeyError::Duplicate);
        }
        self.keys.push(key);
        Ok(())
    }

    /// The keys, in the order given.
    #[must_use]
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.keys
    }

    /// The one key a token may be verified with.
    ///
    /// A token without `kid` fits only a set of one key (OIDC Core §10.1): trying key after key would let strangers choose how
    /// much work we do.
    pub(super) fn select(&self, kid: Option<&str>, alg: &str) -> Result<&VerifyingKey, Fault> {
        let Some(kid) = kid else {
            return match self.keys.as_slice() {
                [key] if names(key.algorithm()).contains(&alg) => Ok(key),
                [_] => Err(Fault::Algorithm),
                [] => Err(Fault::UnknownKey),
                // No key that may have been published since would make the choice.
                [_, _, ..] => Err(Fault::NoKeyId),
            };
        };
        let mut fault = Fault::UnknownKey;
        for key in self.keys.iter().filter(|key| key.kid() == Some(kid)) {
            if names(key.algorithm()).contains(&alg) {
                return Ok(key);
            }
            fault = Fault::Algorithm;
        }
        Err(fault)
    }
}

/// Where the layer takes its keys from, request by request.
///
/// [`KeySetHandle`] is the plain one, [`RemoteKeys`](super::RemoteKeys) fetches. A source of your own that fetches from elsewhere also says how
/// to [`refresh`](Self::refresh).
pub trait KeySource: Send + Sync + 'static {
    /// The keys as they are now; called for every token, so it must not block. The same `Arc` as long as they are the same: verified tokens
    /// are remembered together with it.
    fn current(&self) -> Arc<KeySet>;

    /// Whether there are keys to judge tokens by. Until then a token with an unknown key is refused with 503, as it may well be good.
    fn is_ready(&self) -> bool {
        true
    }

    /// Called when a token names a key that [`current`](Self::current) lacks. `Some` future is awaited, then the token is tried once
    /// more; `None` says that there is nothing newer to be had. The source bounds how often it really fetches.
    fn refresh(&self) -> Option<Refresh> {
        None
    }

    /// Called for every request. `Some` future is polled along with the request, which does not wait for it, and dropped at its end.
    fn refresh_ahead(&self) -> Option<Refresh> {
        None
    }
}

/// The future that [`KeySource::refresh`] and [`KeySource::refresh_ahead`] give.
pub type Refresh = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A key set that can be exchanged while requests run. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct KeySetHandle(Arc<ArcSwap<KeySet>>);

impl KeySetHandle {
    /// A handle that starts with `keys`.
    #[must_use]
    pub fn new(keys: KeySet) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(keys)))
    }

    /// Exchanges the set: the next request sees the new one.
    pub fn store(&self, keys: KeySet) {
        self.0.store(Arc::new(keys));
    }

    /// The present set.
    #[must_use]
    pub fn load(&self) -> Arc<KeySet> {
        self.0.load_full()
    }
}

impl KeySource for KeySetHandle {
    fn current(&self) -> Arc<KeySet> {
        self.load()
    }
}

impl From<KeySet> for KeySetHandle {
    fn from(keys: KeySet) -> Self {
        Self::new(keys)
    }
}
