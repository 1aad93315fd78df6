#!/bin/sh
# Requests per second of /health/live through the whole stack, as a share of what a bare hyper server does in the same
# run. The two take turns, so that a busy neighbour hits both.
#
# Usage: scripts/load.sh
# Reads LOAD_SECONDS (5) for each figure, LOAD_CONNECTIONS (64) and LOAD_ROUNDS (3). Needs oha, PostgreSQL and curl.
set -eu
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/.."

seconds=${LOAD_SECONDS:-5}
connections=${LOAD_CONNECTIONS:-64}
rounds=${LOAD_ROUNDS:-3}

cargo build --release --bin portcullis --example bare
target=${CARGO_TARGET_DIR:-target}/release
. scripts/server.sh

start "$target/examples/bare"
bare_url=$url
start_service "$target/portcullis" RATE_LIMIT_ENABLED=false
live_url=$url/health/live

# Requests per second for a URL; any answer but 200 fails the run.
measure() {
    oha --no-tui --output-format json -z "${seconds}s" -c "$connections" "$1" >"$workspace/oha.json"
    if ! tr -d ' \n' <"$workspace/oha.json" | grep -q '"statusCodeDistribution":{"200":[0-9]*}'; then
        echo "not every answer from $1 was a 200:" >&2
        cat "$workspace/oha.json" >&2
        exit 1
    fi
    sed -n 's/.*"requestsPerSec": *\([0-9]*\).*/\1/p' "$workspace/oha.json"
}

echo "$connections connections, $seconds s each, $(uname -m), $(getconf _NPROCESSORS_ONLN) cores"
for round in $(seq "$rounds"); do
    bare=$(measure "$bare_url/")
    live=$(measure "$live_url")
    share=$(awk -v a="$live" -v b="$bare" 'BEGIN { printf "%.0f", 100 * a / b }')
    echo "round $round: bare hyper $bare/s, /health/live $live/s, share $share %"
done
