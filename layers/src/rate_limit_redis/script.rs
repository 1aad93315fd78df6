//! The script's arguments and its reply.

use redis::{RedisError, Script, ScriptInvocation};

use crate::rate_limit::{Charge, Charges, Decision};

/// What is to be done with the charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Charge,
    Peek,
    Refund,
}

/// The script, and how keys are named.
#[derive(Debug)]
pub(super) struct Gcra {
    script: Script,
    /// The same hash tag in all keys keeps them in one slot of a cluster, so that one script may touch them.
    prefix: String,
}

impl Gcra {
    pub(super) fn new(prefix: &str) -> Self {
        Self { script: Script::new(include_str!("gcra.lua")), prefix: format!("{{{prefix}}}:") }
    }

    /// The key under which Redis keeps what `charge` is about.
    pub(super) fn key(&self, charge: &Charge) -> Vec<u8> {
        [self.prefix.as_bytes(), charge.policy().as_bytes(), b":", charge.key.as_bytes()].concat()
    }

    pub(super) fn invocation(&self, task: Task, charges: &Charges) -> ScriptInvocation<'_> {
        let mut invocation = self.script.prepare_invoke();
        invocation.arg(if task == Task::Peek { "peek" } else { "charge" });
        for charge in charges.iter() {
            let sign = if task == Task::Refund { "-" } else { "" };
            invocation.key(self.key(charge)).arg(format!("{sign}{}", charge.weight())).arg(charge.capacity());
        }
        invocation
    }

    /// One unit of a key of nobody's: whether the server runs scripts and takes writes.
    pub(super) fn probe(&self) -> ScriptInvocation<'_> {
        let mut invocation = self.script.key(format!("{}probe", self.prefix));
        invocation.arg("charge").arg(1_000_000).arg(u32::MAX);
        invocation
    }
}

/// Two numbers per charge; anything else is no reply of ours.
pub(super) fn decisions(reply: &[u64], charges: &Charges) -> Result<Vec<Decision>, RedisError> {
    let (pairs, rest) = reply.as_chunks();
    if !rest.is_empty() || pairs.len() != charges.iter().count() {
        return Err((redis::ErrorKind::UnexpectedReturnType, "the script replied with another number of values").into());
    }
    Ok(pairs.iter().map(|[until_fresh, wait]| Decision { until_fresh: *until_fresh, wait: *wait }).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::rate_limit::{Limiter, Policy};

    fn charges() -> Charges {
        let policy = Policy::new("login", 3, Duration::from_secs(1));
        let login = Limiter::builder().policy(policy).build().unwrap().limit("login").unwrap();
        [Charge::new(&login, "someone"), Charge::new(&login, "else").cost(2)].into_iter().collect()
    }

    #[test]
    fn all_keys_of_a_check_have_one_hash_tag() {
        let gcra = Gcra::new("app");
        for charge in charges().iter() {
            assert!(gcra.key(charge).starts_with(b"{app}:login:"));
        }
    }

    #[test]
    fn times_are_rounded_to_the_stricter_microsecond() {
        let charges = charges();
        let weights: Vec<_> = charges.iter().map(|charge| (charge.weight(), charge.capacity())).collect();
        assert_eq!(weights, [(333_334, 1_000_002), (666_668, 1_000_002)]);
    }

    #[test]
    fn a_reply_has_two_numbers_for_each_charge() {
        let charges = charges();
        let expected = [Decision { until_fresh: 1, wait: 2 }, Decision { until_fresh: 3, wait: 4 }];
        assert_eq!(decisions(&[1, 2, 3, 4], &charges).unwrap(), expected);
        for reply in [&[][..], &[1, 2], &[1, 2, 3], &[1, 2, 3, 4, 5, 6]] {
            assert!(decisions(reply, &charges).is_err(), "{reply:?}");
        }
    }
}
