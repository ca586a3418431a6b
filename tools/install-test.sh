#!/usr/bin/env bash
#
# tools/install-test.sh: the gate in an nginx that was built by hand, as
# docs/install.md has it: loaded, by make install, and linked in.
#
# nginx's sources of the version that is installed here are built twice, in
# build/install: as most people do, without --with-compat and under a prefix of
# their own.  The last line is `N passed, M failed`.
#
#   TEST_PORT  where they listen on 127.0.0.1 meanwhile (18080)

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

out=$root/build/install
port=${TEST_PORT:-18080}
passed=0 failed=0 pid=


ok() {
    local title=$1; shift

    if "$@" > "$out/said" 2>&1; then
        printf 'ok      %s\n' "$title"
        passed=$((passed + 1))
    else
        printf 'NOT OK  %s: %s\n' "$title" "$*"
        tail -n 20 "$out/said" | sed 's/^/        /'
        failed=$((failed + 1))
    fi
}


# unpack VERSION: complete sources, of which each build gets its own
unpack() {
    [ ! -f "$out/source.$1" ] || return 0

    rm -rf "$out/source"
    mkdir -p "$out/source"
    nginx_source "$1" "$out/source" "$out/fetch.log"
    touch "$out/source.$1"
}


# build_nginx NAME ARGUMENT...: into build/install/NAME
build_nginx() {
    local dir=$out/$1; shift

    rm -rf "$dir"
    mkdir -p "$dir"
    cp -R "$out/source" "$dir/src"
    cd "$dir/src"
    "$(configure_of .)" --prefix="$dir" --with-http_ssl_module "$@" \
        && make -j "$jobs" && make install
}


# write_conf DIR LINE: a site with a gate; LINE stands at the top
write_conf() {
    cat > "$1/conf/nginx.conf" << END
$2

daemon  off;

events {
}

http {
    server {
        listen  127.0.0.1:$port;

        vcita_oauth_client_id      e0faca0a2bca52368adfd0ac6035c7a5;
        vcita_oauth_client_secret  not-a-secret;
        vcita_oauth_redirect_uri   http://127.0.0.1:$port/oauth/callback;

        location / {
            vcita_oauth  on;
        }
    }
}
END
}


# login URL: is it answered by a redirect to vcita?  Within 10 seconds.
login() {
    curl -s -o /dev/null -w '%{http_code} %{redirect_url}\n' --noproxy '*' \
         --retry 20 --retry-connrefused --retry-delay 1 --retry-max-time 10 "$1" \
        | grep '^302 https://app\.vcita\.com/app/oauth/authorize?'
}


# see DIR: that nginx runs, and its gate sends the browser to vcita
see() {
    ok "nginx -t" "$1/sbin/nginx" -t

    "$1/sbin/nginx" 9>&- & pid=$!
    ok "/ sends the browser to vcita" login "http://127.0.0.1:$port/"
    kill -QUIT "$pid" && wait "$pid" || failed=$((failed + 1))
    pid=
}


# one test at a time: they share the folder
mkdir -p "$out"
exec 9> "$out/.lock"
flock 9

trap '[ -z "$pid" ] || kill "$pid"' EXIT

version=$(binary_version)
unpack "$version"
rm -rf "$out/project"
copy_project "$out/project"

echo "--- loaded: nginx $version, then make install"

quietly "$out/loaded.log" build_nginx loaded
ok "make install" make -C "$out/project" install \
   NGINX_BINARY="$out/loaded/sbin/nginx" NGINX_SRC="$out/loaded/src"
ok "is in the modules folder of that nginx" \
   test -f "$out/loaded/modules/ngx_http_vcita_oauth_module.so"
write_conf "$out/loaded" "load_module modules/ngx_http_vcita_oauth_module.so;"
see "$out/loaded"

echo "--- linked in: nginx $version with --add-module"

quietly "$out/linked.log" build_nginx linked --add-module="$out/project"
write_conf "$out/linked" ""
see "$out/linked"

echo "--- a binary of another version than the sources"

# of the project, with the version changed in a copy of nginx's sources
sed -i 's/^\(#define NGINX_VERSION *"\).*/\19.9.9"/' \
    "$out/loaded/src/src/core/nginx.h"
ok "make install says so" grep -q "the sources in .* are 9.9.9: set NGINX_SRC" \
   <(make -C "$out/project" install NGINX_SRC="$out/loaded/src" \
          NGINX_BINARY="$out/loaded/sbin/nginx" 2>&1)

printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
