use std::fmt;

use http::HeaderName;

use super::csp::Directive;

/// Why a policy or the layer cannot be built: always the caller's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A content security policy without directives protects nothing.
    EmptyPolicy,
    /// A directive without sources; [`Source::None`](super::Source::None) says "nothing" explicitly.
    NoSources(Directive),
    /// `'none'` beside other sources contradicts itself.
    NoneBesideOthers(Directive),
    /// This source is malformed.
    InvalidSource(String),
    /// This source has no meaning in this directive, such as a nonce in `img-src`.
    MisplacedSource(Directive, String),
    /// This value cannot stand in the directive of this name, which takes no sources.
    InvalidValue(&'static str, String),
    /// The name of a permissions-policy feature is a lower-case letter, then such letters, digits and dashes.
    InvalidFeature(String),
    /// Preloading demands a max-age of at least one year and `includeSubDomains`.
    NotPreloadable,
    /// This header frames the message and is not a layer's to change.
    ReservedHeader(HeaderName),
    /// The same header is to be set and to be stripped.
    SetAndStripped(HeaderName),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyPolicy => write!(f, "the content security policy has no directive"),
            Self::NoSources(directive) => write!(f, "{directive} has no source; say Source::None to allow nothing"),
            Self::NoneBesideOthers(directive) => write!(f, "{directive} has 'none' beside other sources"),
            Self::InvalidSource(source) => write!(f, "`{source}` is not a source of a policy"),
            Self::MisplacedSource(directive, source) => write!(f, "{source} has no meaning in {directive}"),
            Self::InvalidValue(directive, value) => write!(f, "`{value}` cannot stand in {directive}"),
            Self::InvalidFeature(name) => write!(f, "`{name}` is not the name of a permissions-policy feature"),
            Self::NotPreloadable => write!(f, "HSTS preload needs includeSubDomains and a max-age of a year or more"),
            Self::ReservedHeader(name) => write!(f, "the header `{name}` frames the message and cannot be configured"),
            Self::SetAndStripped(name) => write!(f, "the header `{name}` is both set and stripped"),
        }
    }
}

impl std::error::Error for ConfigError {}
