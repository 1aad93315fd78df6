//! The handles of the series in use, found without a lock and without allocation.
//!
//! Everything here is written once and never removed, so cells that can be set once are all the synchronisation that reading needs.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use prometheus::{Histogram, IntCounter};

use super::families::Families;
use super::labels::{METHODS, MethodLabel, OVERFLOW, Outcome, UNMATCHED};

/// The handles of one series: method, route and outcome. Series of the same method and route form a list, a few long at most.
#[derive(Debug)]
pub(super) struct Series {
    outcome: Outcome,
    pub(super) requests: IntCounter,
    pub(super) duration: Histogram,
    pub(super) request_size: Option<Histogram>,
    pub(super) response_size: Option<Histogram>,
    next: Link,
}

type Link = OnceLock<Box<Series>>;

impl Series {
    fn new(families: &Families, method: MethodLabel, route: &str, outcome: Outcome) -> Self {
        let labels = [method.as_str(), route, outcome.as_str()];
        let sizes = families.sizes.as_ref();
        Self {
            outcome,
            requests: families.requests.with_label_values(&labels),
            duration: families.duration.with_label_values(&labels),
            request_size: sizes.map(|sizes| sizes.request.with_label_values(&labels)),
            response_size: sizes.map(|sizes| sizes.response.with_label_values(&labels)),
            next: Link::new(),
        }
    }
}

/// One value of the label `route`.
#[derive(Debug)]
struct Route {
    name: Box<str>,
    methods: [Link; METHODS.len()],
}

impl Route {
    fn new(name: &str) -> Self {
        Self { name: name.into(), methods: Default::default() }
    }
}

/// A route in its [`SeriesTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RouteLabel {
    Unmatched,
    Overflow,
    /// The slot of a known pattern.
    Known(usize),
}

/// An open-addressing hash table of routes, never more than half full, and the series of each.
#[derive(Debug)]
pub(super) struct SeriesTable {
    families: Families,
    unmatched: Route,
    overflow: Route,
    slots: Box<[OnceLock<Box<Route>>]>,
    hasher: RandomState,
    max_routes: usize,
    known: AtomicUsize,
    insertion: Mutex<()>,
}

impl SeriesTable {
    pub(super) fn new(families: Families, max_routes: usize) -> Self {
        let slots = (max_routes * 2).next_power_of_two();
        Self {
            families,
            unmatched: Route::new(UNMATCHED),
            overflow: Route::new(OVERFLOW),
            slots: (0..slots).map(|_| OnceLock::new()).collect(),
            hasher: RandomState::new(),
            max_routes,
            known: AtomicUsize::new(0),
            insertion: Mutex::new(()),
        }
    }

    pub(super) fn families(&self) -> &Families {
        &self.families
    }

    /// The label for a pattern; a new one takes a slot while there are any.
    pub(super) fn route(&self, name: Option<&str>) -> RouteLabel {
        match name {
            None => RouteLabel::Unmatched,
            Some(name) => self.find(name).map_or_else(|_| self.insert(name), RouteLabel::Known),
        }
    }

    /// The slot that holds `name`, or as the error the free one where it belonged when this looked.
    fn find(&self, name: &str) -> Result<usize, usize> {
        let last = self.slots.len() - 1;
        // Sixteen bits reach every slot of the largest table.
        let [.., high, low] = self.hasher.hash_one(name).to_be_bytes();
        let mut slot = usize::from(u16::from_be_bytes([high, low])) & last;
        while let Some(route) = self.slots[slot].get() {
            if *route.name == *name {
                return Ok(slot);
            }
            slot = (slot + 1) & last;
        }
        Err(slot)
    }

