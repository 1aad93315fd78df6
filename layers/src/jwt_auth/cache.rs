//! Tokens that were verified lately, so that the next request with one need not pay for the signature again.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{self, SHA256};

use super::keys::KeySet;
use super::verified::Verified;

/// Tokens of one neighbourhood. Enough that a full cache rarely drops a token in use, few enough to look through.
const WAYS: usize = 8;

/// The most entries a cache has, whatever it is asked for.
const MOST_ENTRIES: usize = 1 << 20;

/// A bounded cache of verified tokens, for [`Builder::cache`](super::Builder::cache).
///
/// A token is found by its SHA-256 digest alone, so neither memory nor the time of a look-up tells anything about tokens that it would
/// not tell about digests. An entry counts until the token expires, until the layer's key set is exchanged, and until it is
/// [forgotten](TokenCacheHandle::forget); the least recently used one of its neighbourhood (eight tokens with similar digests) gives way to
/// a new one. Only accepted tokens get in: forged ones displace nothing.
///
/// A cache serves the one layer it is given to, whose [`Validation`](super::Validation) its tokens have passed: hence it is not `Clone`.
/// Keep a [`handle`](Self::handle) to reach it later.
pub struct TokenCache<C> {
    sets: Arc<Sets<C>>,
}

/// Reaches into the [`TokenCache`] of a layer while requests run. Clones share it.
pub struct TokenCacheHandle<C> {
    sets: Arc<Sets<C>>,
}

/// A set-associative table: the digest chooses the set, and each set has its own lock.
struct Sets<C> {
    sets: Box<[Set<C>]>,
    ways: usize,
}

/// Most recently used first.
type Set<C> = Mutex<Vec<Entry<C>>>;

struct Entry<C> {
    key: CacheKey,
    token: Verified<C>,
}

/// The token, and the keys it was verified with.
pub(super) struct CacheKey {
    digest: [u8; 32],
    /// Held, so that no later set can have the same address.
    keys: Arc<KeySet>,
}

impl CacheKey {
    pub(super) fn new(token: &str, keys: &Arc<KeySet>) -> Self {
        Self { digest: sha256(token), keys: Arc::clone(keys) }
    }
}

impl<C> TokenCache<C> {
    /// A cache of at most `entries` tokens (1 048 576 if it is more); with 0 it caches nothing.
    ///
    /// Each entry takes some 100 bytes besides the claims; nothing but a table of neighbourhoods is allocated in advance.
    #[must_use]
    pub fn new(entries: usize) -> Self {
        let entries = entries.min(MOST_ENTRIES);
        let sets = entries.div_ceil(WAYS).max(1);
        let ways = entries / sets;
        Self { sets: Arc::new(Sets { sets: (0..sets).map(|_| Set::default()).collect(), ways }) }
    }

    /// A handle on this cache, for when the layer has it.
    #[must_use]
    pub fn handle(&self) -> TokenCacheHandle<C> {
        TokenCacheHandle { sets: Arc::clone(&self.sets) }
    }

    /// The token of `key`, if it is here, was verified with these keys, and is still `good`.
    pub(super) fn get(&self, key: &CacheKey, good: impl FnOnce(&Verified<C>) -> bool) -> Option<Verified<C>> {
        let mut set = self.sets.of(&key.digest);
        let place = set.iter().position(|entry| entry.key.digest == key.digest)?;
        let entry = &set[place];
        if !Arc::ptr_eq(&entry.key.keys, &key.keys) || !good(&entry.token) {
            set.remove(place);
            return None;
        }
        let token = entry.token.clone();
        set[..=place].rotate_right(1);
        Some(token)
    }

    pub(super) fn insert(&self, key: CacheKey, token: Verified<C>) {
        let Some(others) = self.sets.ways.checked_sub(1) else { return };
        let mut set = self.sets.of(&key.digest);
        // Another request may have been faster, and entries of former key sets are of no use.
        set.retain(|entry| entry.key.digest != key.digest && Arc::ptr_eq(&entry.key.keys, &key.keys));
        set.truncate(others);
        set.insert(0, Entry { key, token });
    }

    pub(super) fn forget(&self, token: &str) {
        self.sets.forget(token);
    }
}

impl<C> TokenCacheHandle<C> {
    /// Forgets a token. The next request with it has it verified anew, the app's check of the claims included.
    pub fn forget(&self, token: &str) {
        self.sets.forget(token);
    }

    /// Forgets every token for which `keep` says `false`: all of one session, say. Looks at the whole cache.
    pub fn retain(&self, mut keep: impl FnMut(&Verified<C>) -> bool) {
        for set in &self.sets.sets {
            lock(set).retain(|entry| keep(&entry.token));
        }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.retain(|_| false);
    }

