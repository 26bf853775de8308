#!/usr/bin/env bash
# The deployment of deploy/ as processes on loopback: PostgreSQL, Redis, S3-compatible storage, two instances of zhitong, and nginx with TLS and the
# configuration of deploy/nginx. Checks that requests go through to both, that what is done on one holds on the other, that the death of one is not noticed,
# and what is left without Redis and without PostgreSQL.
#
#   tests/topology.sh [BINARY]      BINARY as built (default target/debug/zhitong)
#
# MinIO comes in no package here; moto, a stand-in that speaks its protocol, takes its place. Ends by itself and stops exactly what it started, by process
# id. The last line has the form of cargo's "test result".
set -uo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/servers.sh
source tests/servers.sh
# shellcheck source=tests/tools.sh
source tests/tools.sh
binary=$(realpath "${1:-target/debug/zhitong}")
tools_install_deployment || { echo "SKIPPED: nginx or the stand-in for S3 could not be installed"; exit 1; }
servers_install || { echo "SKIPPED: PostgreSQL and Redis could not be installed"; exit 1; }

folder=$(mktemp -d)
declare -A pids=()
stop() { [ -n "${pids[$1]:-}" ] && kill "-${2:-TERM}" "${pids[$1]}" 2>/dev/null; wait "${pids[$1]:-}" 2>/dev/null; local code=$?; unset "pids[$1]"; return "$code"; }
finish() { thaw; local name; for name in nginx one two restored store; do [ -n "${pids[$name]:-}" ] && stop "$name"; done; servers_stop; rm -rf "$folder"; }
trap finish EXIT
trap 'exit 130' INT TERM

# PostgreSQL, the first of the servers, with the processes it started: neither dead nor answering.
frozen=()
freeze() { frozen=("${SERVERS_PIDS[0]}"); kill -STOP "${frozen[0]}" && frozen+=($(pgrep -P "${frozen[0]}")) && kill -STOP "${frozen[@]}"; }
thaw() { [ "${#frozen[@]}" -eq 0 ] || kill -CONT "${frozen[@]}" 2>/dev/null; frozen=(); }

passed=0 failed=0
check() {
    local name=$1
    shift
    if "$@" >"$folder/check" 2>&1; then
        passed=$((passed + 1))
        echo "test $name ... ok"
    else
        failed=$((failed + 1))
        echo "test $name ... FAILED"
        tail -n 20 "$folder/check"
    fi
}

