#!/usr/bin/env bash
# Writes deploy/grafana/dashboards/*.json from dashboards.jsonnet, or into the folder given: scripts/dashboards.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(realpath "${1:-deploy/grafana/dashboards}")
cd deploy/grafana
jsonnet --multi "$folder" dashboards.jsonnet >/dev/null
