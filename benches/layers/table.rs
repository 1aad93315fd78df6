//! Measures one service after another, and prints what it found.

use std::alloc::System;
use std::hint::black_box;
use std::ops::Sub;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use criterion::Criterion;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::Service;

use crate::report::Report;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Requests made in advance of one stretch of measured time: few enough to stay in the cache, and to be done before the scheduler turns to
/// another process.
const BATCH: u64 = 32;

/// What a row is about.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) outcome: Outcome,
    /// The row of ours that does the same work.
    pub(crate) rival_of: Option<&'static str>,
}

/// Where a request ends, and so what its row tells.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Outcome {
    /// In a handler without layers. The rows of passing requests that follow tell what they add to it.
    Bare,
    /// In the handler.
    Passed,
    /// In a layer, which makes the answer. The row tells the cost of the whole exchange.
    Refused,
}

impl Row {
    pub(crate) const fn bare(name: &'static str) -> Self {
        Self { name, outcome: Outcome::Bare, rival_of: None }
    }

    pub(crate) const fn passed(name: &'static str) -> Self {
        Self { name, outcome: Outcome::Passed, rival_of: None }
    }

    pub(crate) const fn refused(name: &'static str) -> Self {
        Self { name, outcome: Outcome::Refused, rival_of: None }
    }
}

/// What one request takes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cost {
    pub(crate) nanoseconds: f64,
    pub(crate) allocations: f64,
    pub(crate) bytes: f64,
}

impl Sub for Cost {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            nanoseconds: self.nanoseconds - other.nanoseconds,
            allocations: self.allocations - other.allocations,
            bytes: self.bytes - other.bytes,
        }
    }
}

/// Measures one service after another.
pub(crate) struct Table {
    criterion: Criterion,
    bare: Cost,
    rows: Vec<(Row, Cost)>,
}

impl Table {
    pub(crate) fn new() -> Self {
        let criterion = Criterion::default()
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(2))
            .configure_from_args();
        Self { criterion, bare: Cost::default(), rows: Vec::new() }
    }

    pub(crate) fn measure<S, R, B>(&mut self, row: Row, request: &Request<R>, mut service: S)
    where
        S: Service<Request<R>, Response = Response<B>>,
        R: Clone,
        B: Body,
    {
        let (allocations, bytes) = count(&mut service, request);
        let nanoseconds = self.time(row.name, &mut service, request);
        let mut cost = Cost { nanoseconds, allocations, bytes };
        match row.outcome {
            Outcome::Bare => self.bare = cost,
            Outcome::Passed => cost = cost - self.bare,
            Outcome::Refused => (),
        }
        self.rows.push((row, cost));
    }

    /// Nanoseconds: the median of all batches, which other processes on the machine move less than criterion's samples.
    fn time<S, R, B>(&mut self, name: &str, service: &mut S, request: &Request<R>) -> f64
    where
        S: Service<Request<R>, Response = Response<B>>,
        R: Clone,
        B: Body,
    {
        let mut batches = Vec::new();
        self.criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                let mut elapsed = Duration::ZERO;
                let mut left = rounds;
                while left > 0 {
                    let batch: Vec<_> = (0..left.min(BATCH)).map(|_| received(request)).collect();
                    let length = batch.len() as u64;
                    let begun = Instant::now();
                    for request in batch {
                        answer(service, request);
                    }
                    let took = begun.elapsed();
                    if length == BATCH {
                        batches.push(took);
                    }
                    elapsed += took;
                    left -= length;
                }
                elapsed
            });
        });
        batches.sort_unstable();
        batches.get(batches.len() / 2).map_or(f64::NAN, |median| median.as_secs_f64() * 1e9 / BATCH as f64)
    }

    #[expect(clippy::print_stdout, reason = "the table is what this program is for")]
    pub(crate) fn finish(self) {
        self.criterion.final_summary();
        println!("{}", Report(&self.rows));
    }
}

/// Allocations of a request, growth of earlier ones included, and their bytes.
fn count<S, R, B>(service: &mut S, request: &Request<R>) -> (f64, f64)
where
    S: Service<Request<R>, Response = Response<B>>,
    R: Clone,
    B: Body,
{
    const ROUNDS: usize = 1000;
    // The first request builds what later ones find.
    answer(service, received(request));
    let requests: Vec<_> = (0..ROUNDS).map(|_| received(request)).collect();
    let region = Region::new(ALLOCATOR);
    for request in requests {
        answer(service, request);
    }
    let change = region.change();
    let each = |total: usize| total as f64 / ROUNDS as f64;
    (each(change.allocations + change.reallocations), each(change.bytes_allocated))
}

/// The request as hyper hands it over. Its map of headers has the usual room, where that of a clone has none.
fn received<R: Clone>(request: &Request<R>) -> Request<R> {
    let mut headers = HeaderMap::with_capacity(request.headers().len());
    headers.extend(request.headers().clone());
    let mut request = request.clone();
    *request.headers_mut() = headers;
    request
}

/// Sends a request, and reads the answer to the end of its body. Nothing here ever waits, so one poll is enough for each.
fn answer<S, R, B>(service: &mut S, request: Request<R>)
where
    S: Service<Request<R>, Response = Response<B>>,
    B: Body,
{
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready(), "the services of this table are always ready");
    let Poll::Ready(Ok(response)) = pin!(service.call(request)).poll(&mut cx) else {
        unreachable!("the services of this table answer at once");
    };
    let (head, body) = response.into_parts();
    black_box(head);
    let mut body = pin!(body);
    while let Poll::Ready(Some(frame)) = body.as_mut().poll_frame(&mut cx) {
        black_box(frame.is_ok());
    }
}
