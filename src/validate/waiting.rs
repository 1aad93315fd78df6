//! Who waits for the rest of a body, and how many may.
//!
//! Such a request holds no place among those in flight, so slow senders keep nobody out who has something to do. What they hold is memory,
//! and that is bounded here: whoever comes is let in, and the one that has waited longest makes room. An honest body is there within a
//! round trip; to keep one out, a sender of slow ones has to be faster than it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use tokio::sync::oneshot;

use crate::auth::budget::network;

/// Bodies that are waited for at once, each of at most [`MAX_BODY`](super::MAX_BODY).
const MAX_WAITING: usize = 1024;
/// Those of one network.
const MAX_WAITING_PER_NETWORK: usize = 64;

/// Counts the bodies that are waited for.
#[derive(Debug)]
pub(super) struct WaitingRoom {
    total: usize,
    per_network: usize,
    /// Proxies speak for many.
    trusted: Box<[IpNet]>,
    seats: Mutex<Seats>,
}

/// By number, and so by age.
#[derive(Debug, Default)]
struct Seats {
    next: u64,
    taken: BTreeMap<u64, Occupant>,
}

#[derive(Debug)]
struct Occupant {
    network: Option<IpAddr>,
    /// Dropped when the seat is needed for another.
    _stays: oneshot::Sender<()>,
}

/// The seat of one body; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    room: Arc<WaitingRoom>,
    number: u64,
    stays: oneshot::Receiver<()>,
}

impl WaitingRoom {
    /// A room in which the addresses of `trusted` proxies share with nobody.
    pub(super) fn new(trusted: &[IpNet]) -> Arc<Self> {
        Self::with(MAX_WAITING, MAX_WAITING_PER_NETWORK, trusted)
    }

    fn with(total: usize, per_network: usize, trusted: &[IpNet]) -> Arc<Self> {
        Arc::new(Self { total, per_network, trusted: trusted.into(), seats: Mutex::default() })
    }

    /// Takes a seat: a free one, or that of the body of the same network, or else of any, that has waited longest.
    pub(super) fn enter(self: &Arc<Self>, client: Option<IpAddr>) -> Seat {
        let network = client.filter(|address| !self.trusts(*address)).map(network);
        let (stays, watched) = oneshot::channel();
        let mut seats = self.seats();
        if let Some(oldest) = self.displaced(&seats, network) {
            seats.taken.remove(&oldest);
        }
        let number = seats.next;
        seats.next += 1;
        seats.taken.insert(number, Occupant { network, _stays: stays });
        Seat { room: Arc::clone(self), number, stays: watched }
    }

    /// Who has to go, so that one more may come.
    fn displaced(&self, seats: &Seats, network: Option<IpAddr>) -> Option<u64> {
        let mut neighbours = seats.taken.iter().filter(|(_, one)| network.is_some() && one.network == network);
        let oldest_neighbour = neighbours.next().map(|(number, _)| *number);
        let oldest = seats.taken.keys().next().copied();
        if 1 + neighbours.count() >= self.per_network && oldest_neighbour.is_some() {
            return oldest_neighbour;
        }
        oldest.filter(|_| seats.taken.len() >= self.total)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|network| network.contains(&address))
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Returns once the seat is another's.
    pub(super) async fn lost(&mut self) {
        // Nobody ever sends: the other end is dropped.
        let _dropped = (&mut self.stays).await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.seats().taken.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(room: &Arc<WaitingRoom>, address: &str) -> Seat {
        room.enter(Some(address.parse().unwrap()))
    }

    fn is_lost(seat: &mut Seat) -> bool {
        matches!(seat.stays.try_recv(), Err(oneshot::error::TryRecvError::Closed))
    }

    #[test]
    fn whoever_has_waited_longest_makes_room() {
        let room = WaitingRoom::with(2, 2, &[]);
        let mut one = seat(&room, "192.0.2.1");
        let mut two = seat(&room, "192.0.2.2");
        let mut three = seat(&room, "192.0.2.3");
        assert_eq!([&mut one, &mut two, &mut three].map(is_lost), [true, false, false]);
        drop(two);
        let _four = seat(&room, "192.0.2.4");
        assert!(!is_lost(&mut three));
        drop(one);
        assert_eq!(room.seats().taken.len(), 2, "a lost seat is not given back twice");
    }

    #[test]
    fn a_network_that_has_its_share_displaces_itself() {
        let room = WaitingRoom::with(9, 2, &[]);
        let mut other = seat(&room, "192.0.2.1");
        let mut own: Vec<_> = (1..=5).map(|host| seat(&room, &format!("2001:db8::{host}"))).collect();
        assert_eq!(own.iter_mut().map(is_lost).collect::<Vec<_>>(), [true, true, true, false, false]);
        assert!(!is_lost(&mut other));
    }

    #[test]
    fn trusted_proxies_have_as_many_as_there_are() {
        let room = WaitingRoom::with(4, 1, &["10.0.0.0/8".parse().unwrap()]);
        let mut seats: Vec<_> = (0..4).map(|_| seat(&room, "::ffff:10.0.0.1")).collect();
        assert!(!seats.iter_mut().any(is_lost));
        let _one_more = seat(&room, "10.0.0.1");
        assert!(is_lost(&mut seats[0]));
    }

    #[tokio::test]
    async fn a_body_learns_that_its_seat_is_lost() {
        let room = WaitingRoom::with(1, 1, &[]);
        let mut first = seat(&room, "192.0.2.1");
        let _second = seat(&room, "192.0.2.1");
        first.lost().await;
    }
}
