#!/usr/bin/env bash
#
# examples/demo/demo.sh: a site behind the gate, on this machine alone.
#
# Starts the sandbox (a stand-in for vcita), a legacy application that knows
# nothing of OAuth, and nginx with the module before it; performs one whole
# login and prints each hop; then stays up for a browser until Ctrl-C or for an
# hour.  `make demo` installs and builds first.
#
#   DEMO_EXIT=1  ends after the login, with 0 only if it really worked
#   DEMO_PORT    the site's port (default: 8080, or a free one)

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/../../tools/lib.sh"

here=$root/examples/demo
dir=$root/build/demo
nginx=$(nginx_binary)
client_id=5dc7f6a1b0e34d2f9a86c1d07e4b93fa
hour=3600

pids=()


# --- processes ----------------------------------------------------------------

stop() {
    local pid

    trap - EXIT
    for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    wait "${pids[@]}" 2>/dev/null || true
}


# start NAME COMMAND...: in the background, its output in $dir/NAME.log
start() {
    local name=$1; shift

    "$@" > "$dir/$name.log" 2>&1 &
    pids+=($!)
    say "started $name, process $!"
}


# wait_until NAME COMMAND...: until COMMAND succeeds, while the process lives
wait_until() {
    local name=$1 pid=${pids[-1]} i; shift

    for ((i = 0; i < 300; i++)); do
        if "$@"; then return; fi
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done

    tail -n 20 "$dir/$name.log" >&2
    die "$name did not start"
}

is_ready() { grep -q '"ready":true' "$dir/$1.log"; }

is_open() { (: < "/dev/tcp/127.0.0.1/$1") 2>/dev/null; }


# told NAME MEMBER: a member of the line that NAME printed when it was ready
told() {
    sed -n "s/^{.*\"ready\":true.*\"$2\":\"\([^\"]*\)\".*/\1/p" "$dir/$1.log"
}


# --- the three parts ----------------------------------------------------------

free_port() {
    local port

    if [ -n "${DEMO_PORT:-}" ]; then
        is_open "$DEMO_PORT" && die "port $DEMO_PORT is taken"
        echo "$DEMO_PORT"
        return
    fi

    for port in 8080 8081 8088 $(seq 18080 18180); do
        if ! is_open "$port"; then echo "$port"; return; fi
    done

    die "no free port"
}


start_sandbox() {
    start sandbox node "$root/examples/sandbox/sandbox.mjs" \
        --http 0 --https 0 --dir "$dir/sandbox" --interactive \
        --lifetime $((hour + 600)) \
        --app "$client_id:$(cat "$dir/client_secret"):$site/oauth/callback"
    wait_until sandbox is_ready sandbox
}


start_legacy() {
    start legacy node "$here/legacy.mjs"
    wait_until legacy is_ready legacy
}


write_conf() {
    local user=""

    # as root, nginx would hand its files to "nobody", who may not get here
    [ "$(id -u)" != 0 ] || user="user root;"

    sed -e "s|@MODULE@|$root/build/ngx_http_vcita_oauth_module.so|" \
        -e "s|@USER@|$user|" \
        -e "s|@DIR@|$dir|" \
        -e "s|@PORT@|$port|" \
        -e "s|@SITE@|$site|" \
        -e "s|@CLIENT_ID@|$client_id|" \
        -e "s|@SANDBOX_HTTP@|$(told sandbox http)|" \
        -e "s|@SANDBOX_HTTPS@|$(told sandbox https)|" \
        -e "s|@CA@|$(told sandbox ca)|" \
        -e "s|@LEGACY@|$(told legacy http)|" \
        "$here/nginx.conf.in" > "$dir/nginx.conf"
}


start_nginx() {
    local run=("$nginx" -p "$dir/" -e logs/error.log -c nginx.conf)

    if ! "${run[@]}" -t -q > "$dir/nginx.log" 2>&1; then
        cat "$dir/nginx.log" >&2
        die "nginx does not accept $dir/nginx.conf"
    fi

    start nginx "${run[@]}" -g 'daemon off;'
    wait_until nginx is_open "$port"
}


# --- the demo -----------------------------------------------------------------

prepare() {
    [ -f "$root/build/ngx_http_vcita_oauth_module.so" ] \
        || die "no module: run make demo"

    rm -rf "$dir"
    mkdir -p "$dir"/{logs,temp,sandbox}
    ( umask 077 && openssl rand -hex 32 > "$dir/client_secret" )
}


stay() {
    cat <<TEXT

Open $site/ in a browser on this machine.
Sign in as alice@example.biz, bob@example.biz, ... with any password.
vcita's Apps page, which opens the site in a tab: $(told sandbox http)/apps
nginx's configuration: $dir/nginx.conf
Ctrl-C ends everything; after an hour it ends by itself.
TEXT

    trap 'exit "$status"' INT TERM HUP

    sleep "$hour" &
    pids+=($!)
    wait -n "${pids[@]}" || true
    say "the end"
}


trap stop EXIT
trap 'exit 130' INT TERM HUP

prepare
port=$(free_port)
site=http://localhost:$port

start_sandbox
start_legacy
write_conf
start_nginx

status=0
perl -I "$root/t/lib" "$here/login.pl" "$site" "$(told sandbox http)" || status=$?

if [ "$status" != 0 ]; then
    say "the end of nginx's error log:"
    tail -n 20 "$dir/logs/error.log" || true
fi

if [ "${DEMO_EXIT:-}" != 1 ]; then stay; fi

exit "$status"
