//! Finds the address of the client behind known proxies.
//!
//! # Conditions
//!
//! 1. The peer is the address of the socket's other end: the [`PeerAddr`](crate::PeerAddr) extension, or what a closure says. Without one
//!    the request passes untouched.
//! 2. A peer outside the trusted networks is the client; forwarding headers are not looked at.
//! 3. Behind a trusted peer the elements of the one configured header, all its lines joined, are walked from right to left. Each proxy
//!    appends the address that it saw, so an element is as good as the hop to its right: the walk goes on while the hops are trusted and
//!    ends with the first that is not. That one is the client.
//! 4. An element that holds no address (`unknown`, an obfuscated `_name`, garbage) ends the walk at the last trusted hop, and so do 32
//!    elements.
//! 5. The scheme is taken from the same hop: `proto=` of the `Forwarded` element, or the field of `X-Forwarded-Proto` at the same
//!    distance from the right (its leftmost if it has fewer, as a proxy that overwrites it leaves one).
//!
//! The result is put into the extensions of the request: [`ClientIp`](crate::ClientIp), and [`ClientScheme`](crate::ClientScheme) where a
//! trusted hop named it. IPv4-mapped IPv6 addresses become IPv4.
//!
//! Layers further out find it in the extensions of the response: the scheme always, the address where the response is a refusal (it
//! carries a [`Refusal`](crate::Refusal)) or where they put [`WantsClientIp`](crate::WantsClientIp) into the request.
//!
//! # Deployment
//!
//! Trust exactly the networks your proxies connect from, and configure the header that the outermost of them writes itself: a header that
//! it merely passes on comes from the client.
//!
//! # Examples
//!
//! ```
//! use std::net::SocketAddr;
//!
//! use http::{Request, Response};
//! use portcullis_layers::client_ip::ClientIpLayer;
//! use portcullis_layers::{ClientIp, PeerAddr};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let layer = ClientIpLayer::builder().trusted(["10.0.0.0/8".parse()?]).build()?;
//! let service = ServiceBuilder::new().layer(layer).service(service_fn(async |request: Request<()>| {
//!     Ok::<_, std::convert::Infallible>(Response::new(request.extensions().get::<ClientIp>().copied()))
//! }));
//!
//! let request = Request::builder()
//!     .extension(PeerAddr(SocketAddr::from(([10, 0, 0, 1], 54_321))))
//!     .header("x-forwarded-for", "6.6.6.6, 203.0.113.9")
//!     .body(())?;
//! let client = service.oneshot(request).await?.into_body();
//! assert_eq!(client, Some(ClientIp("203.0.113.9".parse()?)));
//! # Ok(())
//! # }
//! ```
//!
//! With the standard header, and a peer that the server framework knows under another type:
//!
//! ```
//! # use http::{Request, Response};
//! # use tower::{Layer, ServiceExt, service_fn};
//! use std::net::IpAddr;
//!
//! use portcullis_layers::ClientIp;
//! use portcullis_layers::client_ip::{ClientIpLayer, ForwardedHeader};
//!
//! # #[derive(Clone)]
//! struct RemoteAddr(IpAddr);
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let layer = ClientIpLayer::builder()
//!     .header(ForwardedHeader::Forwarded)
//!     .trusted(["fd00::/8".parse()?])
//!     .peer(|extensions| extensions.get::<RemoteAddr>().map(|remote| remote.0))
//!     .build()?;
//!
//! # let service = layer.layer(service_fn(async |request: Request<()>| {
//! #     let client = request.extensions().get::<ClientIp>().copied();
//! #     Ok::<_, std::convert::Infallible>(Response::new(client))
//! # }));
//! let request = Request::get("/").header("forwarded", "for=203.0.113.9").extension(RemoteAddr("fd00::1".parse()?));
//! let response = service.oneshot(request.body(())?).await?;
//! assert_eq!(*response.body(), Some(ClientIp("203.0.113.9".parse()?)));
//! # Ok(())
//! # }
//! ```

mod elements;
mod forwarded;
mod future;
mod layer;
mod service;
mod walk;

pub use future::ResponseFuture;
pub use ipnet::IpNet;
pub use layer::{Builder, ClientIpLayer, ConfigError, ForwardedHeader};
pub use service::FindClientIp;
