#!/usr/bin/env bash
#
# tools/matrix.sh [NAME...]: the tests against other versions of nginx, and with
# other builds of the module.
#
#   here    the nginx of this machine
#   clang   the same, the module built by clang: a few test files
#   static  the module linked into nginx's plain sources: a few test files
#   musl    the sources compiled for Alpine's libc: no test runs
#   trixie, sid, any other suite of Debian: its nginx, in a chroot
#
# Without a name all of the above.  A chroot is made once, by mmdebstrap from the
# mirror that apt uses here, and takes about 700 MB in build/matrix/SUITE, while
# what comes before it is tested; the project is copied in, built there and tested
# there.  Processes and mounts of a chroot live in namespaces of their own, and
# always end with it.
#
#   FILES  the test files (default: all of them)
#
# One line per name at the end; the last line is `N passed, M failed`.

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/chroot.sh
. "$(dirname "$0")/chroot.sh"

out=$root/build/matrix
short=(t/login.t t/gate.t t/unit.t)
read -ra files <<< "${FILES:-}"

results=() passed=0 failed=0 child='' stage=''
declare -A making=()                             # a process id, by name


# --- chroots ------------------------------------------------------------------

# what a chroot consists of, beside what deps.sh says: dpkg-dev for conf_flags,
# prometheus for promtool (no server starts in a chroot), the others because
# nginx-dev is only unpacked (it would pull in much more)
chroot_packages() {
    tools/deps.sh names | grep -vx nginx-dev
    printf '%s\n' dpkg-dev libpcre2-dev zlib1g-dev nodejs prometheus
}


# makes build/matrix/SUITE where it is missing, or was made of other packages
make_chroot() {
    local suite=$1 dir=$out/$1 mirror packages print

    readarray -t packages < <(chroot_packages | sort)
    print=$(printf '%s\n' "$suite" "${packages[@]}")

    [ "$(cat "$dir.packages" 2>/dev/null)" != "$print" ] || return 0

    mirror=$(debian_mirror)
    [ -n "$mirror" ] || die "apt knows no Debian mirror here"

    say "making a chroot of $suite, some minutes"

    rm -rf --one-file-system "$dir" "$dir.packages"

    # shellcheck disable=SC2016
    make_debian "$out/$suite.chroot.log" "$suite" "$dir" "$mirror" \
            --include="$(IFS=,; echo "${packages[*]}")" \
            --dpkgopt='path-exclude=/usr/share/man/*' \
            --dpkgopt='path-exclude=/usr/share/doc/*' \
            --dpkgopt='path-exclude=/usr/share/locale/*' \
            --customize-hook='mkdir -p "$1/tmp/nginx-dev" "$1/project"' \
            --customize-hook="copy-in $root/tools /tmp/nginx-dev" \
            --customize-hook='chroot "$1" sh -ec "
                cd /tmp/nginx-dev
                apt-get -q update
                apt-get -q download nginx-dev
                dpkg -x nginx-dev_*.deb /
                tools/deps.sh test-nginx
                rm -rf /tmp/nginx-dev"'

    printf '%s\n' "$print" > "$dir.packages"
}


# the project as it is now; what was built in there stays
copy_in() {
    ( cd "$root" && find . \( -path ./build -o -path ./.git \
                              -o -path './t/servroot*' \) -prune \
                           -o -type f -print ) | mirror "$root" "$1/project"
}


test_suite() {
    local dir=$out/$1

    copy_in "$dir"
    # shellcheck disable=SC2016
    inside "$dir" \
        TEST_JOBS="${TEST_JOBS:-}" TEST_PORT="${TEST_PORT:-18000}" \
        TEST_TIMEOUT="${TEST_TIMEOUT:-900}" TEST_AGAIN="${TEST_AGAIN:-}" \
        VCITA_TEST_SCALE="${VCITA_TEST_SCALE:-1}" bash -ec '
        cd /project
        printf "%s: %s, %s, curl %s, %s, perl %s, node %s\n" "$1" \
            "$(nginx -v 2>&1 | sed "s/.*: //")" "$(gcc --version | head -n 1)" \
            "$(curl-config --version | cut -d " " -f 2)" \
            "$(openssl version | cut -d " " -f 1,2)" \
            "$(perl -e "printf q(%vd), \$^V")" "$(node --version)"
        shift
        tools/test-build.sh "$@"
        tools/test.sh "$@"' bash "$1" ${files[@]+"${files[@]}"}
}


# --- builds -------------------------------------------------------------------

test_here() {
    tools/test-build.sh ${files[@]+"${files[@]}"}
    TEST_DIR=$out/here/test exec tools/test.sh ${files[@]+"${files[@]}"}
}


test_clang() {
    export CC=clang

    OUT=$out/clang tools/test-build.sh "${files[@]:-${short[@]}}"
    MODULES=$out/clang TEST_DIR=$out/clang/test \
        exec tools/test.sh "${files[@]:-${short[@]}}"
}


