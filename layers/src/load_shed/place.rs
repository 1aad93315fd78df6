//! A place that its request can leave for a while.

use std::sync::{Arc, Mutex, PoisonError};

use super::gate::Gate;

/// The place of a request among those in flight, which it may leave while it only waits: for a slow sender, say. A request extension, of layers
/// that [lend](super::Builder::lend_places) their places. All clones are one place.
#[derive(Clone, Debug)]
pub struct Place(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    gate: Arc<Gate>,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Taken,
    Left,
    /// The request was answered or dropped: nothing is taken any more.
    Over,
}

impl Place {
    /// For a request that the gate has counted.
    pub(super) fn new(gate: Arc<Gate>) -> Self {
        Self(Arc::new(Shared { gate, state: Mutex::new(State::Taken) }))
    }

    /// Leaves the place to another request.
    pub fn leave(&self) {
        self.give_back(State::Left);
    }

    /// Takes a place again. `false` when all of them are taken: the request is to be refused then, as it would have been at the gate.
    #[must_use]
    pub fn retake(&self) -> bool {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Taken => true,
            State::Left if self.0.gate.enter() => {
                *state = State::Taken;
                true
            }
            State::Left | State::Over => false,
        }
    }

    pub(super) fn end(&self) {
        self.give_back(State::Over);
    }

    fn give_back(&self, next: State) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *state == State::Taken {
            self.0.gate.leave();
        }
        if *state != State::Over {
            *state = next;
        }
    }
}
