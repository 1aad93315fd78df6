use std::time::Duration;

use http::HeaderValue;

use super::error::ConfigError;

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// `Strict-Transport-Security` (RFC 6797).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Hsts {
    max_age: Duration,
    include_subdomains: bool,
    preload: bool,
}

impl Hsts {
    /// How long browsers remember, in whole seconds; zero makes them forget. Subdomains are included.
    pub const fn new(max_age: Duration) -> Self {
        Self { max_age, include_subdomains: true, preload: false }
    }

    /// Leaves the subdomains out.
    pub const fn exclude_subdomains(mut self) -> Self {
        self.include_subdomains = false;
        self
    }

    /// Consents to the preload lists of browsers, which is hard to undo. Demands a year or more, and the subdomains.
    pub const fn preload(mut self) -> Self {
        self.preload = true;
        self
    }

    pub(super) fn check(self) -> Result<(), ConfigError> {
        let preloadable = self.max_age >= YEAR && self.include_subdomains;
        if self.preload && !preloadable { Err(ConfigError::NotPreloadable) } else { Ok(()) }
    }

    pub(super) fn header(self) -> HeaderValue {
        let subdomains = if self.include_subdomains { "; includeSubDomains" } else { "" };
        let preload = if self.preload { "; preload" } else { "" };
        let text = format!("max-age={}{subdomains}{preload}", self.max_age.as_secs());
        // Always visible ASCII, so always a value.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("max-age=0"))
    }
}

/// Two years, with subdomains.
impl Default for Hsts {
    fn default() -> Self {
        Self::new(2 * YEAR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_says_what_was_asked() {
        assert_eq!(Hsts::default().header(), "max-age=63072000; includeSubDomains");
        assert_eq!(Hsts::new(YEAR).preload().header(), "max-age=31536000; includeSubDomains; preload");
        assert_eq!(Hsts::new(Duration::ZERO).exclude_subdomains().header(), "max-age=0");
    }

    #[test]
    fn preload_without_its_conditions_does_not_build() {
        assert_eq!(Hsts::new(YEAR / 2).preload().check(), Err(ConfigError::NotPreloadable));
        assert_eq!(Hsts::default().exclude_subdomains().preload().check(), Err(ConfigError::NotPreloadable));
    }
}
