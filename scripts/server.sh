# Sourced by the scripts that measure or drive a running service. What they start is gone when they end.

workspace=$(mktemp -d)
# So that the user who runs the database may pass through.
chmod 711 "$workspace"
started=""

stop_all() {
    for pid in $started; do kill "$pid" 2>/dev/null || true; done
    # The service takes its database down with it.
    wait
    outside=$(readlink "$workspace/data/postgres" || true)
    rm -rf -- "$workspace" ${outside:+"$outside"}
}
trap stop_all EXIT
trap 'exit 130' INT TERM

# start PROGRAM [NAME=VALUE…] runs a program in the background with that environment alone, and sets $url to the first
# address that it prints.
start() {
    program=$(realpath "$1")
    shift
    log="$workspace/$(basename "$program").log"
    # In a folder without an .env file.
    (cd "$workspace" && exec env -i PATH="$PATH" NO_COLOR=1 "$@" "$program") >"$log" 2>&1 &
    started="$started $!"
    for _ in $(seq 1200); do
        url=$(grep -o 'http://127\.0\.0\.1:[0-9]*' "$log" | head -n 1)
        if [ -n "$url" ]; then return; fi
        kill -0 "${started##* }" 2>/dev/null || break
        sleep 0.05
    done
    give_up "$program did not start"
}

# start_service PROGRAM [NAME=VALUE…] starts the service on a free port with a database of its own, and waits until it
# is ready.
start_service() {
    program=$1
    shift
    start "$program" HOST=127.0.0.1 PORT=0 ENVIRONMENT=development DATA_DIR="$workspace/data" "$@"
    for _ in $(seq 1200); do
        if curl --silent --fail --output /dev/null "$url/health/ready"; then return; fi
        sleep 0.05
    done
    give_up "$program did not become ready"
}

give_up() {
    echo "$1; it said:" >&2
    cat "$log" >&2
    exit 1
}
