//! Whose limits an operator looks at or clears.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv6Net};
use portcullis_layers::rate_limit::{Charge, Charges, Key, Limit};
use portcullis_layers::rate_limit_redis::{Failure, Unavailable};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Limits, networks};

/// The largest networks whose keys are visited one by one: an IPv4 /20, an IPv6 /52.
const MOST_KEYS: usize = 4096;

/// Keys that one command to Redis is about: a script holds up everybody else there while it runs.
const AT_ONCE: usize = 500;

/// A network, an account, or the account as seen from the network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// In CIDR notation.
    network: Option<String>,
    /// What stands for the account in counters, in hexadecimal.
    account: Option<String>,
    /// Who owns the account, if there is one.
    user_id: Option<Uuid>,
}

/// Why a text names no network whose limits can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Neither a network nor an address.
    #[error("not a network such as 192.0.2.0/24, nor an address")]
    NoNetwork,
    /// More keys than can be visited.
    #[error(
        "a network of more than {MOST_KEYS} addresses (of IPv6: /64 networks): name smaller ones, an IPv4 /20 or an IPv6 /52 at most"
    )]
    TooLarge,
}

/// Reads a network or an address as an operator types it. An IPv6 network is a /64 at least, which is what limits count by.
///
/// # Errors
/// [`TargetError`] when it is none, or too large.
pub fn network(text: &str) -> Result<IpNet, TargetError> {
    let network = networks::parse(text.trim()).ok_or(TargetError::NoNetwork)?;
    let (network, bits) = match network {
        IpNet::V6(narrow) if narrow.prefix_len() > 64 => {
            (Ipv6Net::new(narrow.addr(), 64).map_err(|_| TargetError::NoNetwork)?.trunc().into(), 0)
        }
        IpNet::V6(wide) => (network, 64 - wide.prefix_len()),
        IpNet::V4(wide) => (network, 32 - wide.prefix_len()),
    };
    if 1_usize.checked_shl(bits.into()).is_some_and(|keys| keys <= MOST_KEYS) {
        Ok(network)
    } else {
        Err(TargetError::TooLarge)
    }
}

/// The first address of everything in a network that limits count as one.
pub fn addresses(network: IpNet) -> impl Iterator<Item = IpAddr> {
    let length = if matches!(network, IpNet::V4(_)) { 32 } else { 64 };
    network.subnets(length).into_iter().flatten().map(|network| network.network())
}

impl Target {
    /// All that is counted for a network, for an account (by the digest of its folded address, and its owner), or for both together.
    #[must_use]
    pub fn new(network: Option<IpNet>, account: Option<&[u8; 32]>, user_id: Option<Uuid>) -> Self {
        let hex = |digest: &[u8; 32]| digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { network: network.map(|network| network.to_string()), account: account.map(hex), user_id }
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> Option<IpNet> {
        network(self.network.as_deref()?).ok()
    }

    /// The network, if everything is meant that is counted for it, and not one account alone.
    #[must_use]
    pub fn whole_network(&self) -> Option<IpNet> {
        if self.account.is_some() { None } else { self.network() }
    }

    /// Who owns the account.
    #[must_use]
    pub fn user_id(&self) -> Option<Uuid> {
        self.user_id
    }

    fn account(&self) -> Option<Vec<u8>> {
        let text = self.account.as_deref()?;
        let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
        (0..text.len()).step_by(2).map(byte).collect()
    }
}

/// Where a key of a target stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyStanding {
    /// The class of limits.
    pub class: String,
    /// The network, where the key is one.
    pub network: Option<IpAddr>,
    /// Requests that are left at once.
    pub remaining: u32,
    /// Seconds until all of them are back.
    pub reset: u64,
}

