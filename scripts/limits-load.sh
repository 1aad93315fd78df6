#!/bin/sh
# What limits cost: requests per second of a route with limits in the process and in Redis, as a share of the same route
# without limits, in turns; and of requests that are refused.
#
# Usage: scripts/limits-load.sh
# Reads LOAD_SECONDS (5) for each figure, LOAD_CONNECTIONS (64) and LOAD_ROUNDS (3). Needs oha, PostgreSQL, redis-server and curl.
set -eu
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/.."

seconds=${LOAD_SECONDS:-5}
connections=${LOAD_CONNECTIONS:-64}
rounds=${LOAD_ROUNDS:-3}

cargo build --release --bin portcullis
target=${CARGO_TARGET_DIR:-target}/release
. scripts/server.sh

redis-server --port 0 --save '' --appendonly no --unixsocket "$workspace/redis.sock" >"$workspace/redis.log" &
started="$started $!"
redis=redis+unix://$workspace/redis.sock
# More than anybody can ask for, so that every request is charged and allowed.
wide="RATE_LIMIT_REQUESTS=1000000 RATE_LIMIT_DURATION=1s LIMIT_USER=1000000/1s LIMIT_REGISTER=1000000/1s"
narrow="RATE_LIMIT_REQUESTS=1 RATE_LIMIT_DURATION=365d LIMIT_REGISTER=1000000/1s"

# service NAME [NAME=VALUE…] starts one with a database of its own and sets $NAME to its address.
service() {
    name=$1
    shift
    mkdir "$workspace/$name"
    chmod 711 "$workspace/$name"
    start_service "$target/portcullis" DATA_DIR="$workspace/$name/data" "$@"
    eval "$name=\$url"
}
service off RATE_LIMIT_ENABLED=false
# shellcheck disable=SC2086
service local $wide
# shellcheck disable=SC2086
service shared $wide REDIS_URL="$redis"
# shellcheck disable=SC2086
service local_refused $narrow
# shellcheck disable=SC2086
service shared_refused $narrow REDIS_URL="$redis"

# measure STATUS URL [TOKEN]: requests per second; any other answer fails the run.
measure() {
    oha --no-tui --output-format json -z "${seconds}s" -c "$connections" ${3:+-H "authorization: Bearer $3"} "$2" >"$workspace/oha.json"
    if ! tr -d ' \n' <"$workspace/oha.json" | grep -q "\"statusCodeDistribution\":{\"$1\":[0-9]*}"; then
        echo "not every answer from $2 was a $1:" >&2
        cat "$workspace/oha.json" >&2
        exit 1
    fi
    sed -n 's/.*"requestsPerSec": *\([0-9]*\).*/\1/p' "$workspace/oha.json"
}

token() {
    curl --silent --fail --header 'content-type: application/json' \
        --data '{"email":"ada@example.com","password":"a passphrase that nobody guesses","first_name":"Ada","last_name":"Lovelace"}' \
        "$1/api/v1/auth/register" | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p'
}

share() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.0f", 100 * a / b }'; }

echo "$connections connections, $seconds s each, $(uname -m), $(getconf _NPROCESSORS_ONLN) cores, load $(cut -d ' ' -f 1 /proc/loadavg)"
off_token=$(token "$off") local_token=$(token "$local") shared_token=$(token "$shared")
for round in $(seq "$rounds"); do
    for route in /.well-known/jwks.json /api/v1/auth/me; do
        without=$(measure 200 "$off$route" "$off_token")
        within=$(measure 200 "$local$route" "$local_token")
        by_redis=$(measure 200 "$shared$route" "$shared_token")
        echo "round $round, $route: no limits $without/s, in process $within/s ($(share "$within" "$without") %)," \
            "Redis $by_redis/s ($(share "$by_redis" "$without") %)"
    done
done
for name in local shared; do
    eval "address=\$${name}_refused"
    # One request passes, and the rest of the year none.
    curl --silent --output /dev/null "$address/.well-known/jwks.json"
    echo "refused, $name: $(measure 429 "$address/.well-known/jwks.json")/s"
done
