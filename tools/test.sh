#!/usr/bin/env bash
#
# tools/test.sh [files]: runs the tests, two files at a time; without files all of
# t/ and the self-tests of t/lib/.
#
# Each file runs under `prove`, with an nginx, a server root and ports of its
# own.  One line per file as it ends, the whole output of a file that failed,
# and a summary whose last line is `N passed, M failed` (assertions).  Exits 0
# only if nothing failed, something ran, and no process was left behind.
#
#   NGINX_BINARY  the nginx to test with (default: the one installed)
#   MODULES       where the modules are (default: build/; none: in the binary)
#   TEST_DIR      where the files' server roots and logs go (build/test/)
#   TEST_JOBS     how many files at a time (2)
#   TEST_PORT     first port; each file gets 20 (default: free ones from 18000)
#   TEST_TIMEOUT  seconds that a file may take (900)

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

modules=$(realpath -m "${MODULES:-$root/build}")
module=$modules/ngx_http_vcita_oauth_module.so
work=$(realpath -m "${TEST_DIR:-$root/build/test}")
at_once=${TEST_JOBS:-2}
limit=${TEST_TIMEOUT:-900}
ports_per_file=20
next_port=${TEST_PORT:-18000}

declare -A file_of=() started_at=()              # by process id
passed=0 failed=0 skipped=0


# --- one file -----------------------------------------------------------------

# the first of ports_per_file ports in a row that nobody listens at
free_ports() {
    local port busy=1

    while [ "$busy" = 1 ]; do
        busy=0
        for ((port = next_port; port < next_port + ports_per_file; port++)); do
            listening "$port" && busy=1
        done
        [ "$busy" = 0 ] || next_port=$((next_port + ports_per_file))
    done
}

listening() { grep -qE "$(printf '^ *[0-9]+: [0-9A-F]+:%04X [0-9A-F:]+ 0A' "$1")" /proc/net/tcp /proc/net/tcp6 2>/dev/null; }


folder_of() { echo "$work/$(basename "$1" .t)"; }


start() {
    local file=$1 dir

    dir=$(folder_of "$file")
    rm -rf "$dir"
    mkdir -p "$dir"

    free_ports

    TEST_NGINX_SERVROOT=$dir/servroot TEST_NGINX_PORT=$next_port \
    timeout --kill-after=20 "$limit" \
        prove --verbose --nocolor -I t/lib "$file" > "$dir/log" 2>&1 < /dev/null &

    file_of[$!]=$file
    started_at[$!]=$EPOCHREALTIME
    next_port=$((next_port + ports_per_file))
}


# Processes that still belong to a file: an nginx that has a file open in its
# folder (it overwrites its environment), anything else by its environment.
left_behind() {
    {
        grep -lszxF "TEST_NGINX_SERVROOT=$1/servroot" /proc/[0-9]*/environ
        find /proc/[0-9]*/fd -lname "$1/*" 2>/dev/null

    } | cut -d / -f 3 | sort -un
}


# gives the last processes of a file 5 seconds, then names and ends them
end_leftovers() {
    local dir=$1 pids i

    for i in {1..50}; do
        pids=$(left_behind "$dir") || true
        [ -n "$pids" ] || return 0
        sleep 0.1
    done

    for i in $pids; do
        printf 'left behind: %s %s\n' "$i" \
            "$(tr '\0' ' ' 2>/dev/null < "/proc/$i/cmdline")"
        kill -KILL "$i" 2>/dev/null || true
    done
}


# --- what came out ------------------------------------------------------------

number() { sed -n "$1" "$2" | tail -n 1 | grep -oE '[0-9]+' || echo 0; }


