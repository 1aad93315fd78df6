use std::borrow::Cow;

use http::HeaderValue;

use super::error::ConfigError;
use super::source::is_origin;

/// The powerful features that browsers know; each is denied by [`PermissionsPolicy::deny_all`].
const FEATURES: [&str; 31] = [
    "accelerometer",
    "ambient-light-sensor",
    "autoplay",
    "battery",
    "bluetooth",
    "browsing-topics",
    "camera",
    "clipboard-read",
    "clipboard-write",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "gamepad",
    "geolocation",
    "gyroscope",
    "hid",
    "identity-credentials-get",
    "idle-detection",
    "local-fonts",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "picture-in-picture",
    "publickey-credentials-create",
    "publickey-credentials-get",
    "screen-wake-lock",
    "serial",
    "usb",
    "web-share",
    "xr-spatial-tracking",
];

/// Who may use a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Allowlist {
    /// `()`: nobody, not even the page.
    Nobody,
    /// `(self)`: the page and frames of its origin.
    SelfOrigin,
    /// The page and these origins, such as `https://pay.example`.
    Origins(Vec<Cow<'static, str>>),
    /// `*`: every frame.
    Everybody,
}

/// A checked permissions policy (W3C Permissions Policy).
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct PermissionsPolicy {
    value: HeaderValue,
}

impl PermissionsPolicy {
    /// Denies every powerful feature that browsers know.
    pub fn deny_all() -> Self {
        Self::builder().assemble()
    }

    /// Starts from [`deny_all`](Self::deny_all).
    pub fn builder() -> PermissionsPolicyBuilder {
        let features = FEATURES.into_iter().map(|name| (Cow::Borrowed(name), Allowlist::Nobody)).collect();
        PermissionsPolicyBuilder { features }
    }

    pub(super) fn header(self) -> HeaderValue {
        self.value
    }
}

/// Builds a [`PermissionsPolicy`].
#[derive(Clone, Debug)]
#[must_use]
pub struct PermissionsPolicyBuilder {
    features: Vec<(Cow<'static, str>, Allowlist)>,
}

impl PermissionsPolicyBuilder {
    /// Who may use `feature`, in place of what was said before. Features that are not in the list of
    /// [`deny_all`](PermissionsPolicy::deny_all) are added to it.
    pub fn allow(mut self, feature: impl Into<Cow<'static, str>>, who: Allowlist) -> Self {
        let feature = feature.into();
        match self.features.iter_mut().find(|(named, _)| *named == feature) {
            Some((_, allowlist)) => *allowlist = who,
            None => self.features.push((feature, who)),
        }
        self
    }

    /// The policy.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidFeature`] and [`ConfigError::InvalidSource`] for names and origins that cannot stand in the header.
    pub fn build(self) -> Result<PermissionsPolicy, ConfigError> {
        for (feature, allowlist) in &self.features {
            if !is_feature(feature) {
                return Err(ConfigError::InvalidFeature(feature.clone().into_owned()));
            }
            let Allowlist::Origins(origins) = allowlist else { continue };
            if let Some(origin) = origins.iter().find(|origin| !is_bare_origin(origin)) {
                return Err(ConfigError::InvalidSource(origin.clone().into_owned()));
            }
        }
        Ok(self.assemble())
    }

    fn assemble(self) -> PermissionsPolicy {
        let features: Vec<_> = self.features.iter().map(|(name, who)| format!("{name}={}", who.text())).collect();
        // The names and origins were checked: nothing in them is forbidden in a header value.
        let value = HeaderValue::try_from(features.join(", ")).unwrap_or(HeaderValue::from_static(""));
        PermissionsPolicy { value }
    }
}

impl Allowlist {
    fn text(&self) -> String {
        match self {
            Self::Nobody => "()".to_owned(),
            Self::SelfOrigin => "(self)".to_owned(),
            Self::Origins(origins) => {
                let quoted: String = origins.iter().map(|origin| format!(" \"{origin}\"")).collect();
                format!("(self{quoted})")
            }
            Self::Everybody => "*".to_owned(),
        }
    }
}

/// What is both a feature's name and a key of a dictionary (RFC 9651, section 3.2): one wrong key, and browsers drop the whole header.
fn is_feature(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// With a scheme, and without a path.
fn is_bare_origin(text: &str) -> bool {
    text.split_once("://").is_some_and(|(_, authority)| !authority.contains('/')) && is_origin(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deny_all_allows_nobody_anything() {
        let value = PermissionsPolicy::deny_all().header();
        let features: Vec<_> = value.to_str().unwrap().split(", ").collect();
        assert_eq!(features.len(), FEATURES.len());
        assert!(features.iter().all(|feature| feature.ends_with("=()")));
    }

    #[test]
    fn features_are_allowed_one_by_one() {
        let policy = PermissionsPolicy::builder()
            .allow("camera", Allowlist::SelfOrigin)
            .allow("payment", Allowlist::Origins(vec!["https://pay.example".into()]))
            .allow("fullscreen", Allowlist::Everybody)
            .allow("not-known-yet", Allowlist::Nobody)
            .allow("ch-ua-wow64", Allowlist::SelfOrigin)
            .build()
            .unwrap();
        let value = policy.header();
        let features: Vec<_> = value.to_str().unwrap().split(", ").collect();
        for expected in [
            "camera=(self)",
            r#"payment=(self "https://pay.example")"#,
            "fullscreen=*",
            "not-known-yet=()",
            "ch-ua-wow64=(self)",
        ] {
            assert!(features.contains(&expected), "{expected}");
        }
    }

    #[test]
    fn names_and_origins_that_break_the_header_do_not_build() {
        let feature = |name: &'static str| PermissionsPolicy::builder().allow(name, Allowlist::Nobody).build();
        for name in ["", "Camera", "a=()", "a b", "é", "-x", "3d", "*"] {
            assert_eq!(feature(name), Err(ConfigError::InvalidFeature(name.to_owned())));
        }
        for origin in ["pay.example", "https://a\" \"b", "", "https://a.example/", "https://a/b\\", "https://a:+80"] {
            let policy = PermissionsPolicy::builder().allow("usb", Allowlist::Origins(vec![origin.into()]));
            assert_eq!(policy.build(), Err(ConfigError::InvalidSource(origin.to_owned())));
        }
    }
}
