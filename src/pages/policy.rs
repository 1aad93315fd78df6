//! What browsers may do with our pages.

use std::sync::LazyLock;

use http::HeaderValue;
use portcullis_layers::security_headers::{ContentSecurityPolicy, ContentSecurityPolicyBuilder, Directive, Source};

/// For the pages where links in mails land: besides, no text becomes markup or a script.
pub static LINKS: LazyLock<HeaderValue> = LazyLock::new(|| {
    let no_policies: [&str; 0] = [];
    value(own_files([Source::SelfOrigin]).require_trusted_types_for_script().trusted_types(no_policies))
});

/// For Swagger UI, whose style sheet has its icons inside.
pub static DOCS: LazyLock<HeaderValue> =
    LazyLock::new(|| value(own_files([Source::SelfOrigin, Source::Scheme("data".into())])));

/// Nothing inline, nothing from elsewhere, in nobody's frame. Forms are sent by scripts.
fn own_files(images: impl IntoIterator<Item = Source>) -> ContentSecurityPolicyBuilder {
    ContentSecurityPolicy::builder()
        .allow(Directive::DefaultSrc, [Source::None])
        .allow(Directive::ScriptSrc, [Source::SelfOrigin])
        .allow(Directive::StyleSrc, [Source::SelfOrigin])
        .allow(Directive::ImgSrc, images)
        .allow(Directive::ConnectSrc, [Source::SelfOrigin])
        .allow(Directive::BaseUri, [Source::None])
        .allow(Directive::FormAction, [Source::None])
        .allow(Directive::FrameAncestors, [Source::None])
}

/// A policy that made no sense would allow nothing at all.
fn value(policy: ContentSecurityPolicyBuilder) -> HeaderValue {
    policy.build().unwrap_or_else(|_| ContentSecurityPolicy::deny_all()).header_value(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_policies_are_those_that_were_meant() {
        let common = |images: &str| {
            format!(
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; connect-src 'self'; \
                 base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            )
        };
        assert_eq!(*DOCS, common("'self' data:"));
        let trusted_types = "require-trusted-types-for 'script'; trusted-types 'none'";
        assert_eq!(*LINKS, format!("{}; {trusted_types}", common("'self'")));
    }
}
