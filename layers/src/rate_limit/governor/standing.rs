//! What governor's outcomes say in the terms of this crate.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::governor::Quota;
use ::governor::middleware::StateSnapshot;

use crate::rate_limit::Policy;
use crate::rate_limit::gcra::{Decision, Gcra};
use crate::rate_limit::outcome::{Label, Standing};
use crate::rate_limit::policy::nanoseconds;

/// What a limiter tells of a request that passed; implemented for the outcomes of governor's own middlewares.
pub trait Remaining {
    /// The quota and the units left of it, if the outcome tells.
    fn remaining(&self) -> Option<(Quota, u32)>;
}

impl Remaining for () {
    fn remaining(&self) -> Option<(Quota, u32)> {
        None
    }
}

impl Remaining for StateSnapshot {
    fn remaining(&self) -> Option<(Quota, u32)> {
        Some((self.quota(), self.remaining_burst_capacity()))
    }
}

/// The policy as clients know it. A governor limiter tells its quota with its first outcome only.
#[derive(Debug)]
pub(super) struct Announced {
    name: Box<str>,
    label: OnceLock<Arc<Label>>,
}

impl Announced {
    pub(super) const fn new(name: Box<str>) -> Self {
        Self { name, label: OnceLock::new() }
    }

    pub(super) fn allowed(&self, quota: Quota, remaining: u32) -> Standing {
        let gcra = gcra(quota);
        let spent = quota.burst_size().get().saturating_sub(remaining);
        self.standing(quota, Decision { until_fresh: gcra.weight(spent), wait: 0 })
    }

    pub(super) fn refused(&self, quota: Quota, wait: Duration) -> Standing {
        let gcra = gcra(quota);
        // The unit may have come back since the limiter said no.
        let wait = nanoseconds(wait).max(1);
        let until_fresh = wait.saturating_add(gcra.capacity().saturating_sub(gcra.interval));
        self.standing(quota, Decision { until_fresh, wait })
    }

    fn standing(&self, quota: Quota, decision: Decision) -> Standing {
        let label = self.label.get_or_init(|| {
            let (units, window) = (quota.burst_size(), quota.burst_size_replenished_in());
            Arc::new(Label::new(&Policy::new(self.name.clone(), units.get(), window)))
        });
        Standing::read(label, gcra(quota), decision, Duration::from_nanos)
    }
}

fn gcra(quota: Quota) -> Gcra {
    Gcra { interval: nanoseconds(quota.replenish_interval()).max(1), burst: quota.burst_size().get() }
}
