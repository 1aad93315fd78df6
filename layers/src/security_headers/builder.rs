use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::csp::ContentSecurityPolicy;
use super::error::ConfigError;
use super::fields::{Fields, Https};
use super::hsts::Hsts;
use super::layer::SecurityHeadersLayer;
use super::permissions::PermissionsPolicy;
use crate::RequestHead;

/// What [`html`](SecurityHeadersLayer::html) and [`api`](SecurityHeadersLayer::api) have in common, apart from the permissions policy.
const BASE: [(HeaderName, &str); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("x-permitted-cross-domain-policies"), "none"),
    (header::X_XSS_PROTECTION, "0"),
];
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Headers that frame the message or belong to one connection.
const RESERVED: [HeaderName; 8] = [
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// Builds a [`SecurityHeadersLayer`].
#[must_use]
pub struct Builder {
    set: Vec<(HeaderName, HeaderValue)>,
    strip: Vec<HeaderName>,
    hsts: Option<Hsts>,
    policies: Vec<(HeaderName, ContentSecurityPolicy)>,
    https: Option<Box<Https>>,
}

impl Builder {
    pub(super) fn new() -> Self {
        let base = BASE.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value)));
        Self {
            set: base.chain([(PERMISSIONS_POLICY, PermissionsPolicy::deny_all().header())]).collect(),
            strip: vec![header::SERVER, HeaderName::from_static("x-powered-by")],
            hsts: Some(Hsts::default()),
            policies: Vec::new(),
            https: None,
        }
    }

    /// `Content-Security-Policy`. Default: none.
    pub fn content_security_policy(self, policy: ContentSecurityPolicy) -> Self {
        self.policy(header::CONTENT_SECURITY_POLICY, policy)
    }

    /// `Content-Security-Policy-Report-Only`. Default: none.
    pub fn content_security_policy_report_only(self, policy: ContentSecurityPolicy) -> Self {
        self.policy(header::CONTENT_SECURITY_POLICY_REPORT_ONLY, policy)
    }

    /// `Permissions-Policy`. Default: [`PermissionsPolicy::deny_all`].
    pub fn permissions_policy(self, policy: PermissionsPolicy) -> Self {
        self.set(PERMISSIONS_POLICY, policy.header())
    }

    /// `Strict-Transport-Security`, where the request came over TLS; `None` for never. Default: two years, with subdomains.
    pub fn hsts(mut self, hsts: impl Into<Option<Hsts>>) -> Self {
        self.set.retain(|(set, _)| set != header::STRICT_TRANSPORT_SECURITY);
        self.hsts = hsts.into();
        self
    }

    /// Decides in place of [`ClientScheme`](crate::ClientScheme) whether a request came over TLS.
    pub fn https(mut self, https: impl Fn(RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.https = Some(Box::new(https));
        self
    }

    /// Any header, in place of the value it had. `Strict-Transport-Security` is still sent over TLS alone.
    pub fn set(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self = self.without(&name);
        self.set.push((name, value));
        self
    }

    /// Neither sets nor strips this header.
    pub fn without(mut self, name: &HeaderName) -> Self {
        self.set.retain(|(set, _)| set != name);
        self.policies.retain(|(set, _)| set != name);
        self.strip.retain(|stripped| stripped != name);
        self.hsts = self.hsts.filter(|_| name != header::STRICT_TRANSPORT_SECURITY);
        self
    }

    /// Removes a header from every response. Default: `Server` and `X-Powered-By`.
    pub fn strip(mut self, name: HeaderName) -> Self {
        self.strip.push(name);
        self
    }

    /// The layer.
    ///
    /// # Errors
    ///
    /// [`ConfigError::ReservedHeader`] and [`ConfigError::SetAndStripped`] for headers that cannot be configured so,
    /// [`ConfigError::NotPreloadable`] for an HSTS that no preload list takes.
    pub fn build(self) -> Result<SecurityHeadersLayer, ConfigError> {
        let named = || self.set.iter().map(|(name, _)| name);
        if let Some(name) = named().chain(&self.strip).find(|name| RESERVED.contains(name)) {
            return Err(ConfigError::ReservedHeader(name.clone()));
        }
        let set = named().chain(self.policies.iter().map(|(name, _)| name));
        let hsts = self.hsts.map(|_| &header::STRICT_TRANSPORT_SECURITY);
        if let Some(name) = set.chain(hsts).find(|name| self.strip.contains(name)) {
            return Err(ConfigError::SetAndStripped(name.clone()));
        }
        self.hsts.map_or(Ok(()), Hsts::check)?;
        Ok(self.assemble())
    }

    /// Without the checks: presets are known to pass them.
    pub(super) fn assemble(self) -> SecurityHeadersLayer {
        let (nonce_policies, policies): (Vec<_>, Vec<_>) =
            self.policies.into_iter().partition(|(_, policy)| policy.has_nonce());
        let policies = policies.into_iter().map(|(name, policy)| (name, policy.header_value(None)));
        let mut set = HeaderMap::new();
        for (name, value) in policies.chain(self.set) {
            let _full = set.try_insert(name, value);
        }
        let hsts = set.remove(header::STRICT_TRANSPORT_SECURITY).or_else(|| self.hsts.map(Hsts::header));
        let fields = Fields::new(set, hsts, &self.strip, nonce_policies.into(), self.https);
        SecurityHeadersLayer::from_fields(Arc::new(fields))
    }

    fn policy(mut self, name: HeaderName, policy: ContentSecurityPolicy) -> Self {
        self = self.without(&name);
        self.policies.push((name, policy));
        self
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("set", &self.set)
            .field("strip", &self.strip)
            .field("hsts", &self.hsts)
            .field("policies", &self.policies)
            .finish_non_exhaustive()
    }
}
