#!/usr/bin/env bash
#
# tools/fuzz.sh [TARGET...]: fuzzes what reads foreign bytes (t/fuzz), by libFuzzer
# with AddressSanitizer and UBSan; without targets all of them.
#
# tools/fuzz.sh TARGET FILE...: runs a target with these inputs alone.
#
# The leaves are linked with the few objects of nginx that they need, outside
# of nginx.  Each target starts from its seeds and from what former runs have
# found (build/fuzz/corpus).  One line per target as it ends; a finding (a
# crash, a report, a property that does not hold, a hang) is shown with how to
# see it again, and fails the run.
#
#   FUZZ_SECONDS  how long each target runs (60)
#   FUZZ_RUNS     how many inputs each target gets, instead
#   FUZZ_JOBS     how many targets at a time (one for each processor)
#   NGINX_SRC     complete nginx sources (default: those of the installed version)

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

out=$root/build/fuzz
objs=$out/objs
program=$out/fuzz
seconds=${FUZZ_SECONDS:-60}
runs=${FUZZ_RUNS:-}
at_once=${FUZZ_JOBS:-$jobs}

# a larger input finds nothing that a smaller one does not, and takes longer
max_len=4096

# one input may take this long, in seconds, on a machine that has much to do
hang=25

# of nginx, what the leaves call
core="core/ngx_array core/ngx_list core/ngx_palloc core/ngx_string
      os/unix/ngx_alloc"

declare -A target_of=()                          # by process id
findings=0


# --- build --------------------------------------------------------------------

configure() {
    local flags print

    readarray -t flags < <(nginx_flags "$tree")
    flags+=("--with-cc=clang" "--with-cc-opt=$sanitize_base" "--builddir=$objs")

    print=$( (printf '%s\n' "$version" "${flags[@]}"; clang --version) \
             | sha256sum | cut -d ' ' -f 1)

    [ "$(cat "$out/fingerprint" 2>/dev/null)" != "$print" ] || return 0

    rm -rf "$objs"
    mkdir -p "$objs"
    cd "$tree"
    quietly "$out/configure.log" bash "$(configure_of "$tree")" "${flags[@]}"
    cd "$root"

    printf '%s\n' "$print" > "$out/fingerprint"
}


# what is compiled, and with which instruments, a pair a line: nginx's objects
# with ASAN, the tests' with UBSan too, and ours tell what they have run
sources() {
    local file leaves='' flow=''

    for file in $core; do
        echo "$tree/src/$file.c core"
    done

    eval "$(grep -E '^ *(leaves|flow)=' t/unit/config)"

    for file in $leaves $flow; do
        echo "$root/src/${file%/*}/ngx_http_vcita_${file#*/}.c ours"
    done

    echo "$root/src/net/ngx_http_vcita_redis_protocol.c ours"

    for file in "$root"/t/fuzz/{fuzz,libfuzzer,fuzz_*}.c; do
        echo "$file test"
    done
}


# compile SOURCE KIND, in the folder of nginx's sources
compile() {
    local options=$sanitize_module

    case $2 in
        core) options=$sanitize_core ;;
        ours) options+=" -fsanitize=fuzzer-no-link" ;;
    esac

    # shellcheck disable=SC2086
    clang -c $options -O2 -Wall -Wextra -Wno-unused-parameter -Werror \
        -DNGX_HTTP_VCITA_REDIS=1 \
        "${includes[@]}" -o "$objs/$2/$(basename "$1" .c).o" "$1"
}


