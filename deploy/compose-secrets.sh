#!/usr/bin/env bash
# Makes deploy/secrets for compose.yaml: random passwords, the keys of personal data, the configuration, and nginx for the name of the site.
#
#   deploy/compose-secrets.sh NAME [FOLDER]      NAME as in https://NAME; FOLDER instead of deploy/secrets
#
# Never overwrites: a folder that exists is left alone. Run it as root, so that the files can be given to the users of the containers.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
name=${1:?the name of the site, as in https://NAME}
folder=${2:-$here/secrets}
[[ $name =~ ^[a-z0-9.-]+$ ]] || { echo "$name is no host name" >&2; exit 1; }
[ ! -e "$folder" ] || { echo "$folder exists and is left as it is" >&2; exit 1; }

umask 077
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
backups=${folder%/*}/backups
mkdir -p "$backups"
secret() { openssl rand -hex "${1:-24}"; }
postgres=$(secret) redis=$(secret) store=$(secret)
cd "$folder"
printf %s "$postgres" >postgres_password
printf %s zhitong-root >minio_root_user
printf %s "$(secret)" >minio_root_password
printf %s "$store" >minio_password
cat >redis.conf <<EOF
requirepass $redis
save ""
appendonly no
maxmemory 256mb
maxmemory-policy volatile-ttl
EOF
cat >keys.toml <<EOF
# hash_key is never replaced. The first of keys seals, the others only open what was sealed with them.
hash_key = "$(secret 32)"
keys = ["$(secret 32)"]
EOF
cat >zhitong.toml <<EOF
# See deploy/zhitong.example.toml for every setting.
listen = "0.0.0.0:8600"
public_url = "https://$name"
data_dir = "/var/lib/zhitong"
database_url = "postgres://zhitong:$postgres@postgres:5432/zhitong"
redis_url = "redis://:$redis@redis:6379/"
data_key_file = "/run/secrets/keys.toml"
trusted_proxies = ["172.30.86.0/24"]
log_format = "json"

# Plain HTTP is fine here because the storage is on this host, in a network without a way out.
[s3]
endpoint = "http://minio:9000"
bucket = "zhitong"
access_key = "zhitong"
secret_key = "$store"
allow_http = true

# Until the mini-program and the SMS contract are there.
[wechat]
gateway = "off"
[sms]
gateway = "off"
EOF
sed "s/zhitong\.example/$name/g" "$here/nginx/zhitong.conf" >nginx.conf
if [ ! -e tls.crt ]; then
    # Stands in until the real certificate is put here.
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$name" -addext "subjectAltName=DNS:$name" \
        -keyout tls.key -out tls.crt 2>/dev/null
fi
# Others cannot reach the files through the folder; inside the containers they are read by different users. What the program alone reads is its user's.
chmod 444 ./*
chmod 600 keys.toml zhitong.toml
if [ "$(id -u)" -eq 0 ]; then
    chown 10001:10001 keys.toml zhitong.toml
    chown 70:70 "$backups"
else
    echo "now, as root: chown 10001:10001 $folder/keys.toml $folder/zhitong.toml && chown 70:70 $backups" >&2
fi
echo "$folder is ready; tls.crt is self-signed and good for 30 days: put the real certificate there"
