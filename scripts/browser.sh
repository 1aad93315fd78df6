#!/bin/sh
# Opens /docs in a headless Chromium and checks that Swagger UI shows every operation of openapi.yaml, and that nothing
# violated the page's content security policy.
set -eu
cd "$(dirname "$0")/.."

for candidate in chromium chromium-browser google-chrome \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
    browser=$(command -v "$candidate" || true)
    if [ -n "$browser" ]; then break; fi
done
[ -n "$browser" ] || { echo "no Chromium: run \`scripts/install.sh chromium\`" >&2; exit 1; }

. scripts/server.sh
target=${CARGO_TARGET_DIR:-target}
start_service "$target/debug/portcullis"
docs_url=$url/docs

# visit URL: leaves the page as its scripts made it in $page, and what they said in $console.
page="$workspace/page.html"
console="$workspace/console.log"
timeout=$(command -v timeout || true)
visit() {
    # Without a sandbox, because root has none, and with nothing that would call home.
    ${timeout:+timeout 120} "$browser" --headless --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage \
        --no-first-run --disable-background-networking --disable-component-update --disable-sync \
        --user-data-dir="$workspace/profile" --window-size=1280,4000 \
        --enable-logging=stderr --log-level=0 --virtual-time-budget=20000 --dump-dom "$1" >"$page" 2>"$console" ||
        { echo "the browser failed on $1:" >&2; tail -n 20 "$console" >&2; exit 1; }
}

failed=0
complain() {
    echo "✗ $1" >&2
    failed=1
}

# Silence below means something only if violations are heard.
visit 'data:text/html,<meta http-equiv="content-security-policy" content="script-src none"><script>1</script>'
grep -q 'CONSOLE.*Content Security Policy' "$console" ||
    { echo "this browser does not report violations on its console: $("$browser" --version)" >&2; exit 1; }

visit "$docs_url"
if grep -e 'CONSOLE.*Content Security Policy' -e 'CONSOLE.*Refused to' "$console" >&2; then
    complain "the page violates its content security policy"
fi
if grep -e 'CONSOLE.*Uncaught' "$console" >&2; then
    complain "a script of the page failed"
fi
if ! curl --silent --show-error --head "$docs_url" | grep -q -i "^content-security-policy:.*default-src 'none'"; then
    complain "/docs comes without a strict content security policy"
fi
operations=$(grep -c '^    \(get\|put\|post\|delete\|patch\|head\):' openapi.yaml || true)
shown=$(grep -o 'class="opblock opblock-[a-z]*[ "]' "$page" | wc -l | tr -d ' ')
if [ "$operations" -eq 0 ] || [ "$shown" -ne "$operations" ]; then
    complain "openapi.yaml has $operations operations, and the page shows $shown"
fi

if [ "$failed" -ne 0 ]; then
    cp "$page" "$console" "$target/"
    echo "the page and its console are kept in $target/page.html and $target/console.log" >&2
    exit 1
fi
echo "✓ /docs shows all $shown operations, and its content security policy holds"
