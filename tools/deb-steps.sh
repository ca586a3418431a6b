#!/usr/bin/env bash
#
# tools/deb-steps.sh PACKAGE PORT: the life of a package in the clean Debian that
# tools/deb-test.sh has made: /debs/old.deb and new.deb are two versions of it.
# Run nowhere else: it installs, and writes to /etc/nginx.

set -uo pipefail

package=$1
port=$2

module=/usr/lib/nginx/modules/ngx_http_vcita_oauth_module.so
enabled=/etc/nginx/modules-enabled/50-mod-http-vcita-oauth.conf
available=/usr/share/nginx/modules-available/mod-http-vcita-oauth.conf
doc=/usr/share/doc/$package
site=/etc/nginx/conf.d/portal.conf
said=/debs/said

passed=0 failed=0


# ok TITLE COMMAND...: what the command said is shown only if it fails
ok() {
    local title=$1; shift

    if "$@" > "$said" 2>&1; then
        printf 'ok      %s\n' "$title"
        passed=$((passed + 1))
    else
        printf 'NOT OK  %s: %s\n' "$title" "$*"
        tail -n 20 "$said" | sed 's/^/        /'
        failed=$((failed + 1))
    fi
}


not() { ! "$@"; }

apt() { apt-get -q -y -o Acquire::Retries=3 "$@"; }


# eventually COMMAND...: within 10 seconds
eventually() {
    local tries=100

    until "$@"; do
        [ $((--tries)) -gt 0 ] || return 1
        sleep 0.1
    done
}


# --- what the machine looks like ----------------------------------------------

runs() { grep -lsx nginx /proc/[0-9]*/comm; }

version_is() { [ "$(dpkg-query -W -f '${Version}' "$package")" = "$1" ]; }

links_to() { [ "$(readlink "$1")" = "$2" ] && [ -e "$1" ]; }

mapped() { grep -qs "$module" "/proc/$(cat /run/nginx.pid)/maps"; }

none() { [ -z "$("$@" | tee /dev/stderr)" ]; }

# links to nowhere that no package owns (nginx has one, where it has no modules)
dangling() {
    find /etc /usr /var -xdev -xtype l | sort | while IFS= read -r link; do
        dpkg -S "$link" > /dev/null 2>&1 || echo "$link"
    done
}

# all files that the package or its scripts create
left() {
    local path

    while IFS= read -r path; do
        [ -d "$path" ] || [ ! -e "$path" ] || echo "$path"
    done < /debs/installed

    [ ! -e "$doc" ] || echo "$doc"
    find / -xdev -not -path '/debs/*' -not -path '/proc/*' \
         -iname '*vcita*' -print
    grep -rIl vcita /etc /var/lib/dpkg/status /var/lib/systemd 2>/dev/null \
        | grep -v '^/etc/nginx/conf.d/portal' || true
    comm -13 /debs/dangling <(dangling)
}


# --- the site -----------------------------------------------------------------

# write_site STORE
write_site() {
    install -d -m 700 /etc/nginx/portal
    head -c 48 /dev/urandom > /etc/nginx/portal/session_key
    chmod 600 /etc/nginx/portal/session_key

    cat > "$site" << END
vcita_oauth_client_id         e0faca0a2bca52368adfd0ac6035c7a5;
vcita_oauth_client_secret     not-a-secret;
vcita_oauth_session_key_file  /etc/nginx/portal/session_key;

server {
    listen  127.0.0.1:$port;

    vcita_oauth_redirect_uri   http://127.0.0.1:$port/oauth/callback;
    vcita_oauth_session_store  $1;

    location / {
        vcita_oauth  on;
    }

    location = /open {
        return  200 "open\n";
    }
}
END
}


# get PATH: the answer of the site, as it comes
get() {
    exec 3<> "/dev/tcp/127.0.0.1/$port" || return
    printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' \
        "$1" "$port" >&3
    cat <&3
    exec 3>&-
}


gated() {
    local answer

    answer=$(get "${1:-/}")
    printf '%s\n' "$answer"
    [[ $answer == 'HTTP/1.1 302 '* ]] \
        && [[ $answer == *$'\nLocation: https://app.vcita.com/app/oauth/authorize?'* ]] \
        && [[ $answer == *client_id=e0faca0a2bca52368adfd0ac6035c7a5* ]]
}

loaded_twice() {
    local file=/etc/nginx/modules-enabled/99-vcita-oauth.conf answer

    cp "$available" "$file"
    answer=$(nginx -t 2>&1)
    rm "$file"

    printf '%s\n' "$answer"
    [[ $answer == *'"ngx_http_vcita_oauth_module" is already loaded'* ]]
}

open() { [[ $(get /open) == 'HTTP/1.1 200 '* ]]; }

# vcita is out of its reach here; a request to the callback would be in the log
preflight() {
    local answer

    answer=$(vcita-oauth-preflight --not-running --timeout 1)
    printf '%s\n' "$answer"
    [[ $answer == 'ok       nginx -t'* ]] && [[ $answer == *ok:*wrong:* ]]
}

