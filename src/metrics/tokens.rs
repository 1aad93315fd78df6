//! Sessions, their tokens, and the key that signs them.

use std::time::Duration;

use prometheus::{GaugeVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry};

/// What became of tokens, how many sessions live, and how old the signing key is.
#[derive(Clone, Debug)]
pub struct TokenMetrics {
    /// `portcullis_tokens_total{event="issued"}`: first pairs of tokens, one for each session. One whose transaction did not commit counts, too.
    pub issued: IntCounter,
    /// `…{event="refreshed"}`: pairs for a refresh token that was used for the first time.
    pub refreshed: IntCounter,
    /// `…{event="replayed"}`: the same pair again for a token that was used a moment ago: harmless.
    pub replayed: IntCounter,
    /// `…{event="reuse_detected"}`: sessions that a used refresh token ended.
    pub reuse_detected: IntCounter,
    /// `portcullis_sessions_live`: absent until it was counted once. No labels: a vector, because only that can be empty.
    sessions_live: IntGaugeVec,
    /// `portcullis_signing_key_age_seconds`: absent with `JWT_SECRET`, whose age nobody knows.
    key_age: GaugeVec,
}

impl TokenMetrics {
    /// Registers all of them.
    ///
    /// # Errors
    /// When two metrics have one name.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let tokens = Opts::new("portcullis_tokens_total", "Pairs of tokens, by what became of them.");
        let tokens = IntCounterVec::new(tokens, &["event"])?;
        let live = Opts::new("portcullis_sessions_live", "Sessions that have neither ended nor expired.");
        let sessions_live = IntGaugeVec::new(live, &[])?;
        let age = Opts::new("portcullis_signing_key_age_seconds", "Age of the key that signs access tokens.");
        let key_age = GaugeVec::new(age, &[])?;
        registry.register(Box::new(tokens.clone()))?;
        registry.register(Box::new(sessions_live.clone()))?;
        registry.register(Box::new(key_age.clone()))?;
        let event = |event| tokens.get_metric_with_label_values(&[event]);
        Ok(Self {
            issued: event("issued")?,
            refreshed: event("refreshed")?,
            replayed: event("replayed")?,
            reuse_detected: event("reuse_detected")?,
            sessions_live,
            key_age,
        })
    }

    /// Takes over how many sessions live.
    pub fn sessions(&self, live: i64) {
        self.sessions_live.with_label_values::<&str>(&[]).set(live);
    }

    /// Takes over how old the key is that signs.
    pub fn key_age(&self, age: Option<Duration>) {
        if let Some(age) = age {
            self.key_age.with_label_values::<&str>(&[]).set(age.as_secs_f64());
        }
    }
}
