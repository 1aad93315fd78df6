#!/bin/sh
# Compiles each package with the `rust-version` of its Cargo.toml.
#
# Usage: scripts/msrv.sh
# Needs rustup with these versions.
set -eu
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/.."

command -v rustup >/dev/null || { echo "rustup is missing: install it from https://rustup.rs" >&2; exit 1; }
for package in portcullis:Cargo.toml portcullis-layers:layers/Cargo.toml; do
    version=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "${package#*:}")
    rustup run "$version" rustc --version >/dev/null 2>&1 ||
        { echo "rustc $version is missing: run \`rustup toolchain install $version --profile minimal\`" >&2; exit 1; }
    echo "${package%%:*} with rustc $version"
    CARGO_TARGET_DIR=target/msrv rustup run "$version" cargo check --locked --all-features --package "${package%%:*}"
done