alerts() { grep -E '\[(warn|error|crit|alert|emerg)\]' /var/log/nginx/error.log; }


# a reload is done when another worker answers
worker() { cat "/proc/$(cat /run/nginx.pid)/task/$(cat /run/nginx.pid)/children"; }

reload() {
    local before

    before=$(worker)
    nginx -s reload && eventually other_worker "$before"
}

other_worker() { [ -n "$(worker)" ] && [ "$(worker)" != "$1" ]; }


# --- the steps ----------------------------------------------------------------

echo "--- install"

: > /debs/installed
dangling > /debs/dangling

ok "apt knows its mirror" apt update
ok "nothing of the package is there" none left
ok "apt installs it, and what it depends on" apt install /debs/old.deb
version_is 0.9.0-1 || { echo "0 passed, 1 failed"; exit 1; }

dpkg -L "$package" > /debs/installed
echo "$enabled" >> /debs/installed

ok "nginx came with it" dpkg-query -W nginx libcurl4 libyajl2
ok "no service was started" none runs
ok "enabled by a link to what is available" links_to "$enabled" "$available"
ok "which loads the module" \
   grep -qx 'load_module modules/ngx_http_vcita_oauth_module.so;' "$available"
ok "Debian's own site passes nginx -t" nginx -t

# it would listen on port 80
rm /etc/nginx/sites-enabled/default
dangling > /debs/dangling

ok "nginx knows the directives" eval "write_site cookie; nginx -t"
ok "a store in Redis, too" \
   eval "write_site redis://127.0.0.1:6379/0; nginx -t"
ok "and in shared memory" eval "write_site zone=portal:1m; nginx -t"
ok "a directive that is wrong is not accepted" \
   eval "write_site nowhere; not nginx -t"
write_site cookie

ok "a second load_module is an error that names it" loaded_twice
ok "nginx starts" nginx
ok "the module is loaded" eventually mapped
ok "/ sends the browser to vcita" eventually gated
ok "a location without a gate is open" open


echo "--- upgrade, while nginx runs"

ok "a file of the old version" test -e "$doc/old"
cp -a /etc/nginx /debs/etc-nginx
cp /run/nginx.pid /debs/nginx.pid

ok "apt upgrades it" apt install /debs/new.deb
ok "to the newer version" not version_is 0.9.0-1
ok "nothing in /etc/nginx changed" diff -r --no-dereference /debs/etc-nginx /etc/nginx
ok "the file of the old version is gone" not test -e "$doc/old"
ok "the same nginx runs on" cmp /run/nginx.pid /debs/nginx.pid
ok "/ sends the browser to vcita" gated
ok "nginx -t" nginx -t
ok "a reload" reload
ok "/ sends the browser to vcita" gated /reports
dpkg -L "$package" >> /debs/installed

ok "what was disabled by hand" rm "$enabled"
ok "  stays so over a re-installation" apt install --reinstall /debs/new.deb
ok "  without a link" not test -L "$enabled"
ln -s "$available" "$enabled"

echo "--- documents"

for path in README.md docs/directives.md docs/errors.md docs/install.md \
            docs/operations.md docs/security.md examples/portal.conf changelog.gz \
            changelog.Debian.gz copyright
do
    ok "$path" test -s "$doc/$path"
done

for command in vcita-oauth-preflight vcita-oauth-register-app; do
    ok "$command is in PATH" "$command" --help

    # this Debian unpacks no manual pages
    ok "  with a manual page" \
       eval "dpkg-deb --fsys-tarfile /debs/new.deb \
             | tar -xOf - ./usr/share/man/man1/$command.1.gz \
             | zcat | grep -q DESCRIPTION"
done

ok "preflight reads the site, with the curl that apt recommends" preflight
ok "changelog.gz is CHANGES" eval "zcat $doc/changelog.gz | grep -q '^Changes with'"


echo "--- remove, install again, purge"

ok "apt removes it" apt remove "$package"
ok "a module that is gone is not loaded" not test -L "$enabled"
ok "a site that still has a gate does not open: nginx -t fails" not nginx -t
ok "the nginx that runs keeps its gate" gated

mv "$site" "$site.off"
ok "without the site, nginx -t" nginx -t

ok "apt installs it again" apt install /debs/new.deb
ok "enabled again" links_to "$enabled" "$available"
mv "$site.off" "$site"
ok "nginx -t, with the site" nginx -t
ok "a reload" reload
ok "/ sends the browser to vcita" gated

mv "$site" "$site.off"
ok "apt purges it" apt purge "$package"
ok "nginx -t" nginx -t
ok "a reload" reload
ok "no file, no link is left" none left
ok "nginx ends" eval "nginx -s quit && eventually none runs"
ok "the error log has no complaint" none alerts

ok "removed and purged in one" \
   eval "apt install /debs/new.deb && apt purge $package nginx && none left"

printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
