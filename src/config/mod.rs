//! The environment, read once into one typed value.
//!
//! Every variable is documented on the field it fills; [`VARIABLES`] lists them for the README. An empty variable counts as not set, and
//! every secret can be given as a file through `NAME_FILE`.

mod connections;
mod database;
mod duration;
mod limits;
mod mail;
mod reader;
mod sections;
mod traces;
mod variables;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use portcullis_layers::client_ip::ForwardedHeader;
use secrecy::{ExposeSecret, SecretString};

pub use connections::ConnectionConfig;
pub use database::{DatabaseConfig, SslMode};
pub use duration::parse_duration;
pub use limits::{LimitConfig, Rate};
pub use mail::{Encryption, MailConfig, SmtpConfig};
pub use reader::{ConfigError, Fault, Source};
pub use sections::{HashConfig, KeyAlgorithm, LogConfig, LogFormat, Registration, TlsFiles, TokenConfig};
pub use traces::{Sampling, TraceConfig};
pub use variables::{VARIABLES, Variable};

use reader::Reader;

/// `ENVIRONMENT`: how much the service demands before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Everything missing is made up: an embedded database, generated keys, mails as files.
    Development,
    /// What real accounts need must be given.
    Production,
}

/// Everything the operator can decide.
#[derive(Clone, Debug)]
pub struct Config {
    /// `HOST`, the address to listen on.
    pub host: IpAddr,
    /// `PORT`, the TCP port to listen on; 0 takes a free one.
    pub port: u16,
    /// `ENVIRONMENT`.
    pub environment: Environment,
    /// `DATA_DIR`, the folder of the embedded database, generated keys and mail files.
    pub data_dir: PathBuf,
    /// `PUBLIC_URL`, the base of links in mails and the default issuer. Never taken from a request.
    pub public_url: Option<String>,
    /// `DATABASE_URL` or `DB_*`; `None` runs the embedded PostgreSQL.
    pub database: DatabaseConfig,
    /// `REDIS_URL`, the store that shares rate limits between instances.
    pub redis_url: Option<SecretString>,
    /// Signing and lifetimes of tokens and sessions.
    pub tokens: TokenConfig,
    /// `KEY_ENCRYPTION_KEY`, under which private signing keys rest in the database: at least 32 bytes. In development, generated into
    /// `DATA_DIR` when not set.
    pub key_encryption_key: Option<SecretString>,
    /// Password hashing and policy.
    pub hashing: HashConfig,
    /// `REGISTRATION`, who may create an account.
    pub registration: Registration,
    /// `REQUIRE_VERIFIED_EMAIL`, whether log-in waits for a verified address.
    pub require_verified_email: bool,
    /// Rate limits.
    pub limits: LimitConfig,
    /// How mail leaves.
    pub mail: MailConfig,
    /// Logs.
    pub log: LogConfig,
    /// Traces.
    pub traces: TraceConfig,
    /// `CORS_ALLOWED_ORIGINS`, the origins of browser front ends, or `*`.
    pub cors_allowed_origins: Vec<String>,
    /// `TRUSTED_PROXIES`, the networks whose forwarding headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// `FORWARDED_HEADER`, which of their headers counts.
    pub forwarded_header: ForwardedHeader,
    /// How many may connect, and whether through proxies alone.
    pub connections: ConnectionConfig,
    /// `METRICS_ADDR`, where metrics and health are served apart from the API.
    pub metrics_addr: Option<SocketAddr>,
    /// `TLS_CERT` and `TLS_KEY`, PEM files; both or none.
    pub tls: Option<TlsFiles>,
    /// `DELETION_RETENTION`, how long a deleted account keeps its address and personal data.
    pub deletion_retention: Duration,
    /// `AUDIT_RETENTION`, how long security events are kept.
    pub audit_retention: Duration,
}

