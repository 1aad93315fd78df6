#!/bin/sh
# What a flood of log-ins at ten times the capacity costs everybody else: times of /auth/me alone and during the flood, in
# turns, and how fast the log-ins are refused that find no place. The flood shares this machine's cores with the service.
#
# Usage: scripts/login-flood.sh
# Needs PostgreSQL and curl.
set -eu
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/.."

cargo build --release --bin portcullis --example login_flood
target=${CARGO_TARGET_DIR:-target}/release
. scripts/server.sh

# Without limits, or they would refuse the flood before it costs anything.
start_service "$target/portcullis" RATE_LIMIT_ENABLED=false
echo "$(uname -m), $(getconf _NPROCESSORS_ONLN) cores, load $(cut -d ' ' -f 1 /proc/loadavg)"
"$target/examples/login_flood" "${url#http://}"
