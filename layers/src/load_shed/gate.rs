//! The decision: whether one more request may pass.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::HeaderValue;

use super::place::Place;
use crate::RequestHead;

pub(super) type Exempt = dyn Fn(RequestHead<'_>) -> bool + Send + Sync;

/// The bound, shared by all clones.
pub(super) struct Gate {
    pub(super) max: NonZeroUsize,
    pub(super) in_flight: AtomicUsize,
    pub(super) exempt: Option<Box<Exempt>>,
    pub(super) lends: bool,
    pub(super) retry_after: HeaderValue,
}

/// One request's right to be in flight, given back on drop.
#[derive(Debug)]
pub(super) enum Permit {
    /// An exempt request takes no place.
    Exempt,
    Kept(Arc<Gate>),
    /// The request can leave it in between.
    Lent(Place),
}

impl Gate {
    /// A permit, or `None` when the bound is reached.
    pub(super) fn admit(gate: &Arc<Self>, head: RequestHead<'_>) -> Option<Permit> {
        if gate.exempt.as_ref().is_some_and(|exempt| exempt(head)) {
            return Some(Permit::Exempt);
        }
        let gate = gate.enter().then(|| Arc::clone(gate))?;
        Some(if gate.lends { Permit::Lent(Place::new(gate)) } else { Permit::Kept(gate) })
    }

    /// Takes a place, unless all are taken.
    pub(super) fn enter(&self) -> bool {
        // The number guards no other memory, so no ordering is needed.
        let more = |taken: usize| (taken < self.max.get()).then_some(taken + 1);
        self.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Gives a place back.
    pub(super) fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        match self {
            Self::Exempt => {}
            Self::Kept(gate) => gate.leave(),
            Self::Lent(place) => place.end(),
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("max", &self.max)
            .field("in_flight", &self.in_flight)
            .field("lends", &self.lends)
            .field("retry_after", &self.retry_after)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn gate(max: usize) -> Arc<Gate> {
        lending(max, false)
    }

    fn lending(max: usize, lends: bool) -> Arc<Gate> {
        Arc::new(Gate {
            max: NonZeroUsize::new(max).unwrap(),
            in_flight: AtomicUsize::new(0),
            lends,
            exempt: Some(Box::new(|head| head.uri.path() == "/health")),
            retry_after: HeaderValue::from_static("1"),
        })
    }

    fn admit(gate: &Arc<Gate>, path: &str) -> Option<Permit> {
        let request = Request::builder().uri(path).body(()).unwrap();
        Gate::admit(gate, RequestHead::from(&request))
    }

    #[test]
    fn a_permit_given_back_is_there_for_the_next() {
        let gate = gate(2);
        let first = admit(&gate, "/").unwrap();
        let _second = admit(&gate, "/").unwrap();
        assert!(admit(&gate, "/").is_none());
        drop(first);
        assert!(admit(&gate, "/").is_some());
    }

    #[test]
    fn exempt_requests_pass_a_full_gate_and_take_no_place() {
        let gate = gate(1);
        let _only = admit(&gate, "/").unwrap();
        let health = admit(&gate, "/health").unwrap();
        assert_eq!(gate.in_flight.load(Ordering::Relaxed), 1);
        drop(health);
        assert_eq!(gate.in_flight.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_place_that_is_left_is_anothers_until_that_one_is_done() {
        let gate = lending(1, true);
        let permit = admit(&gate, "/").unwrap();
        let Permit::Lent(place) = &permit else { panic!("{permit:?}") };
        let place = place.clone();
        assert!(place.retake(), "it was never left");
        place.leave();
        place.leave();
        let other = admit(&gate, "/").unwrap();
        assert!(!place.retake());
        drop(other);
        assert!(place.retake());
        assert!(admit(&gate, "/").is_none());
        drop(permit);
        assert_eq!(gate.in_flight.load(Ordering::Relaxed), 0);
        assert!(!place.retake(), "the request is over");
        place.leave();
        assert_eq!(gate.in_flight.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn threads_never_exceed_the_bound_together() {
        let gate = gate(3);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        let permit = admit(&gate, "/");
                        assert!(gate.in_flight.load(Ordering::Relaxed) <= 3);
                        drop(permit);
                    }
                });
            }
        });
        assert_eq!(gate.in_flight.load(Ordering::Relaxed), 0);
    }
}
