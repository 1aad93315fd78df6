#!/bin/sh
# Packages the layers as for crates.io, and lets a new axum app and a new hyper app use what came out: one request through each.
#
# Usage: scripts/package.sh [ARGUMENT OF cargo package]…
# `--allow-dirty` also packages what is not committed. Needs the network.
set -eu
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/.."
sources=$PWD/scripts/package
target=${CARGO_TARGET_DIR:-$PWD/target}

cargo package --locked --package portcullis-layers "$@"

version=$(cargo pkgid --package portcullis-layers | sed 's/.*[#@]//')
apps=$(mktemp -d)
trap 'rm -rf "$apps"' EXIT
mkdir "$apps/crate"
tar -xzf "$target/package/portcullis-layers-$version.crate" -C "$apps/crate" --strip-components 1
for file in README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE examples/axum.rs examples/hyper.rs; do
    [ -e "$apps/crate/$file" ] || { echo "the package lacks $file: see \`include\` in layers/Cargo.toml" >&2; exit 1; }
done

for framework in axum hyper; do
    echo "a new app on $framework"
    mkdir -p "$apps/$framework/src"
    cp "$sources/$framework.toml" "$apps/$framework/Cargo.toml"
    cp "$sources/main.rs" "$apps/$framework/src/main.rs"
    cp "$apps/crate/examples/$framework.rs" "$apps/$framework/src/example.rs"
    cargo run --quiet --manifest-path "$apps/$framework/Cargo.toml" --target-dir "$target/package-apps"
done