read -r port_one port_two port_restored port_store port_http port_https < <(python3 - <<'PY'
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(6)]
print(*(s.getsockname()[1] for s in held))
PY
)
host=zhitong.example
site=https://$host:$port_https
# curl to the site, as a browser that trusts the certificate.
visit() { curl -sS --max-time 20 --cacert "$folder/tls.crt" --resolve "$host:$port_https:127.0.0.1" "$@"; }
status() { visit -o /dev/null -w '%{http_code}' "$@"; }
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
ready() { curl -sS --max-time 10 "http://127.0.0.1:$1/health/ready"; }
until_true() { local n; for n in $(seq 240); do "$@" >/dev/null 2>&1 && return 0; sleep 0.5; done; echo "never: $*"; return 1; }
is_ready() { [ "$(curl -s --max-time 5 -o /dev/null -w '%{http_code}' "http://127.0.0.1:$1/health/ready")" = 200 ]; }

start_instance() {
    ZHITONG_LISTEN="127.0.0.1:$2" ZHITONG_DATA_DIR="$folder/$1" "$binary" --config "${3:-$folder/zhitong.toml}" serve >>"$folder/$1.out" 2>>"$folder/$1.err" &
    pids[$1]=$!
}

servers_start || { echo "test result: FAILED. 0 passed; 1 failed; 0 ignored"; exit 1; }
"$ZHITONG_MOTO" -H 127.0.0.1 -p "$port_store" >"$folder/store.out" 2>&1 &
pids[store]=$!
until_true curl -sS --max-time 2 -X PUT "http://127.0.0.1:$port_store/zhitong" || exit 1
umask 077
"$binary" keys add --file "$folder/keys.toml" >/dev/null
cat >"$folder/zhitong.toml" <<EOF
public_url = "$site"
database_url = "$ZHITONG_TEST_POSTGRES"
redis_url = "$ZHITONG_TEST_REDIS"
data_key_file = "$folder/keys.toml"
trusted_proxies = ["127.0.0.1"]
log = "warn"
[s3]
endpoint = "http://127.0.0.1:$port_store"
bucket = "zhitong"
access_key = "example"
secret_key = "example"
allow_http = true
[wechat]
gateway = "off"
[sms]
gateway = "off"
# So that signing in here takes two requests.
[rules]
staff_totp = "optional"
EOF
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj "/CN=$host" -addext "subjectAltName=DNS:$host" \
    -keyout "$folder/tls.key" -out "$folder/tls.crt" 2>/dev/null
{
    [ "$(id -u)" -ne 0 ] || echo "user root;"
    echo "worker_processes 1; daemon off; pid $folder/nginx.pid; error_log $folder/error.log; events { worker_connections 512; }"
    echo "http { client_body_temp_path $folder/b; proxy_temp_path $folder/p; fastcgi_temp_path $folder/f; uwsgi_temp_path $folder/u; scgi_temp_path $folder/s;"
    sed -e "s/zhitong-1:8600/127.0.0.1:$port_one/; s/zhitong-2:8600/127.0.0.1:$port_two/; s#/etc/nginx/tls/zhitong#$folder/tls#; s#/var/log/nginx#$folder#" \
        -e "/listen \[::\]/d; s/listen 80;/listen 127.0.0.1:$port_http;/; s/listen 443/listen 127.0.0.1:$port_https/" deploy/nginx/zhitong.conf
    echo "}"
} >"$folder/nginx.conf"

# Both at once on an empty database: one of them makes the tables.
start_instance one "$port_one"
start_instance two "$port_two"
/usr/sbin/nginx -c "$folder/nginx.conf" 2>"$folder/nginx.err" &
pids[nginx]=$!
check "two instances start together on an empty database" eval 'until_true is_ready $port_one && until_true is_ready $port_two || { cat "$folder"/*.err; false; }'
check "both find database, cache, originals and index" eval '! { ready $port_one; ready $port_two; } | grep -E "unavailable|building"'

# The numbers of the instances that answered the last requests, from the log of nginx.
served_by() { sed -n "s/.* 127.0.0.1:\([0-9]*\)[, ].*/\1/p" "$folder/access.log" | tail -n "$1" | sort -u | wc -l; }
through() { local n; for n in $(seq "$1"); do [ "$(status "$site/about")" = 200 ] || { echo "request $n failed"; return 1; }; done; }
check "requests go through TLS to both" eval 'through 12 && sleep 0.3 && [ "$(served_by 12)" = 2 ] || { cat "$folder/access.log" "$folder/error.log"; false; }'
check "plain HTTP leads to HTTPS" eval '[ "$(curl -sS -o /dev/null -w "%{http_code} %{redirect_url}" -H "Host: $host" "http://127.0.0.1:$port_http/drafts")" = "308 https://$host/drafts" ]'
check "another name gets no certificate" eval '! curl -sS -k --max-time 5 --resolve "other.example:$port_https:127.0.0.1" "https://other.example:$port_https/"'
check "what is for operators stays inside" eval '[ "$(status $site/metrics)$(status $site/health/ready)$(status $site/health/live)" = 404404200 ]'
check "HSTS is said once" eval '[ "$(visit -D - -o /dev/null $site/ | grep -ic "^strict-transport-security:")" = 1 ]'
check "a body that is too large for signing in is refused" eval 'head -c 2000000 /dev/zero | [ "$(status -X POST --data-binary @- $site/api/v1/sessions/staff)" = 413 ]'

as_instance() { ZHITONG_DATA_DIR="$folder/one" "$binary" --config "$folder/zhitong.toml" "$@"; }
sign_in() {
    local once ticket
    once=$(as_instance account add admin --name 管理员 --role administrator | awk '/一次性密码/ {print $2}')
    ticket=$(curl -sS -X POST "http://127.0.0.1:$port_one/api/v1/sessions/staff" -H 'content-type: application/json' -d "{\"name\": \"admin\", \"password\": \"$once\"}" | field ticket) &&
        token=$(curl -sS -X POST "http://127.0.0.1:$port_two/api/v1/sessions/staff/password" -H 'content-type: application/json' \
            -d "{\"ticket\": \"$ticket\", \"password\": \"a-Long-phrase-7316\"}" | field token) && [ -n "$token" ]
}
own() { [ "$("$@" -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token")" = 200 ]; }
check "a sign-in begun on one instance is ended on the other" sign_in
check "a session is good on both and through nginx" eval 'own curl -sS http://127.0.0.1:$port_one/api/v1/imports && own curl -sS http://127.0.0.1:$port_two/api/v1/imports && own visit $site/api/v1/imports'

printf '某市养犬管理规定\n（2026年1月1日某市人民政府令第7号公布）\n第一条 为了规范养犬行为，制定本规定。\n第二条 携带犬只出户应当束犬链。\n' >"$folder/某市养犬管理规定.txt"
import() { [ "$(visit -o "$folder/job" -w '%{http_code}' -H "Authorization: Bearer $token" -F "files=@$folder/某市养犬管理规定.txt" $site/api/v1/imports)" = 202 ]; }
finds() { curl -sS --max-time 5 -G "http://127.0.0.1:$1/api/v1/search" --data-urlencode "q=束犬链" | grep -q 养犬管理规定; }
check "a law that is imported on one is found on both" eval 'import && until_true finds $port_one && until_true finds $port_two || { cat "$folder/job" "$folder"/*.err; false; }'
check "its original lies in the object store" eval 'curl -sS "http://127.0.0.1:$port_store/zhitong?list-type=2" | grep -q "<Key>[0-9a-f][0-9a-f]/[0-9a-f]\{64\}</Key>"'

stop one KILL
check "after the death of one every request is answered" through 40
check "the session is still good" eval 'own visit $site/api/v1/imports'
start_instance one "$port_one"
check "the dead one comes back" until_true is_ready "$port_one"
check "and takes part again" eval 'sleep 6; through 12; sleep 0.3; [ "$(served_by 12)" = 2 ]'

# As the runbook has it: a dump, a new database, an instance on it that has no index yet.
restore() {
    local bin
    bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
    "$bin/pg_dump" -h "$SERVERS_DIR" -U app -d postgres -Fc -f "$folder/dump" && "$bin/createdb" -h "$SERVERS_DIR" -U app --template template0 restored &&
        "$bin/pg_restore" -h "$SERVERS_DIR" -U app --no-owner --exit-on-error -d restored "$folder/dump" || return 1
    sed 's#/postgres?host#/restored?host#' "$folder/zhitong.toml" >"$folder/restored.toml"
    start_instance restored "$port_restored" "$folder/restored.toml"
    until_true is_ready "$port_restored" && finds "$port_restored" && own curl -sS "http://127.0.0.1:$port_restored/api/v1/imports" &&
        ZHITONG_DATA_DIR="$folder/restored" "$binary" --config "$folder/restored.toml" audit verify
}
check "a dump of the database is restored, and an instance on it has everything" restore
stop restored

# The second of the servers is Redis.
kill -KILL "${SERVERS_PIDS[1]}"
metric() { curl -sS --max-time 5 "http://127.0.0.1:$1/metrics" | sed -n "s/^$2 //p"; }
says() { [ "$(metric "$1" "$2")" = "$3" ]; }
degraded='"degraded":["cache"]'
# They look at their engines once a second, and one look without an answer is a hiccup.
misses_redis() { ready "$1" | grep -qF "$degraded"; }
check "without Redis the instances say so and stay ready" eval 'until_true misses_redis $port_one && until_true misses_redis $port_two && is_ready $port_one && is_ready $port_two'
check "without Redis people read and search, and sessions hold" eval 'through 4 && own visit $site/api/v1/imports && finds $port_one'
# Both steps on one instance, as ip_hash of nginx has it for an address.
sign_in_on_one() {
    local once ticket
    once=$(as_instance account add second --name 值班 --role administrator | awk '/一次性密码/ {print $2}')
    ticket=$(curl -sS -X POST "http://127.0.0.1:$port_one/api/v1/sessions/staff" -H 'content-type: application/json' -d "{\"name\": \"second\", \"password\": \"$once\"}" | field ticket) &&
        token=$(curl -sS -X POST "http://127.0.0.1:$port_one/api/v1/sessions/staff/password" -H 'content-type: application/json' \
            -d "{\"ticket\": \"$ticket\", \"password\": \"a-Long-phrase-7317\"}" | field token) && [ -n "$token" ] && own curl -sS "http://127.0.0.1:$port_two/api/v1/imports"
}
check "without Redis people sign in on one instance, and are known on both" sign_in_on_one
check "the metrics name what is gone and count what stood in for it" eval 'until_true says $port_one "zhitong_engine_up{engine=\"cache\"}" 0 && says $port_one "zhitong_engine_up{engine=\"database\"}" 1 && [ "$(metric $port_one zhitong_cache_fallbacks_total)" -gt 0 ]'
stop two
start_instance two "$port_two"
check "without Redis an instance starts" eval 'until_true is_ready $port_two && until_true misses_redis $port_two && is_ready $port_two && own curl -sS http://127.0.0.1:$port_two/api/v1/imports || { cat "$folder/two.err"; false; }'

gone() { says "$1" 'zhitong_engine_up{engine="database"}' 0; }
# The look that lets requests through again comes up to a second after the database answers.
back() { is_ready "$1" && says "$1" 'zhitong_engine_up{engine="database"}' 1; }
# By way of nginx: the answer is the program's, with its time, and comes at once.
refused_at_once() {
    visit --max-time 1 -D "$folder/headers" -o "$folder/body" "$site/about" && grep -q "^HTTP/2 503" "$folder/headers" && grep -qi "^retry-after: 5" "$folder/headers" &&
        grep -q 数据库暂时不可用 "$folder/body" || { cat "$folder/headers" "$folder/body"; return 1; }
}
without_postgres() {
    freeze && until_true gone "$port_one" && until_true gone "$port_two" && refused_at_once && ! is_ready "$port_one" && [ "$(status "$site/health/live")" = 200 ]
    local code=$?
    thaw
    return "$code"
}
check "while PostgreSQL does not answer everybody is told at once to come back" without_postgres
check "when it answers again, so do the instances" eval 'until_true back $port_one && until_true back $port_two && through 4 && own visit $site/api/v1/imports && own curl -sS http://127.0.0.1:$port_two/api/v1/imports'

check "both stop cleanly" eval 'stop one; first=$?; stop two && [ "$first" = 0 ]'
check "with none left the answer is 503 with a time to wait" eval 'visit -D "$folder/headers" -o /dev/null $site/ && grep -q "^HTTP/2 503" "$folder/headers" && grep -qi "^retry-after: 10" "$folder/headers"'
check "nothing panicked" eval '! grep -n panicked "$folder"/*.err'
echo "test result: $([ "$failed" -eq 0 ] && echo ok || echo FAILED). $passed passed; $failed failed; 0 ignored"
[ "$failed" -eq 0 ]
