#!/bin/sh
# Builds every overlay of deploy/kubernetes, and the dashboards as a ConfigMap: what kustomize refuses or cannot find ends it.
#
# Usage: scripts/manifests.sh
# Needs kubectl, and no cluster.
set -eu
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/.."

if ! kubectl kustomize --help >/dev/null 2>&1; then
    echo "kubectl is missing: https://kubernetes.io/docs/tasks/tools" >&2
    exit 1
fi
for folder in deploy/kubernetes/overlays/* deploy/grafana; do
    echo "$folder: $(kubectl kustomize "$folder" | grep --count '^kind:') objects"
done
