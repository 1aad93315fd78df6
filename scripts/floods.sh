#!/bin/sh
# What floods of connections cost: honest requests per second with and without them, in turns, memory of the service,
# and how fast the listener of METRICS_ADDR answers meanwhile. Attackers and honest clients share this machine's cores with the service.
#
# Usage: scripts/floods.sh
# Reads FLOOD_SECONDS (10) for each figure, FLOOD_ROUNDS (3) and FLOOD_METRICS_PORT (19090). Needs oha, PostgreSQL and curl.
set -eu
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/.."

seconds=${FLOOD_SECONDS:-10}
rounds=${FLOOD_ROUNDS:-3}
ulimit -n "$(ulimit -Hn)"

cargo build --release --bin portcullis --example flood
target=${CARGO_TARGET_DIR:-target}/release
. scripts/server.sh

operations=127.0.0.1:${FLOOD_METRICS_PORT:-19090}
# Everybody comes from one address here, and is counted as many.
start_service "$target/portcullis" RATE_LIMIT_ENABLED=false MAX_CONNECTIONS=15000 MAX_CONNECTIONS_PER_NETWORK=15000 \
    METRICS_ADDR="$operations"
service=${started##* }
address=${url#http://}

# Honest requests per second; any answer but 200 fails the run.
honest() {
    oha --no-tui --output-format json -z "${seconds}s" -c 64 "$url/health/live" >"$workspace/oha.json"
    if ! tr -d ' \n' <"$workspace/oha.json" | grep -q '"statusCodeDistribution":{"200":[0-9]*}'; then
        echo "not every honest answer was a 200:" >&2
        cat "$workspace/oha.json" >&2
        exit 1
    fi
    sed -n 's/.*"requestsPerSec": *\([0-9]*\).*/\1/p' "$workspace/oha.json"
}

memory() { ps -o rss= -p "$service" | awk '{ printf "%.1f", $1 / 1000 }'; }
metric() { curl --silent --fail "http://$operations/metrics" | awk -v name="$1" '$1 == name { print $2 }'; }

# The slowest of 20 answers of /health/live on METRICS_ADDR, in milliseconds.
slowest_probe() {
    for _ in $(seq 20); do
        curl --silent --fail --output /dev/null --write-out '%{time_total}\n' "http://$operations/health/live"
        sleep 0.1
    done | sort -n | awk 'END { printf "%.0f", 1000 * $1 }'
}

# flood KIND CONNECTIONS HELD: attacks with so many connections, of which the service holds at least HELD.
flood() {
    "$target/examples/flood" "$1" "$address" "$2" &
    attacker=$!
    started="$started $attacker"
    for _ in $(seq 600); do
        if [ "$(metric portcullis_connections)" -ge "$3" ]; then return; fi
        sleep 0.1
    done
    give_up "the service holds $(metric portcullis_connections) connections, not $3"
}

# measure NAME KIND CONNECTIONS HELD
measure() {
    : >"$workspace/shares"
    for round in $(seq "$rounds"); do
        before=$(memory)
        alone=$(honest)
        flood "$2" "$3" "$4"
        slowest_probe >"$workspace/probe" &
        probe=$!
        attacked=$(honest)
        wait "$probe"
        during=$(memory)
        held=$(metric portcullis_connections)
        kill "$attacker"
        wait "$attacker" 2>/dev/null || true
        share=$(awk -v a="$attacked" -v b="$alone" 'BEGIN { printf "%.0f", 100 * a / b }')
        echo "$share" >>"$workspace/shares"
        echo "$1, round $round: honest $alone/s alone, $attacked/s under attack, share $share %;" \
            "memory $before → $during MB; $held connections;" \
            "slowest probe on METRICS_ADDR $(cat "$workspace/probe") ms"
        sleep 2
    done
    echo "$1: median share $(sort -n "$workspace/shares" | sed -n "$(((rounds + 1) / 2))p") % of $rounds rounds"
}

echo "64 honest connections, $seconds s each, $(uname -m), $(getconf _NPROCESSORS_ONLN) cores, load $(cut -d ' ' -f 1 /proc/loadavg)"
measure "5000 slow heads" heads 5000 4500
measure "10000 idle connections" idle 10000 9900
measure "rapid reset on 50 connections" resets 50 1
