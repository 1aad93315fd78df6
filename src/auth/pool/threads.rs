//! The threads that hash. They stand back behind those that answer requests: a hash that takes a quarter of a second loses nothing by a few
//! milliseconds, and everybody else's answer would.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;

type Job = Box<dyn FnOnce() + Send>;

/// How far behind: of a core that is wanted by both, about a tenth is left to a hash.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// A fixed number of threads, which end when this and what was handed to them is gone.
#[derive(Debug)]
pub(super) struct Threads {
    jobs: Sender<Job>,
}

impl Threads {
    /// Starts them. Fewer than asked for if the system has no more: what is handed over waits for those there are.
    pub(super) fn start(count: usize) -> Self {
        let (jobs, taken) = channel();
        let taken = Arc::new(Mutex::new(taken));
        for number in 0..count {
            let taken = Arc::clone(&taken);
            let started = Builder::new().name(format!("hash-{number}")).spawn(move || work(&taken));
            if let Err(error) = started {
                tracing::error!(%error, number, "a thread for hashing could not be started");
                break;
            }
        }
        Self { jobs }
    }

    /// Hands something over. Without any thread it is dropped, and whoever waits for its result hears of that.
    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) {
        drop(self.jobs.send(Box::new(job)));
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    stand_back();
    loop {
        // The lock is held while waiting, and by one thread alone: whichever gets the next job.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // What a job held is dropped with it; the thread goes on to the next.
        drop(catch_unwind(AssertUnwindSafe(job)));
    }
}

/// To the scheduler of Linux a thread has a priority of its own; elsewhere the process has one.
#[cfg(target_os = "linux")]
fn stand_back() {
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS) {
        tracing::debug!(%error, "hashes run at the priority of requests");
    }
}

#[cfg(not(target_os = "linux"))]
fn stand_back() {}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_job_that_panics_takes_neither_its_thread_nor_those_after_it_along() {
        let threads = Threads::start(1);
        let (told, heard) = channel();
        let lost = told.clone();
        threads.run(move || {
            let _lost = lost;
            panic!("on purpose");
        });
        threads.run(move || told.send(std::thread::current().name().map(str::to_owned)).unwrap());
        assert_eq!(heard.recv().unwrap().as_deref(), Some("hash-0"));
        assert!(heard.recv().is_err(), "what the first job held is gone");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn hashes_stand_back_behind_requests() {
        let (told, heard) = channel();
        let threads = Threads::start(1);
        threads.run(move || told.send(rustix::process::getpriority_process(Some(rustix::thread::gettid()))).unwrap());
        let ours = rustix::process::getpriority_process(Some(rustix::thread::gettid())).unwrap();
        assert_eq!(heard.recv().unwrap().unwrap(), (ours.max(NICENESS)));
    }

    #[test]
    fn threads_end_with_their_owner() {
        let (told, heard) = channel::<()>();
        let threads = Threads::start(2);
        threads.run(move || drop(told));
        assert!(heard.recv().is_err());
        drop(threads);
    }
}
