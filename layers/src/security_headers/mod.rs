//! Sets the response headers that make browsers strict, and removes those that tell too much.
//!
//! # Conditions
//!
//! 1. Each header is set where the response has none of that name; a value that the inner service chose is never overwritten.
//! 2. `Strict-Transport-Security` is set only if the request came over TLS: [`ClientScheme::Https`](crate::ClientScheme) in the extensions
//!    of the response or the request, or what the closure given to [`https`](Builder::https) says. Over plain text it
//!    would be ignored at best (RFC 6797, section 7.2).
//! 3. A policy that contains [`Source::Nonce`] gets a new nonce per request, which the inner service finds as [`CspNonce`] in the request
//!    extensions. If the system has no randomness, the nonce stays away and the policy then allows no nonce at all.
//! 4. `Server` and `X-Powered-By` are removed.
//!
//! # Presets
//!
//! | header | [`api`](SecurityHeadersLayer::api) | [`html`](SecurityHeadersLayer::html) |
//! |---|---|---|
//! | `content-security-policy` | `default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'` | as given |
//! | `cache-control` | `no-store` | |
//! | `strict-transport-security` (TLS only) | `max-age=63072000; includeSubDomains` | same |
//! | `x-content-type-options` | `nosniff` | same |
//! | `x-frame-options` | `DENY` | same |
//! | `referrer-policy` | `no-referrer` | same |
//! | `cross-origin-resource-policy` | `same-origin` | same |
//! | `cross-origin-opener-policy` | `same-origin` | same |
//! | `permissions-policy` | [denies every feature](PermissionsPolicy::deny_all) | same |
//! | `x-permitted-cross-domain-policies` | `none` | same |
//! | `x-xss-protection` | `0` | same |
//!
//! The values follow the OWASP Secure Headers Project. All of them are computed and checked when the layer is built.
//!
//! # Deployment
//!
//! Place the layer outside everything that answers by itself, so that refusals carry the headers too. Where TLS ends in front of the app,
//! something must say so: `client_ip` believes a trusted proxy, an app that accepts TLS inserts the extension itself. A handler whose page
//! needs another policy builds one and sets its [`header_value`](ContentSecurityPolicy::header_value).
//!
//! # Examples
//!
//! ```
//! use http::{Request, Response};
//! use portcullis_layers::ClientScheme;
//! use portcullis_layers::security_headers::SecurityHeadersLayer;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = ServiceBuilder::new()
//!     .layer(SecurityHeadersLayer::api())
//!     .service(service_fn(async |_: Request<()>| Ok::<_, std::convert::Infallible>(Response::new("{}"))));
//!
//! let request = Request::builder().extension(ClientScheme::Https).body(())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.headers()["cache-control"], "no-store");
//! assert_eq!(response.headers()["strict-transport-security"], "max-age=63072000; includeSubDomains");
//! # Ok(())
//! # }
//! ```
//!
//! For pages with a script of their own, and a header more:
//!
//! ```
//! # use http::{Request, Response};
//! # use tower::{Layer, ServiceExt, service_fn};
//! use http::{HeaderName, HeaderValue};
//! use portcullis_layers::security_headers::{
//!     ContentSecurityPolicy, CspNonce, Directive, SecurityHeadersLayer, Source,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = ContentSecurityPolicy::builder()
//!     .allow(Directive::DefaultSrc, [Source::None])
//!     .allow(Directive::ScriptSrc, [Source::Nonce, Source::StrictDynamic])
//!     .allow(Directive::ConnectSrc, [Source::SelfOrigin])
//!     .allow(Directive::BaseUri, [Source::None])
//!     .allow(Directive::FrameAncestors, [Source::None])
//!     .build()?;
//! let layer = SecurityHeadersLayer::builder()
//!     .content_security_policy(policy)
//!     .set(HeaderName::from_static("cross-origin-embedder-policy"), HeaderValue::from_static("require-corp"))
//!     .build()?;
//!
//! let service = layer.layer(service_fn(async |request: Request<()>| {
//!     let nonce = request.extensions().get::<CspNonce>().map(|nonce| nonce.as_str().to_owned()).unwrap_or_default();
//!     Ok::<_, std::convert::Infallible>(Response::new(nonce))
//! }));
//! let response = service.oneshot(Request::new(())).await?;
//! let policy = response.headers()["content-security-policy"].to_str()?;
//! assert!(policy.contains(&format!("script-src 'nonce-{}' 'strict-dynamic';", response.body())));
//! assert_eq!(response.headers()["cross-origin-embedder-policy"], "require-corp");
//! # Ok(())
//! # }
//! ```

mod builder;
mod csp;
mod error;
mod fields;
mod future;
mod hsts;
mod layer;
mod nonce;
mod permissions;
mod service;
mod set;
mod source;
mod tokens;

pub use builder::Builder;
pub use csp::{ContentSecurityPolicy, ContentSecurityPolicyBuilder, Directive};
pub use error::ConfigError;
pub use future::ResponseFuture;
pub use hsts::Hsts;
pub use layer::SecurityHeadersLayer;
pub use nonce::CspNonce;
pub use permissions::{Allowlist, PermissionsPolicy, PermissionsPolicyBuilder};
pub use service::SecurityHeaders;
pub use source::Source;
