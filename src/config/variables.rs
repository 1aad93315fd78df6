//! The list of all variables, which the README's table is held to.

/// One environment variable, for people.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What holds when it is not set.
    pub default: &'static str,
    /// What it decides.
    pub meaning: &'static str,
    /// Whether `NAME_FILE` works too.
    pub secret: bool,
}

const fn plain(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable { name, default, meaning, secret: false }
}

const fn secret(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable { name, default, meaning, secret: true }
}

/// Every variable that the service reads, in the order of the README.
pub const VARIABLES: &[Variable] = &[
    plain("HOST", "127.0.0.1", "address to listen on"),
    plain("PORT", "8080", "TCP port to listen on; 0 takes a free one"),
    plain("ENVIRONMENT", "development", "development or production; production demands what real accounts need"),
    plain("DATA_DIR", "./data", "folder of the embedded database, of generated keys and of mails without SMTP_HOST"),
    plain("PUBLIC_URL", "none", "base of links and default issuer; never taken from a request"),
    secret("DATABASE_URL", "embedded PostgreSQL", "postgres:// URL; sslmode in it as in libpq"),
    secret(
        "DATABASE_DIRECT_URL",
        "DATABASE_URL",
        "for migrations and locks, when DATABASE_URL is a transaction pooler",
    ),
    plain("DB_HOST", "none", "host, as an alternative to DATABASE_URL"),
    plain("DB_PORT", "5432", "port with DB_HOST"),
    plain("DB_NAME", "portcullis", "database with DB_HOST"),
    plain("DB_USER", "portcullis", "user with DB_HOST"),
    secret("DB_PASSWORD", "none", "password with DB_HOST"),
    plain("DB_SSL_MODE", "prefer", "disable, prefer, require, verify-ca or verify-full"),
    plain("DB_MAX_OPEN_CONNS", "25", "connections of the pool at most"),
    plain("DB_MAX_IDLE_CONNS", "5", "connections kept when idle"),
    plain("DB_CONN_MAX_LIFETIME", "30m", "age at which an idle connection is replaced"),
    secret("REDIS_URL", "none", "URL of the Redis that shares rate limits: redis://, rediss:// (TLS) or redis+unix://"),
    secret("JWT_SECRET", "none", "switches to HS256 under this secret, at least 32 bytes"),
    plain("JWT_ALGORITHM", "EdDSA", "EdDSA, ES256 or RS256, for generated keys"),
    plain("JWT_ISSUER", "PUBLIC_URL, else portcullis", "iss claim"),
    plain("JWT_AUDIENCE", "portcullis", "aud claim"),
    plain("JWT_ACCESS_TOKEN_DURATION", "15m", "life of an access token"),
    plain("JWT_REFRESH_TOKEN_DURATION", "168h", "life of a refresh token; 30 days with remember_me"),
    plain("REFRESH_GRACE", "10s", "for how long a repeated refresh gets the same answer"),
    plain("SESSION_IDLE", "30d", "a session unused for so long ends"),
    plain("SESSION_ABSOLUTE", "90d", "a session as old as this ends"),
    secret(
        "KEY_ENCRYPTION_KEY",
        "generated in development",
        "protects private keys in the database, at least 32 bytes",
    ),
    plain("PASSWORD_ALGORITHM", "bcrypt", "bcrypt or argon2id"),
    plain("PASSWORD_BCRYPT_COST", "12", "cost of new bcrypt hashes, 4 to 14"),
    plain("PASSWORD_MIN_LENGTH", "8", "least length of a new password in code points"),
    plain(
        "HASH_THREADS",
        "number of cores less 1",
        "password hashes that run at once; the core left answers everybody else",
    ),
    plain("HASH_QUEUE", "64", "password hashes that may wait; the next one gets 503 at once"),
    plain("REGISTRATION", "open", "open, confirm (no account before its address is proved) or closed"),
    plain("REQUIRE_VERIFIED_EMAIL", "false", "log-in waits for a verified address"),
    plain("RATE_LIMIT_ENABLED", "true", "false switches every limit off, and the defence of log-ins with them"),
    plain(
        "RATE_LIMIT_REQUESTS",
        "1000",
        "requests per network, whatever they are for; an office behind one address must not feel it",
    ),
    plain("RATE_LIMIT_DURATION", "1m", "period in which they come back"),
    plain("LIMIT_REGISTER", "300/1h", "sign-ups per network: each costs a hash and a mail"),
    plain(
        "LIMIT_LOGIN",
        "300/15m",
        "log-ins per network: each costs a hash; wrong passwords have budgets of their own",
    ),
    plain("LIMIT_REFRESH", "1200/1m", "refreshes per network: clients may refresh in crowds"),
    plain("LIMIT_MAIL", "60/1h", "mails that are asked for, per network"),
    plain(
        "LIMIT_MAIL_ADDRESS",
        "5/1h",
        "whatever mails an address that somebody typed, also a sign-up or a change of address, per address: no mailbox is to be flooded",
    ),
    plain("LIMIT_SECRET", "120/15m", "whatever else takes a secret, per network: trying links costs queries"),
    plain("LIMIT_USER", "600/1m", "requests per user, from however many networks"),
    plain(
        "LIMIT_ALLOW_FILE",
        "none",
        "file of networks, one a line in CIDR notation, that pay nothing per network; read anew on SIGHUP",
    ),
    plain("LIMIT_DENY_FILE", "none", "file of networks that get 403 for everything; read anew on SIGHUP"),
    plain("SMTP_HOST", "none", "mail server; required in production, without it mails become files under DATA_DIR"),
    plain("SMTP_PORT", "587, 465 with SMTP_TLS=implicit", "port of the mail server"),
    plain("SMTP_TLS", "auto", "auto, starttls, implicit or none; auto is implicit on port 465, else starttls"),
    plain("SMTP_USERNAME", "none", "user at the mail server"),
    secret("SMTP_PASSWORD", "none", "password at the mail server"),
    plain("EMAIL_FROM", "none", "sender of mails, such as Example <accounts@example.com>; required with SMTP_HOST"),
    plain("LOG_LEVEL", "info", "trace, debug, info, warn or error"),
    plain("LOG_LEVEL_FILE", "none", "file of one such word, instead of LOG_LEVEL; read anew on SIGHUP"),
    plain("LOG_FORMAT", "text, json in production", "text or json"),
    plain("LOG_ACCESS", "true", "a line for each request; without, only for those that failed"),
    plain("LOG_SECURITY", "true", "a line for each security event, besides its row in the audit log"),
    plain(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "none",
        "base URL of a collector that takes traces as OTLP over HTTP; in builds with --features otel",
    ),
    plain("OTEL_SERVICE_NAME", "portcullis", "what the service is called in traces"),
    plain(
        "OTEL_TRACES_SAMPLER",
        "parentbased_always_on",
        "always_on, always_off or traceidratio, alone or after parentbased_",
    ),
    plain("OTEL_TRACES_SAMPLER_ARG", "1", "share of traces that traceidratio records, 0 to 1"),
    plain("CORS_ALLOWED_ORIGINS", "none", "origins of browser front ends, separated by commas, or *"),
    plain("TRUSTED_PROXIES", "none", "networks whose forwarding headers count, separated by commas"),
    plain("FORWARDED_HEADER", "x-forwarded-for", "which header they write: x-forwarded-for or forwarded (RFC 7239)"),
    plain(
        "PROXY_PROTOCOL",
        "false",
        "connections open with a PROXY protocol header (v1 or v2); only TRUSTED_PROXIES may connect then",
    ),
    plain("MAX_CONNECTIONS", "10000", "connections at most; the next one gets 503 at once"),
    plain(
        "MAX_CONNECTIONS_PER_NETWORK",
        "256",
        "connections of one IPv4 address or IPv6 /64 at most; TRUSTED_PROXIES are exempt",
    ),
    plain("METRICS_ADDR", "none", "host:port of a listener of its own for metrics and health"),
    plain("TLS_CERT", "none", "PEM certificate chain; with TLS_KEY the listener speaks TLS; read anew on SIGHUP"),
    plain("TLS_KEY", "none", "PEM private key; read anew on SIGHUP"),
    plain("DELETION_RETENTION", "30d", "how long a deleted account keeps its address"),
    plain("AUDIT_RETENTION", "365d", "how long security events are kept"),
];
