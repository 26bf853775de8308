#!/usr/bin/env bash
# Checks deploy/ as far as it can be checked without a container engine or a cluster: schemas, systemd, nginx, Prometheus, and that settings, metrics,
# limits, commands and paths are those of the program. Says for each check what it found, and ends with one line in the form of cargo's "test result".
#
#   tests/deploy.sh [BINARY]      BINARY as built (default target/debug/zhitong)
set -uo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/tools.sh
source tests/tools.sh
binary=$(realpath "${1:-target/debug/zhitong}")
tools_install_deployment || { echo "SKIPPED: nginx, promtool or the schemas could not be installed"; exit 1; }

folder=$(mktemp -d)
# As on a server: `doctor` complains of what other users can read.
umask 077
mkdir "$folder/data"
trap 'rm -rf "$folder"' EXIT
passed=0 failed=0

# Runs one check, given as a function or command; what it prints is shown, the reason of a failure most of all.
check() {
    local name=$1
    shift
    if "$@" >"$folder/out" 2>&1; then
        passed=$((passed + 1))
        echo "test $name ... ok$(tail -n 1 "$folder/out" | sed -n 's/^\(.\{1,160\}\)$/ (\1)/p')"
    else
        failed=$((failed + 1))
        echo "test $name ... FAILED"
        cat "$folder/out"
    fi
}

bin() { PATH="$(dirname "$ZHITONG_DEPLOY_PYTHON"):$PATH" "$@"; }

compose_schema() { bin check-jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml; }

