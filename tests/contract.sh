#!/usr/bin/env bash
# Schemathesis against a running server: no 5xx, no undocumented status, no answer that differs from its schema. As nobody, as a citizen and as every
# kind of staff.
#
#   tests/contract.sh BINARY [EXAMPLES [CALLER…]]      EXAMPLES of each operation (default 20) for each CALLER (default all: nobody, citizen,
#                                                      drafter, handler, reviewer, auditor, admin)
#
# Needs ZHITONG_SCHEMATHESIS (tests/tools.sh installs it). Starts a demonstration of its own on a free port and stops it. Ends with one line in the form of
# cargo's "test result".
set -uo pipefail
binary=$1
examples=${2:-20}
callers=("${@:3}")
[ "${#callers[@]}" -gt 0 ] || callers=(nobody citizen drafter handler reviewer auditor admin)
folder=$(mktemp -d)
server=""
trap '[ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; rm -rf "$folder"' EXIT

ZHITONG_LOG=error "$binary" serve --listen 127.0.0.1:0 --data-dir "$folder/data" >"$folder/out" 2>"$folder/err" &
server=$!
for _ in $(seq 240); do grep -q 'Ctrl-C' "$folder/out" && break; sleep 0.5; done
address=$(grep -o 'http://127.0.0.1:[0-9]*' "$folder/out" | head -n 1)
[ -n "$address" ] || { cat "$folder/out" "$folder/err"; echo "test result: FAILED. 0 passed; 1 failed; 0 ignored"; exit 1; }

# Prints the token of a sign-in.
token() {
    curl -sS -X POST "$address/api/v1/sessions/$1" -H 'content-type: application/json' -d "$2" |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["token"])'
}
password() { awk -v name="$1" '$1 == name {print $2; exit}' "$folder/out"; }

passed=0 failed=0
for caller in "${callers[@]}"; do
    headers=()
    case $caller in
    nobody) ;;
    citizen) headers=(-H "Authorization: Bearer $(token wechat '{"code": "sandbox-contract"}')") ;;
    *) headers=(-H "Authorization: Bearer $(token staff "{\"name\": \"$caller\", \"password\": \"$(password "$caller")\"}")") ;;
    esac
    echo "-- as $caller"
    # Signing out would end the session that the other operations are called with.
    if "$ZHITONG_SCHEMATHESIS" run "$address/api/v1/openapi.json" --url "$address/api/v1" "${headers[@]}" \
        --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
        --phases examples,coverage,fuzzing --max-examples "$examples" --seed 1 --no-color --continue-on-failure \
        --exclude-operation-id-regex '^(sign_out|revoke_.*session.*|delete_own_account)$' \
        --request-timeout 20 --suppress-health-check all >"$folder/report" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        # What failed, then what it says of the whole run; the warnings between them are long and known.
        awk '/^=+ FAILURES/ { shown = 1 } /^=+ (WARNINGS|SUMMARY)/ { shown = 0 } shown' "$folder/report" | head -n 200
        tail -n 30 "$folder/report"
    fi
    grep -A 2 -E '^Test cases:' "$folder/report" | tail -n +2
done
if ! kill -0 "$server" 2>/dev/null; then failed=$((failed + 1)); echo "the server died"; fi
if grep -E 'panicked' "$folder/err"; then failed=$((failed + 1)); fi
echo "test result: $([ "$failed" -eq 0 ] && echo ok || echo FAILED). $passed passed; $failed failed; 0 ignored"
[ "$failed" -eq 0 ]
