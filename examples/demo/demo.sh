#!/usr/bin/env bash
#
# examples/demo/demo.sh: a site behind the gate, on this machine alone.
#
# Starts the sandbox (a stand-in for vcita), a legacy application that knows
# nothing of OAuth, and nginx with the module before it; performs one whole
# login and prints each hop, a sign-out, a refusal and a launch from vcita; then
# stays up for a browser until Ctrl-C or for an hour.  One port leads to all of
# it.  `make demo` installs and builds first.
#
#   DEMO_EXIT=1  ends after that, with 0 only if all of it really worked
#   DEMO_PORT    the port (default: 8080, or a free one)
#   DEMO_DIR     where logs and configuration go (default: build/demo)
#   DEMO_MODULE  the module (default: that of build/)

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/../../tools/lib.sh"

here=$root/examples/demo
dir=${DEMO_DIR:-$root/build/demo}
module=${DEMO_MODULE:-$root/build/ngx_http_vcita_oauth_module.so}
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


# the app as it is registered at vcita
write_app() {
    ( umask 077 && cat > "$dir/apps.json" ) <<JSON
[{
    "name": "Tiara Back Office",
    "app_code_name": "backoffice",
    "client_id": "$client_id",
    "client_secret": "$(cat "$dir/client_secret")",
    "redirect_uri": "$site/oauth/callback",
    "url_params": ["business_uid", "staff_uid", "language"],
    "open_in_new_tab": true
}]
JSON
}


start_sandbox() {
    start sandbox node "$root/examples/sandbox/sandbox.mjs" \
        --http 0 --https 0 --public "$vcita" --dir "$dir/sandbox" \
        --interactive --lifetime $((hour + 600)) --apps-file "$dir/apps.json"
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

    sed -e "s|@MODULE@|$module|" \
        -e "s|@USER@|$user|" \
        -e "s|@DIR@|$dir|" \
        -e "s|@PORT@|$port|" \
        -e "s|@SITE@|$site|" \
        -e "s|@VCITA@|$vcita|" \
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
    [ -f "$module" ] || die "no module: run make demo"

    [ -n "${DEMO_DIR:-}" ] || rm -rf "$dir"
    mkdir -p "$dir"/{logs,temp,sandbox}
    ( umask 077 && openssl rand -hex 32 > "$dir/client_secret" )
}


stay() {
    cat <<TEXT

What to look at, in a browser on this machine; any password will do:

  1. $site/
     A salon's back office, which knows nothing of OAuth. Sign in as
     alice@example.biz: today's appointments. Open "What this application
     knows about you" below them, then sign out.
  2. $site/
     Sign in as mallory@other.example, who is of another business: the gate
     refuses her, and offers to sign in as another account.
  3. $vcita/apps
     vcita's Apps page, which opens the back office in a tab.

From another computer, one port leads to all of it. Run there, then open the
same addresses there:

  ssh -N -L $port:127.0.0.1:$port $(id -un)@$HOSTNAME

Where port $port is taken there: DEMO_PORT=9090 make demo, and 9090 instead.
nginx's configuration: $dir/nginx.conf
Ctrl-C ends everything; after an hour it ends automatically.
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
vcita=http://127.0.0.1:$port

write_app
start_sandbox
start_legacy
write_conf
start_nginx

status=0
perl -I "$root/t/lib" "$here/login.pl" --tour "$site" "$vcita" || status=$?

if [ "$status" != 0 ]; then
    say "the end of nginx's error log:"
    tail -n 20 "$dir/logs/error.log" || true
fi

if [ "${DEMO_EXIT:-}" != 1 ]; then stay; fi

exit "$status"
