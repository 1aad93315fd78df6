//! What goes on in one connection, and when it is too little.
//!
//! hyper knows one time limit for the head of a request and the pause before it, and none for what a client does not read. So we watch the
//! bytes and the requests of a connection ourselves, and ask here by when something must have happened.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::protocol::Protocol;
use super::timeouts::Timeouts;

/// How long a client may take to leave once it has been told that the connection ends.
const GOODBYE: Duration = Duration::from_secs(5);

/// What a connection has waited for in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// The rest of a head, or, where not a byte of it has come, the first request.
    Head { begun: bool },
    /// The next request.
    Idle,
    /// The client, to take an answer.
    Write,
    /// An answer or the next piece of it, whoever keeps it back.
    Exchange,
}

/// What goes on in one connection, as all who work on it see it.
#[derive(Debug)]
pub(crate) struct Activity {
    timeouts: Timeouts,
    state: Mutex<State>,
}

impl Activity {
    /// That of a new connection, from which a request is due.
    pub(super) fn new(protocol: Protocol, timeouts: Timeouts) -> Arc<Self> {
        Arc::new(Self { timeouts, state: Mutex::new(State::new(protocol, Instant::now())) })
    }

    /// Notes bytes from the client.
    pub(super) fn received(&self) {
        self.state().received(Instant::now());
    }

    /// Notes whether the client takes what is to be sent.
    pub(super) fn set_blocked(&self, blocked: bool) {
        self.state().blocked = blocked.then(Instant::now);
    }

    /// Whether something is left to be sent that the client does not take.
    pub(super) fn is_blocked(&self) -> bool {
        self.state().blocked.is_some()
    }

    /// Notes a request whose head is complete. It is done with when the last clone of the guard is gone.
    pub(super) fn begin(self: &Arc<Self>) -> Arc<Exchange> {
        let number = self.state().begin(Instant::now());
        Arc::new(Exchange { number, activity: Arc::clone(self) })
    }

    /// Notes that the client has been told that the connection ends: it may take a moment to leave.
    pub(super) fn close(&self) {
        self.state().close(Instant::now());
    }

