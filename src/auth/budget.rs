//! How many attempts at a password are allowed, and what they are counted under.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::hmac;
pub use portcullis_layers::rate_limit::network;
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::seal::{SealError, Sealer};

/// What attempts are counted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One account from one network.
    AccountNetwork,
    /// One account from anywhere.
    Account,
    /// One known device of an account.
    Device,
    /// All known devices of an account.
    AccountDevices,
    /// One network, whatever the account.
    Network,
}

impl Scope {
    /// The name in the table, in metrics and in the `RateLimit` fields.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccountNetwork => "account_network",
            Self::Account => "account",
            Self::Device => "device",
            Self::AccountDevices => "account_devices",
            Self::Network => "network",
        }
    }
}

/// So many attempts in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Attempts in any window.
    pub limit: i32,
    /// From so many on the owner is told.
    pub tell_from: i32,
    /// How long a window lasts, and the first wait when its attempts are spent. Each wait is twice the one before.
    pub window: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// After so long without a wait the next one is the first again.
    pub forgiven_after: Duration,
}

const QUARTER: Duration = Duration::from_secs(15 * 60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Enough for somebody who tries the passwords that they might have taken.
pub const ACCOUNT_NETWORK: Budget =
    Budget { limit: 5, tell_from: 5, window: QUARTER, longest_wait: DAY, forgiven_after: DAY };
/// From all networks together (ASVS 6.3.1, NIST SP 800-63B §3.2.2: at most 100). The wait does not grow: strangers fill this budget. Long
/// before that, more guesses from more places than an owner has are worth a mail.
pub const ACCOUNT: Budget = Budget { limit: 100, tell_from: 20, window: HOUR, longest_wait: HOUR, forgiven_after: DAY };
/// Of the owner's own device, which strangers cannot spend.
pub const DEVICE: Budget =
    Budget { limit: 10, tell_from: 10, window: QUARTER, longest_wait: HOUR, forgiven_after: DAY };
/// Of all known devices of an account together, so that whoever logged in often has no more guesses than whoever did once or twice.
pub const ACCOUNT_DEVICES: Budget =
    Budget { limit: 30, tell_from: 30, window: HOUR, longest_wait: HOUR, forgiven_after: DAY };
/// For how long a network is shut out that tries many accounts.
pub const NETWORK: Budget = Budget { limit: 1, tell_from: 1, window: QUARTER, longest_wait: DAY, forgiven_after: DAY };

/// Makes the keys of counters, so that the table of counters names nobody.
pub struct CounterKeys(hmac::Key);

impl CounterKeys {
    /// Derives the key from the secret that all instances share.
    ///
    /// # Errors
    /// [`SealError::Crypto`].
    pub fn new(secret: &Sealer) -> Result<Self, SealError> {
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret.derive("login counters")?.expose_secret())))
    }

    /// What stands for an account.
    #[must_use]
    pub fn account(&self, email_key: &str) -> [u8; 32] {
        self.digest(Scope::Account, &[email_key.as_bytes()])
    }

    /// What stands for an account and a network.
    #[must_use]
    pub fn account_network(&self, email_key: &str, network: IpAddr) -> [u8; 32] {
        self.digest(Scope::AccountNetwork, &[email_key.as_bytes(), network.to_string().as_bytes()])
    }

    /// What stands for a device of an account.
    #[must_use]
    pub fn device(&self, email_key: &str, mark: Uuid) -> [u8; 32] {
        self.digest(Scope::Device, &[email_key.as_bytes(), mark.as_bytes()])
    }

    /// What stands for all known devices of an account.
    #[must_use]
    pub fn account_devices(&self, email_key: &str) -> [u8; 32] {
        self.digest(Scope::AccountDevices, &[email_key.as_bytes()])
    }

    /// What stands for a network.
    #[must_use]
    pub fn network(&self, network: IpAddr) -> [u8; 32] {
        self.digest(Scope::Network, &[network.to_string().as_bytes()])
    }

    fn digest(&self, scope: Scope, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [scope.name().as_bytes()].iter().chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }
}

impl fmt::Debug for CounterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CounterKeys(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_subscriber_are_one_network() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2::"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::"), of("2001:db8:1:3::"));
    }

    #[test]
    fn no_two_keys_of_different_kind_or_parts_are_equal() {
        let keys = CounterKeys::new(&Sealer::new(&[5; 32]).unwrap()).unwrap();
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let all = [
            keys.account("a@example.com"),
            keys.account("b@example.com"),
            keys.account_network("a@example.com", one),
            keys.account_network("a@example.com", other),
            keys.account_network("a@example.com1", "92.0.2.1".parse().unwrap()),
            keys.device("a@example.com", Uuid::from_u128(1)),
            keys.device("a@example.com", Uuid::from_u128(2)),
            keys.account_devices("a@example.com"),
            keys.network(one),
            keys.network(other),
        ];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
