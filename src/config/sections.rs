//! The groups of settings that belong together.

use std::path::PathBuf;
use std::time::Duration;

use portcullis_layers::client_ip::ForwardedHeader;
use secrecy::{ExposeSecret, SecretString};
use tracing::Level;

use super::reader::Reader;
use super::{Environment, days};
use crate::auth::hash::Algorithm as HashAlgorithm;

/// Signing and lifetimes.
#[derive(Clone, Debug)]
pub struct TokenConfig {
    /// `JWT_SECRET`, which switches to HS256; at least 32 bytes (RFC 7518 §3.2).
    pub jwt_secret: Option<SecretString>,
    /// `JWT_ALGORITHM` of generated keys.
    pub algorithm: KeyAlgorithm,
    /// `JWT_ISSUER`, the `iss` claim.
    pub issuer: String,
    /// `JWT_AUDIENCE`, the `aud` claim.
    pub audience: String,
    /// `JWT_ACCESS_TOKEN_DURATION`.
    pub access: Duration,
    /// `JWT_REFRESH_TOKEN_DURATION`.
    pub refresh: Duration,
    /// Life of a refresh token after a log-in with `remember_me`.
    pub refresh_remembered: Duration,
    /// `REFRESH_GRACE`, for how long a repeated refresh gets the same answer.
    pub refresh_grace: Duration,
    /// `SESSION_IDLE`, after which an unused session ends.
    pub session_idle: Duration,
    /// `SESSION_ABSOLUTE`, after which any session ends.
    pub session_absolute: Duration,
}

/// `JWT_ALGORITHM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA on P-256 (RFC 7518 §3.4).
    Es256,
    /// RSASSA-PKCS1-v1_5 with 2048 bits (RFC 7518 §3.3).
    Rs256,
}

/// Password hashing and policy.
#[derive(Clone, Copy, Debug)]
pub struct HashConfig {
    /// `PASSWORD_ALGORITHM` and `PASSWORD_BCRYPT_COST`.
    pub algorithm: HashAlgorithm,
    /// `PASSWORD_MIN_LENGTH`, in code points.
    pub min_length: usize,
    /// `HASH_THREADS`, hashes that run at once.
    pub threads: usize,
    /// `HASH_QUEUE`, hashes that may wait beyond those; the next one is refused at once.
    pub queue: usize,
}

/// `REGISTRATION`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Anybody may register, and is told when an address is taken.
    Open,
    /// Anybody may register. The account exists once its address is proved, and nobody learns which addresses have one.
    Confirm,
    /// Accounts come from the command line only.
    Closed,
}

/// Logs.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// `LOG_LEVEL`, or the file of `LOG_LEVEL_FILE`: trace, debug, info, warn or error. How it was at the start; SIGHUP may change it.
    pub level: Level,
    /// `LOG_FORMAT`.
    pub format: LogFormat,
    /// `LOG_ACCESS`, whether requests that did not fail have a line.
    pub access: bool,
    /// `LOG_SECURITY`, whether security events have a line besides their row in the audit log.
    pub security: bool,
}

/// `LOG_FORMAT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `TLS_CERT` and `TLS_KEY`.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// PEM chain, leaf first.
    pub certificate: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
}

pub(super) fn tokens(reader: &mut Reader<'_>, public_url: Option<&str>) -> TokenConfig {
    let second = Duration::from_secs(1);
    let algorithms = [("EdDSA", KeyAlgorithm::EdDsa), ("ES256", KeyAlgorithm::Es256), ("RS256", KeyAlgorithm::Rs256)];
    let refresh = reader.duration("JWT_REFRESH_TOKEN_DURATION", days(7), second);
    TokenConfig {
        jwt_secret: long_secret(reader, "JWT_SECRET"),
        algorithm: reader.choice("JWT_ALGORITHM", &algorithms, KeyAlgorithm::EdDsa),
        issuer: reader
            .text("JWT_ISSUER")
            .or_else(|| public_url.map(str::to_owned))
            .unwrap_or_else(|| "portcullis".into()),
        audience: reader.text("JWT_AUDIENCE").unwrap_or_else(|| "portcullis".into()),
        access: reader.duration("JWT_ACCESS_TOKEN_DURATION", Duration::from_secs(900), second),
        refresh,
        refresh_remembered: refresh.max(days(30)),
        refresh_grace: reader.duration("REFRESH_GRACE", Duration::from_secs(10), Duration::ZERO),
        session_idle: reader.duration("SESSION_IDLE", days(30), second),
        session_absolute: reader.duration("SESSION_ABSOLUTE", days(90), second),
    }
}

/// A secret that is a key: fewer than 32 bytes could be guessed offline.
pub(super) fn long_secret(reader: &mut Reader<'_>, name: &str) -> Option<SecretString> {
    let secret = reader.secret(name)?;
    if secret.expose_secret().len() < 32 {
        reader.fault(name, "must have at least 32 bytes: make one with `openssl rand -base64 32`");
    }
    Some(secret)
}

