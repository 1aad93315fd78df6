//! The decision: which headers a response gets and loses.

use std::fmt;

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request, header};

use super::csp::ContentSecurityPolicy;
use super::nonce::CspNonce;
use crate::{ClientScheme, RequestHead};

pub(super) type Https = dyn Fn(RequestHead<'_>) -> bool + Send + Sync;

/// What the layer was told, ready to be written.
pub(super) struct Fields {
    pub(super) set: Box<[(HeaderName, HeaderValue)]>,
    pub(super) strip: Box<[HeaderName]>,
    pub(super) hsts: Option<HeaderValue>,
    /// Policies whose text changes with the nonce.
    pub(super) nonce_policies: Box<[(HeaderName, ContentSecurityPolicy)]>,
    pub(super) https: Option<Box<Https>>,
}

/// What the request says about its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    scheme: Option<ClientScheme>,
    nonce: Option<CspNonce>,
}

impl Fields {
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

    /// A header map that is full (32 768 fields) gets no more.
    pub(super) fn write(&self, seen: Seen, headers: &mut HeaderMap, extensions: &Extensions) {
        for name in &self.strip {
            headers.remove(name);
        }
        // Grown once: at most two allocations, however many headers follow.
        let _full = headers.try_reserve(self.set.len() + self.nonce_policies.len() + 1);
        for (name, value) in &self.set {
            set_if_absent(headers, name, || Some(value.clone()));
        }
        for (name, policy) in &self.nonce_policies {
            set_if_absent(headers, name, || policy.header(seen.nonce.as_ref()));
        }
        if let Some(hsts) = self.hsts.as_ref().filter(|_| self.is_https(seen, extensions)) {
            set_if_absent(headers, &header::STRICT_TRANSPORT_SECURITY, || Some(hsts.clone()));
        }
    }

    /// A layer further in may know better than the request did; a closure has the last word.
    fn is_https(&self, seen: Seen, extensions: &Extensions) -> bool {
        let found = if self.https.is_some() { None } else { extensions.get().copied() };
        found.or(seen.scheme) == Some(ClientScheme::Https)
    }
}

fn set_if_absent(headers: &mut HeaderMap, name: &HeaderName, value: impl FnOnce() -> Option<HeaderValue>) {
    if let Ok(header::Entry::Vacant(vacant)) = headers.try_entry(name)
        && let Some(value) = value()
    {
        let _full = vacant.try_insert(value);
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields")
            .field("set", &self.set)
            .field("strip", &self.strip)
            .field("hsts", &self.hsts)
            .field("nonce_policies", &self.nonce_policies)
            .finish_non_exhaustive()
    }
}
