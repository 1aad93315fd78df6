#!/bin/sh
# Compares the public API of the layers with layers/api.txt, and prints what differs.
#
# Usage: scripts/api-snapshot.sh [update]
# With `update` it writes that file instead. Needs cargo-public-api and a nightly compiler.
set -eu
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/.."
. scripts/nightly.sh

snapshot=layers/api.txt
current=target/api.txt
mkdir -p target
cargo "+$nightly" public-api --package portcullis-layers --all-features --simplified >"$current"
if [ "${1:-}" = update ]; then
    cp "$current" "$snapshot"
    exit
fi
[ -e "$snapshot" ] || { echo "$snapshot is missing: run \`scripts/api-snapshot.sh update\`" >&2; exit 1; }
diff -u "$snapshot" "$current" ||
    { echo "the public API changed: if that is meant, run \`scripts/api-snapshot.sh update\` and say so in layers/CHANGELOG.md" >&2; exit 1; }
