//! The decision: which headers a response gets and loses.

use std::{fmt, mem};

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request, header};

use super::csp::ContentSecurityPolicy;
use super::nonce::CspNonce;
use crate::{ClientScheme, RequestHead};

pub(super) type Https = dyn Fn(RequestHead<'_>) -> bool + Send + Sync;

/// What the layer was told, ready to be written.
pub(super) struct Fields {
    /// What every response gets.
    set: HeaderMap,
    /// The same, for a response to a request that came over TLS.
    set_over_tls: HeaderMap,
    strip: Box<[HeaderName]>,
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
        strip: Box<[HeaderName]>,
        nonce_policies: Box<[(HeaderName, ContentSecurityPolicy)]>,
        https: Option<Box<Https>>,
    ) -> Self {
        let mut set_over_tls = set.clone();
        if let Some(hsts) = hsts {
            set_if_absent(&mut set_over_tls, &header::STRICT_TRANSPORT_SECURITY, || Some(hsts));
        }
        Self { set, set_over_tls, strip, nonce_policies, https }
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

    /// A header map that is full (32 768 fields) gets no more.
    pub(super) fn write(&self, seen: Seen, headers: &mut HeaderMap, extensions: &Extensions) {
        let set = if self.is_https(seen, extensions) { &self.set_over_tls } else { &self.set };
        if headers.len() <= set.len() {
            // Looking names up is what costs: a copy of a map looks up none, and is given the fewer ones.
            let own = mem::replace(headers, set.clone());
            self.put_over(headers, own);
        } else {
            for name in &self.strip {
                headers.remove(name);
            }
            for (name, value) in set {
                set_if_absent(headers, name, || Some(value.clone()));
            }
        }
        for (name, policy) in &self.nonce_policies {
            set_if_absent(headers, name, || policy.header(seen.nonce.as_ref()));
        }
    }

    /// Puts what `own` has and is not stripped, in the place of what `headers` has by the same names.
    fn put_over(&self, headers: &mut HeaderMap, own: HeaderMap) {
        let mut kept = None;
        for (name, value) in own {
            // The further values of a name come without it.
            if let Some(name) = name {
                kept = (!self.strip.contains(&name)).then_some(name);
                if let Some(name) = &kept {
                    let _full = headers.try_insert(name, value);
                }
            } else if let Some(name) = &kept {
                let _full = headers.try_append(name, value);
            }
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
            .field("set_over_tls", &self.set_over_tls)
            .field("strip", &self.strip)
            .field("nonce_policies", &self.nonce_policies)
            .finish_non_exhaustive()
    }
}
