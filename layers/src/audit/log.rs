//! The way from the layer to the app: a bounded queue whose writing end never waits.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::mem;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::event::AuditEvent;

/// Makes the two ends of an audit log.
#[derive(Clone, Copy, Debug)]
pub enum AuditLog {}

impl AuditLog {
    /// A log that holds at most `capacity` events which nobody has read. What comes while it is full is lost and counted.
    pub fn bounded(capacity: NonZeroUsize) -> (AuditSink, AuditEvents) {
        let shared = Arc::new(Shared { capacity, queue: Mutex::default() });
        let sink = AuditSink { end: Arc::new(WritingEnd { shared: Arc::clone(&shared) }) };
        (sink, AuditEvents { shared, taken: VecDeque::new() })
    }
}

struct Shared {
    capacity: NonZeroUsize,
    queue: Mutex<Queue>,
}

/// Locked for moments only: nothing under the lock depends on how much is in the queue.
#[derive(Default)]
struct Queue {
    events: VecDeque<AuditEvent>,
    /// How many events nobody has read, those that the reader has taken from `events` included.
    unread: usize,
    lost: u64,
    reader: Option<Waker>,
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let reader = {
            let mut queue = self.lock();
            queue.closed = true;
            queue.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn show(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unread, lost, closed) = {
            let queue = self.lock();
            (queue.unread, queue.lost, queue.closed)
        };
        f.debug_struct(name)
            .field("capacity", &self.capacity)
            .field("unread", &unread)
            .field("lost", &lost)
            .field("closed", &closed)
            .finish()
    }
}

/// The writing end, for [`AuditLayer`](super::AuditLayer). Clones write to the same log; it ends when the last of them is gone.
#[derive(Clone)]
#[must_use]
pub struct AuditSink {
    end: Arc<WritingEnd>,
}

/// Closes the log when the last sink lets go of it.
struct WritingEnd {
    shared: Arc<Shared>,
}

impl Drop for WritingEnd {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl AuditSink {
    /// How many events were lost so far: there was no room for them, or nobody to read them.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.end.shared.lock().lost
    }

    /// Puts an event into the log, or counts it as lost.
    pub(super) fn offer(&self, event: AuditEvent) {
        let shared = &self.end.shared;
        let mut queue = shared.lock();
        if queue.closed || queue.unread >= shared.capacity.get() {
            queue.lost = queue.lost.saturating_add(1);
            return;
        }
        queue.unread += 1;
        queue.events.push_back(event);
        let reader = queue.reader.take();
        drop(queue);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

/// The reading end: the app writes what it yields to a table or a file.
///
/// Dropped, it closes the log, and the events that it has not yielded count as lost.
#[must_use]
pub struct AuditEvents {
    shared: Arc<Shared>,
    /// Taken from the queue in one swap, and not yielded yet.
    taken: VecDeque<AuditEvent>,
}

impl AuditEvents {
    /// Waits for events: at least one, at most `max`, oldest first. `None` when there are no more and the log is closed.
    ///
    /// Dropping the future loses nothing.
    pub fn next_batch(&mut self, max: NonZeroUsize) -> NextBatch<'_> {
        NextBatch { events: self, max }
    }

    /// The events that are there now, oldest first, without waiting.
    pub fn try_drain(&mut self) -> Vec<AuditEvent> {
        let mut queued = {
            let mut queue = self.shared.lock();
            queue.unread = 0;
            mem::take(&mut queue.events)
        };
        self.taken.append(&mut queued);
        mem::take(&mut self.taken).into()
    }

    /// Closes the log: what comes from now on is lost and counted. What is in it can still be read.
    pub fn close(&mut self) {
        self.shared.close();
    }

    /// How many events were lost so far: there was no room for them, or nobody to read them.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lock().lost
    }

    fn poll_batch(&mut self, max: NonZeroUsize, cx: &Context<'_>) -> Poll<Option<Vec<AuditEvent>>> {
        let mut queue = self.shared.lock();
        if self.taken.is_empty() {
            mem::swap(&mut queue.events, &mut self.taken);
        }
        let count = self.taken.len().min(max.get());
        if count == 0 {
            if queue.closed {
                return Poll::Ready(None);
            }
            queue.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        queue.unread -= count;
        drop(queue);
        Poll::Ready(Some(self.taken.drain(..count).collect()))
    }
}

impl Drop for AuditEvents {
    fn drop(&mut self) {
        let _unread = {
            let mut queue = self.shared.lock();
            queue.closed = true;
            let unread = u64::try_from(queue.unread).unwrap_or(u64::MAX);
            queue.lost = queue.lost.saturating_add(unread);
            mem::take(&mut queue.events)
        };
    }
}

/// Waits for events. The future of [`AuditEvents::next_batch`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct NextBatch<'a> {
    events: &'a mut AuditEvents,
    max: NonZeroUsize,
}

