#!/bin/sh
# Opens the pages and the documentation in a headless Chromium and uses them as people do: the tests in tests/it/browser.
set -eu
cd "$(dirname "$0")/.."

# Each test has a browser to itself, so only a few run at a time.
cargo test --test it -- --ignored --test-threads "${BROWSERS:-2}" browser::
