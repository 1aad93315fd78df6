#!/usr/bin/env bash
# Checks deploy/prometheus, deploy/alertmanager and deploy/grafana: scripts/rules.sh [URL]
#
# With the URL of a Prometheus that has scraped the service, it also runs every query of the dashboards there, and names those without data.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The queries of one dashboard, one JSON object a line, with what Grafana would put in for its variables.
queries() {
    jq --compact-output '
        .title as $dashboard | .panels[] | .title as $panel | .targets[]? | select(.expr)
        | {
            $dashboard, $panel,
            expr: (.expr
                | gsub("\\$__rate_interval"; "1m") | gsub("\\$__range"; "1h")
                | gsub("\\$job"; "portcullis") | gsub("\\$(instance|route)"; ".*"))
        }' "$1"
}

check_dashboards() {
    mkdir "$scratch/dashboards"
    scripts/dashboards.sh "$scratch/dashboards"
    if ! diff --recursive --brief deploy/grafana/dashboards "$scratch/dashboards"; then
        echo "The dashboards are not what dashboards.jsonnet says: run make dashboards" >&2
        exit 1
    fi
    (cd deploy/grafana && jsonnetfmt --test ./*.jsonnet ./*.libsonnet source/*.libsonnet)
    # As rules, since promtool parses queries nowhere else.
    for file in deploy/grafana/dashboards/*.json; do queries "$file"; done >"$scratch/queries"
    jq --slurp '{groups: [{
        name: "dashboards",
        rules: [to_entries[] | {record: "query:\(.key)", expr: .value.expr, labels: (.value | del(.expr))}]
    }]}' "$scratch/queries" >"$scratch/rules.json"
    promtool check rules "$scratch/rules.json"
}

run_queries() {
    local empty=0 query answer
    while read -r query; do
        answer=$(jq --raw-output .expr <<<"$query" |
            curl --silent --show-error --fail-with-body "$1/api/v1/query" --data-urlencode query@-)
        if [ "$(jq '.data.result | length' <<<"$answer")" = 0 ]; then
            empty=$((empty + 1))
            jq --raw-output '"no data: \(.dashboard) / \(.panel): \(.expr)"' <<<"$query"
        fi
    done <"$scratch/queries"
    echo "$(wc -l <"$scratch/queries") queries, $empty without data"
}

promtool check config deploy/prometheus/prometheus.yml
promtool test rules deploy/prometheus/tests/*.yml
amtool check-config deploy/alertmanager/alertmanager.yml deploy/observability/alertmanager.yml
check_dashboards
if [ $# = 1 ]; then run_queries "$1"; fi