impl Future for NextBatch<'_> {
    type Output = Option<Vec<AuditEvent>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let max = self.max;
        self.events.poll_batch(max, cx)
    }
}

impl fmt::Debug for AuditSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.end.shared.show("AuditSink", f)
    }
}

impl fmt::Debug for AuditEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.show("AuditEvents", f)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;
    use std::time::{Duration, SystemTime};

    use http::Method;

    use super::super::event::AuditResult;
    use super::*;

    const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn event(action: &'static str) -> AuditEvent {
        AuditEvent {
            action: action.into(),
            actor: None,
            details: Vec::new(),
            result: AuditResult::Cancelled,
            method: Method::GET,
            route: None,
            client_ip: None,
            user_agent: None,
            request_id: None,
            at: SystemTime::UNIX_EPOCH,
            duration: Duration::ZERO,
        }
    }

    fn actions(batch: Vec<AuditEvent>) -> Vec<String> {
        batch.into_iter().map(|event| event.action.into_owned()).collect()
    }

    fn poll(events: &mut AuditEvents, max: NonZeroUsize) -> Poll<Option<Vec<String>>> {
        events.poll_batch(max, &Context::from_waker(Waker::noop())).map(|batch| batch.map(actions))
    }

    #[test]
    fn what_does_not_fit_is_lost_and_counted_until_there_is_room_again() {
        let (sink, mut events) = AuditLog::bounded(TWO);
        for action in ["a", "b", "c"] {
            sink.offer(event(action));
        }
        assert_eq!(poll(&mut events, NonZeroUsize::MIN), Poll::Ready(Some(vec!["a".to_owned()])));
        assert_eq!((sink.lost(), events.lost()), (1, 1));
        for action in ["d", "e"] {
            sink.offer(event(action));
        }
        assert_eq!(sink.lost(), 2, "what was taken from the queue and not yielded has its place still");
        assert_eq!(actions(events.try_drain()), ["b", "d"]);
        assert_eq!(events.try_drain(), []);
    }

    #[test]
    fn the_reader_is_woken_once_per_wait() {
        let (sink, mut events) = AuditLog::bounded(TWO);
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        assert!(events.poll_batch(TWO, &Context::from_waker(&waker)).is_pending());
        for _ in 0..3 {
            sink.offer(event("a"));
        }
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert_eq!(poll(&mut events, TWO).map(|batch| batch.map(|batch| batch.len())), Poll::Ready(Some(2)));
        assert!(events.poll_batch(TWO, &Context::from_waker(&waker)).is_pending());
        drop(sink);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn the_log_ends_when_the_last_sink_is_gone_and_everything_was_read() {
        let (sink, mut events) = AuditLog::bounded(TWO);
        let other = sink.clone();
        drop(sink);
        other.offer(event("a"));
        drop(other);
        assert_eq!(poll(&mut events, TWO), Poll::Ready(Some(vec!["a".to_owned()])));
        assert_eq!(poll(&mut events, TWO), Poll::Ready(None));
    }

    #[test]
    fn a_closed_log_takes_nothing_more_and_can_be_drained() {
        let (sink, mut events) = AuditLog::bounded(TWO);
        sink.offer(event("a"));
        events.close();
        sink.offer(event("b"));
        assert_eq!(sink.lost(), 1);
        assert_eq!(actions(events.try_drain()), ["a"]);
        assert_eq!(poll(&mut events, TWO), Poll::Ready(None));
    }

    #[test]
    fn without_a_reader_everything_counts_as_lost() {
        let (sink, mut events) = AuditLog::bounded(TWO);
        sink.offer(event("a"));
        sink.offer(event("b"));
        assert!(poll(&mut events, NonZeroUsize::MIN).is_ready());
        drop(events);
        sink.offer(event("c"));
        assert_eq!(sink.lost(), 2);
    }
}
