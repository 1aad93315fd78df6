#!/bin/sh
# Makes the secrets that compose.yaml and observability/compose.yaml mount, in deploy/secrets. What is there already stays as it is.
set -eu
cd "$(dirname "$0")"

# Others on this machine are kept out by the folder: the files must be readable to the users inside the containers.
mkdir -p secrets
chmod 700 secrets

random() {
    openssl rand -hex 32
}

# Takes the content of secret $1 from standard input, unless there is one.
keep() {
    if [ ! -e "secrets/$1" ]; then
        tr -d '\n' >"secrets/$1"
        chmod 644 "secrets/$1"
        echo "made deploy/secrets/$1"
    fi
}

random | keep db_password
random | keep key_encryption_key
random | keep grafana_admin_password
if [ ! -e secrets/redis_url ]; then
    password=$(random)
    # Whoever does not say who they are may ask whether Redis is up, and no more.
    printf 'user default on nopass -@all +ping\nuser portcullis on >%s ~* resetchannels +@all -@admin -@dangerous\n' "$password" >secrets/redis_acl
    chmod 644 secrets/redis_acl
    echo "made deploy/secrets/redis_acl"
    echo "redis://portcullis:$password@redis:6379/0" | keep redis_url
fi
