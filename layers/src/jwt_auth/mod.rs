//! Bearer-token authentication with signed JSON Web Tokens (RFC 6750, RFC 7519, RFC 9068).
//!
//! The layer finds out *who* is asking. A request with a good token goes on with a [`Verified`] in its extensions; any other gets the
//! answer that RFC 6750 §3 describes. *Whether* the caller may do what it asks is left to the app, except for scopes.
//!
//! # Conditions
//!
//! 1. The [`access`](Builder::access) closure says what the request needs. [`Access::Skip`] ends here: the header is not even looked at.
//! 2. There is exactly one `Authorization` header of the form `Bearer <token>`, the scheme in any case. Another scheme counts as no token.
//! 3. The token is no longer than [`max_token_len`](Builder::max_token_len).
//! 4. The token satisfies the [`Validation`], which lists its own conditions. The algorithm comes from the key, never from the token; a key
//!    or an address of keys inside the token (`jwk`, `jku`, `x5c`, `x5u`) is ignored.
//! 5. The token grants every scope of [`Access::RequiredScopes`].
//! 6. The [`CheckRevocation`] of the app, if there is one, lets it pass.
//!
//! # Answers
//!
//! | what happened | status, code | challenge in `WWW-Authenticate` |
//! |---|---|---|
//! | no token | 401 `missing_token` | `Bearer realm="api"` |
//! | header repeated or malformed | 400 `invalid_request` | … `error="invalid_request"` |
//! | token invalid | 401 `invalid_token` | … `error="invalid_token"` |
//! | token expired, and nothing else is wrong | 401 `token_expired` | … `error="invalid_token"` |
//! | token revoked | 401 `token_revoked` | … `error="invalid_token"` |
//! | a scope is missing | 403 `forbidden` | … `error="insufficient_scope", scope="…"` |
//! | revocation cannot be checked | 503 `service_unavailable`, with `Retry-After` | none |
//!
//! The response carries the [`Refusal`](crate::Refusal) and, for logs and metrics, the exact [`Rejection`] as extensions.
//!
//! # Deployment
//!
//! - The layer belongs inside CORS, so that browsers can read a refusal, and preflight requests need [`Access::Skip`] if they get here.
//! - Keys can be exchanged while requests run: keep the [`KeySetHandle`] and [`store`](KeySetHandle::store) into it. Keys that are fetched
//!   on demand implement [`KeySource`].
//! - Servers whose clocks differ by more than the [`leeway`](ValidationBuilder::leeway) refuse each other's fresh tokens.
//! - The header value is marked sensitive, so that `Debug` output of the request hides it.
//! - Signatures are checked by aws-lc-rs. No process-wide crypto provider is installed or needed.
//!
//! # Examples
//!
//! Required tokens, one secret:
//!
//! ```
//! # use bytes::Bytes;
//! # use http::{Request, Response, StatusCode, header};
//! # use http_body_util::Full;
//! # use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use portcullis_layers::jwt_auth::{Algorithm, JwtAuthLayer, KeySet, KeySetHandle, Validation, Verified, VerifyingKey};
//!
//! #[derive(serde::Deserialize)]
//! struct Claims {
//!     sub: String,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = VerifyingKey::from_secret(Algorithm::HS256, b"a secret of at least 32 bytes...")?;
//! let keys = KeySetHandle::new(KeySet::new([key])?);
//! let validation = Validation::<Claims>::builder().issuer("https://issuer.example").audience("my-api").build()?;
//! let layer = JwtAuthLayer::builder(keys, validation).build()?;
//!
//! let service = ServiceBuilder::new().layer(layer).service(service_fn(|request: Request<Full<Bytes>>| async move {
//!     // The layer lets no request through without it.
//!     let who = request.extensions().get::<Verified<Claims>>().map_or("", |token| &token.claims().sub);
//!     Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from(format!("hello {who}"))))
//! }));
//!
//! let refused = service.oneshot(Request::new(Full::default())).await?;
//! assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
//! assert_eq!(refused.headers()[header::WWW_AUTHENTICATE], r#"Bearer realm="api""#);
//! # Ok(())
//! # }
//! ```
//!
//! Keys from a JWK Set, a policy per request, and a revocation check that hands on what it loaded:
//!
//! ```
//! # use bytes::Bytes;
//! # use http::{Extensions, Request, Response, StatusCode};
//! # use http_body_util::Full;
//! # use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use portcullis_layers::jwt_auth::{
//!     Access, CheckRevocation, Denied, Jwks, JwtAuthLayer, KeySetHandle, Validation, Verified,
//! };
//!
//! #[derive(serde::Deserialize)]
//! struct Claims {
//!     sub: String,
//! }
//!
//! #[derive(Clone)]
//! struct User(String);
//!
//! struct Users;
//!
//! impl CheckRevocation<Claims> for Users {
//!     async fn check(&self, token: &Verified<Claims>, extensions: &mut Extensions) -> Result<(), Denied> {
//!         // Asks a database in earnest; `Denied::Unavailable` if that does not answer.
//!         if token.claims().sub == "mallory" {
//!             return Err(Denied::Revoked);
//!         }
//!         extensions.insert(User(token.claims().sub.clone()));
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let jwks = Jwks::parse(br#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "2026",
//!     "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
//! assert!(jwks.skipped.is_empty());
//! let validation = Validation::<Claims>::builder().issuer("https://issuer.example").audience("my-api").build()?;
//! let layer = JwtAuthLayer::builder(KeySetHandle::new(jwks.keys), validation)
//!     .access(|request| match request.uri.path() {
//!         "/health" => Access::Skip,
//!         "/admin" => Access::RequiredScopes(&["admin"]),
//!         _ => Access::Required,
//!     })
//!     .revocation(Users)
//!     .build()?;
//!
//! let service = ServiceBuilder::new()
//!     .layer(layer)
//!     .service(service_fn(|_: Request<Full<Bytes>>| async { Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default())) }));
//!
//! let health = Request::get("/health").body(Full::default())?;
//! assert_eq!(service.oneshot(health).await?.status(), StatusCode::OK);
//! # Ok(())
//! # }
//! ```

mod access;
mod bearer;
mod challenge;
mod claims;
mod config;
mod error;
mod future;
mod jwks;
mod key;
mod keys;
mod layer;
mod rejection;
mod revocation;
mod service;
mod token;
mod validation;
mod verified;

pub use access::Access;
pub use error::ConfigError;
pub use future::ResponseFuture;
pub use jsonwebtoken::{Algorithm, DecodingKey};
pub use jwks::{Jwks, NotJwks, SkipReason, SkippedKey};
pub use key::{KeyError, VerifyingKey};
pub use keys::{KeySet, KeySetHandle, KeySource, Refresh};
pub use layer::{Builder, JwtAuthLayer};
pub use rejection::{Fault, Rejection};
pub use revocation::{CheckRevocation, Denied, NoRevocation, OnUnavailable};
pub use service::JwtAuth;
pub use validation::{Validation, ValidationBuilder};
pub use verified::Verified;
