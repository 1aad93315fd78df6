//! `DATABASE_URL`, or the same in parts.

use std::str::FromStr;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio_postgres::Config as Server;

use super::reader::Reader;

/// How the service reaches PostgreSQL.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    /// `DATABASE_URL`, or `DB_HOST`, `DB_PORT`, `DB_NAME`, `DB_USER` and `DB_PASSWORD`; `None` runs the embedded PostgreSQL.
    pub server: Option<Server>,
    /// `DATABASE_DIRECT_URL`, for migrations, locks and LISTEN when `DATABASE_URL` leads to a transaction pooler.
    pub direct: Option<Server>,
    /// `DB_SSL_MODE`, or `sslmode` in the URL.
    pub ssl_mode: SslMode,
    /// `DB_MAX_OPEN_CONNS`, connections of the pool at most.
    pub max_connections: usize,
    /// `DB_MAX_IDLE_CONNS`, connections kept when idle.
    pub max_idle: usize,
    /// `DB_CONN_MAX_LIFETIME`, after which an idle connection is replaced.
    pub max_lifetime: Duration,
}

/// `DB_SSL_MODE`, with the meanings of libpq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// TLS when the server offers it, without checking its certificate.
    Prefer,
    /// TLS or nothing, without checking the certificate.
    Require,
    /// TLS with a certificate of a known authority, whatever its name.
    VerifyCa,
    /// TLS with a certificate of a known authority for this very host.
    VerifyFull,
}

const MODES: &[(&str, SslMode)] = &[
    ("disable", SslMode::Disable),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

pub(super) fn read(reader: &mut Reader<'_>) -> DatabaseConfig {
    let ssl_variable = reader.choice("DB_SSL_MODE", MODES, SslMode::Prefer);
    let (mut server, url_mode) = url(reader, "DATABASE_URL");
    let (direct, _) = url(reader, "DATABASE_DIRECT_URL");
    let parts = from_parts(reader);
    if server.is_some() && parts.is_some() {
        reader.fault("DATABASE_URL", "set either DATABASE_URL or DB_HOST, not both");
    }
    server = server.or(parts);
    let max_connections = reader.number("DB_MAX_OPEN_CONNS", 25, 1..=10_000);
    DatabaseConfig {
        server,
        direct,
        ssl_mode: url_mode.unwrap_or(ssl_variable),
        max_connections,
        max_idle: reader.number("DB_MAX_IDLE_CONNS", 5.min(max_connections), 0..=10_000),
        max_lifetime: reader.duration("DB_CONN_MAX_LIFETIME", Duration::from_secs(1800), Duration::from_secs(1)),
    }
}

/// `sslmode` is taken out of the URL first: the driver does not know all of libpq's modes.
fn url(reader: &mut Reader<'_>, name: &str) -> (Option<Server>, Option<SslMode>) {
    let Some(secret) = reader.secret(name) else { return (None, None) };
    let text = secret.expose_secret();
    let mut mode = None;
    let stripped = match text.split_once('?') {
        None => text.to_owned(),
        Some((base, query)) => {
            let mut kept = Vec::new();
            for pair in query.split('&') {
                match pair.strip_prefix("sslmode=") {
                    Some(word) => match MODES.iter().find(|(known, _)| *known == word) {
                        Some((_, value)) => mode = Some(*value),
                        None => reader
                            .fault(name, "sslmode must be one of disable, prefer, require, verify-ca, verify-full"),
                    },
                    None => kept.push(pair),
                }
            }
            if kept.is_empty() { base.to_owned() } else { format!("{base}?{}", kept.join("&")) }
        }
    };
    match Server::from_str(&stripped) {
        Ok(server) if server.get_hosts().is_empty() => {
            reader.fault(name, "names no host; an example: postgres://portcullis:secret@db.internal:5432/portcullis");
            (None, mode)
        }
        Ok(server) => (Some(server), mode),
        Err(_) => {
            reader.fault(name, "not understood; an example: postgres://portcullis:secret@db.internal:5432/portcullis");
            (None, mode)
        }
    }
}

fn from_parts(reader: &mut Reader<'_>) -> Option<Server> {
    let host = reader.text("DB_HOST");
    let port = reader.number("DB_PORT", 5432, 1..=u16::MAX);
    let name = reader.text("DB_NAME");
    let user = reader.text("DB_USER");
    let password = reader.secret("DB_PASSWORD");
    let host = match host {
        Some(host) => host,
        None => {
            if name.is_some() || user.is_some() || password.is_some() {
                reader.fault("DB_HOST", "required when DB_NAME, DB_USER or DB_PASSWORD is set, such as db.internal");
            }
            return None;
        }
    };
    let mut server = Server::new();
    server
        .host(&host)
        .port(port)
        .dbname(name.as_deref().unwrap_or("portcullis"))
        .user(user.as_deref().unwrap_or("portcullis"));
    if let Some(password) = password {
        server.password(password.expose_secret());
    }
    Some(server)
}
