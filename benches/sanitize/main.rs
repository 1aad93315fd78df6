//! What it costs to check one value: typical addresses, names, paths, and texts of 1 kB.
//!
//! `cargo bench --bench sanitize`. One core; the throughput that criterion prints counts the bytes of the input. `make rates` measures the
//! same beside published crates.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use portcullis_layers::sanitize::InputSanitizer;

mod inputs;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let sanitizer = InputSanitizer::new();
    for input in inputs::all() {
        let mut group = criterion.benchmark_group("sanitize");
        group.throughput(Throughput::Bytes(u64::try_from(input.bytes()).unwrap_or(u64::MAX)));
        group.bench_function(input.name, |bencher| {
            bencher.iter(|| {
                for value in &input.values {
                    black_box(sanitizer.sanitize(input.kind, black_box(value.as_str())).accepted);
                }
            });
        });
        group.finish();
    }
    let addresses = inputs::addresses();
    criterion.bench_function("sanitize/e-mail, with detection", |bencher| {
        bencher.iter(|| {
            for value in &addresses.values {
                black_box(sanitizer.sanitize_email_advanced(black_box(value.as_str())).accepted);
            }
        });
    });
    criterion.final_summary();
}
