#!/usr/bin/env bash
# Writes deploy/grafana/dashboards/*.json from dashboards.jsonnet, or into another folder.
#
# Usage: scripts/dashboards.sh [FOLDER]
# Needs jsonnet.
set -euo pipefail
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/.."

folder=$(realpath "${1:-deploy/grafana/dashboards}")
cd deploy/grafana
jsonnet --multi "$folder" dashboards.jsonnet >/dev/null