build() {
    local print source kind status=0

    # nginx's own list of folders, relative to its sources
    readarray -t includes < <(sed -n '/^ALL_INCS/,/^$/p' "$objs/Makefile" \
                              | grep -oE -- '-I [^ ]+' | tr ' ' '\n')
    includes+=("-I" "$root/src" "-I" "$root/t/fuzz")

    print=$( (cat src/*/*.[ch] t/fuzz/*.[ch] t/unit/config tools/fuzz.sh \
                  tools/lib.sh "$out/fingerprint") | sha256sum)

    [ "$(cat "$program.fingerprint" 2>/dev/null)" != "$print" ] || return 0

    say "compiling the targets"

    rm -rf "$objs"/{core,ours,test}
    mkdir "$objs"/{core,ours,test}
    cd "$tree"

    while read -r source kind; do
        [ "$(running)" -lt "$jobs" ] || wait -n || status=1
        compile "$source" "$kind" &
    done < <(cd "$root" && sources)

    while [ "$(running)" -gt 0 ]; do wait -n || status=1; done

    [ "$status" = 0 ] || die "failed: clang"

    # from the module and from nginx, only the functions that the targets call

    rm -f "$objs/called.a"
    ar rcs "$objs/called.a" "$objs"/{core,ours}/*.o
    clang -fsanitize=fuzzer,address,undefined -o "$program" "$objs"/test/*.o \
        "$objs/called.a" -lyajl -lhiredis -lcrypto
    cd "$root"

    printf '%s\n' "$print" > "$program.fingerprint"
}

running() { jobs -rp | wc -l; }


# --- run ----------------------------------------------------------------------

targets() { find t/fuzz -name 'fuzz_*.c' | sed 's/.*fuzz_\(.*\)\.c/\1/' | sort; }

is_target() { [ -f "t/fuzz/fuzz_$1.c" ]; }

dictionary() {
    sed -n 's/^ \* Dictionary: \(.*\)/t\/fuzz\/dict\/\1/p' "t/fuzz/fuzz_$1.c"
}


# leaks are looked for at the end: who keeps what is in a pool loses nothing
sanitizers() {
    export FUZZ_TARGET=$1
    export ASAN_OPTIONS=detect_stack_use_after_return=0:allocator_may_return_null=1
    export UBSAN_OPTIONS=print_stacktrace=1
}


start() {
    local target=$1 dir=$out/run/$1 options words

    rm -rf "$dir"
    mkdir -p "$dir/findings" "$out/corpus/$target"

    options=("-max_len=$max_len" "-timeout=$hang" "-print_final_stats=1"
             "-verbosity=1" "-artifact_prefix=$dir/findings/")

    words=$(dictionary "$target")
    [ -z "$words" ] || options+=("-dict=$words")

    if [ -n "$runs" ]; then
        options+=("-runs=$runs")
    else
        options+=("-max_total_time=$seconds")
    fi

    ( sanitizers "$target"
      exec "$program" "${options[@]}" "$out/corpus/$target" \
           "t/fuzz/seeds/$target" > "$dir/log" 2>&1 < /dev/null ) &

    target_of[$!]=$target
}


# finish PID STATUS
finish() {
    local target=${target_of[$1]} dir file

    dir=$out/run/$target

    printf '%-16s %s\n' "$target" "$(figures "$dir/log")"

    [ "$2" != 0 ] || return 0

    findings=$((findings + 1))
    grep -aE -m 1 -A 30 '^==|^fuzz: |runtime error|ERROR: ' "$dir/log" \
        | cut -c 1-160 | sed 's/^/    /' || tail -n 30 "$dir/log"

    for file in "$dir"/findings/*; do
        [ -f "$file" ] || continue
        say "again: tools/fuzz.sh $target ${file#"$root"/}"
        say "mended: keep it as t/fuzz/seeds/$target/WHAT-IT-IS"
    done
}


figures() {
    awk '/^stat::number_of_executed_units:/ { n = $2 }
         /^stat::average_exec_per_sec:/     { rate = $2 }
         /^#[0-9]/ { for (i = 1; i < NF; i++) {
                         if ($i == "cov:") cov = $(i + 1)
                         if ($i == "corp:") corpus = $(i + 1) } }
         END { sub(/\/.*/, "", corpus)
               printf "%9s inputs, %7s a second, %5s edges, %4s kept",
                      n, rate, cov, corpus }' "$1"
}


wait_for_one() {
    local pid status=0

    wait -n -p pid "${!target_of[@]}" || status=$?
    finish "$pid" "$status"
    unset "target_of[$pid]"
}


# an interrupt: libFuzzer ends on SIGINT
stop() {
    trap - INT TERM
    [ "${#target_of[@]}" = 0 ] || kill -TERM "${!target_of[@]}" 2>/dev/null || true
    wait
    exit 130
}


fuzz() {
    local target

    for target; do
        [ "${#target_of[@]}" -lt "$at_once" ] || wait_for_one
        start "$target"
    done

    while [ "${#target_of[@]}" -gt 0 ]; do wait_for_one; done

    [ "$findings" = 0 ] || die "failed: $findings of $# targets found something"
    say "$# targets, no finding"
}


cd "$root"
mkdir -p "$out" build/asan

# shellcheck disable=SC2119
sanitize_source
configure
build

if [ $# -ge 2 ] && ! is_target "$2"; then
    is_target "$1" || die "no target $1; there are $(targets)"
    sanitizers "$1"; shift
    exec "$program" "$@"
fi

readarray -t all < <(targets)
[ $# -gt 0 ] || set -- "${all[@]}"

for target; do
    is_target "$target" || die "no target $target; there are $(targets)"
done

trap stop INT TERM
fuzz "$@"
