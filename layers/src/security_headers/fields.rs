//! The decision: which headers a response gets and loses.

use std::fmt;

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request, header};

use super::csp::ContentSecurityPolicy;
use super::nonce::CspNonce;
use super::set::{Set, set_if_absent};
use crate::{ClientScheme, RequestHead};

pub(super) type Https = dyn Fn(RequestHead<'_>) -> bool + Send + Sync;

/// What the layer was told, ready to be written.
pub(super) struct Fields {
    set: Set,
    /// The same, for a response to a request that came over TLS.
    set_over_tls: Set,
    /// Policies whose text changes with the nonce.
    nonce_policies: Box<[(HeaderName, ContentSecurityPolicy)]>,
    https: Option<Box<Https>>,
}

/// What the request says about its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    scheme: Option<ClientScheme>,
    nonce: Option<CspNonce>,
}

impl Fields {
    pub(super) fn new(
        set: HeaderMap,
        hsts: Option<HeaderValue>,
        strip: &[HeaderName],
        nonce_policies: Box<[(HeaderName, ContentSecurityPolicy)]>,
        https: Option<Box<Https>>,
    ) -> Self {
        let mut over_tls = set.clone();
        set_if_absent(&mut over_tls, &header::STRICT_TRANSPORT_SECURITY, || hsts);
        Self { set: Set::new(set, strip), set_over_tls: Set::new(over_tls, strip), nonce_policies, https }
    }

    pub(super) fn see<B>(&self, request: &mut Request<B>) -> Seen {
        let scheme = match &self.https {
            Some(https) if https(RequestHead::from(&*request)) => Some(ClientScheme::Https),
            Some(_) => Some(ClientScheme::Http),
            None => request.extensions().get().copied(),
        };
        let nonce = if self.nonce_policies.is_empty() { None } else { CspNonce::random() };
        if let Some(nonce) = nonce {
            request.extensions_mut().insert(nonce);
        }
        Seen { scheme, nonce }
    }

    pub(super) fn write(&self, seen: Seen, headers: &mut HeaderMap, extensions: &Extensions) {
        let set = if self.is_https(seen, extensions) { &self.set_over_tls } else { &self.set };
        set.complete(headers);
        for (name, policy) in &self.nonce_policies {
            set_if_absent(headers, name, || Some(policy.header_value(seen.nonce.as_ref())));
        }
    }

    /// A layer further in may know better than the request did; a closure has the last word.
    fn is_https(&self, seen: Seen, extensions: &Extensions) -> bool {
        let found = if self.https.is_some() { None } else { extensions.get().copied() };
        found.or(seen.scheme) == Some(ClientScheme::Https)
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields")
            .field("set", &self.set)
            .field("set_over_tls", &self.set_over_tls)
            .field("nonce_policies", &self.nonce_policies)
            .finish_non_exhaustive()
    }
}
