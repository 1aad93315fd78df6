use std::borrow::Cow;
use std::fmt;

use http::HeaderValue;

use super::error::ConfigError;
use super::nonce::CspNonce;
use super::source::Source;
use super::tokens::TokenDirective;

/// A nonce source without its nonce, as [`Source::Nonce`] displays. No other source may contain a quote, so it marks the place.
const NONCE: &str = "'nonce-'";

/// A directive of a content security policy that takes sources (CSP Level 3, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is the header's directive of the same name")]
pub enum Directive {
    DefaultSrc,
    ScriptSrc,
    ScriptSrcElem,
    ScriptSrcAttr,
    StyleSrc,
    StyleSrcElem,
    StyleSrcAttr,
    ImgSrc,
    FontSrc,
    ConnectSrc,
    MediaSrc,
    ObjectSrc,
    FrameSrc,
    ChildSrc,
    WorkerSrc,
    ManifestSrc,
    BaseUri,
    FormAction,
    FrameAncestors,
}

impl Directive {
    const fn name(self) -> &'static str {
        match self {
            Self::DefaultSrc => "default-src",
            Self::ScriptSrc => "script-src",
            Self::ScriptSrcElem => "script-src-elem",
            Self::ScriptSrcAttr => "script-src-attr",
            Self::StyleSrc => "style-src",
            Self::StyleSrcElem => "style-src-elem",
            Self::StyleSrcAttr => "style-src-attr",
            Self::ImgSrc => "img-src",
            Self::FontSrc => "font-src",
            Self::ConnectSrc => "connect-src",
            Self::MediaSrc => "media-src",
            Self::ObjectSrc => "object-src",
            Self::FrameSrc => "frame-src",
            Self::ChildSrc => "child-src",
            Self::WorkerSrc => "worker-src",
            Self::ManifestSrc => "manifest-src",
            Self::BaseUri => "base-uri",
            Self::FormAction => "form-action",
            Self::FrameAncestors => "frame-ancestors",
        }
    }

    /// `default-src` stands in for the script and style directives, `worker-src` falls back to them.
    fn governs_code(self) -> bool {
        let name = self.name();
        name.starts_with("script-") || name.starts_with("style-") || matches!(self, Self::DefaultSrc | Self::WorkerSrc)
    }
}

impl fmt::Display for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A checked content security policy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ContentSecurityPolicy {
    /// The policy's text, cut open wherever a nonce source goes.
    pieces: Vec<String>,
}

impl ContentSecurityPolicy {
    /// Starts without directives.
    pub const fn builder() -> ContentSecurityPolicyBuilder {
        ContentSecurityPolicyBuilder { directives: Vec::new(), others: Vec::new(), upgrade_insecure_requests: false }
    }

    /// For answers that are no pages: `default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`.
    pub fn deny_all() -> Self {
        let directives = [Directive::DefaultSrc, Directive::FrameAncestors, Directive::BaseUri, Directive::FormAction];
        let directives = directives.into_iter().map(|directive| (directive, vec![Source::None])).collect();
        ContentSecurityPolicyBuilder { directives, ..Self::builder() }.assemble()
    }

    pub(super) const fn has_nonce(&self) -> bool {
        self.pieces.len() > 1
    }

    /// The value of the header, for a response that wants another policy than the layer sets. Without a nonce its sources read `'nonce-'`,
    /// which matches nothing.
    #[must_use]
    pub fn header_value(&self, nonce: Option<&CspNonce>) -> HeaderValue {
        let source = nonce.map_or(NONCE.to_owned(), |nonce| format!("'nonce-{}'", nonce.as_str()));
        // All parts were checked: nothing in them is forbidden in a header value.
        HeaderValue::try_from(self.pieces.join(&source)).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    }
}

/// Builds a [`ContentSecurityPolicy`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ContentSecurityPolicyBuilder {
    directives: Vec<(Directive, Vec<Source>)>,
    others: Vec<TokenDirective>,
    upgrade_insecure_requests: bool,
}

impl ContentSecurityPolicyBuilder {
    /// The sources of a directive, in place of those named before.
    pub fn allow(mut self, directive: Directive, sources: impl IntoIterator<Item = Source>) -> Self {
        self.directives.retain(|(named, _)| *named != directive);
        self.directives.push((directive, sources.into_iter().collect()));
        self
    }

    /// Adds `require-trusted-types-for 'script'`: no plain text becomes markup or a script (Trusted Types).
    pub fn require_trusted_types_for_script(self) -> Self {
        self.with(TokenDirective::require_trusted_types_for_script())
    }

