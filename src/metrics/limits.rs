//! Rate limits.

use portcullis_layers::rate_limit::Event;
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

/// What limits decided, and whether instances share them.
#[derive(Clone, Debug)]
pub struct LimitMetrics {
    /// `portcullis_limit_decisions_total`: charges by class and whether they were allowed, by the shared store or by this instance alone.
    decisions: IntCounterVec,
    /// `…{class="deny_list",outcome="refused"}`: requests of networks that are denied.
    pub denied: IntCounter,
    /// `portcullis_limit_keys`: keys that are not fresh, by class.
    keys: IntGaugeVec,
    /// `portcullis_limit_store_up`: 1 while the shared store answers.
    pub store_up: IntGauge,
    /// `portcullis_redis_up`: the same under the name of the dependency.
    pub redis_up: IntGauge,
    /// `portcullis_limit_store_fallbacks_total`: how often this instance went on without the shared store.
    pub fallbacks: IntCounter,
}

impl LimitMetrics {
    /// Registers all of them.
    ///
    /// # Errors
    /// When two metrics have one name.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let decisions = Opts::new("portcullis_limit_decisions_total", "Charges of rate limits, by class and outcome.");
        let decisions = IntCounterVec::new(decisions, &["class", "outcome"])?;
        let keys = Opts::new("portcullis_limit_keys", "Keys that this process remembers because they are not fresh.");
        let keys = IntGaugeVec::new(keys, &["class"])?;
        registry.register(Box::new(keys.clone()))?;
        let store_up =
            IntGauge::new("portcullis_limit_store_up", "Whether the store that shares rate limits answers.")?;
        let redis_up = IntGauge::new("portcullis_redis_up", "Whether Redis answers.")?;
        let fallbacks = IntCounter::new(
            "portcullis_limit_store_fallbacks_total",
            "How often the limits of this process took over from the shared store.",
        )?;
        registry.register(Box::new(decisions.clone()))?;
        let denied = decisions.get_metric_with_label_values(&["deny_list", "refused"])?;
        Ok(Self { decisions, denied, keys, store_up, redis_up, fallbacks })
    }

    /// Exposes the state of the shared store, where there is one.
    ///
    /// # Errors
    /// When two metrics have one name.
    pub fn with_store(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        registry.register(Box::new(self.store_up.clone()))?;
        registry.register(Box::new(self.redis_up.clone()))?;
        registry.register(Box::new(self.fallbacks.clone()))
    }

    /// Starts the counters of a class at 0.
    pub fn announce(&self, class: &str) {
        for outcome in ["allowed", "refused"] {
            self.decisions.with_label_values(&[class, outcome]);
        }
    }

    /// Takes over how many keys a class remembers.
    pub fn held(&self, class: &str, keys: usize) {
        self.keys.with_label_values(&[class]).set(i64::try_from(keys).unwrap_or(i64::MAX));
    }

    /// Notes a decision.
    pub fn decided(&self, class: &str, event: Event) {
        let outcome = match event {
            Event::Charged => "allowed",
            Event::Refused => "refused",
            _ => return,
        };
        self.decisions.with_label_values(&[class, outcome]).inc();
    }
}
