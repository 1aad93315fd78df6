#!/bin/sh
# Runs the tests of module $1 in tests/it that are marked #[ignore] for being slow or unfair to their neighbours.
set -eu
cd "$(dirname "$0")/.."

if [ ! -e "tests/it/$1.rs" ] && [ ! -d "tests/it/$1" ]; then
    echo "there are no $1 tests yet: tests/it/$1.rs is missing" >&2
    exit 1
fi
scripts/install.sh postgresql redis
# The hashers are optimised in every profile, see Cargo.toml.
cargo test --test it -- --ignored --nocapture --test-threads 1 "$1::"