    /// Adds `trusted-types` with the names of the policies that scripts may create, `*` or `'allow-duplicates'`; without any, `'none'`.
    pub fn trusted_types<T: Into<Cow<'static, str>>>(self, policies: impl IntoIterator<Item = T>) -> Self {
        self.with(TokenDirective::trusted_types(policies.into_iter().map(Into::into).collect()))
    }

    /// Adds `sandbox` with what it allows, such as `allow-scripts`. Without effect in a policy that only reports.
    pub fn sandbox<T: Into<Cow<'static, str>>>(self, allowed: impl IntoIterator<Item = T>) -> Self {
        self.with(TokenDirective::sandbox(allowed.into_iter().map(Into::into).collect()))
    }

    /// Adds `report-to` with the name of an endpoint that the `Reporting-Endpoints` header defines.
    pub fn report_to(self, endpoint: impl Into<Cow<'static, str>>) -> Self {
        self.with(TokenDirective::report_to(endpoint.into()))
    }

    /// Adds `report-uri`, for browsers that do not know `report-to`: where violations are sent, as URI references.
    pub fn report_uri<T: Into<Cow<'static, str>>>(self, uris: impl IntoIterator<Item = T>) -> Self {
        self.with(TokenDirective::report_uri(uris.into_iter().map(Into::into).collect()))
    }

    fn with(mut self, directive: TokenDirective) -> Self {
        self.others.retain(|named| !named.is_same(&directive));
        self.others.push(directive);
        self
    }

    /// Adds `upgrade-insecure-requests`.
    pub fn upgrade_insecure_requests(mut self) -> Self {
        self.upgrade_insecure_requests = true;
        self
    }

    /// The policy.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the first directive or source that is malformed, contradicts another or has no meaning where it stands.
    pub fn build(self) -> Result<ContentSecurityPolicy, ConfigError> {
        if self.directives.is_empty() && self.others.is_empty() && !self.upgrade_insecure_requests {
            return Err(ConfigError::EmptyPolicy);
        }
        self.others.iter().try_for_each(TokenDirective::check)?;
        for (directive, sources) in &self.directives {
            check(*directive, sources)?;
        }
        Ok(self.assemble())
    }

    fn assemble(self) -> ContentSecurityPolicy {
        let mut directives: Vec<_> = self.directives.iter().map(directive_text).collect();
        if self.upgrade_insecure_requests {
            directives.push("upgrade-insecure-requests".to_owned());
        }
        directives.extend(self.others.iter().map(ToString::to_string));
        let text = directives.join("; ");
        ContentSecurityPolicy { pieces: text.split(NONCE).map(str::to_owned).collect() }
    }
}

fn directive_text((directive, sources): &(Directive, Vec<Source>)) -> String {
    let sources: String = sources.iter().map(|source| format!(" {source}")).collect();
    format!("{directive}{sources}")
}

fn check(directive: Directive, sources: &[Source]) -> Result<(), ConfigError> {
    if sources.is_empty() {
        return Err(ConfigError::NoSources(directive));
    }
    if sources.len() > 1 && sources.contains(&Source::None) {
        return Err(ConfigError::NoneBesideOthers(directive));
    }
    for source in sources {
        source.check()?;
        if source.is_for_code() && !directive.governs_code() {
            return Err(ConfigError::MisplacedSource(directive, source.to_string()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(policy: &ContentSecurityPolicy, nonce: Option<&CspNonce>) -> String {
        policy.header_value(nonce).to_str().unwrap().to_owned()
    }

    #[test]
    fn the_deny_all_policy_is_the_one_of_the_table() {
        let policy = ContentSecurityPolicy::deny_all();
        assert_eq!(
            text(&policy, None),
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        );
        assert!(!policy.has_nonce());
    }

    #[test]
    fn the_nonce_stands_wherever_it_was_named() {
        let policy = ContentSecurityPolicy::builder()
            .allow(Directive::ScriptSrc, [Source::Nonce, Source::StrictDynamic])
            .allow(Directive::StyleSrc, [Source::SelfOrigin, Source::Nonce])
            .upgrade_insecure_requests()
            .build()
            .unwrap();
        let nonce = CspNonce::new([0x5a; 16]);
        let n = nonce.as_str();
        assert_eq!(
            text(&policy, Some(&nonce)),
            format!("script-src 'nonce-{n}' 'strict-dynamic'; style-src 'self' 'nonce-{n}'; upgrade-insecure-requests")
        );
        assert!(text(&policy, None).starts_with("script-src 'nonce-' 'strict-dynamic'"));
    }

    #[test]
    fn a_directive_named_again_replaces_its_sources() {
        let policy = ContentSecurityPolicy::builder()
            .allow(Directive::ImgSrc, [Source::SelfOrigin])
            .allow(Directive::ImgSrc, [Source::Scheme("data".into()), Source::Origin("https://i.example".into())])
            .build()
            .unwrap();
        assert_eq!(text(&policy, None), "img-src data: https://i.example");
    }

    #[test]
    fn directives_without_sources_follow_and_replace_each_other() {
        let policy = ContentSecurityPolicy::builder()
            .report_to("old")
            .trusted_types(["lit-html", "'allow-duplicates'"])
            .trusted_types([""; 0])
            .allow(Directive::ScriptSrc, [Source::SelfOrigin])
            .require_trusted_types_for_script()
            .sandbox(["allow-scripts", "allow-top-navigation-by-user-activation"])
            .report_uri(["/reports", "https://reports.example/csp?app=1"])
            .report_to("default")
            .build()
            .unwrap();
        assert_eq!(
            text(&policy, None),
            "script-src 'self'; trusted-types 'none'; require-trusted-types-for 'script'; \
             sandbox allow-scripts allow-top-navigation-by-user-activation; \
             report-uri /reports https://reports.example/csp?app=1; report-to default"
        );
    }

    #[test]
    fn contradictions_do_not_build() {
        let build = |directive, sources: &[Source]| {
            ContentSecurityPolicy::builder().allow(directive, sources.to_vec()).build().unwrap_err()
        };
        assert_eq!(ContentSecurityPolicy::builder().build(), Err(ConfigError::EmptyPolicy));
        assert_eq!(build(Directive::ImgSrc, &[]), ConfigError::NoSources(Directive::ImgSrc));
        assert_eq!(
            build(Directive::ImgSrc, &[Source::None, Source::SelfOrigin]),
            ConfigError::NoneBesideOthers(Directive::ImgSrc)
        );
        assert_eq!(
            build(Directive::FrameAncestors, &[Source::Nonce]),
            ConfigError::MisplacedSource(Directive::FrameAncestors, "'nonce-'".to_owned())
        );
        assert_eq!(
            build(Directive::ScriptSrc, &[Source::Origin("x; object-src *".into())]),
            ConfigError::InvalidSource("x; object-src *".to_owned())
        );
    }
}
