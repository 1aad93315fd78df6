# Sourced by the scripts that need to know what the service will be told.

# The value of variable $1: from the environment, else from .env, else $2.
setting() {
    eval "value=\${$1:-}"
    if [ -z "$value" ] && [ -f .env ]; then
        value=$(sed -n "s/^\(export \)\{0,1\}$1=[\"']\{0,1\}\([^\"']*\)[\"']\{0,1\}[[:space:]]*$/\2/p" .env | tail -n 1)
    fi
    echo "${value:-$2}"
}

# Whether the service will start a database of its own.
embeds_database() {
    [ -z "$(setting DATABASE_URL '')$(setting DATABASE_URL_FILE '')$(setting DB_HOST '')" ]
}
