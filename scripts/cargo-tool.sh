#!/bin/sh
# Makes sure that a cargo tool is there.
#
# Usage: scripts/cargo-tool.sh install NAME   installs it from crates.io if missing, and says so
#        scripts/cargo-tool.sh need NAME      fails, naming the command that installs it
set -eu
. "$(dirname "$0")/usage.sh"

if command -v "$2" >/dev/null 2>&1; then exit 0; fi
case "$1" in
    install)
        echo "Installing $2, which is missing here: cargo install $2 --locked"
        cargo install "$2" --locked
        ;;
    *)
        echo "$2 is missing: run \`cargo install $2 --locked\`" >&2
        exit 1
        ;;
esac
