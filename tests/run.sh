#!/usr/bin/env bash
# Installs what the tests need, runs everything on SQLite + in-process cache and the tests of the API again on PostgreSQL + Redis, stops what it started,
# and ends with one plain line of counts.
#
#   tests/run.sh            everything
#   tests/run.sh WORD       only tests whose name contains WORD
#
# Nothing is skipped silently: what could not run is named, and under CI=true it is a failure.
set -uo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/servers.sh
source tests/servers.sh
# shellcheck source=tests/tools.sh
source tests/tools.sh

filter=("$@")
passed=0 failed=0 skipped=0
missing=() broken=()
log=$(mktemp)
trap 'servers_stop; rm -f "$log"' EXIT
trap 'exit 130' INT TERM

# Runs one test command, shows its output, and adds its "test result" lines to the counts.
run() {
    local title=$1
    shift
    echo
    echo "== $title"
    "$@" 2>&1 | tee "$log"
    local status=${PIPESTATUS[0]} p f s
    p=$(awk '/^test result:/ {for (i = 1; i <= NF; i++) if ($i == "passed;") n += $(i - 1)} END {print n + 0}' "$log")
    f=$(awk '/^test result:/ {for (i = 1; i <= NF; i++) if ($i == "failed;") n += $(i - 1)} END {print n + 0}' "$log")
    s=$(awk '/^test result:/ {for (i = 1; i <= NF; i++) if ($i == "ignored;") n += $(i - 1)} END {print n + 0}' "$log")
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    while IFS= read -r line; do missing+=("$line"); done < <(grep -o 'SKIPPED: .*' "$log")
    # A command that broke without a result line is one failure.
    if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then failed=$((failed + 1)); fi
    # What failed is named again at the end, where it is found without reading the whole output.
    if [ "$status" -ne 0 ]; then
        broken+=("FAILED: $title (exit code $status)")
        while IFS= read -r line; do broken+=("    $line"); done < <(awk '/^test .* \.\.\. FAILED/ {print $2}' "$log")
    fi
}

tools_install || missing+=("SKIPPED: the browser, LibreOffice or schemathesis could not be installed")
servers_install || missing+=("SKIPPED: PostgreSQL and Redis could not be installed")

echo "== building"
cargo build --locked --tests --bins || { echo "0 passed, 1 failed"; exit 1; }

unset ZHITONG_TEST_POSTGRES ZHITONG_TEST_REDIS
run "unit tests" cargo test --locked --lib -- "${filter[@]}"
run "the house: who imports whom" cargo test --locked --test house -- "${filter[@]}"
if [ "${#filter[@]}" -eq 0 ]; then
    run "dependencies: licences and sources" tests/dependencies.py
fi
run "API on SQLite and the in-process cache" cargo test --locked --test api -- "${filter[@]}"
run "command line" cargo test --locked --test cli -- "${filter[@]}"
run "pages in a real browser" cargo test --locked --test browser -- --nocapture --test-threads=2 "${filter[@]}"
if [ "${#filter[@]}" -eq 0 ]; then
    run "the API against its own description" tests/contract.sh target/debug/zhitong 3 nobody citizen admin
fi
run "real texts" cargo test --locked --test real -- --nocapture "${filter[@]}"
if [ "${#filter[@]}" -eq 0 ]; then
    if [ -d "${ZHITONG_SHARED:-../shared}/data/statutes" ]; then
        run "the journey of a draft, over HTTP" tests/real/journey.py --binary target/debug/zhitong
    else
        missing+=("SKIPPED: the journey of a draft, because the collection of statutes is not here")
    fi
fi

if [ "${#filter[@]}" -eq 0 ]; then
    run "five contact points collect, over HTTP" tests/collecting.py --binary target/debug/zhitong --rows 1400
    run "hostile clients" tests/province/hostile.py --binary target/debug/zhitong
fi

if [ "${#filter[@]}" -eq 0 ]; then
    run "every receipt after kills, on SQLite" tests/province/killing.py --engine sqlite --kills 12 --binary target/debug/zhitong
    run "a closing rush, on SQLite" tests/province/rush.py --short --binary target/debug/zhitong
fi

if servers_start; then
    run "API on PostgreSQL and Redis" cargo test --locked --test api -- "${filter[@]}"
    servers_stop
else
    missing+=("SKIPPED: the suite on PostgreSQL and Redis, because the servers did not start")
fi

echo
for line in "${missing[@]}" "${broken[@]}"; do echo "$line"; done
if [ "${CI:-}" = true ] && [ "${#missing[@]}" -gt 0 ]; then failed=$((failed + ${#missing[@]})); fi
if [ "$passed" -eq 0 ]; then failed=$((failed + 1)); fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
