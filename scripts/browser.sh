#!/bin/sh
# Opens the pages and the documentation in a headless Chromium and uses them as people do: the tests in tests/it/browser.
#
# Usage: scripts/browser.sh
# Reads BROWSERS (2): tests that run at a time, since each has a browser to itself. Needs PostgreSQL, chromium and chromedriver.
set -eu
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/.."

cargo test --all-features --test it -- --ignored --test-threads "${BROWSERS:-2}" browser::
