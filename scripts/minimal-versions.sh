#!/bin/sh
# Compiles the layers with the oldest direct dependencies that their Cargo.toml allows: the numbers there are promises.
#
# Usage: scripts/minimal-versions.sh
# Needs a nightly compiler and the network.
set -eu
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/.."
. scripts/nightly.sh

# A copy, because resolving rewrites Cargo.lock, and without the service, whose newer needs would raise the versions.
copy=target/minimal-versions
rm -rf "$copy"
mkdir -p "$copy/layers"
cp -R layers/Cargo.toml layers/README.md layers/src "$copy/layers/"
awk '/^\[workspace/ { inside = 1 } /^\[/ && !/^\[workspace/ { inside = 0 } inside' Cargo.toml |
    sed -e 's/^members = .*/members = ["layers"]/' -e '/^exclude/d' >"$copy/Cargo.toml"
# Development dependencies are no promise to users, and would raise the versions too.
awk '/^\[/ { inside = /^\[(dev-dependencies|\[(example|test))/ } !inside' layers/Cargo.toml >"$copy/layers/Cargo.toml"

cd "$copy"
cargo "+$nightly" update -Z direct-minimal-versions
cargo check --package portcullis-layers --features full
