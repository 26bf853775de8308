# Throwaway PostgreSQL and Redis on unix sockets, as an unprivileged user. Sourced by run.sh.
#
#   servers_install   installs what is missing (Debian)
#   servers_start     starts both in a temporary folder; sets ZHITONG_TEST_POSTGRES and ZHITONG_TEST_REDIS
#   servers_stop      stops exactly what was started, by process id

SERVERS_DIR=""
SERVERS_PIDS=()

servers_install() {
    local missing=()
    if ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then missing+=(postgresql); fi
    if ! command -v redis-server >/dev/null 2>&1; then missing+=(redis-server); fi
    if [ "${#missing[@]}" -eq 0 ]; then return 0; fi
    echo "installing: ${missing[*]}"
    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then sudo=(sudo); fi
    # Neither package may start a server of its own.
    "${sudo[@]}" apt-get -qq update
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 "${sudo[@]}" apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}" >/dev/null
}

# Prefix that runs a command as an unprivileged user when this script is run by root: PostgreSQL refuses to run as root.
# A prefix, not a function: `"${AS_USER[@]}" server &` must leave the server's own id in `$!`.
AS_USER=()
if [ "$(id -u)" -eq 0 ]; then AS_USER=(setpriv --reuid=postgres --regid=postgres --clear-groups env -i PATH="$PATH" LANG=C.UTF-8); fi

servers_start() {
    local bin
    bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
    # A socket path may not be longer than 107 bytes, so the folder stands in /tmp whatever TMPDIR says.
    SERVERS_DIR=$(mktemp -d /tmp/zt.XXXXXX)
    if [ "$(id -u)" -eq 0 ]; then chown postgres:postgres "$SERVERS_DIR"; fi
    pushd "$SERVERS_DIR" >/dev/null
    "${AS_USER[@]}" "$bin/initdb" -D "$SERVERS_DIR/pg" -U app -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$SERVERS_DIR.initdb.log" 2>&1
    # No fsync, unless SERVERS_DURABLE is set: these servers hold test data for minutes.
    local durability=(-c fsync=off -c synchronous_commit=off -c full_page_writes=off)
    if [ -n "${SERVERS_DURABLE:-}" ]; then durability=(); fi
    "${AS_USER[@]}" "$bin/postgres" -D "$SERVERS_DIR/pg" -c listen_addresses= -c unix_socket_directories="$SERVERS_DIR" \
        "${durability[@]}" -c max_connections=300 >"$SERVERS_DIR.postgres.log" 2>&1 &
    SERVERS_PIDS+=($!)
    "${AS_USER[@]}" redis-server --port 0 --unixsocket "$SERVERS_DIR/redis.sock" --save '' --daemonize no >"$SERVERS_DIR.redis.log" 2>&1 &
    SERVERS_PIDS+=($!)
    popd >/dev/null
    local waited=0
    until "$bin/pg_isready" -q -h "$SERVERS_DIR" -U app && [ -S "$SERVERS_DIR/redis.sock" ]; do
        waited=$((waited + 1))
        if [ "$waited" -gt 150 ]; then
            echo "the throwaway servers did not start:" >&2
            cat "$SERVERS_DIR.initdb.log" "$SERVERS_DIR.postgres.log" "$SERVERS_DIR.redis.log" >&2 || true
            return 1
        fi
        sleep 0.2
    done
    export ZHITONG_TEST_POSTGRES="postgres://app@localhost/postgres?host=$SERVERS_DIR"
    export ZHITONG_TEST_REDIS="redis+unix://$SERVERS_DIR/redis.sock"
}

servers_stop() {
    local pid
    for pid in "${SERVERS_PIDS[@]}"; do kill -INT "$pid" 2>/dev/null || true; done
    for pid in "${SERVERS_PIDS[@]}"; do wait "$pid" 2>/dev/null || true; done
    SERVERS_PIDS=()
    if [ -n "$SERVERS_DIR" ]; then rm -rf "$SERVERS_DIR" "$SERVERS_DIR".*.log; fi
    unset ZHITONG_TEST_POSTGRES ZHITONG_TEST_REDIS
}
