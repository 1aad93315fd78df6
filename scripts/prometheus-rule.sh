#!/bin/sh
# Prints the rules as a PrometheusRule for the Prometheus Operator.
#
# Usage: scripts/prometheus-rule.sh | kubectl apply --namespace portcullis --filename -
set -eu
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/../deploy/prometheus/rules"

cat <<'YAML'
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: portcullis
  labels:
    app.kubernetes.io/name: portcullis
spec:
  groups:
YAML
# Each file opens with comments and its line `groups:`.
for file in recording.yml alerts.yml; do sed -e '1,/^groups:$/d' -e 's/^\(.\)/  \1/' "$file"; done
