#!/bin/sh
# Runs the tests of a module in tests/it that are marked #[ignore] for being slow or unfair to their neighbours.
#
# Usage: scripts/ignored-tests.sh timing|scale::audit|scale::import
# PROFILE is cargo's profile, release or the default test. Installs PostgreSQL and redis-server if needed.
set -eu
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/.."

module=${1:-}
if [ ! -e "tests/it/$(echo "$module" | sed 's|::|/|g').rs" ]; then
    echo "no module of tests: ${module:-none was given}; see scripts/ignored-tests.sh --help" >&2
    exit 2
fi
scripts/install.sh postgresql redis
# The hashers are optimised in every profile, see Cargo.toml.
cargo test --profile "${PROFILE:-test}" --all-features --test it -- --ignored --nocapture --test-threads 1 "$module::"
