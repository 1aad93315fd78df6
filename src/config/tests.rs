use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use super::*;

fn load(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let table: HashMap<_, _> = pairs.iter().copied().collect();
    Config::load(&|name| table.get(name).map(|value| (*value).to_owned()))
}

#[test]
fn nothing_set_is_a_working_development_configuration() {
    let config = load(&[]).unwrap();
    assert_eq!((config.host.to_string().as_str(), config.port), ("127.0.0.1", 8080));
    assert!(config.database.server.is_none());
    assert_eq!(config.tokens.access, Duration::from_secs(900));
    assert_eq!(config.tokens.issuer, "portcullis");
}

#[test]
fn every_fault_is_reported_at_once_and_no_value_is_shown() {
    let faults = load(&[
        ("PORT", "http"),
        ("JWT_SECRET", "short-secret"),
        ("SESSION_IDLE", "soon"),
        ("DATABASE_URL", "mysql://root:hunter2@db"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,nonsense"),
        ("CORS_ALLOWED_ORIGINS", "https://a.example/"),
        ("REGISTRATION", "perhaps"),
    ])
    .unwrap_err();
    let names: Vec<_> = faults.0.iter().map(|fault| fault.variable.as_str()).collect();
    for name in [
        "PORT",
        "JWT_SECRET",
        "SESSION_IDLE",
        "DATABASE_URL",
        "TRUSTED_PROXIES",
        "CORS_ALLOWED_ORIGINS",
        "REGISTRATION",
    ] {
        assert!(names.contains(&name), "{name} missing in {names:?}");
    }
    let text = faults.to_string();
    assert!(!text.contains("short-secret") && !text.contains("hunter2") && !text.contains("nonsense"), "{text}");
}

#[test]
fn production_names_all_that_is_missing() {
    let faults = load(&[("ENVIRONMENT", "production")]).unwrap_err();
    let names: Vec<_> = faults.0.iter().map(|fault| fault.variable.as_str()).collect();
    assert_eq!(names, ["DATABASE_URL", "PUBLIC_URL", "KEY_ENCRYPTION_KEY", "SMTP_HOST"]);
}

#[test]
fn production_starts_with_what_it_needs() {
    let config = load(&[
        ("ENVIRONMENT", "production"),
        ("DATABASE_URL", "postgres://p:q@db.internal/accounts?sslmode=verify-full&application_name=x"),
        ("PUBLIC_URL", "https://accounts.example.com/"),
        ("JWT_SECRET", "0123456789abcdef0123456789abcdef"),
        ("SMTP_HOST", "smtp.example.com"),
        ("EMAIL_FROM", "accounts@example.com"),
    ])
    .unwrap();
    assert_eq!(config.tokens.issuer, "https://accounts.example.com");
    assert_eq!(config.database.ssl_mode, SslMode::VerifyFull);
    assert_eq!(config.log.format, LogFormat::Json);
    let server = config.database.server.unwrap();
    assert_eq!((server.get_dbname(), server.get_application_name()), (Some("accounts"), Some("x")));
}

#[test]
fn the_base_of_links_is_a_plain_url() {
    for url in ["https://a.example/#top", "https://user:pw@a.example", "https://a.example?x=1", "a.example", "ftp://a"]
    {
        let faults = load(&[("PUBLIC_URL", url)]).unwrap_err();
        assert_eq!(faults.0[0].variable, "PUBLIC_URL", "{url}");
        assert!(!faults.to_string().contains("pw"), "{faults}");
    }
    assert_eq!(load(&[("PUBLIC_URL", "https://a.example/x/")]).unwrap().public_url.unwrap(), "https://a.example/x");
}

#[test]
fn the_proxy_protocol_needs_somebody_who_may_speak_it() {
    let faults = load(&[("PROXY_PROTOCOL", "true"), ("MAX_CONNECTIONS", "0")]).unwrap_err();
    let names: Vec<_> = faults.0.iter().map(|fault| fault.variable.as_str()).collect();
    assert_eq!(names, ["MAX_CONNECTIONS", "PROXY_PROTOCOL"]);
    assert!(load(&[("PROXY_PROTOCOL", "true"), ("TRUSTED_PROXIES", "10.0.0.0/8")]).unwrap().connections.proxy_protocol);
}

#[test]
fn a_secret_comes_from_a_file_and_never_from_both() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "0123456789abcdef0123456789abcdef\n").unwrap();
    let path = file.path().to_str().unwrap();
    let config = load(&[("JWT_SECRET_FILE", path)]).unwrap();
    assert_eq!(config.tokens.jwt_secret.unwrap().expose_secret(), "0123456789abcdef0123456789abcdef");
    assert!(load(&[("JWT_SECRET_FILE", path), ("JWT_SECRET", "0123456789abcdef0123456789abcdef")]).is_err());
    assert!(load(&[("JWT_SECRET_FILE", "/nonexistent/secret")]).is_err());
}

#[test]
fn debug_output_shows_no_secret() {
    let config = load(&[
        ("JWT_SECRET", "a-secret-of-more-than-32-bytes-for-jwt"),
        ("KEY_ENCRYPTION_KEY", "a-secret-of-more-than-32-bytes-for-kek"),
        ("DATABASE_URL", "postgres://p:database-password@db/x"),
        ("REDIS_URL", "redis://:redis-password@cache"),
    ])
    .unwrap();
    let debug = format!("{config:?}");
    for secret in config.secrets().chain(["database-password", "redis-password"]) {
        assert!(!debug.contains(secret), "{secret} shows");
    }
}

#[test]
fn the_list_of_variables_is_what_is_read() {
    let asked = RefCell::new(BTreeSet::new());
    let answer = |name: &str| {
        asked.borrow_mut().insert(name.to_owned());
        // What is only read beside it.
        (name == "SMTP_HOST").then(|| "smtp.example.com".to_owned())
    };
    let _ = Config::load(&answer);
    let listed: BTreeSet<_> = VARIABLES
        .iter()
        .flat_map(|variable| {
            let file = variable.secret.then(|| format!("{}_FILE", variable.name));
            std::iter::once(variable.name.to_owned()).chain(file)
        })
        .collect();
    assert_eq!(listed, asked.into_inner());
}

#[test]
fn traces_follow_the_variables_of_opentelemetry() {
    let traces = |variables: &[(&str, &str)]| load(variables).map(|config| config.traces);
    let of = |parent_based, ratio| Sampling { parent_based, ratio };
    assert_eq!(traces(&[]).unwrap().endpoint, None);
    assert_eq!(traces(&[]).unwrap().sampling, of(true, 1.0));
    for (sampler, sampling) in [
        ("always_on", of(false, 1.0)),
        ("always_off", of(false, 0.0)),
        ("traceidratio", of(false, 0.25)),
        ("parentbased_traceidratio", of(true, 0.25)),
    ] {
        let found = traces(&[("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", "0.25")]).unwrap();
        assert_eq!(found.sampling, sampling, "{sampler}");
    }
    let endpoint = traces(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://otel.example.com/in/")]).unwrap().endpoint;
    assert_eq!(endpoint.as_deref(), Some("https://otel.example.com/in"));
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
        ("OTEL_TRACES_SAMPLER_ARG", "NaN"),
    ] {
        assert_eq!(traces(&[(name, value)]).unwrap_err().0[0].variable, name);
    }
}
