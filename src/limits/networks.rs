//! Networks that the operator lets off, and networks that get nothing at all.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use arc_swap::ArcSwap;
use ipnet::{IpNet, Ipv4Net};

use crate::config::LimitConfig;

/// The lists of `LIMIT_ALLOW_FILE` and `LIMIT_DENY_FILE`. Reading them anew does not hold up anybody who asks.
#[derive(Debug)]
pub struct NetworkLists {
    allow_file: Option<PathBuf>,
    deny_file: Option<PathBuf>,
    lists: ArcSwap<Lists>,
}

#[derive(Debug)]
struct Lists {
    allowed: Networks,
    denied: Networks,
}

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// The file cannot be read.
    #[error("{variable}: {path} cannot be read: {source}")]
    Unreadable {
        /// The variable that names the file.
        variable: &'static str,
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line is no network.
    #[error("{variable}: line {line} of {path} is no network such as 192.0.2.0/24 or 2001:db8::/32")]
    Line {
        /// The variable that names the file.
        variable: &'static str,
        /// The file.
        path: String,
        /// The number of the line, from 1.
        line: usize,
    },
}

impl NetworkLists {
    /// Reads both lists; a file that is not configured is an empty one.
    ///
    /// # Errors
    /// [`ListError`] when a file cannot be used.
    pub fn load(config: &LimitConfig) -> Result<Self, ListError> {
        let (allow_file, deny_file) = (config.allow_file.clone(), config.deny_file.clone());
        let lists = Lists::read(allow_file.as_deref(), deny_file.as_deref())?;
        Ok(Self { allow_file, deny_file, lists: ArcSwap::from_pointee(lists) })
    }

    /// Reads both lists anew. If either cannot be used, both stay as they were.
    ///
    /// # Errors
    /// [`ListError`] when a file cannot be used.
    pub fn reload(&self) -> Result<(), ListError> {
        let lists = Lists::read(self.allow_file.as_deref(), self.deny_file.as_deref())?;
        self.lists.store(lists.into());
        Ok(())
    }

    /// Whether requests from there pay nothing for their network.
    #[must_use]
    pub fn is_allowed(&self, address: IpAddr) -> bool {
        self.lists.load().allowed.contains(address)
    }

    /// Whether requests from there are refused.
    #[must_use]
    pub fn is_denied(&self, address: IpAddr) -> bool {
        self.lists.load().denied.contains(address)
    }

    /// How many networks are allowed, and how many denied.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize) {
        let lists = self.lists.load();
        (lists.allowed.len(), lists.denied.len())
    }
}

impl Lists {
    fn read(allow_file: Option<&Path>, deny_file: Option<&Path>) -> Result<Self, ListError> {
        Ok(Self { allowed: read("LIMIT_ALLOW_FILE", allow_file)?, denied: read("LIMIT_DENY_FILE", deny_file)? })
    }
}

fn read(variable: &'static str, file: Option<&Path>) -> Result<Networks, ListError> {
    let Some(file) = file else { return Ok(Networks::default()) };
    let path = || file.display().to_string();
    let text =
        std::fs::read_to_string(file).map_err(|source| ListError::Unreadable { variable, path: path(), source })?;
    text.parse().map_err(|BadLine(line)| ListError::Line { variable, path: path(), line })
}

/// A set of networks. A look-up takes as many steps as there are different prefix lengths, however many networks there are.
#[derive(Debug, Default)]
struct Networks(BTreeMap<u8, HashSet<IpNet>>);

/// The number of a line that is no network.
#[derive(Debug, PartialEq, Eq)]
struct BadLine(usize);

impl Networks {
    fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let within = |(length, networks): (&u8, &HashSet<IpNet>)| {
            IpNet::new(address, *length).is_ok_and(|network| networks.contains(&network.trunc()))
        };
        self.0.iter().any(within)
    }

    fn len(&self) -> usize {
        self.0.values().map(HashSet::len).sum()
    }
}

/// A network or an address a line; `#` begins a comment.
impl FromStr for Networks {
    type Err = BadLine;

    fn from_str(text: &str) -> Result<Self, BadLine> {
        let mut networks = Self::default();
        for (index, line) in text.lines().enumerate() {
            let network = line.split('#').next().unwrap_or_default().trim();
            if network.is_empty() {
                continue;
            }
            let network = parse(network).ok_or(BadLine(index + 1))?;
            networks.0.entry(network.prefix_len()).or_default().insert(network);
        }
        Ok(networks)
    }
}

/// A network in CIDR notation, or one address. IPv4 that is written as mapped into IPv6 becomes IPv4.
pub(crate) fn parse(text: &str) -> Option<IpNet> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse::<IpNet>().ok()?,
    };
    let plain = match (network.addr().to_canonical(), network) {
        (IpAddr::V4(address), IpNet::V6(mapped)) => {
            Ipv4Net::new(address, mapped.prefix_len().checked_sub(96)?).ok()?.into()
        }
        _ => network,
    };
    Some(plain.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(text: &str) -> Networks {
        text.parse().unwrap()
    }

    #[test]
    fn a_list_has_networks_addresses_and_comments() {
        let list =
            networks("# office\n192.0.2.0/24\n\n  203.0.113.9  # gate\r\n2001:db8::/32\n::ffff:198.51.100.0/120\n");
        assert_eq!(list.len(), 4);
        for (address, inside) in [
            ("192.0.2.255", true),
            ("192.0.3.0", false),
            ("203.0.113.9", true),
            ("::ffff:203.0.113.9", true),
            ("203.0.113.10", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::1", false),
            ("198.51.100.7", true),
        ] {
            assert_eq!(list.contains(address.parse().unwrap()), inside, "{address}");
        }
    }

    #[test]
    fn bits_beyond_the_prefix_do_not_matter() {
        assert!(networks("192.0.2.77/24").contains("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn an_empty_list_contains_nobody_and_the_whole_world_everybody_of_its_family() {
        assert!(!networks("# nobody\n").contains("192.0.2.1".parse().unwrap()));
        let ipv4 = networks("0.0.0.0/0");
        assert!(ipv4.contains("192.0.2.1".parse().unwrap()) && !ipv4.contains("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn the_first_bad_line_is_told() {
        for bad in ["192.0.2.0/33", "example.com", "192.0.2", "::ffff:192.0.2.0/24", "192.0.2.0/24,192.0.3.0/24"] {
            let text = format!("192.0.2.0/24\n# fine\n{bad}\nworse\n");
            assert_eq!(text.parse::<Networks>().unwrap_err(), BadLine(3), "{bad}");
        }
    }
}