impl Limits {
    /// The keys by which a target pays. Nothing but the defence of log-ins counts by account and network together.
    fn keys(&self, target: &Target) -> Vec<(&Limit, Option<IpAddr>, Key)> {
        match (target.network(), target.account()) {
            (Some(_), Some(_)) | (None, None) => Vec::new(),
            (Some(network), None) => addresses(network)
                .flat_map(|address| self.of_networks().map(move |limit| (limit, Some(address), Key::network(address))))
                .collect(),
            (None, Some(account)) => {
                let user = target.user_id.map(|id| (&self.user, None, Key::new(id.as_bytes())));
                std::iter::once((&self.mail_address, None, Key::new(account))).chain(user).collect()
            }
        }
    }

    /// Starts a target from nothing in this process.
    pub fn forget(&self, target: &Target) {
        for (limit, _, key) in self.keys(target) {
            limit.clear(key);
        }
    }

    /// Starts a target from nothing in Redis, if limits are shared.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn forget_shared(&self, target: &Target) -> Result<(), Failure> {
        let Some(redis) = &self.redis else { return Ok(()) };
        for keys in self.keys(target).chunks(AT_ONCE) {
            redis.clear_all(&charges(keys)).await?;
        }
        Ok(())
    }

    /// Where the keys of a target that have spent anything stand in Redis; nothing where limits are not shared.
    ///
    /// # Errors
    /// When Redis does not answer, and this is [an operator's](Self::for_operator).
    pub async fn shared_standing(&self, target: &Target) -> Result<Vec<KeyStanding>, Unavailable> {
        let Some(redis) = &self.redis else { return Ok(Vec::new()) };
        let mut standings = Vec::new();
        for keys in self.keys(target).chunks(AT_ONCE) {
            for ((_, network, _), outcome) in keys.iter().zip(redis.peek_each(&charges(keys)).await?) {
                let spent = outcome.standing().filter(|standing| !standing.reset().is_zero());
                standings.extend(spent.map(|standing| KeyStanding {
                    class: standing.policy().to_owned(),
                    network: *network,
                    remaining: standing.remaining(),
                    reset: standing.reset().as_secs() + u64::from(standing.reset().subsec_nanos() > 0),
                }));
            }
        }
        Ok(standings)
    }
}

/// What asks where keys stand, and pays nothing.
fn charges(keys: &[(&Limit, Option<IpAddr>, Key)]) -> Charges {
    keys.iter().map(|(limit, _, key)| Charge::new(limit, key.clone()).cost(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_as_limits_count_them() {
        for (text, network_of) in [
            ("192.0.2.7", "192.0.2.7/32"),
            ("192.0.2.7/24", "192.0.2.0/24"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
            ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::/60", "2001:db8:1::/60"),
        ] {
            assert_eq!(network(text).map(|network| network.to_string()), Ok(network_of.to_owned()), "{text}");
        }
        assert_eq!(network("example.com"), Err(TargetError::NoNetwork));
        for text in ["10.0.0.0/19", "0.0.0.0/0", "2001:db8::/51", "::/0"] {
            assert_eq!(network(text), Err(TargetError::TooLarge), "{text}");
        }
    }

    #[test]
    fn what_counts_as_one_is_visited_once() {
        let count = |text: &str| addresses(network(text).unwrap()).count();
        assert_eq!((count("192.0.2.7"), count("10.0.0.0/20"), count("2001:db8::/52")), (1, 4096, 4096));
        assert_eq!(addresses(network("2001:db8::5").unwrap()).last(), "2001:db8::".parse().ok());
    }

    #[test]
    fn a_target_survives_the_way_through_a_notice() {
        let target = Target::new(network("192.0.2.0/24").ok(), Some(&[0xab; 32]), Some(Uuid::from_u128(7)));
        let there = serde_json::from_str::<Target>(&serde_json::to_string(&target).unwrap()).unwrap();
        assert_eq!(there, target);
        assert_eq!((there.network(), there.account()), (network("192.0.2.0/24").ok(), Some(vec![0xab; 32])));
    }
}
