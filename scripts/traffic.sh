#!/bin/sh
# A few days of traffic in half a minute.
#
# Usage: scripts/traffic.sh URL MAIL_FOLDER
# People sign up, log in, follow the links in their mails and leave; others guess passwords, replay tokens and send attacks. It proves
# nothing by itself: it gives the metrics something to tell. Needs curl and jq.
set -eu
. "$(dirname "$0")/usage.sh"

url=$1
mails=$2
password="correct horse battery staple"

# call ADDRESS METHOD PATH [JSON] [ACCESS TOKEN] prints the answer's body. ADDRESS is where the client seems to be: a proxy's header.
call() {
    set -- "$1" "$2" "$3" "${4:-}" "${5:-}"
    curl --silent --show-error --max-time 60 --request "$2" "$url$3" --header "X-Forwarded-For: $1" \
        ${4:+--header "Content-Type: application/json" --data-binary "$4"} ${5:+--header "Authorization: Bearer $5"}
}

# post ADDRESS NAME JSON [ACCESS TOKEN]
post() {
    call "$1" POST "/api/v1/auth/$2" "$3" "${4:-}"
}

person() {
    printf '{"email":"%s","password":"%s","first_name":"%s","last_name":"%s"}' "$1" "$password" "$2" "$3"
}

credentials() {
    printf '{"email":"%s","password":"%s"}' "$1" "$2"
}

refresh_with() {
    post "$1" refresh "{\"refresh_token\":\"$2\"}"
}

# The token of the newest mail of kind $1 to address $2, which takes a moment to come.
mailed() {
    for _ in $(seq 100); do
        newest=$(grep --files-with-matches --fixed-strings "$2" "$mails"/*-"$1"-*.eml 2>/dev/null | sort | tail -n 1)
        if [ -n "$newest" ]; then
            # Quoted-printable, with long lines folded.
            tr -d '\r' <"$newest" | sed -e ':a' -e '/=$/{N;s/=\n//;ba' -e '}' -e 's/=3D/=/g' |
                sed -n 's/.*token=\([A-Za-z0-9_-]*\).*/\1/p' | head -n 1
            return
        fi
        sleep 0.1
    done
    echo "no mail of kind $1 to $2 came" >&2
    exit 1
}

# A person's day, from another address each.
live() {
    number=$1
    address="198.51.100.$number"
    email="person$number@example.com"
    tokens=$(post "$address" register "$(person "$email" Ada "Number O'Dowd")")
    access=$(echo "$tokens" | jq --raw-output .access_token)
    refresh=$(echo "$tokens" | jq --raw-output .refresh_token)
    if [ "$access" = null ]; then
        echo "the sign-up of $email was answered with $tokens" >&2
        exit 1
    fi
    token=$(mailed verify "$email")
    post "$address" email/verify "{\"token\":\"$token\"}"
    call "$address" GET /api/v1/auth/me "" "$access"
    call "$address" PUT /api/v1/auth/me '{"first_name":"Augusta"}' "$access"
    # A wrong password, then the right one.
    post "$address" login "$(credentials "$email" "not the password")"
    session=$(post "$address" login "$(credentials "$email" "$password")")
    access=$(echo "$session" | jq --raw-output .access_token)
    call "$address" GET /api/v1/auth/sessions "" "$access"
    call "$address" GET /api/v1/auth/audit "" "$access"
    # Used, repeated within its grace, and replayed after its successor was used: that ends the session.
    successor=$(refresh_with "$address" "$refresh" | jq --raw-output .refresh_token)
    refresh_with "$address" "$refresh"
    refresh_with "$address" "$successor"
    refresh_with "$address" "$refresh"
    post "$address" logout '{}' "$access"
}

# Somebody who forgot a password, chooses another, and leaves for good.
forget() {
    address="198.51.100.$1"
    email="person$1@example.com"
    post "$address" password/forgot "{\"email\":\"$email\"}"
    token=$(mailed reset "$email")
    post "$address" email/inspect "{\"token\":\"$token\"}"
    post "$address" password/reset "{\"token\":\"$token\",\"new_password\":\"nine lives of the harbour cat\"}"
    session=$(post "$address" login "$(credentials "$email" "nine lives of the harbour cat")")
    access=$(echo "$session" | jq --raw-output .access_token)
    call "$address" GET /api/v1/auth/me/export "" "$access"
    call "$address" DELETE /api/v1/auth/me '{"password":"nine lives of the harbour cat"}' "$access"
}

# Somebody with bad intentions: guesses for one account, a guess for many, attacks in names, paths that are not there.
attack() {
    address="203.0.113.$1"
    for guess in $(seq 12); do
        post "$address" login "$(credentials person1@example.com "guess number $guess")"
        post "$address" login "$(credentials "stranger$guess@example.com" "Password1234")"
    done
    # The last is the escape of JSON for NUL: it reaches the service as such.
    for name in "<script>alert(1)</script>" "x' OR 1=1; DROP TABLE users; --" "../../../../etc/passwd" "Nul\\u0000l"; do
        post "$address" register "$(person "attack$1@example.com" "$name" Mallory)"
    done
    post "$address" register "$(person person1@example.com Eve Again)"
    post "$address" refresh '{"refresh_token":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}'
    post "$address" login '{"email":'
    call "$address" GET /wp-login.php
    call "$address" GET /api/v1/auth/login
    call "$address" GET /api/v1/auth/me "" not.a.token
}

# Far more than anybody needs, until a limit says so.
hurry() {
    for _ in $(seq 150); do call "203.0.113.200" GET /.well-known/jwks.json; done
}

for day in 1 2 3; do
    for number in 1 2 3; do live "$((day * 10 + number))"; done
    # The one whom the guesses are for.
    if [ "$day" = 1 ]; then post 198.51.100.1 register "$(person person1@example.com Grace Hopper)"; fi
    forget "$((day * 10 + 1))"
    attack "$day"
    for path in /docs /openapi.json /health /health/ready; do call 198.51.100.1 GET "$path"; done
    # So that there is something between two scrapes.
    sleep 5
done >/dev/null
hurry >/dev/null
