use std::sync::Arc;

use http::{HeaderValue, header};
use tower_layer::Layer;

use super::builder::Builder;
use super::csp::ContentSecurityPolicy;
use super::fields::Fields;
use super::service::SecurityHeaders;

/// Applies [`SecurityHeaders`]. See the [module](super) for what it does.
#[derive(Clone, Debug)]
#[must_use]
pub struct SecurityHeadersLayer {
    fields: Arc<Fields>,
}

impl SecurityHeadersLayer {
    /// For answers that are data: nothing may be loaded, framed or cached.
    pub fn api() -> Self {
        Self::builder()
            .content_security_policy(ContentSecurityPolicy::deny_all())
            .set(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
            .assemble()
    }

    /// For pages, with the policy that fits them. Caching is left to the inner service.
    pub fn html(policy: ContentSecurityPolicy) -> Self {
        Self::builder().content_security_policy(policy).assemble()
    }

    /// Starts from what the presets have in common.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(super) const fn from_fields(fields: Arc<Fields>) -> Self {
        Self { fields }
    }
}

impl<S> Layer<S> for SecurityHeadersLayer {
    type Service = SecurityHeaders<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SecurityHeaders::new(inner, Arc::clone(&self.fields))
    }
}
