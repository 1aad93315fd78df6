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
//! | revocation cannot be checked, or there are no keys yet | 503 `service_unavailable`, with `Retry-After` | none |
//!
//! The response carries the [`Refusal`](crate::Refusal) and, for logs and metrics, the exact [`Rejection`] as extensions.
//!
//! # Deployment
//!
//! - The layer belongs inside CORS, so that browsers can read a refusal, and preflight requests need [`Access::Skip`] if they get here.
//! - Keys can be exchanged while requests run: keep the [`KeySetHandle`] and [`store`](KeySetHandle::store) into it. The keys of an issuer
//!   elsewhere are fetched by [`RemoteKeys`], through an HTTP client of yours that implements [`FetchJwks`].
//! - A signature costs 5 to 60 µs. A [`TokenCache`] spares it for tokens that come again; the revocation check still runs for each request.
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
//! Keys fetched from the issuer, and tokens remembered:
//!
//! ```
//! # use bytes::Bytes;
//! # use http::{Request, Response, StatusCode, header};
//! # use http_body_util::Full;
//! # use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use std::time::Duration;
//!
//! use portcullis_layers::jwt_auth::{FetchError, FetchJwks, JwtAuthLayer, RemoteKeys, TokenCache, Validation};
//!
//! struct Issuer;
//!
//! impl FetchJwks for Issuer {
//!     async fn fetch(&self) -> Result<Bytes, FetchError> {
//!         let request = async {
//!             // `client.get("https://issuer.example/jwks").send().await?.error_for_status()?.bytes().await` in earnest.
//!             Ok::<_, std::io::Error>(Bytes::from_static(br#"{"keys": []}"#))
//!         };
//!         let answered = tokio::time::timeout(Duration::from_secs(5), request).await.map_err(FetchError::failed)?;
//!         answered.map_err(FetchError::failed)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keys = RemoteKeys::builder(Issuer)
//!     .on_fetch(|fetched| match fetched {
//!         Ok(jwks) => println!("{} keys, {} skipped", jwks.keys.keys().len(), jwks.skipped.len()),
//!         Err(error) => eprintln!("{error}: the keys stay as they are"),
//!     })
//!     .build();
//! let validation = Validation::<serde_json::Value>::builder().issuer("https://issuer.example").audience("my-api").build()?;
//! let layer = JwtAuthLayer::builder(keys, validation).cache(TokenCache::new(10_000)).build()?;
//! # let service = ServiceBuilder::new().layer(layer).service(service_fn(|_: Request<Full<Bytes>>| async {
//! #     Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
//! # }));
//! # let token = "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6IjEifQ.e30.AA";
//! # let stranger = Request::get("/").header(header::AUTHORIZATION, format!("Bearer {token}")).body(Full::default())?;
//! # assert_eq!(service.oneshot(stranger).await?.status(), StatusCode::UNAUTHORIZED);
//! # Ok(())
//! # }
//! ```
//!
//! Keys from a JWK Set at hand, a policy per request, and a revocation check that hands on what it loaded:
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
mod cache;
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
mod remote;
mod revocation;
mod service;
mod token;
mod validation;
mod verified;

pub use access::Access;
pub use cache::{TokenCache, TokenCacheHandle};
pub use error::ConfigError;
pub use future::ResponseFuture;
pub use jsonwebtoken::{Algorithm, DecodingKey};
pub use jwks::{Jwks, NotJwks, SkipReason, SkippedKey};
pub use key::{KeyError, VerifyingKey};
pub use keys::{KeySet, KeySetHandle, KeySource, Refresh};
pub use layer::{Builder, JwtAuthLayer};
pub use rejection::{Fault, Rejection};
pub use remote::{FetchError, FetchJwks, RemoteKeys, RemoteKeysBuilder};
pub use revocation::{CheckRevocation, Denied, NoRevocation, OnUnavailable};
pub use service::JwtAuth;
pub use validation::{Validation, ValidationBuilder};
pub use verified::Verified;
