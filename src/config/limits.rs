//! How often anybody may ask.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::duration::parse_duration;
use super::reader::Reader;

/// So many requests in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests, at most at once and per window.
    pub requests: u32,
    /// The window in which they come back, evenly.
    pub window: Duration,
}

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = "must be requests per duration, such as 300/1h";
        let (requests, window) = text.split_once('/').ok_or(fault)?;
        let requests =
            requests.trim().parse().ok().filter(|requests| (1..=1_000_000).contains(requests)).ok_or(fault)?;
        let window = parse_duration(window).filter(|window| *window >= Duration::from_secs(1)).ok_or(fault)?;
        Ok(Self { requests, window })
    }
}

/// Rate limits. Each class is held to its own besides the default.
#[derive(Clone, Debug)]
pub struct LimitConfig {
    /// `RATE_LIMIT_ENABLED`.
    pub enabled: bool,
    /// `RATE_LIMIT_REQUESTS` per `RATE_LIMIT_DURATION` and network, whatever they are for: an office behind one address must not feel it.
    pub default: Rate,
    /// `LIMIT_REGISTER`, sign-ups per network: each costs a hash and a mail.
    pub register: Rate,
    /// `LIMIT_LOGIN`, log-ins per network: each costs a hash. Wrong passwords have budgets of their own.
    pub login: Rate,
    /// `LIMIT_REFRESH`, refreshes per network: clients may well refresh in crowds.
    pub refresh: Rate,
    /// `LIMIT_MAIL`, mails that are asked for, per network.
    pub mail: Rate,
    /// `LIMIT_MAIL_ADDRESS`, whatever mails an address that somebody typed, per address: a mailbox must not be flooded.
    pub mail_address: Rate,
    /// `LIMIT_SECRET`, whatever else takes a secret, per network: links cannot be guessed, but trying them costs queries.
    pub secret: Rate,
    /// `LIMIT_USER`, requests per user, from however many networks.
    pub user: Rate,
    /// `LIMIT_ALLOW_FILE`, networks that pay nothing per network, one a line.
    pub allow_file: Option<PathBuf>,
    /// `LIMIT_DENY_FILE`, networks that get nothing, one a line.
    pub deny_file: Option<PathBuf>,
}

pub(super) fn read(reader: &mut Reader<'_>) -> LimitConfig {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 3600;
    let enabled = reader.flag("RATE_LIMIT_ENABLED", true);
    let default = Rate {
        requests: reader.number("RATE_LIMIT_REQUESTS", 1000, 1..=1_000_000),
        window: reader.duration("RATE_LIMIT_DURATION", Duration::from_secs(MINUTE), Duration::from_secs(1)),
    };
    let (allow_file, deny_file) = (reader.file("LIMIT_ALLOW_FILE"), reader.file("LIMIT_DENY_FILE"));
    let mut rate = |name, requests, seconds| {
        let window = Duration::from_secs(seconds);
        reader.parse(name, "300/1h").unwrap_or(Rate { requests, window })
    };
    LimitConfig {
        enabled,
        default,
        register: rate("LIMIT_REGISTER", 300, HOUR),
        login: rate("LIMIT_LOGIN", 300, 15 * MINUTE),
        refresh: rate("LIMIT_REFRESH", 1200, MINUTE),
        mail: rate("LIMIT_MAIL", 60, HOUR),
        mail_address: rate("LIMIT_MAIL_ADDRESS", 5, HOUR),
        secret: rate("LIMIT_SECRET", 120, 15 * MINUTE),
        user: rate("LIMIT_USER", 600, MINUTE),
        allow_file,
        deny_file,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_requests_per_duration() {
        assert_eq!("5/15m".parse(), Ok(Rate { requests: 5, window: Duration::from_secs(900) }));
        for wrong in ["", "5", "5/", "/1h", "0/1h", "5/0s", "-1/1h", "5/1h/2", "1000001/1h", "5 per hour"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
