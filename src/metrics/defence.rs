//! The defence of log-ins.

use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

use crate::auth::budget::Scope;

/// What became of attempts at passwords.
#[derive(Clone, Debug)]
pub struct DefenceMetrics {
    /// `portcullis_login_defence_total{outcome="counted"}`: attempts that went on to the hasher.
    pub counted: IntCounter,
    /// `…{outcome="refunded"}`: of these, the right ones.
    pub refunded: IntCounter,
    /// `…{outcome="network_blocked"}`: networks that were shut out.
    pub network_blocked: IntCounter,
    refused_account: IntCounter,
    refused_device: IntCounter,
    refused_network: IntCounter,
}

impl DefenceMetrics {
    /// Registers all of them.
    ///
    /// # Errors
    /// When two metrics have one name.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let opts = Opts::new("portcullis_login_defence_total", "Attempts at passwords, by what became of them.");
        let all = IntCounterVec::new(opts, &["outcome"])?;
        registry.register(Box::new(all.clone()))?;
        let outcome = |outcome| all.get_metric_with_label_values(&[outcome]);
        Ok(Self {
            counted: outcome("counted")?,
            refunded: outcome("refunded")?,
            network_blocked: outcome("network_blocked")?,
            refused_account: outcome("refused_account")?,
            refused_device: outcome("refused_device")?,
            refused_network: outcome("refused_network")?,
        })
    }

    /// Notes an attempt that a spent budget turned away.
    pub fn refused(&self, scope: Scope) {
        match scope {
            Scope::Account | Scope::AccountNetwork => self.refused_account.inc(),
            Scope::Device | Scope::AccountDevices => self.refused_device.inc(),
            Scope::Network => self.refused_network.inc(),
        }
    }
}
