#!/bin/sh
# Runs every fuzz target, one after the other.
#
# Usage: scripts/fuzz.sh
# Reads FUZZ_SECONDS (60) for each target. Needs cargo-fuzz and a nightly compiler.
set -eu
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/.."

[ -d fuzz/fuzz_targets ] || { echo "fuzz/fuzz_targets is missing: run this in a full checkout" >&2; exit 1; }
scripts/cargo-tool.sh need cargo-fuzz
. scripts/nightly.sh
for target in $(cargo "+$nightly" fuzz list); do
    echo "fuzzing $target"
    cargo "+$nightly" fuzz run "$target" -- -max_total_time="${FUZZ_SECONDS:-60}"
done
