#!/usr/bin/env bash
#
# tools/valgrind.sh [files]: a part of the tests under valgrind's memcheck, which
# sees what sanitizers do not: bytes that were never written, also where a library
# reads them, and descriptors that were not closed.
#
# The nginx is the one installed here, the module the one that make builds.
# Each process of nginx writes a report of its own.  An error, memory that is
# definitely lost, a descriptor that the module or libcurl left open, and a
# process whose end valgrind did not see fail the run, and are printed.  Only
# what t/valgrind.supp names is passed over.

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

out=$root/build/valgrind
reports=$out/reports

# The part: logins; exchanges that succeed, fail, are cancelled or cut off by a
# reload or an exit; keys; sessions, in each store; rules; pages.  Of a file that
# is named with titles, the blocks that have one of them.
part="
t/login.t
t/exchange.t: the token request: a form
t/exchange.t: the token request: JSON
t/exchange.t: explicit 429 or 503: retried
t/exchange.t: another error: 502
t/exchange.t: another status: 502
t/exchange.t: a member twice
t/exchange.t: answers that are good
t/exchange.t: answer cut short
t/exchange.t: over 64 KiB
t/exchange.t: no DNS
t/exchange.t: https with the right CA
t/exchange.t: TLS failure (wrong CA)
t/exchange.t: timeout of connecting
t/exchange.t: userinfo has no
t/exchange.t: named claims that overflow the cookie
t/exchange.t: through CONNECT
t/concurrency.t: while userinfo is asked
t/concurrency.t: a reload with exchanges in flight
t/concurrency.t: QUIT for a worker
t/concurrency.t: TERM with exchanges in flight
t/assertion.t
t/session.t: Secure where redirect_uri is https
t/session.t: a session of one application
t/session.t: (rotation)
t/rules.t
t/callback.t: code + good state
t/callback.t: login cookie other
t/callback.t: state forged
t/callback.t: an error wins over a code
t/callback.t: nothing an attacker sent
t/callback.t: errors honour error_page: a page of the operator
t/callback.t: invalid_grant
t/id_token.t: vcita_oauth_userinfo on: merge
t/id_token.t: not a JWT
t/status.t: counters, Prometheus text
t/status.t: in flight; a browser
t/status.t: kept over reloads
t/store.t: session_store zone: with a server-side store
t/store.t: a store that answers late
t/store.t: the browser goes away while the store is asked
t/store.t: a session that slides waits
t/redis.t: session_store redis: the cookie is an id
t/redis.t: a logout ends the session in Redis
t/redis.t: an answer of a wrong type
t/redis.t: a browser that goes away while Redis is silent
t/redis.t: a session that slides is written again
"

options=("--leak-check=full" "--show-leak-kinds=definite"
         "--errors-for-leak-kinds=definite" "--track-fds=yes"
         "--num-callers=30" "--suppressions=$root/t/valgrind.supp"
         "--log-file=$reports/%p")


# an nginx for tools/test.sh: valgrind around the one installed here
wrap() {
    local nginx

    nginx=$(nginx_binary)

    cat > "$out/nginx" << END
#!/bin/sh
case \$1 in
    -[vV]) exec $nginx "\$@" ;;
esac
exec valgrind ${options[*]} $nginx "\$@"
END
    chmod +x "$out/nginx"
}


run() {
    local status=0

    rm -rf "$reports"
    mkdir -p "$reports"

    export NGINX_BINARY=$out/nginx TEST_DIR=$out/test
    export VCITA_TEST_SCALE=${VCITA_TEST_SCALE:-10}    # t/lib: everything takes longer

    tools/test.sh "$@" || status=$?

    if show_findings; then
        [ "$status" = 0 ] || die "failed"
        say "no finding in $(find "$reports" -type f | wc -l) processes"

    else
        die "failed: valgrind found what is shown above"
    fi
}


# prints what the first reports found; fails if there is anything
show_findings() {
    local all report text bad=0

    readarray -t all < <(find "$reports" -type f | sort)

    for report in "${all[@]}"; do
        text=$(findings "$report")
        [ -n "$text" ] || continue

        bad=$((bad + 1))
        [ "$bad" -le 5 ] || continue

        say "report ${report#"$root"/}"
        head -n 80 <<< "$text"
    done

    [ "$bad" -le 5 ] || say "and $((bad - 5)) more reports"
    [ "${#all[@]}" -gt 0 ] || { say "no nginx ran"; return 1; }
    [ "$bad" = 0 ]
}


# Of a report the paragraphs that tell of an error, or of a descriptor of the module;
# they stand between lines that hold nothing but the id of the process.
findings() {
    awk 'function finish() {
             if (text ~ /(at|by) 0x/ \
                 && (text !~ /^Open / || text ~ /vcita_oauth|libcurl/))
             {
                 print text
             }

             text = ""
         }

         { sub(/^==[0-9]+== ?/, "") }

         /^ERROR SUMMARY:/               { ended = 1 }
         /^$/ || /^FILE DESCRIPTORS:/    { finish(); next }
                                         { text = text $0 "\n" }

         END { finish()
               if (!ended) {
                   print "valgrind did not see the end of this process"
               } }' "$1"
}


cd "$root"
mkdir -p "$out"
wrap

if [ $# -gt 0 ]; then
    run "$@"

else
    export VCITA_TEST_ONLY=$part
    readarray -t files < <(grep -oE '^t/[^ :]+' <<< "$part" | sort -u)
    run "${files[@]}"
fi
