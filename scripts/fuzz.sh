#!/bin/sh
# Runs every fuzz target for FUZZ_SECONDS (60).
set -eu
cd "$(dirname "$0")/.."

[ -d fuzz/fuzz_targets ] || { echo "there are no fuzz targets in fuzz/ yet" >&2; exit 1; }
scripts/cargo-tool.sh need cargo-fuzz
. scripts/nightly.sh
for target in $(cargo "+$nightly" fuzz list); do
    echo "fuzzing $target"
    cargo "+$nightly" fuzz run "$target" -- -max_total_time="${FUZZ_SECONDS:-60}"
done
