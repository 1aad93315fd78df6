#!/bin/sh
# Says in one line each what would keep `make run` from working, and what to do about it, before minutes go into a build.
#
# Usage: scripts/preflight.sh
# Reads HOST (127.0.0.1) and PORT (8080) from the environment or .env.
set -eu
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/.."
. scripts/settings.sh

failed=0
complain() {
    echo "✗ $1" >&2
    failed=1
}

# $1 is at least $2, both like 1.89 or 1.95.0
at_least() {
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$2" ]
}

check_compiler() {
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    found=$(rustc --version 2>/dev/null | cut -d ' ' -f 2 | cut -d - -f 1 || true)
    if [ -z "$found" ]; then
        complain "no Rust compiler: install one from https://rustup.rs, version $wanted or newer"
    elif ! at_least "$found" "$wanted"; then
        complain "rustc $found is older than $wanted: run \`rustup update stable\`"
    elif ! command -v cc >/dev/null; then
        complain "no C compiler and linker (cc): run \`apt-get install gcc\`, \`dnf install gcc\` or \`xcode-select --install\`"
    else
        echo "✓ rustc $found"
    fi
}

# Addresses and ports that are listened on, one `address port` a line; addresses of Linux as its kernel prints them.
listeners() {
    if [ -r /proc/net/tcp ]; then
        cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { sub(":", " ", $2); print $2 }'
    else
        netstat -an -p tcp | awk '$NF == "LISTEN" { port = $4; sub(/.*\./, "", port); sub(/\.[^.]*$/, "", $4); print $4, port }'
    fi
}

check_port() {
    host=$(setting HOST 127.0.0.1)
    port=$(setting PORT 8080)
    hex_port=$(printf '%04X' "$port" 2>/dev/null) || { complain "PORT=$port is not a number: set PORT to one from 1 to 65535"; return; }
    # The kernel prints 127.0.0.1 as 0100007F.
    hex_host=$(echo "$host" | awk -F. 'NF == 4 { printf "%02X%02X%02X%02X", $4, $3, $2, $1 }')
    taken=$(listeners | awk -v host="$host" -v hex_host="$hex_host" -v port="$port" -v hex_port="$hex_port" '
        ($2 == port || $2 == hex_port) &&
        ($1 == host || $1 == hex_host || $1 ~ /^(0+|\*|0\.0\.0\.0|::)$/ || host == "0.0.0.0" || host == "::")')
    if [ -n "$taken" ]; then
        complain "port $port on $host is taken: stop what listens there, or run \`PORT=$((port + 1)) make run\`"
    else
        echo "✓ port $port on $host"
    fi
}

check_disk() {
    wanted=3 # GB: a release build with its dependencies, and room for the database
    free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1000000) }')
    if [ "$free" -lt "$wanted" ]; then
        complain "only $free GB of disk space, $wanted are needed: free some, or move this folder to a larger disk"
    else
        echo "✓ $free GB of disk space"
    fi
}

check_compiler
check_port
check_disk
exit "$failed"