    /// By when something must have happened, and what.
    pub(super) fn due(&self) -> (Instant, Overdue) {
        self.state().due(&self.timeouts)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request and its answer, while they last.
#[derive(Debug)]
pub(crate) struct Exchange {
    number: u64,
    activity: Arc<Activity>,
}

impl Exchange {
    /// Notes that a piece of the answer was handed over.
    pub(super) fn progress(&self) {
        self.activity.state().progress(self.number, Instant::now());
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.activity.state().end(self.number, Instant::now());
    }
}

#[derive(Debug)]
struct State {
    protocol: Protocol,
    /// When something last happened to each request that is not done with, by its number.
    exchanges: BTreeMap<u64, Instant>,
    begun: u64,
    /// Since when there is none.
    quiet: Instant,
    /// Whether the client has been told that the connection ends.
    closing: bool,
    /// Since when a head is on its way, and whether a byte of it has come.
    head: Option<(Instant, bool)>,
    /// Since when the client takes nothing of what is to be sent.
    blocked: Option<Instant>,
}

impl State {
    fn new(protocol: Protocol, now: Instant) -> Self {
        let exchanges = BTreeMap::new();
        Self { protocol, exchanges, begun: 0, quiet: now, closing: false, head: Some((now, false)), blocked: None }
    }

    /// Between two requests bytes begin the next one. In HTTP/2 they may be anything; there, pings, which nobody can answer in the middle
    /// of a head, end a connection that stays in one.
    fn received(&mut self, now: Instant) {
        if let Some((_, begun)) = &mut self.head {
            *begun = true;
        } else if self.protocol == Protocol::Http1 && self.exchanges.is_empty() {
            self.head = Some((now, true));
        }
    }

    fn begin(&mut self, now: Instant) -> u64 {
        let number = self.begun;
        self.begun += 1;
        self.head = None;
        self.exchanges.insert(number, now);
        number
    }

    fn progress(&mut self, number: u64, now: Instant) {
        if let Some(last) = self.exchanges.get_mut(&number) {
            *last = now;
        }
    }

    fn end(&mut self, number: u64, now: Instant) {
        self.exchanges.remove(&number);
        self.quiet = now;
    }

    fn close(&mut self, now: Instant) {
        self.closing = true;
        self.quiet = now;
    }

    fn due(&self, timeouts: &Timeouts) -> (Instant, Overdue) {
        let waiting = match (self.exchanges.values().min(), self.head) {
            (Some(slowest), _) => (*slowest + timeouts.exchange, Overdue::Exchange),
            (None, Some((since, begun))) => (since + timeouts.head, Overdue::Head { begun }),
            (None, None) if self.closing => (self.quiet + GOODBYE, Overdue::Idle),
            (None, None) => (self.quiet + timeouts.idle, Overdue::Idle),
        };
        match self.blocked.map(|since| since + timeouts.write) {
            Some(by) if by < waiting.0 => (by, Overdue::Write),
            _ => waiting,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection, and a clock that starts with it.
    struct Observed {
        state: State,
        start: Instant,
    }

    impl Observed {
        fn new(protocol: Protocol) -> Self {
            let start = Instant::now();
            Self { state: State::new(protocol, start), start }
        }

        fn at(&self, seconds: u64) -> Instant {
            self.start + Duration::from_secs(seconds)
        }

        /// At which second what is overdue.
        fn due(&self) -> (u64, Overdue) {
            let (by, what) = self.state.due(&Timeouts::default());
            (by.duration_since(self.start).as_secs(), what)
        }
    }

    #[test]
    fn bytes_do_not_buy_time_for_a_head() {
        let mut connection = Observed::new(Protocol::Http1);
        assert_eq!(connection.due(), (10, Overdue::Head { begun: false }));
        for second in [2, 4, 6] {
            connection.state.received(connection.at(second));
            assert_eq!(connection.due(), (10, Overdue::Head { begun: true }));
        }
        let number = connection.state.begin(connection.at(7));
        connection.state.end(number, connection.at(8));
        assert_eq!(connection.due(), (68, Overdue::Idle));
        connection.state.received(connection.at(50));
        assert_eq!(connection.due(), (60, Overdue::Head { begun: true }));
    }

    #[test]
    fn in_http2_pings_neither_begin_a_request_nor_keep_a_connection() {
        let mut connection = Observed::new(Protocol::Http2);
        let number = connection.state.begin(connection.at(0));
        connection.state.end(number, connection.at(1));
        connection.state.received(connection.at(20));
        assert_eq!(connection.due(), (61, Overdue::Idle));
    }

    #[test]
    fn the_exchange_that_has_waited_longest_counts() {
        let mut connection = Observed::new(Protocol::Http2);
        let first = connection.state.begin(connection.at(1));
        let second = connection.state.begin(connection.at(5));
        assert_eq!(connection.due(), (61, Overdue::Exchange));
        connection.state.progress(first, connection.at(9));
        assert_eq!(connection.due(), (65, Overdue::Exchange));
        connection.state.end(second, connection.at(10));
        assert_eq!(connection.due(), (69, Overdue::Exchange));
        connection.state.end(first, connection.at(11));
        assert_eq!(connection.due(), (71, Overdue::Idle));
    }

    #[test]
    fn what_is_not_taken_is_overdue_first() {
        let mut connection = Observed::new(Protocol::Http1);
        connection.state.begin(connection.at(1));
        connection.state.blocked = Some(connection.at(2));
        assert_eq!(connection.due(), (32, Overdue::Write));
        connection.state.blocked = None;
        assert_eq!(connection.due(), (61, Overdue::Exchange));
    }

    #[test]
    fn who_is_told_to_leave_has_a_moment_for_it_once_all_is_done() {
        let mut connection = Observed::new(Protocol::Http2);
        let number = connection.state.begin(connection.at(1));
        connection.state.close(connection.at(2));
        assert_eq!(connection.due(), (61, Overdue::Exchange));
        connection.state.end(number, connection.at(20));
        assert_eq!(connection.due(), (25, Overdue::Idle));
    }
}
