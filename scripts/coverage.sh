#!/bin/sh
# Measures line coverage over the whole test run, and holds each folder to its floor.
#
# Usage: scripts/coverage.sh
# Writes target/lcov.info. Needs cargo-llvm-cov and llvm-cov of the compiler's version.
set -eu
. "$(dirname "$0")/usage.sh"
cd "$(dirname "$0")/.."

# The tools must be of the compiler's own LLVM: from rustup, or from the system if that has the version.
if [ ! -x "$(rustc --print target-libdir)/../bin/llvm-cov" ]; then
    llvm=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
    if ! command -v "llvm-cov-$llvm" >/dev/null; then
        echo "llvm-cov $llvm is missing: run \`rustup component add llvm-tools\`, or install the package llvm-$llvm" >&2
        exit 1
    fi
    export LLVM_COV="llvm-cov-$llvm" LLVM_PROFDATA="llvm-profdata-$llvm"
fi

report=target/lcov.info
cargo llvm-cov --workspace --all-features --lcov --output-path "$report"

# Percent of lines, folder. One that is not there any more fails, and so does one without lines.
floors="98 layers/src/sanitize
95 src/auth
92 src/db
90 src/handlers
88 layers/src"

echo "$floors" | {
    failed=0
    while read -r floor folder; do
        [ -d "$folder" ] || { echo "$folder is not there: its floor needs its new name" >&2; failed=1; continue; }
        measured=$(awk -F '[:,]' -v folder="$PWD/$folder/" '
            $1 == "SF" { inside = index($2, folder) == 1 }
            inside && $1 == "LF" { lines += $2 }
            inside && $1 == "LH" { hit += $2 }
            END { printf "%.1f", lines ? 100 * hit / lines : 0 }' "$report")
        verdict=$(awk -v measured="$measured" -v floor="$floor" 'BEGIN { print (measured + 0 < floor + 0) ? "below" : "holds" }')
        printf '%-22s %5s %%  floor %s %%  %s\n' "$folder" "$measured" "$floor" "$verdict"
        [ "$verdict" = holds ] || failed=1
    done
    exit "$failed"
}
