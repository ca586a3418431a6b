#!/usr/bin/env bash
#
# tools/asan.sh [files]: the tests under AddressSanitizer and UBSan.
#
# Builds, once, nginx itself (ASAN) and the module (ASAN and UBSan) by clang
# into build/asan/, and runs tools/test.sh with them.  A report of a sanitizer
# does not reach the test that caused it, so reports go to files: any file
# fails the run, and is printed.
#
#   NGINX_SRC  complete nginx sources (default: those of the installed version,
#              from Debian's source package)

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

out=$root/build/asan
reports=$out/reports


build_nginx() {
    local flags print

    readarray -t flags < <(nginx_flags "$tree")
    flags+=("--prefix=$out/prefix" "--error-log-path=stderr"
            "--with-cc=clang" "--with-cc-opt=$sanitize_core"
            "--with-ld-opt=$sanitize_link")

    print=$( (printf '%s\n' "$version" "${flags[@]}"; clang --version) \
             | sha256sum | cut -d ' ' -f 1)

    [ "$(cat "$out/nginx.fingerprint" 2>/dev/null)" != "$print" ] || return 0

    say "building nginx $version with AddressSanitizer, some minutes"

    rm -rf "$out/nginx-objs"
    mkdir -p "$out/nginx-objs"
    cd "$tree"
    quietly "$out/nginx.log" bash "$(configure_of "$tree")" "${flags[@]}" \
            --builddir="$out/nginx-objs"
    quietly "$out/nginx.log" \
        make -j "$jobs" -f "$out/nginx-objs/Makefile" binary
    cd "$root"

    mv "$out/nginx-objs/nginx" "$out/nginx"
    printf '%s\n' "$print" > "$out/nginx.fingerprint"
}


build_modules() {
    export SANITIZE=1 NGINX_SRC=$tree

    tools/test-build.sh "$@"
}


# leaks of nginx itself, at exit of a single process
suppressions() {
    printf '%s\n' leak:ngx_set_environment leak:ngx_event_process_init \
        leak:ngx_regex_malloc
}


run() {
    local status=0

    rm -rf "$reports"
    mkdir -p "$reports"
    suppressions > "$out/lsan.supp"

    # commas: Test::Nginx appends the name of the test to log_path
    # each dynamic module has an ngx_modules of its own
    export ASAN_OPTIONS=detect_stack_use_after_return=1,detect_odr_violation=0
    ASAN_OPTIONS+=,log_path=$reports/report
    export UBSAN_OPTIONS=print_stacktrace=1,log_path=$reports/report
    export LSAN_OPTIONS=suppressions=$out/lsan.supp,print_suppressions=0
    export NGINX_BINARY=$out/nginx MODULES=$out TEST_DIR=$out/test
    export VCITA_TEST_SCALE=${VCITA_TEST_SCALE:-3}     # t/lib: everything takes longer

    tools/test.sh "$@" || status=$?

    if show_reports; then
        [ "$status" = 0 ] || die "failed"
        say "no report of a sanitizer"

    else
        die "failed: sanitizers wrote the reports above"
    fi
}


# prints the first reports, at 80 lines each; fails if there are any
show_reports() {
    local all report

    readarray -t all < <(find "$reports" -type f | sort)

    for report in "${all[@]:0:5}"; do
        say "report ${report#"$root"/}"
        head -n 80 "$report"
    done

    [ "${#all[@]}" -le 5 ] || say "and $((${#all[@]} - 5)) more reports"
    [ "${#all[@]}" = 0 ]
}


cd "$root"
mkdir -p "$out"

sanitize_source
build_nginx
build_modules "$@"
run "$@"