kubernetes_schema() {
    local file n=0
    for file in deploy/kubernetes/*.yaml; do
        # The kustomization is no object of the cluster; what it lists is checked in deploy.py.
        [ "$file" = deploy/kubernetes/kustomization.yaml ] && continue
        bin kubernetes-validate -k 1.34 --strict "$file" || return 1
        n=$((n + $(grep -c '^kind:' "$file")))
    done
    echo "$n objects against Kubernetes 1.34, strictly"
}

# The program stands in a folder of its own here.
unit_verifies() {
    local unit
    for unit in zhitong.service zhitong-backup.service zhitong-backup.timer; do sed "s#/usr/local/bin/zhitong#$binary#" "deploy/systemd/$unit" >"$folder/$unit"; done
    systemd-analyze verify "$folder"/zhitong*.service "$folder/zhitong-backup.timer" 2>&1 | tee "$folder/verify"
    [ "${PIPESTATUS[0]}" -eq 0 ] && ! grep -qE 'zhitong(-backup)?\.(service|timer)' "$folder/verify"
}

unit_is_sandboxed() {
    systemd-analyze security --offline=true --threshold=15 "$folder/zhitong.service" | grep -v '^✓' &&
        systemd-analyze security --offline=true --threshold=15 "$folder/zhitong-backup.service" | tail -n 1
}

# What the timer runs, with the folders of this test: a backup, and after it a restore that agrees with it.
backup_as_the_unit_runs_it() {
    local line made
    mkdir -p "$folder/backups/2020-01-01-0230" "$folder/backups/other" && touch -d 2020-01-01 "$folder/backups"/* || return 1
    fitted deploy/zhitong.example.toml "$folder/keys.toml" | sed "s#$folder/data#$folder/backed-up#" >"$folder/backup.toml"
    "$binary" --config "$folder/backup.toml" migrate || return 1
    for line in ExecStart ExecStartPost; do
        # As systemd reads it: %% is %, $$ is $.
        line=$(sed -n "s/^$line=//p" deploy/systemd/zhitong-backup.service |
            sed 's#%%#%#g; s#[$][$]#$#g' | sed "s#/usr/local/bin/zhitong#$binary#; s#/etc/zhitong/zhitong.toml#$folder/backup.toml#; s#/backup/zhitong#$folder/backups#; s#{}#'{}'#")
        eval "$line" || { echo "failed: $line"; return 1; }
    done
    made=$(ls -d "$folder/backups"/20*) && [ -s "$made/manifest.json" ] && [ -d "$folder/backups/other" ] || { ls -l "$folder/backups"; return 1; }
    "$binary" --config "$folder/backup.toml" restore "$made" --data-dir "$folder/restored" || return 1
    settings_are_fine "$folder/backup.toml" administrators index
}

certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=zhitong.example -keyout "$folder/tls.key" -out "$folder/tls.crt" 2>"$folder/openssl.out" ||
        { cat "$folder/openssl.out"; return 1; }
}

nginx_accepts() {
    certificate || return 1
    {
        echo "worker_processes 1; pid $folder/nginx.pid; error_log stderr; events {}"
        echo "http { access_log off; client_body_temp_path $folder/b; proxy_temp_path $folder/p; fastcgi_temp_path $folder/f; uwsgi_temp_path $folder/u; scgi_temp_path $folder/s;"
        sed -e 's/zhitong-\([12]\):8600/127.0.0.1:860\1/' -e "s#/etc/nginx/tls/zhitong#$folder/tls#" -e "s#/var/log/nginx#$folder#" \
            -e 's/listen 80;/listen 127.0.0.1:18080;/; s/listen 443/listen 127.0.0.1:18443/; s/listen \[::\]:\(80\|443\)/listen [::1]:18\1/' deploy/nginx/zhitong.conf
        echo "}"
    } >"$folder/nginx.conf"
    /usr/sbin/nginx -t -q -c "$folder/nginx.conf" 2>&1 | tee "$folder/nginx.out"
    [ "${PIPESTATUS[0]}" -eq 0 ] && ! grep -qE 'emerg|error|warn' "$folder/nginx.out"
}

# Settings are what `doctor` says of them, but for the names that follow: as a rule a database does not exist.
settings_are_fine() {
    "$binary" --config "$1" doctor --json >"$folder/doctor.json" 2>"$folder/doctor.err"
    python3 - "$folder/doctor.json" "${@:2}" <<'PY' || { cat "$folder/doctor.err"; return 1; }
import json, sys
found = {f["name"]: f for f in json.load(open(sys.argv[1]))["findings"]}
wrong = [f["detail"] for f in found.values() if not f["is_fine"] and f["name"] not in (sys.argv[2:] or ["database"])]
print("\n".join(wrong) or ", ".join(found) + " are fine")
sys.exit(bool(wrong))
PY
}

# The same settings with paths of this test, and without the engines.
fitted() { sed -e "s#\"/var/lib/zhitong\(/data\)\?\"#\"$folder/data\"#; s#\"/\(etc/zhitong\|run/secrets\|run/zhitong\)/keys.toml\"#\"$2\"#; /^database_url/d; /^redis_url/d" "$1"; }

example_is_accepted() {
    [ -e "$folder/keys.toml" ] || "$binary" keys add --file "$folder/keys.toml" || return 1
    fitted "${1:-deploy/zhitong.example.toml}" "$folder/keys.toml" >"$folder/example.toml"
    settings_are_fine "$folder/example.toml"
}

# Every optional setting at once: each has the right type.
whole_example_is_accepted() {
    "$ZHITONG_DEPLOY_PYTHON" tests/deploy.py uncommented >"$folder/whole.toml" && sed -i '/^data_key = /d; /^words_file = /d' "$folder/whole.toml" &&
        example_is_accepted "$folder/whole.toml"
}

configmap_is_accepted() { "$ZHITONG_DEPLOY_PYTHON" tests/deploy.py configmap >"$folder/configmap.toml" && example_is_accepted "$folder/configmap.toml"; }

compose_secrets() {
    deploy/compose-secrets.sh zhitong.example "$folder/made/secrets" || return 1
    ! deploy/compose-secrets.sh zhitong.example "$folder/made/secrets" 2>/dev/null || { echo "it made the secrets again"; return 1; }
    local file
    for file in $(sed -n 's#.*file: \./secrets/\([a-z_.]*\) .*#\1#p' deploy/compose.yaml) nginx.conf; do
        [ -s "$folder/made/secrets/$file" ] || { echo "$file is missing"; return 1; }
    done
    [ "$(stat -c %a "$folder/made/secrets")" = 700 ] || { echo "others can enter the folder"; return 1; }
    fitted "$folder/made/secrets/zhitong.toml" "$folder/made/secrets/keys.toml" >"$folder/compose.toml"
    settings_are_fine "$folder/compose.toml"
}

scripts_parse() { local file; for file in deploy/*.sh tests/deploy.sh tests/topology.sh; do bash -n "$file" && [ -x "$file" ] || { echo "$file"; return 1; }; done; }

check "compose.yaml against the compose schema" compose_schema
check "compose-secrets.sh makes what compose.yaml mounts" compose_secrets
check "Kubernetes manifests against their schemas" kubernetes_schema
check "systemd-analyze verify" unit_verifies
check "systemd-analyze security" unit_is_sandboxed
check "nginx -t" nginx_accepts
check "promtool check rules" "$ZHITONG_PROMTOOL" check rules deploy/prometheus/rules.yaml
check "doctor accepts the example" example_is_accepted
check "doctor accepts every setting of the example" whole_example_is_accepted
check "doctor accepts the settings of the ConfigMap" configmap_is_accepted
check "the daily backup as its unit runs it, and a restore from it" backup_as_the_unit_runs_it
check "scripts parse and are executable" scripts_parse
for one in $("$ZHITONG_DEPLOY_PYTHON" tests/deploy.py list); do check "${one//_/ }" "$ZHITONG_DEPLOY_PYTHON" tests/deploy.py "$one" "$binary"; done
echo "test result: $([ "$failed" -eq 0 ] && echo ok || echo FAILED). $passed passed; $failed failed; 0 ignored"
[ "$failed" -eq 0 ]
