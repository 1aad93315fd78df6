#!/bin/sh
# Puts the life cycle, the pipeline and the index template into Elasticsearch. Running it again changes nothing.
set -eu
cd "$(dirname "$0")"

put() {
    curl --silent --show-error --fail --output /dev/null --request PUT "$ELASTICSEARCH_URL/$1" \
        --header 'Content-Type: application/json' --data-binary "@$2"
    echo "put $1"
}

put _ilm/policy/portcullis-logs lifecycle.json
put _ingest/pipeline/portcullis-logs pipeline.json
put _index_template/portcullis-logs template.json