    /// The number of tokens held, those included that have expired and were not asked for since.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sets.sets.iter().map(|set| lock(set).len()).sum()
    }

    /// Whether no token is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<C> Sets<C> {
    fn of(&self, digest: &[u8; 32]) -> MutexGuard<'_, Vec<Entry<C>>> {
        let [a, b, c, d, ..] = *digest;
        // At most 2¹⁷ sets: thirty-two bits spread over them evenly enough.
        lock(&self.sets[u32::from_le_bytes([a, b, c, d]) as usize % self.sets.len()])
    }

    fn forget(&self, token: &str) {
        let digest = sha256(token);
        self.of(&digest).retain(|entry| entry.key.digest != digest);
    }
}

/// A panic of an app's closure leaves a set whole, if perhaps with fewer entries.
fn lock<C>(set: &Set<C>) -> MutexGuard<'_, Vec<Entry<C>>> {
    set.lock().unwrap_or_else(PoisonError::into_inner)
}

fn sha256(token: &str) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(digest::digest(&SHA256, token.as_bytes()).as_ref());
    digest
}

impl<C> Clone for TokenCacheHandle<C> {
    fn clone(&self) -> Self {
        Self { sets: Arc::clone(&self.sets) }
    }
}

impl<C> fmt::Debug for TokenCache<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").field("entries", &(self.sets.sets.len() * self.sets.ways)).finish_non_exhaustive()
    }
}

impl<C> fmt::Debug for TokenCacheHandle<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCacheHandle").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::verified::Parts;
    use super::*;

    fn verified(number: u64) -> Verified<u64> {
        Verified::new(Parts { claims: number, kid: None, scope: None, expires_at: Some(number) })
    }

    fn get(cache: &TokenCache<u64>, token: &str, keys: &Arc<KeySet>) -> Option<u64> {
        cache.get(&CacheKey::new(token, keys), |_| true).map(|token| *token.claims())
    }

    #[test]
    fn it_never_holds_more_than_it_was_told_and_finds_what_it_holds() {
        let keys = Arc::default();
        for entries in [0, 1, 7, 8, 9, 100, 1000] {
            let cache = TokenCache::new(entries);
            let mut found = 0;
            for number in 0..20_000 {
                let token = number.to_string();
                cache.insert(CacheKey::new(&token, &keys), verified(number));
                found += usize::from(get(&cache, &token, &keys) == Some(number));
            }
            assert!(cache.handle().len() <= entries && cache.handle().len() >= entries * 7 / 8, "{entries}");
            assert_eq!(found, if entries == 0 { 0 } else { 20_000 }, "the newest is always there");
        }
        assert!(format!("{:?}", TokenCache::<u64>::new(usize::MAX)).contains("1048576"));
    }

    #[test]
    fn a_million_tokens_leave_it_within_its_bound() {
        let (cache, keys) = (TokenCache::new(10_000), Arc::default());
        for number in 0..1_000_000 {
            cache.insert(CacheKey::new(&number.to_string(), &keys), verified(number));
        }
        assert_eq!(cache.handle().len(), 10_000);
        assert!(cache.sets.sets.iter().all(|set| lock(set).capacity() <= WAYS));
    }

    #[test]
    fn the_least_recently_used_token_gives_way() {
        let (cache, keys) = (TokenCache::new(3), Arc::default());
        let insert = |token: &str| cache.insert(CacheKey::new(token, &keys), verified(0));
        for token in ["a", "b", "c"] {
            insert(token);
        }
        assert!(get(&cache, "a", &keys).is_some());
        insert("d");
        let held = ["a", "b", "c", "d"].map(|token| get(&cache, token, &keys).is_some());
        assert_eq!(held, [true, false, true, true]);
    }

    #[test]
    fn an_entry_counts_for_the_keys_it_was_verified_with_and_while_it_is_good() {
        let (cache, keys, other) = (TokenCache::new(8), Arc::default(), Arc::default());
        cache.insert(CacheKey::new("a", &keys), verified(0));
        assert_eq!(get(&cache, "a", &other), None);
        assert_eq!(get(&cache, "a", &keys), None, "it was dropped");
        cache.insert(CacheKey::new("a", &keys), verified(0));
        assert!(cache.get(&CacheKey::new("a", &keys), |_| false).is_none());
        assert!(cache.handle().is_empty());
    }

    #[test]
    fn tokens_can_be_forgotten_by_name_by_content_and_all() {
        let (cache, keys) = (TokenCache::new(64), Arc::default());
        for number in 0..5 {
            cache.insert(CacheKey::new(&number.to_string(), &keys), verified(number));
        }
        let handle = cache.handle();
        handle.forget("4");
        handle.forget("no such token");
        handle.retain(|token| token.claims() % 2 == 1);
        assert_eq!(["1", "3", "4"].map(|token| get(&cache, token, &keys)), [Some(1), Some(3), None]);
        assert_eq!(handle.len(), 2);
        handle.clear();
        assert!(handle.is_empty());
    }
}
