#!/usr/bin/env bash
# Checks deploy/prometheus, deploy/alertmanager and deploy/grafana.
#
# Usage: scripts/rules.sh [URL [FILE]]
# With the URL of a Prometheus that has scraped the service, it also runs every query of the dashboards there, and names those without data.
# With a FILE, it demands data for all, and writes there what each returned. Needs promtool, amtool, jsonnet and jq.
set -euo pipefail
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The queries of one dashboard, one JSON object a line, with what Grafana would put in for its variables.
queries() {
    jq --compact-output '
        .title as $dashboard
        | (.panels[] | .title as $panel | .targets[]? | {$panel, expr}), (.annotations.list[]? | {panel: "mark: \(.name)", expr})
        | select(.expr) | .panel as $panel
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
        jq --compact-output --argjson query "$query" '$query + {series: .data.result}' <<<"$answer" >>"$scratch/answers"
    done <"$scratch/queries"
    echo "$(wc -l <"$scratch/queries") queries, $empty without data"
    if [ $# = 2 ]; then
        # A page with holes would say that all is well.
        [ "$empty" = 0 ]
        write_answers >"$2"
    fi
}

# What the queries returned, as a page: of each the number of series, and the greatest of them.
write_answers() {
    cat <<'MARKDOWN'
# What the dashboards show

Every query of the [dashboards](../deploy/grafana/dashboards), with what it returned from a Prometheus that had watched a scripted day of
traffic. `make observe` does it again: it starts the service, Redis and Prometheus, sends the traffic of
[traffic.sh](../scripts/traffic.sh), fails if a query returns nothing, and writes this page.
MARKDOWN
    jq --slurp --raw-output '
        def cell: gsub("\\s+"; " ") | gsub("\\|"; "\\|");
        # Four digits that count.
        def number: tonumber as $n
            | if $n | isnan then "NaN" elif $n == 0 or ($n | isinfinite) then $n | tostring
              else pow(10; 3 - ($n | fabs | log10 | floor)) as $scale | ($n * $scale | round) / $scale | tostring end;
        def labels: .metric | del(.__name__, .job, .instance) | to_entries | map("\(.key)=\(.value)")
            | if . == [] then "" else " (" + join(", ") + ")" end;
        group_by(.dashboard)[] | "\n## \(.[0].dashboard)\n\n| panel | query | series | greatest |\n|---|---|---|---|",
        (.[] | (.series | max_by(.value[1] | tonumber)) as $greatest
            | ($greatest | if . == null then "none" else (.value[1] | number) + (labels | cell) end) as $example
            | "| \(.panel) | `\(.expr | cell)` | \(.series | length) | \($example) |")
    ' "$scratch/answers"
}

promtool check config deploy/prometheus/prometheus.yml
promtool test rules deploy/prometheus/tests/*.yml
amtool check-config deploy/alertmanager/alertmanager.yml deploy/observability/alertmanager.yml
check_dashboards
if [ $# -gt 0 ]; then run_queries "$@"; fi