# nginx of the version that is installed here, with the module in it
build_static() {
    local dir=$out/static version flags=() print tree

    version=$(binary_version)
    tree=$dir/nginx-$version

    if [ ! -f "$dir/source.$version" ]; then
        rm -rf "$tree"
        mkdir -p "$tree"
        nginx_source "$version" "$tree" "$dir/fetch.log"
        touch "$dir/source.$version"
    fi

    readarray -t flags < <(nginx_flags "$tree")
    flags+=("--prefix=$dir/prefix" "--error-log-path=stderr"
            "--with-cc-opt=-g -O2 -Wall -Wextra -Wno-unused-parameter -Werror"
            "--builddir=$dir/objs" "--add-module=$root")

    print=$( (printf '%s\n' "$tree" "${flags[@]}"; gcc --version
              cat config; ls src/*) | sha256sum | cut -d ' ' -f 1)

    cd "$tree"

    if [ "$(cat "$dir/fingerprint" 2>/dev/null)" != "$print" ]; then
        say "configuring nginx $version with the module in it"
        rm -rf "$dir/objs"
        mkdir -p "$dir/objs"
        quietly "$dir/configure.log" \
            bash "$(configure_of "$tree")" "${flags[@]}"
        printf '%s\n' "$print" > "$dir/fingerprint"
    fi

    say "compiling nginx $version with the module in it"
    quietly "$dir/make.log" make -j "$jobs" -f "$dir/objs/Makefile" binary
    cd "$root"
}

test_static() {
    build_static
    MODULES=none tools/test-build.sh "${files[@]:-${short[@]}}"
    NGINX_BINARY=$out/static/objs/nginx MODULES=none \
        TEST_DIR=$out/static/test exec tools/test.sh "${files[@]:-${short[@]}}"
}


test_musl() {
    tools/build.sh
    exec tools/musl.sh
}


# --- all of them --------------------------------------------------------------

is_chroot() { case $1 in here|clang|static|musl) return 1 ;; esac; }


prepare() {
    local name names=("$@")

    for name; do
        is_chroot "$name" || continue

        [[ $name =~ ^[a-z]+$ ]] || die "no suite of Debian: $name"
        [ "$(id -u)" = 0 ] \
            || die "$name: a chroot needs root (here, clang, static and musl do not)"
        tools/deps.sh matrix
        break
    done

    case " ${names[*]} " in *" clang "*) tools/deps.sh clang ;; esac
    case " ${names[*]} " in *" static "*) tools/deps.sh static ;; esac
    case " ${names[*]} " in *" musl "*) tools/deps.sh musl ;; esac
    tools/deps.sh test
}


# one name; its output is shown, and read for what came of it
run() {
    local name=$1 log=$out/$1.log started=$SECONDS status=0 test next last \
          version good bad

    printf '\n--- %s\n' "$name"
    : > "$log"

    if is_chroot "$name"; then
        wait "${making[$name]}" || status=$?
        tee -a "$log" < "$out/$name.making.log"
        test=(test_suite "$name") next=inside
    else
        test=("test_$name") next=here
    fi

    if [ "$status" = 0 ]; then
        ( "${test[@]}" ) > >(tee -a "$log") 2>&1 & child=$! stage=$next
        wait "$child" || status=$?
    fi
    stage=''

    last=$(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1 || true)
    version=$(grep -aoE '^[0-9]+ files, .* s, nginx/[0-9.]+' "$log" | tail -n 1 \
              | grep -aoE 'nginx/.*' || true)
    good=$(echo "$last" | grep -aoE '^[0-9]+' || echo 0)
    bad=$(echo "$last" | sed -n 's/.* passed, \([0-9]*\) failed.*/\1/p')
    bad=${bad:-0}

    if [ "$status" != 0 ] && [ "$bad" = 0 ]; then
        last="no end: see ${log#"$root"/}"
        bad=1
    fi

    passed=$((passed + good)) failed=$((failed + bad))
    results+=("$(printf '%-8s %-13s %s (%s s)' "$name" "$version" "$last" \
                        "$((SECONDS - started))")")
}


# An interrupt: tools/test.sh cleans up within some seconds; a chroot's
# processes, and its mounts, end with the unshare that made their namespaces, and
# that one only by KILL.
stop() {
    local pid

    trap - INT TERM
    for pid in "${making[@]}"; do kill -TERM -- "-$pid" 2>/dev/null || true; done
    case $stage in
        inside)  kill -KILL -- "-$child" ;;
        here)    kill -TERM "$child" && wait "$child" ;;
    esac 2>/dev/null || true
    exit 130
}


cd "$root"
mkdir -p "$out"

[ $# -gt 0 ] || set -- here clang static musl trixie sid

set -m                             # each job is a process group of its own
trap stop INT TERM
prepare "$@"

for name; do
    is_chroot "$name" && [ -z "${making[$name]:-}" ] || continue
    ( make_chroot "$name" ) > "$out/$name.making.log" 2>&1 & making[$name]=$!
done

for name; do run "$name"; done

printf '\n'
printf '%s\n' "${results[@]}"
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
