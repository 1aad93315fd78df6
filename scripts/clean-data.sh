#!/bin/sh
# Removes DATA_DIR, and what it links to outside of itself. The service must not run.
#
# Usage: scripts/clean-data.sh
# Reads DATA_DIR (./data) from the environment or .env. Nothing that does not look like such a folder is removed.
set -eu
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/.."
. scripts/settings.sh

data_dir=$(setting DATA_DIR ./data)
[ -d "$data_dir" ] || { echo "there is no $data_dir"; exit 0; }
# Only a folder that the service has used: DATA_DIR may be mistyped.
[ -e "$data_dir/portcullis.lock" ] || { echo "$data_dir does not look like a DATA_DIR: nothing removed" >&2; exit 1; }
if [ -e "$data_dir/postgres/cluster/postmaster.pid" ]; then
    echo "the database in $data_dir is running (process $(head -n 1 "$data_dir/postgres/cluster/postmaster.pid")): stop the service first" >&2
    exit 1
fi
outside=$(readlink "$data_dir/postgres" || true)
rm -rf -- "$data_dir" ${outside:+"$outside"}
echo "removed $data_dir${outside:+ and $outside}"
