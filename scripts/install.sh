#!/bin/sh
# Installs programs through the machine's package manager, or prints how.
#
# Usage: scripts/install.sh PROGRAM…
# Programs: postgresql redis chromium chromedriver curl prometheus alertmanager jsonnet jq
# What is there already is left alone, so a second run needs no network and no rights.
set -eu
. "$(dirname "$0")/usage.sh"

oldest_postgresql=15

has() {
    command -v "$1" >/dev/null 2>&1
}

has_postgresql() {
    brew=$(brew --prefix 2>/dev/null || echo /opt/homebrew)
    for folder in $(echo "$PATH" | tr ':' ' ') /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin \
        "$brew"/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin; do
        if [ -x "$folder/postgres" ] && [ -x "$folder/initdb" ]; then
            major=$("$folder/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
            if [ "${major:-0}" -ge "$oldest_postgresql" ]; then return 0; fi
        fi
    done
    return 1
}

has_redis() {
    has redis-server || has valkey-server
}

has_chromium() {
    has chromium || has chromium-browser || has google-chrome ||
        [ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ]
}

# From the package of the browser, or of its own; its version must be the browser's.
has_chromedriver() {
    has chromedriver
}

has_curl() {
    has curl
}

has_prometheus() {
    has promtool
}

has_alertmanager() {
    has amtool
}

has_jsonnet() {
    has jsonnet && has jsonnetfmt
}

has_jq() {
    has jq
}

manager() {
    for candidate in apt-get dnf zypper pacman apk brew; do
        if has "$candidate"; then
            echo "$candidate"
            return
        fi
    done
}

# The name of program $1 with package manager $2.
package() {
    case "$2 $1" in
        "apt-get postgresql") echo postgresql ;;
        "dnf postgresql" | "zypper postgresql") echo postgresql-server ;;
        "brew postgresql") echo postgresql@17 ;;
        "apt-get redis") echo redis-server ;;
        "apt-get alertmanager") echo prometheus-alertmanager ;;
        "brew chromium") echo "--cask google-chrome" ;;
        "brew chromedriver") echo "--cask chromedriver" ;;
        "apt-get chromedriver") echo chromium-driver ;;
        "apk chromedriver") echo chromium-chromedriver ;;
        "pacman chromedriver") echo chromium ;;
        *) echo "$1" ;;
    esac
}

install_command() {
    case "$1" in
        apt-get) echo "apt-get install --yes --no-install-recommends" ;;
        dnf) echo "dnf install --assumeyes" ;;
        zypper) echo "zypper --non-interactive install" ;;
        pacman) echo "pacman --sync --noconfirm" ;;
        apk) echo "apk add" ;;
        brew) echo "brew install" ;;
    esac
}

# Runs a shell command with the rights to install, or prints it and gives up.
privileged() {
    if [ "$(id -u)" = 0 ] || [ "$manager" = brew ]; then
        echo "  $1"
        sh -c "$1"
    elif has sudo && [ -t 0 ]; then
        echo "  sudo sh -c \"$1\""
        sudo sh -c "$1"
    else
        echo "This needs root and there is no terminal to ask for a password. Run this, then start again:" >&2
        echo "  sudo sh -c \"$1\"" >&2
        exit 1
    fi
}

install() {
    program=$1
    manager=$(manager)
    if [ -z "$manager" ]; then
        echo "$program is missing, and no package manager was found: install $program by hand" >&2
        exit 1
    fi
    command="$(install_command "$manager") $(package "$program" "$manager")"
    if [ "$manager" = apt-get ]; then
        command="export DEBIAN_FRONTEND=noninteractive; apt-get update --quiet && $command"
        if [ "$program" = postgresql ]; then
            # Without this Debian's package also starts a server of its own on port 5432.
            conf=/etc/postgresql-common/createcluster.d
            command="mkdir -p $conf && echo 'create_main_cluster = false' > $conf/portcullis.conf && $command"
        elif [ "$program" = prometheus ] || [ "$program" = alertmanager ]; then
            # The same here, on ports 9090 and 9093; `systemctl unmask` undoes it.
            units=/etc/systemd/system
            unit=$(package "$program" "$manager").service
            command="mkdir -p $units && ln -sf /dev/null $units/$unit && $command"
        fi
    fi
    echo "Installing $program, which is missing here:"
    privileged "$command"
    if ! "has_$program"; then
        echo "$program was installed, but no fit version of it was found." >&2
        if [ "$program" = postgresql ]; then
            echo "Version $oldest_postgresql or newer is needed: see https://www.postgresql.org/download, or set DATABASE_URL" >&2
        fi
        exit 1
    fi
}

for program in "$@"; do
    case $program in
        postgresql | redis | chromium | chromedriver | curl | prometheus | alertmanager | jsonnet | jq) ;;
        *)
            echo "install.sh: unknown program $program" >&2
            exit 2
            ;;
    esac
    if ! "has_$program"; then install "$program"; fi
done
