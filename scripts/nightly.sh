# Sourced by the scripts that need a nightly compiler: sets $nightly to its name, or fails.

nightly=$(rustup toolchain list 2>/dev/null | sed -n 's/^\(nightly[^ ]*\).*/\1/p' | head -n 1)
if [ -z "$nightly" ]; then
    echo "a nightly compiler is missing: run \`rustup toolchain install nightly --profile minimal\`" >&2
    exit 1
fi
