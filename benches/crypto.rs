//! What a log-in costs in cryptography: each password algorithm at its default cost, and the hash of a refresh token.
//!
//! `cargo bench --bench crypto`

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use portcullis::auth::hash::{self, Algorithm};
use portcullis::auth::token::{self, OpaqueToken};

const PASSWORD: &str = "through the gate of horn";

fn password(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("password");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    // One line per algorithm that the service can be configured with.
    for (name, algorithm) in [("bcrypt 12", Algorithm::default()), ("argon2id 19 MiB", Algorithm::argon2id())] {
        let stored = hash::dummy(algorithm);
        group.bench_function(name, |bencher| bencher.iter(|| hash::verify(black_box(PASSWORD), &stored)));
    }
    group.finish();
}

fn refresh_token(criterion: &mut Criterion) {
    let token = OpaqueToken::from_bytes(&[7; token::LENGTH]);
    criterion.bench_function("refresh token/SHA-256", |bencher| {
        bencher.iter(|| black_box(&token).as_ref().map(OpaqueToken::hash));
    });
}

criterion_group!(benches, password, refresh_token);
criterion_main!(benches);