    #[cold]
    fn insert(&self, name: &str) -> RouteLabel {
        if self.known.load(Ordering::Relaxed) >= self.max_routes {
            return RouteLabel::Overflow;
        }
        let _one_at_a_time = self.insertion.lock().unwrap_or_else(PoisonError::into_inner);
        match self.find(name) {
            Ok(slot) => RouteLabel::Known(slot),
            Err(_) if self.known.load(Ordering::Relaxed) >= self.max_routes => RouteLabel::Overflow,
            Err(slot) => {
                self.slots[slot].get_or_init(|| Box::new(Route::new(name)));
                self.known.fetch_add(1, Ordering::Relaxed);
                RouteLabel::Known(slot)
            }
        }
    }

    /// The handles of a series, made at its first use.
    pub(super) fn series(&self, route: RouteLabel, method: MethodLabel, outcome: Outcome) -> &Series {
        let route = match route {
            RouteLabel::Unmatched => &self.unmatched,
            RouteLabel::Overflow => &self.overflow,
            RouteLabel::Known(slot) => self.slots[slot].get().map_or(&self.overflow, |route| route),
        };
        let mut link = &route.methods[method.index()];
        loop {
            let series = link.get_or_init(|| Box::new(Series::new(&self.families, method, &route.name, outcome)));
            if series.outcome == outcome {
                return series;
            }
            link = &series.next;
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, StatusCode};

    use super::*;
    use crate::metrics::DURATION_BUCKETS;

    fn table(max_routes: usize) -> SeriesTable {
        SeriesTable::new(Families::new("", DURATION_BUCKETS, None).unwrap(), max_routes)
    }

    #[test]
    fn a_route_keeps_its_slot() {
        let table = table(256);
        let names: Vec<String> = (0..256).map(|n| format!("/items/{n}/{{id}}")).collect();
        let first: Vec<RouteLabel> = names.iter().map(|name| table.route(Some(name))).collect();
        let again: Vec<RouteLabel> = names.iter().map(|name| table.route(Some(name))).collect();
        assert_eq!(first, again);
        assert!(first.iter().all(|label| matches!(label, RouteLabel::Known(_))));
    }

    #[test]
    fn routes_beyond_the_cap_share_one_label() {
        let table = table(2);
        let known = table.route(Some("/a"));
        assert_ne!(table.route(Some("/b")), RouteLabel::Overflow);
        assert_eq!(table.route(Some("/c")), RouteLabel::Overflow);
        assert_eq!(table.route(Some("/a")), known);
        assert_eq!(table.route(None), RouteLabel::Unmatched);
    }

    #[test]
    fn a_route_that_is_named_like_a_constant_does_not_take_its_place() {
        let table = table(2);
        assert!(matches!(table.route(Some(UNMATCHED)), RouteLabel::Known(_)));
    }

    #[test]
    fn the_same_labels_lead_to_the_same_handles() {
        let table = table(4);
        let get = MethodLabel::of(&Method::GET);
        let route = table.route(Some("/a"));
        for outcome in [Outcome::Status(StatusCode::OK), Outcome::Error, Outcome::Cancelled, Outcome::Error] {
            table.series(route, get, outcome).requests.inc();
        }
        assert_eq!(table.series(route, get, Outcome::Error).requests.get(), 2);
        assert_eq!(table.families.requests.with_label_values(&["GET", "/a", "error"]).get(), 2);
        assert_eq!(table.families.requests.with_label_values(&["GET", "/a", "200"]).get(), 1);
    }

    #[test]
    fn threads_that_meet_new_routes_at_once_agree_on_their_slots() {
        let table = table(64);
        let names: Vec<String> = (0..100).map(|n| format!("/{n}")).collect();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for name in &names {
                        if let RouteLabel::Known(slot) = table.route(Some(name)) {
                            assert_eq!(*table.slots[slot].get().unwrap().name, **name);
                        }
                    }
                });
            }
        });
        let mut known: Vec<&str> = table.slots.iter().filter_map(|slot| Some(&*slot.get()?.name)).collect();
        assert_eq!(known.len(), 64);
        known.sort_unstable();
        known.dedup();
        assert_eq!(known.len(), 64, "no route has two slots");
    }
}