impl Config {
    /// Reads variables from `source`.
    ///
    /// # Errors
    /// [`ConfigError`] with every fault at once.
    pub fn load(source: Source<'_>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(source);
        let environment = reader.choice(
            "ENVIRONMENT",
            &[("development", Environment::Development), ("production", Environment::Production)],
            Environment::Development,
        );
        let public_url = sections::public_url(&mut reader);
        let config = Self {
            host: reader.parse("HOST", "127.0.0.1").unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            port: reader.number("PORT", 8080, 0..=u16::MAX),
            environment,
            data_dir: reader.text("DATA_DIR").map_or_else(|| PathBuf::from("./data"), PathBuf::from),
            database: database::read(&mut reader),
            redis_url: sections::redis_url(&mut reader),
            tokens: sections::tokens(&mut reader, public_url.as_deref()),
            public_url,
            key_encryption_key: sections::long_secret(&mut reader, "KEY_ENCRYPTION_KEY"),
            hashing: sections::hashing(&mut reader),
            registration: sections::registration(&mut reader),
            require_verified_email: reader.flag("REQUIRE_VERIFIED_EMAIL", false),
            limits: limits::read(&mut reader),
            mail: mail::read(&mut reader, environment),
            log: sections::log(&mut reader, environment),
            traces: traces::read(&mut reader),
            cors_allowed_origins: sections::origins(&mut reader),
            trusted_proxies: reader.list("TRUSTED_PROXIES", "10.0.0.0/8,192.168.1.7/32"),
            forwarded_header: sections::forwarded_header(&mut reader),
            connections: connections::read(&mut reader),
            metrics_addr: reader.parse("METRICS_ADDR", "127.0.0.1:9090"),
            tls: sections::tls(&mut reader),
            deletion_retention: reader.duration("DELETION_RETENTION", days(30), Duration::ZERO),
            audit_retention: reader.duration("AUDIT_RETENTION", days(365), days(1)),
        };
        config.demand_production(&mut reader);
        if reader.faults.is_empty() { Ok(config) } else { Err(ConfigError(reader.faults)) }
    }

    /// Reads how much is logged, and nothing else: what SIGHUP may change.
    ///
    /// # Errors
    /// [`ConfigError`] when it is no level, or its file cannot be read.
    pub fn log_level(source: Source<'_>) -> Result<tracing::Level, ConfigError> {
        let mut reader = Reader::new(source);
        let level = sections::log_level(&mut reader);
        if reader.faults.is_empty() { Ok(level) } else { Err(ConfigError(reader.faults)) }
    }

    /// Whether this is `ENVIRONMENT=production`.
    #[must_use]
    pub fn is_production(&self) -> bool {
        self.environment == Environment::Production
    }

    /// What development makes up and production must be given.
    fn demand_production(&self, reader: &mut Reader<'_>) {
        if !self.is_production() {
            return;
        }
        if self.database.server.is_none() {
            reader
                .fault("DATABASE_URL", "required in production, such as postgres://portcullis@db.internal/portcullis");
        }
        if self.public_url.is_none() {
            reader.fault("PUBLIC_URL", "required in production, such as https://accounts.example.com");
        }
        if self.key_encryption_key.is_none() && self.tokens.jwt_secret.is_none() {
            reader.fault(
                "KEY_ENCRYPTION_KEY",
                "required in production (or JWT_SECRET): make one with `openssl rand -base64 32`",
            );
        }
        if self.mail.smtp.is_none() {
            reader.fault("SMTP_HOST", "required in production, such as smtp.example.com");
        }
    }

    /// Every secret of this configuration, for checks that none of them shows anywhere.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let smtp = self.mail.smtp.as_ref().and_then(|smtp| smtp.credentials.as_ref()).map(|(_, password)| password);
        [self.key_encryption_key.as_ref(), self.tokens.jwt_secret.as_ref(), self.redis_url.as_ref(), smtp]
            .into_iter()
            .flatten()
            .map(ExposeSecret::expose_secret)
    }
}

const fn days(number: u64) -> Duration {
    Duration::from_secs(number * 86_400)
}

#[cfg(test)]
mod tests;
