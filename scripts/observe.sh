#!/bin/sh
# Lets a real Prometheus watch the service through a day of traffic, asserts that every query of the dashboards has data there, and writes
# what each returned into docs/dashboards.md.
#
# Usage: scripts/observe.sh
# Needs PostgreSQL, Redis, prometheus, alertmanager, jsonnet, jq and curl.
set -eu
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/.."

cargo build --bin portcullis
target=${CARGO_TARGET_DIR:-target}/debug
. scripts/server.sh

# start_redis sets $redis_url.
start_redis() {
    server=$(command -v redis-server || command -v valkey-server)
    "$server" --bind 127.0.0.1 --port 0 --unixsocket "$workspace/redis.sock" --save "" >"$workspace/redis.log" &
    started="$started $!"
    redis_url="redis+unix://$workspace/redis.sock"
}

# What a Prometheus would know from yesterday: the panels that compare with it would stay empty otherwise.
remember_yesterday() {
    now=$(date +%s)
    {
        echo "# TYPE job:portcullis_login_failures:rate10m gauge"
        for minutes in $(seq 180 -1 70); do
            echo "job:portcullis_login_failures:rate10m{job=\"portcullis\"} 0.01 $((now - minutes * 60))"
        done
        echo "# EOF"
    } >"$workspace/yesterday"
    promtool tsdb create-blocks-from openmetrics "$workspace/yesterday" "$workspace/prometheus" >/dev/null
}

# start_prometheus HOST:PORT sets $prometheus, which watches that. It scrapes and evaluates quickly, so that a minute is a day.
start_prometheus() {
    mkdir "$workspace/rules"
    for rules in deploy/prometheus/rules/*.yml; do
        sed 's/^    interval: .*/    interval: 2s/' "$rules" >"$workspace/rules/$(basename "$rules")"
    done
    cat >"$workspace/prometheus.yml" <<YAML
global: { scrape_interval: 1s, evaluation_interval: 2s }
rule_files: [rules/*.yml]
scrape_configs:
  - job_name: portcullis
    static_configs: [{ targets: ["$1"] }]
YAML
    remember_yesterday
    log="$workspace/prometheus.log"
    prometheus --config.file="$workspace/prometheus.yml" --storage.tsdb.path="$workspace/prometheus" \
        --web.listen-address=127.0.0.1:0 >"$log" 2>&1 &
    started="$started $!"
    for _ in $(seq 600); do
        address=$(sed -n 's/.*msg="Listening on".*address=\(127\.0\.0\.1:[0-9]*\).*/\1/p' "$log" | head -n 1)
        prometheus="http://$address"
        # Its first scrape comes some seconds after its start.
        if [ -n "$address" ] && curl --silent "$prometheus/api/v1/query?query=up" | grep --quiet '"1"\]'; then return; fi
        sleep 0.1
    done
    give_up "prometheus did not scrape the service"
}

serve() {
    start_service "$target/portcullis" TRUSTED_PROXIES=127.0.0.1/32 PASSWORD_BCRYPT_COST=6 REDIS_URL="$redis_url" "$@"
}

start_redis
serve
service=${started##* }
port=${url##*:}
curl --silent --fail "$url/metrics" | promtool check metrics
start_prometheus "127.0.0.1:$port"
echo "$prometheus watches $url"
scripts/traffic.sh "$url" "$workspace/data/mail"

# A restart, as in a deployment: the dashboards mark it.
kill "$service"
wait "$service" || true
serve PORT="$port"
curl --silent --fail "$url/metrics" | promtool check metrics
# Two rounds of rules that read each other, and a window of `rate` with two scrapes of the new process in it.
sleep 10
scripts/rules.sh "$prometheus" docs/dashboards.md
