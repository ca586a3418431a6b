#!/usr/bin/env bash
#
# tools/test.sh [files]: runs the tests, several files at a time; without files all
# of t/ and the self-tests of t/lib/.
#
# Each file runs under `prove`, with an nginx, a server root and ports of its
# own.  One line per file as it ends, the whole output of a file that failed,
# and a summary whose last line is `N passed, M failed` (assertions).  Exits 0
# only if nothing failed, something ran, and no process was left behind.
#
# Most of a test's time is waiting, so there is two files more than processors.
# A block that measures times or memory has a section `alone`: it runs when all
# other blocks of all files have ended, by a second run of its file.  A file
# whose head says "Runs alone" does so as a whole.
#
#   NGINX_BINARY  the nginx to test with (default: the one installed)
#   MODULES       where the modules are (default: build/; none: in the binary)
#   TEST_DIR      where the files' server roots and logs go (build/test/)
#   TEST_JOBS     how many files at a time (two more than processors)
#   TEST_PORT     first port; each file gets 20 (default: free ones from 18000)
#   TEST_TIMEOUT  seconds that a file may take (900)
#   TEST_AGAIN    set: a file that failed runs once more at the end, alone, and what
#                 passes then is named in the summary (CI: other work on its machine)

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

modules=$(realpath -m "${MODULES:-$root/build}")
module=$modules/ngx_http_vcita_oauth_module.so
work=$(realpath -m "${TEST_DIR:-$root/build/test}")
at_once=${TEST_JOBS:-$((jobs + 2))}
limit=${TEST_TIMEOUT:-900}
ports_per_file=20
next_port=${TEST_PORT:-18000}

# what takes longest, where no former run says how long
long="pace browser-embedded browser-pages revalidate upgrade preflight testing
      redis-conf redis exchange browser browser-demo memo sandbox store conf operations operations-2 claims life
      examples session monitoring callback interplay why soak"

# a file, or its blocks of one kind: "t/redis.t together", "t/redis.t alone"
declare -A run_of=() started_at=()               # by process id
passed=0 failed=0 skipped=0
again=() second=                                 # what failed; is this the second run?


# --- one file -----------------------------------------------------------------

# the first of ports_per_file free ports in a row
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


# "t/redis.t together" is called redis, "t/redis.t alone" redis-alone
name_of() {
    local name

    name=$(basename "${1%% *}" .t)
    case $1 in *" alone") name+=-alone ;; esac
    echo "$name"
}

folder_of() { echo "$work/$(name_of "$1")"; }


# start FILE [together|alone]
start() {
    local file=${1%% *} part='' dir

    case $1 in *" "*) part=${1#* } ;; esac

    dir=$(folder_of "$1")
    rm -rf "$dir"
    mkdir -p "$dir"

    free_ports

    TEST_NGINX_SERVROOT=$dir/servroot TEST_NGINX_PORT=$next_port \
    VCITA_TEST_PART=$part \
    timeout --kill-after=20 "$limit" \
        prove --verbose --nocolor -I t/lib "$file" > "$dir/log" 2>&1 < /dev/null &

    run_of[$!]=$1
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
    local run=${run_of[$1]} status=$2 log dir tests bad skip seconds left outcome

    dir=$(folder_of "$run")
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

    if [ "$bad" -gt 0 ]; then outcome="FAILED $bad of $tests"; fi

    if [ "$bad" -gt 0 ] && [ -n "${TEST_AGAIN:-}" ] && [ -z "$second" ]; then
        again+=("$run")
        outcome+=", runs again"

    else
        passed=$((passed + tests - bad - skip))
        failed=$((failed + bad))
        skipped=$((skipped + skip))
    fi

    printf '%-28s %6s s %5s tests  %s\n' "${run% together}" "$seconds" "$tests" \
           "$outcome"
    printf "%s\n" "$seconds" > "$work/seconds/$(name_of "$run")"

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

    if [ "${#again[@]}" -gt 0 ]; then
        printf 'failed at first, see above: %s\n' "${again[*]}"
    fi

    printf '%s passed, %s failed' "$passed" "$failed"
    if [ "$skipped" -gt 0 ]; then printf ', %s skipped' "$skipped"; fi
    printf '\n'

    [ "$failed" = 0 ]
}


# --- all of them --------------------------------------------------------------

# what took longest last time goes first
longest_first() {
    local run name seconds

    for run; do
        name=$(name_of "$run")
        seconds=$(cat "$work/seconds/$name" 2>/dev/null) \
            || seconds=$(printf '%s\n' $long | tac | grep -nx "$name" \
                         | cut -d : -f 1) \
            || seconds=0
        printf '%s\t%s\n' "$seconds" "$run"
    done | sort -rn -s -k 1,1 | cut -f 2
}


wait_for_one() {
    local pid status=0

    wait -n -p pid "${!run_of[@]}" || status=$?
    finish "$pid" "$status"
    unset "run_of[$pid]"
}


# an interrupt: timeout passes it on to everything of its file
stop() {
    local pid

    trap - INT TERM
    for pid in "${!run_of[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "${!run_of[@]}"; do end_leftovers "$(folder_of "${run_of[$pid]}")"; done
    exit 130
}


# a file that measures says so at its head, a block by its section
runs_alone() { head -n 5 "$1" | grep -q 'Runs alone'; }

# the titles of such blocks
alone_in() { awk '/^=== / { title = $0 } /^--- alone$/ { print title }' "$1"; }

# does VCITA_TEST_ONLY choose one of them?
chosen_alone() {
    local texts

    texts=$(sed -nE "s|^$1: ||p; s|^$1\$|TEST |p; /^t\/[^ ]*\.t(:|\$)/!p" \
                <<< "$VCITA_TEST_ONLY")
    [ -n "$texts" ] && grep -qF "$texts" <(alone_in "$1")
}


run() {
    local run

    for run; do
        [ "${#run_of[@]}" -lt "$at_once" ] || wait_for_one
        start "$run"
    done

    while [ "${#run_of[@]}" -gt 0 ]; do wait_for_one; done
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
together=() alone=()

for file; do
    [ -f "$file" ] || die "no test $file"

    if runs_alone "$file"; then
        alone+=("$file")

    elif [ -z "$(alone_in "$file")" ]; then
        together+=("$file")

    elif [ "$at_once" = 1 ]; then
        alone+=("$file")

    # single blocks are in one part, whatever they are
    elif [ -n "${VCITA_TEST_ONLY:-}" ]; then
        if chosen_alone "$file"; then alone+=("$file"); else together+=("$file"); fi

    else
        together+=("$file together")
        alone+=("$file alone")
    fi
done

trap stop INT TERM
readarray -t together < <(longest_first ${together[@]+"${together[@]}"})
run "${together[@]}"
at_once=1
run ${alone[@]+"${alone[@]}"}
second=1
run ${again[@]+"${again[@]}"}
summary "$@"
