//! One piece of work that many wait for, without a runtime to run it on: whoever is polled does a turn of it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll, Wake, Waker};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Work under way. It goes on as long as anyone waits for it, stands still while nobody does, and is never lost with one who went away.
pub(super) struct Flight {
    /// `None` once it is over, be it by a panic.
    work: Mutex<Option<Work>>,
    waiting: Arc<Waiting>,
}

impl Flight {
    pub(super) fn new(work: impl Future<Output = ()> + Send + 'static) -> Arc<Self> {
        Arc::new(Self { work: Mutex::new(Some(Box::pin(work))), waiting: Arc::default() })
    }

    pub(super) fn is_over(&self) -> bool {
        match self.work.try_lock() {
            Ok(work) => work.is_none(),
            Err(TryLockError::Poisoned(error)) => error.into_inner().is_none(),
            // Somebody has his turn.
            Err(TryLockError::WouldBlock) => false,
        }
    }

    /// Takes part until it is over.
    pub(super) async fn join(self: Arc<Self>) {
        let mut seat = None;
        poll_fn(|cx| self.poll(&mut seat, cx)).await;
    }

    fn poll(&self, seat: &mut Option<Seat>, cx: &mut Context<'_>) -> Poll<()> {
        // First, or the work might wake those who wait before this one is among them.
        self.waiting.add(seat, cx.waker());
        let mut turn = Turn { work: lock(&self.work), waiting: &self.waiting };
        // Outside its place while it runs, so that a panic ends it.
        let Some(mut work) = turn.work.take() else { return Poll::Ready(()) };
        let everybody = Waker::from(Arc::clone(&self.waiting));
        let polled = work.as_mut().poll(&mut Context::from_waker(&everybody));
        if polled.is_pending() {
            *turn.work = Some(work);
        }
        polled
    }
}

impl fmt::Debug for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight").field("over", &self.is_over()).finish_non_exhaustive()
    }
}

/// A turn of the work. When it was the last one, everybody is told.
struct Turn<'a> {
    work: MutexGuard<'a, Option<Work>>,
    waiting: &'a Waiting,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.work.is_none() {
            self.waiting.wake_all();
        }
    }
}

/// Those who wait. All of them are woken each time: the one that would take the next turn may have gone away.
#[derive(Default)]
struct Waiting(Mutex<Round>);

/// The wakers since all were woken last.
#[derive(Default)]
struct Round {
    number: u64,
    wakers: Vec<Waker>,
}

/// Where the waker of one who waits is, so that it need not be searched among thousands.
#[derive(Clone, Copy)]
struct Seat {
    round: u64,
    index: usize,
}

impl Waiting {
    fn add(&self, seat: &mut Option<Seat>, waker: &Waker) {
        let mut round = lock(&self.0);
        let known = seat.filter(|seat| seat.round == round.number).and_then(|seat| round.wakers.get_mut(seat.index));
        if let Some(known) = known {
            known.clone_from(waker);
        } else {
            *seat = Some(Seat { round: round.number, index: round.wakers.len() });
            round.wakers.push(waker.clone());
        }
    }

    fn wake_all(&self) {
        let mut round = lock(&self.0);
        round.number = round.number.wrapping_add(1);
        let wakers = mem::take(&mut round.wakers);
        // A waker may poll at once, which adds one.
        drop(round);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_all();
    }
}

/// What is behind these locks is whole between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::sync::oneshot;

    use super::*;

    fn work() -> (oneshot::Sender<()>, Arc<Flight>) {
        let (sender, receiver) = oneshot::channel();
        (sender, Flight::new(async move { drop(receiver.await) }))
    }

    #[tokio::test]
    async fn all_who_wait_are_told_of_the_end() {
        let (sender, flight) = work();
        let waiting: Vec<_> = (0..10).map(|_| tokio::spawn(Arc::clone(&flight).join())).collect();
        tokio::task::yield_now().await;
        assert!(!flight.is_over());
        sender.send(()).unwrap();
        for waiting in waiting {
            waiting.await.unwrap();
        }
        assert!(flight.is_over());
        flight.join().await;
    }

    #[tokio::test]
    async fn those_who_go_away_leave_the_work_to_the_others() {
        let (sender, flight) = work();
        let first = tokio::spawn(Arc::clone(&flight).join());
        tokio::task::yield_now().await;
        let second = tokio::spawn(Arc::clone(&flight).join());
        tokio::task::yield_now().await;
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        sender.send(()).unwrap();
        second.await.unwrap();
    }

    #[test]
    fn work_that_nobody_waits_for_stands_still_and_can_be_resumed() {
        let (sender, flight) = work();
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(pin!(Arc::clone(&flight).join()).poll(cx).is_pending());
        sender.send(()).unwrap();
        assert!(!flight.is_over());
        assert!(pin!(Arc::clone(&flight).join()).poll(cx).is_ready());
    }

    #[test]
    fn who_waits_is_kept_once_however_often_it_is_polled() {
        let (_sender, flight) = work();
        let cx = &mut Context::from_waker(Waker::noop());
        let mut joins = [(); 3].map(|()| Box::pin(Arc::clone(&flight).join()));
        for _ in 0..10 {
            assert!(joins.iter_mut().all(|join| join.as_mut().poll(cx).is_pending()));
        }
        assert_eq!(lock(&flight.waiting.0).wakers.len(), 3);
    }

    #[tokio::test]
    async fn a_panic_ends_the_work_for_everybody() {
        let (sender, receiver) = oneshot::channel::<()>();
        let flight = Flight::new(async move {
            drop(receiver.await);
            panic!("a bug of the fetcher");
        });
        let waiting = [0, 1].map(|_| tokio::spawn(Arc::clone(&flight).join()));
        tokio::task::yield_now().await;
        sender.send(()).unwrap();
        let [first, second] = waiting;
        assert!(first.await.is_err() != second.await.is_err(), "one met the panic, the other the end");
        assert!(flight.is_over());
    }
}
