#!/bin/sh
# Compiles the layers with exactly one feature at a time, and with none: a layer that leans on another fails here.
#
# Usage: scripts/features.sh
set -eu
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/.."

features=$(awk '/^\[/ { inside = ($0 == "[features]") } inside && /^[a-z0-9_]+ *=/ { print $1 }' layers/Cargo.toml |
    grep -v -x -e default -e full)
[ -n "$features" ] || { echo "no features found in layers/Cargo.toml" >&2; exit 1; }

for feature in "" $features; do
    echo "layers with ${feature:-no feature}"
    cargo clippy --quiet --locked --package portcullis-layers --no-default-features --features "$feature" -- -D warnings
done
