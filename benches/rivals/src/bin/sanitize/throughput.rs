//! Time and allocations of one value.

use std::alloc::System;
use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use portcullis_layers::sanitize::InputSanitizer;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use crate::inputs::{self, Input};
use crate::rates::refused_by_libinjection;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Rows for every input of the bench `sanitize`.
pub(crate) fn table() -> String {
    let sanitizer = InputSanitizer::new();
    let mut table =
        String::from("| values | who | million values/s | MB/s | allocations a value |\n|---|---|---|---|---|\n");
    for input in inputs::all() {
        row(&mut table, &input, "ours", |value| sanitizer.sanitize(input.kind, value).accepted);
        row(&mut table, &input, "libinjectionrs", |value| refused_by_libinjection(value.as_bytes()));
        row(&mut table, &input, "ammonia", |value| ammonia::clean(value).is_empty());
    }
    let addresses = inputs::addresses();
    row(&mut table, &addresses, "ours, with detection", |value| sanitizer.sanitize_email_advanced(value).accepted);
    table
}

fn row(table: &mut String, input: &Input, who: &str, check: impl Fn(&str) -> bool) {
    let pass = || {
        for value in &input.values {
            black_box(check(black_box(value)));
        }
    };
    let region = Region::new(ALLOCATOR);
    pass();
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let count = |count: usize| count as f64;
    let values = count(input.values.len());
    let allocations = count(region.change().allocations) / values;
    let seconds = fastest_pass(&pass);
    let _ = writeln!(
        table,
        "| {} | {who} | {:.2} | {:.0} | {allocations:.1} |",
        input.name,
        values / seconds / 1e6,
        count(input.bytes()) / seconds / 1e6
    );
}

/// Seconds that one pass takes in the fastest of many short batches: the one that nobody else on the machine got in the way of.
fn fastest_pass(pass: impl Fn()) -> f64 {
    const BATCHES: usize = 201;
    const BATCH: Duration = Duration::from_millis(3);
    let mut fastest = f64::INFINITY;
    for _ in 0..BATCHES {
        let mut passes = 0;
        let start = Instant::now();
        while start.elapsed() < BATCH {
            for _ in 0..16 {
                pass();
            }
            passes += 16;
        }
        fastest = fastest.min(start.elapsed().as_secs_f64() / f64::from(passes));
    }
    fastest
}