# finish PID STATUS: adds up a file's outcome, and prints it
finish() {
    local file=${file_of[$1]} status=$2 log dir tests bad skip seconds left outcome

    dir=$(folder_of "$file")
    log=$dir/log
    seconds=$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - ${started_at[$1]} }")
    left=$(end_leftovers "$dir")

    tests=$(number 's/^Files=1, Tests=\([0-9]*\),.*/\1/p' "$log")
    bad=$(number 's/.*(Wstat: .* Failed: \([0-9]*\))$/\1/p' "$log")
    skip=$(grep -cE '^ok [0-9]+.* # (skip|SKIP)' "$log" || true)
    outcome="ok"

    if [ "$tests$status" = 00 ] && grep -qE '^[^ ].* skipped: ' "$log"; then
        skip=1 tests=1
        outcome="skipped: $(sed -n 's/.* skipped: //p' "$log" | head -n 1)"
    fi

    # a wrong plan, a death, a timeout, a process left behind
    if [ "$status" != 0 ] && [ "$bad" = 0 ]; then bad=1 tests=$((tests + 1)); fi
    if [ -n "$left" ]; then bad=$((bad + 1)) tests=$((tests + 1)); fi
    if [ "$status" = 124 ]; then left+="no end within $limit s"; fi

    passed=$((passed + tests - bad - skip))
    failed=$((failed + bad))
    skipped=$((skipped + skip))

    if [ "$bad" -gt 0 ]; then outcome="FAILED $bad of $tests"; fi

    printf '%-28s %6s s %5s tests  %s\n' "$file" "$seconds" "$tests" "$outcome"
    printf "%s\n" "$seconds" > "$work/seconds/$(basename "$file")"

    if [ "$bad" -gt 0 ]; then
        sed 's/^/    /' "$log"
        [ -z "$left" ] || printf '    %s\n' "$left"
    fi
}


summary() {
    printf '%s files, %s s, %s\n' "$#" "$SECONDS" \
        "$("$(nginx_binary)" -v 2>&1 | sed 's/.*: //')"

    if [ "$failed" = 0 ] && [ "$passed" = 0 ]; then
        say "no test ran"
        failed=1
    fi

    printf '%s passed, %s failed' "$passed" "$failed"
    if [ "$skipped" -gt 0 ]; then printf ', %s skipped' "$skipped"; fi
    printf '\n'

    [ "$failed" = 0 ]
}


# --- all of them --------------------------------------------------------------

# the files that took longest last time go first
longest_first() {
    local file

    for file; do
        printf '%s\t%s\n' \
            "$(cat "$work/seconds/$(basename "$file")" 2>/dev/null || echo 999)" \
            "$file"
    done | sort -rn -s -k 1,1 | cut -f 2
}


wait_for_one() {
    local pid status=0

    wait -n -p pid "${!file_of[@]}" || status=$?
    finish "$pid" "$status"
    unset "file_of[$pid]"
}


# an interrupt: timeout passes it on to everything of its file
stop() {
    local pid

    trap - INT TERM
    for pid in "${!file_of[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "${!file_of[@]}"; do end_leftovers "$(folder_of "${file_of[$pid]}")"; done
    exit 130
}


# a file that measures times says so at its head
runs_alone() { head -n 5 "$1" 2>/dev/null | grep -q 'Runs alone'; }


run() {
    local file

    for file; do
        [ -f "$file" ] || die "no test $file"
        [ "${#file_of[@]}" -lt "$at_once" ] || wait_for_one
        start "$file"
    done

    while [ "${#file_of[@]}" -gt 0 ]; do wait_for_one; done
}


cd "$root"

[ $# -gt 0 ] || set -- t/*.t t/lib/*.t
[ -e "$1" ] || die "no tests in t/"

if [ "${MODULES:-}" = none ]; then
    modules=$root/build module=

elif [ ! -f "$module" ]; then
    die "no module in $modules: run make"
fi

export TEST_NGINX_BINARY TEST_NGINX_LOAD_MODULES VCITA_OAUTH_UNIT_MODULE
export VCITA_OAUTH_SLOW_MODULE
TEST_NGINX_BINARY=$(nginx_binary)
TEST_NGINX_LOAD_MODULES=$module
VCITA_OAUTH_UNIT_MODULE=$modules/unit/ngx_http_vcita_oauth_unit_module.so
VCITA_OAUTH_SLOW_MODULE=$modules/slow/ngx_http_vcita_oauth_slow_module.so

mkdir -p "$work/seconds"
readarray -t files < <(longest_first "$@")

together=() alone=()

for file in "${files[@]}"; do
    if runs_alone "$file"; then alone+=("$file"); else together+=("$file"); fi
done

trap stop INT TERM
run "${together[@]}"
at_once=1
run "${alone[@]}"
summary "${files[@]}"