pub(super) fn hashing(reader: &mut Reader<'_>) -> HashConfig {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    // A core is left to everybody who does not log in: a flood of log-ins must not be felt by them.
    let hashers = cores.saturating_sub(1).max(1);
    // A cost under 10 is for tests alone, but an operator who moves an old system needs to say so in small steps.
    let bcrypt = HashAlgorithm::Bcrypt { cost: reader.number("PASSWORD_BCRYPT_COST", 12, 4..=14) };
    let algorithms = [("bcrypt", bcrypt), ("argon2id", HashAlgorithm::argon2id())];
    HashConfig {
        algorithm: reader.choice("PASSWORD_ALGORITHM", &algorithms, bcrypt),
        min_length: reader.number("PASSWORD_MIN_LENGTH", 8, 8..=64),
        threads: reader.number("HASH_THREADS", hashers, 1..=1024),
        queue: reader.number("HASH_QUEUE", 64, 0..=100_000),
    }
}

pub(super) fn registration(reader: &mut Reader<'_>) -> Registration {
    let modes = [("open", Registration::Open), ("confirm", Registration::Confirm), ("closed", Registration::Closed)];
    reader.choice("REGISTRATION", &modes, Registration::Open)
}

pub(super) fn log_level(reader: &mut Reader<'_>) -> Level {
    let levels = [
        ("trace", Level::TRACE),
        ("debug", Level::DEBUG),
        ("info", Level::INFO),
        ("warn", Level::WARN),
        ("warning", Level::WARN),
        ("error", Level::ERROR),
    ];
    reader.choice_or_file("LOG_LEVEL", &levels, Level::INFO)
}

pub(super) fn log(reader: &mut Reader<'_>, environment: Environment) -> LogConfig {
    let format = match environment {
        Environment::Development => LogFormat::Text,
        Environment::Production => LogFormat::Json,
    };
    LogConfig {
        level: log_level(reader),
        format: reader.choice("LOG_FORMAT", &[("text", LogFormat::Text), ("json", LogFormat::Json)], format),
        access: reader.flag("LOG_ACCESS", true),
        security: reader.flag("LOG_SECURITY", true),
    }
}

pub(super) fn public_url(reader: &mut Reader<'_>) -> Option<String> {
    let text = reader.text("PUBLIC_URL")?;
    match text.parse::<http::Uri>() {
        Ok(uri)
            if matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some()
                && uri.query().is_none()
                // http::Uri drops a fragment, and reads a user as part of the authority.
                && !text.contains(['#', '@']) =>
        {
            Some(text.trim_end_matches('/').to_owned())
        }
        _ => {
            reader.fault(
                "PUBLIC_URL",
                "must be an absolute http or https URL without user, query or fragment, such as https://accounts.example.com",
            );
            None
        }
    }
}

pub(super) fn redis_url(reader: &mut Reader<'_>) -> Option<SecretString> {
    let url = reader.secret("REDIS_URL")?;
    let known = ["redis://", "rediss://", "redis+unix://", "unix://"];
    if !known.iter().any(|scheme| url.expose_secret().starts_with(scheme)) {
        reader.fault("REDIS_URL", "must be a URL such as redis://cache.internal:6379/0");
    }
    Some(url)
}

pub(super) fn origins(reader: &mut Reader<'_>) -> Vec<String> {
    let origins: Vec<String> = reader.list("CORS_ALLOWED_ORIGINS", "https://app.example.com");
    let good = |origin: &String| {
        origin == "*"
            || origin.parse::<http::Uri>().is_ok_and(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https"))
                    && uri.host().is_some()
                    && !origin.ends_with('/')
                    && uri.path() == "/"
            })
    };
    if !origins.iter().all(good) {
        reader.fault(
            "CORS_ALLOWED_ORIGINS",
            "every element must be an origin without a path, such as https://app.example.com, or *",
        );
    } else if origins.len() > 1 && origins.iter().any(|origin| origin == "*") {
        reader.fault("CORS_ALLOWED_ORIGINS", "* cannot stand beside other origins");
    }
    origins
}

pub(super) fn forwarded_header(reader: &mut Reader<'_>) -> ForwardedHeader {
    let headers = [("x-forwarded-for", ForwardedHeader::XForwardedFor), ("forwarded", ForwardedHeader::Forwarded)];
    reader.choice("FORWARDED_HEADER", &headers, ForwardedHeader::XForwardedFor)
}

pub(super) fn tls(reader: &mut Reader<'_>) -> Option<TlsFiles> {
    let certificate = reader.file("TLS_CERT");
    let key = reader.file("TLS_KEY");
    if reader.text("TLS_CERT").is_some() != reader.text("TLS_KEY").is_some() {
        reader.fault("TLS_CERT", "TLS_CERT and TLS_KEY belong together");
    }
    Some(TlsFiles { certificate: certificate?, key: key? })
}
