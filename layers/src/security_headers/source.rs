use std::borrow::Cow;
use std::fmt;

use super::error::ConfigError;

/// A source expression of a content security policy (CSP Level 3, section 2.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// `'none'`: nothing. Stands alone.
    None,
    /// `'self'`: the origin of the page.
    SelfOrigin,
    /// `'nonce-…'`: elements that carry the [`CspNonce`](super::CspNonce) of the request.
    Nonce,
    /// An inline element by its hash, as browsers print it: `sha256-`, `sha384-` or `sha512-` and Base64.
    Hash(Cow<'static, str>),
    /// An origin, with or without scheme, port and path: `https://cdn.example.com`, `*.example.com`.
    Origin(Cow<'static, str>),
    /// Every URL of a scheme, named without its colon: `https`, `data`.
    Scheme(Cow<'static, str>),
    /// `'strict-dynamic'`: trust goes from a script with nonce or hash to those it loads.
    StrictDynamic,
    /// `'unsafe-hashes'`: hashes also cover event handlers and style attributes.
    UnsafeHashes,
    /// `'unsafe-inline'`: every inline element. Gives up what a policy is for; browsers ignore it beside a nonce or hash.
    UnsafeInline,
    /// `'unsafe-eval'`: code from strings.
    UnsafeEval,
    /// `'wasm-unsafe-eval'`: compiling WebAssembly.
    WasmUnsafeEval,
    /// `'report-sample'`: reports quote the first 40 characters.
    ReportSample,
}

impl Source {
    /// Whether it only means something for scripts and styles.
    pub(super) const fn is_for_code(&self) -> bool {
        !matches!(self, Self::None | Self::SelfOrigin | Self::Origin(_) | Self::Scheme(_))
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let valid = match self {
            Self::Hash(hash) => is_hash(hash),
            Self::Origin(origin) => is_origin(origin),
            Self::Scheme(scheme) => is_scheme(scheme),
            _ => true,
        };
        if valid { Ok(()) } else { Err(ConfigError::InvalidSource(self.to_string())) }
    }
}

/// As in the header, with `'nonce-'` for the nonce, whose value is not known yet.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("'none'"),
            Self::SelfOrigin => f.write_str("'self'"),
            Self::Nonce => f.write_str("'nonce-'"),
            Self::Hash(hash) => write!(f, "'{hash}'"),
            Self::Origin(origin) => f.write_str(origin),
            Self::Scheme(scheme) => write!(f, "{scheme}:"),
            Self::StrictDynamic => f.write_str("'strict-dynamic'"),
            Self::UnsafeHashes => f.write_str("'unsafe-hashes'"),
            Self::UnsafeInline => f.write_str("'unsafe-inline'"),
            Self::UnsafeEval => f.write_str("'unsafe-eval'"),
            Self::WasmUnsafeEval => f.write_str("'wasm-unsafe-eval'"),
            Self::ReportSample => f.write_str("'report-sample'"),
        }
    }
}

fn is_hash(text: &str) -> bool {
    let Some((algorithm, digest)) = text.split_once('-') else { return false };
    let (digits, padding) = match algorithm {
        "sha256" => (43, "="),
        "sha384" => (64, ""),
        "sha512" => (86, "=="),
        _ => return false,
    };
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    digest
        .split_at_checked(digits)
        .is_some_and(|(digits, rest)| rest == padding && digits.as_bytes().iter().all(base64))
}

fn is_scheme(text: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(rest)
}

/// `[scheme://]host[:port][/path]`; the host may begin with `*.` or be `*`, the port may be `*`.
pub(super) fn is_origin(text: &str) -> bool {
    let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    let (authority, path) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
    let (host, port) = authority.split_once(':').map_or((authority, "*"), |(host, port)| (host, port));
    let labels = host.strip_prefix("*.").unwrap_or(host);
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    // The characters of a path (RFC 3986, section 3.3) without those that end a source or a directive.
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&()*+=:@%/".contains(&byte);
    let number = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    scheme.is_none_or(is_scheme)
        && (host == "*" || labels.split('.').all(label))
        && (port == "*" || number(port))
        && path.bytes().all(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_have_the_length_of_their_algorithm() {
        let digest = |length: usize, padding: &str| "A".repeat(length) + padding;
        for (algorithm, length, padding) in [("sha256", 43, "="), ("sha384", 64, ""), ("sha512", 86, "==")] {
            let hash = format!("{algorithm}-{}", digest(length, padding));
            assert_eq!(Source::Hash(hash.clone().into()).check(), Ok(()));
            assert!(Source::Hash(format!("{hash}=").into()).check().is_err());
            assert!(Source::Hash(hash[..hash.len() - 1].to_owned().into()).check().is_err());
        }
        for wrong in ["", "sha256-", "md5-AAAA", "'sha256-'", "sha256"] {
            assert!(Source::Hash(wrong.into()).check().is_err(), "{wrong}");
        }
    }

    #[test]
    fn origins_and_schemes_that_could_break_out_of_their_directive_are_refused() {
        for origin in
            ["https://cdn.example.com", "*.example.com", "example.com:8443/js/", "wss://x.y:*", "*", "localhost:3000"]
        {
            assert_eq!(Source::Origin(origin.into()).check(), Ok(()), "{origin}");
        }
        for origin in [
            "",
            "a b",
            "a;script-src *",
            "a,b",
            "'self'",
            "https://",
            "a..b",
            "a:99999",
            "a:+80",
            "a:",
            "a/b\\c",
            "https://ex*mple.com",
            "x/?q",
            "é.example",
        ] {
            assert!(Source::Origin(origin.into()).check().is_err(), "{origin}");
        }
        assert_eq!(Source::Scheme("data".into()).check(), Ok(()));
        for scheme in ["", "data:", "1http", "da ta"] {
            assert!(Source::Scheme(scheme.into()).check().is_err(), "{scheme}");
        }
    }
}
