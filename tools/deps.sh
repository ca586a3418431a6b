#!/usr/bin/env bash
#
# tools/deps.sh GROUP...: installs what a group needs, and only what is missing.
#
#   build  compiler, nginx-dev and the libraries of the module; with NGINX_SRC,
#          an nginx of one's own, not Debian's but what its configure wants
#   test   build, node, promtool, and Test::Nginx
#   asan   test, and clang with its sanitizers
#   valgrind   test, and valgrind
#   fuzz   build, and clang with its sanitizers and libFuzzer
#   node   a Node that is new enough, and the npm packages of the sandbox
#   demo   build, node, and what the demo's browser needs
#   fleet  demo, redis-server and its client
#   matrix, clang, static, musl, test-nginx   what tools/matrix.sh needs for them
#   screenshots  test, and Prometheus
#   docs   matrix, node, and what the network and the certificates of a root need
#   callgrind   build, and valgrind
#   deb    build, and what makes and checks a Debian package
#   install  what builds nginx itself, and asks it
#   docker   matrix, install, and buildah
#   bench  demo, callgrind, the peers and what measures them
#
# tools/deps.sh names: prints the packages of build and test, and does nothing.
#
# Where nothing is missing it says nothing and touches no network.  Packages
# come from the apt sources that this machine has, npm's from npm's registry.

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

export DEBIAN_FRONTEND=noninteractive

sandbox=$root/examples/sandbox
log=$root/build/deps.log
node_version=22.23.3

build_packages=(gcc libc6-dev make nginx nginx-dev
                libcurl4-openssl-dev libssl-dev libyajl-dev
                libhiredis-dev)
browser_packages=(perl libio-socket-ssl-perl openssl)
test_packages=("${browser_packages[@]}" curl jq nghttp2-client patch procps
               redis-server)
chromium_packages=(chromium fonts-liberation)
static_packages=(libpcre2-dev zlib1g-dev)
asan_packages=(clang llvm "${static_packages[@]}")
callgrind_packages=(perl valgrind libc6-dbg)
bench_packages=(wrk apache2 libapache2-mod-auth-openidc gnuplot-nox
                nghttp2-client redis-server redis-tools strace util-linux)
deb_packages=(build-essential debhelper lintian xz-utils)
matrix_packages=(mmdebstrap arch-test debian-archive-keyring)


installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}


missing() {
    local package

    for package; do
        installed "$package" || echo "$package"
    done
}


apt() {
    apt-get -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@"
}


# apt-get update knows no lock timeout of its own
apt_update() {
    local try

    [ -z "${updated:-}" ] || return 0
    updated=1

    for ((try = 1; try <= ${update_tries:-6}; try++)); do
        [ "$try" = 1 ] || sleep 10
        apt update && return 0
    done

    return 1
}


# need_root WHAT...: without root, one sentence that names what is missing
need_root() {
    [ "$(id -u)" = 0 ] \
        || die "missing here, and only root can install: $* (apt-get install)"
}


apt_install() {
    local packages

    readarray -t packages < <(missing "$@" | sort -u)
    [ "${#packages[@]}" -gt 0 ] || return 0

    need_root "${packages[@]}"

    say "installing ${packages[*]}"
    quietly "$log" apt_update_and_install "${packages[@]}"
}

apt_update_and_install() {
    apt_update && apt install -y --no-install-recommends "$@"
}


# Test::Nginx is packaged in Debian's unstable only.  Its package is fetched
# with a private apt state, from the mirror that this machine uses anyway, and
# verified by the keyring; nothing under /etc/apt changes.
test_nginx() {
    perl -MTest::Nginx::Socket -e 1 2>/dev/null && return 0

    need_root libtest-nginx-perl

    say "installing libtest-nginx-perl from Debian unstable"
    quietly "$log" test_nginx_install
}

test_nginx_install() {
    local mirror state opts

    apt_update || return 1

    if [[ $(apt-cache policy libtest-nginx-perl) == *"Candidate: "[0-9]* ]]; then
        apt install -y --no-install-recommends libtest-nginx-perl
        return
    fi

    mirror=$(debian_mirror)
    [ -n "$mirror" ] || { echo "apt knows no Debian mirror here"; return 1; }

    state=$(mktemp -d)
    printf 'deb [signed-by=%s] %s sid main\n' "$debian_keyring" "$mirror" \
        > "$state/sources.list"
    readarray -t opts < <(private_apt "$state")

    apt "${opts[@]}" update \
        && ( cd "$state" && apt "${opts[@]}" download libtest-nginx-perl ) \
        && apt install -y --no-install-recommends \
               "$state"/libtest-nginx-perl_*.deb \
        && rm -rf "$state"
}

# Of the package prometheus, promtool alone: installed, it would start a server.
# need_promtool [NAME]: promtool, or another program of its package
need_promtool() {
    local name=${1:-promtool}

    command -v "$name" >/dev/null && return 0

    say "fetching $name out of Debian's prometheus"
    quietly "$log" promtool_fetch "$name"
    PATH=$PATH:$root/build/promtool/usr/bin
    hash -r
    command -v "$name" >/dev/null || die "the package has no $name"
}

promtool_fetch() {
    local dir=$root/build/promtool

    mkdir -p "$dir"
    rm -f "$dir"/prometheus_*.deb
    apt-cache show prometheus >/dev/null 2>&1 || apt_update || return 1

    # where the list of packages is old, the package may be gone
    ( cd "$dir" && apt download prometheus ) \
        || { apt_update && ( cd "$dir" && apt download prometheus ); } \
        || return 1

    dpkg-deb --fsys-tarfile "$dir"/prometheus_*.deb \
        | tar -C "$dir" -xf - "./usr/bin/$1"
    rm -f "$dir"/prometheus_*.deb
}

# clang's runtime is a package of its own, named after clang's version
clang_runtime() {
    local version

    version=$(clang -dumpversion 2>/dev/null | cut -d . -f 1)
    [ -n "$version" ] || die "clang does not say its version"
    [ -f "$(clang -print-file-name=libclang_rt.asan-"$(uname -m)".a)" ] \
        || apt_install "libclang-rt-$version-dev"
}


# what the sandbox's oidc-provider calls, and older Nodes do not have
node_is_new_enough() {
    node -e 'process.exit(URL.parse && require("crypto").hash ? 0 : 1)' \
        2>/dev/null
}


# Node from PATH, else Debian's.  Debian 12 has Node 18, which is too old, but
# good enough to fetch a newer one from npm's registry, for this folder alone.
need_node() {
    if ! node_is_new_enough; then
        command -v npm >/dev/null || apt_install nodejs npm
        hash -r
    fi

    node_is_new_enough || node_from_npm
    npm_packages "$sandbox"
}

node_from_npm() {
    local arch

    case $(uname -m) in
        x86_64)  arch=x64 ;;
        aarch64) arch=arm64 ;;
        *)       die "Node 20.19 or newer is needed: put one first in PATH" ;;
    esac

    say "installing Node $node_version from npm into build/node"
    mkdir -p "$root/build/node"
    quietly "$log" npm --prefix "$root/build/node" install --no-save \
                       --ignore-scripts --no-audit --no-fund --loglevel=error \
                       "node-linux-$arch@$node_version"
    ln -sfn "node_modules/node-linux-$arch/bin" "$root/build/node/bin"

    # lib.sh finds it there next time
    PATH=$root/build/node/bin:$PATH
    hash -r
    node_is_new_enough || die "$root/build/node/bin/node does not run here"
}


npm_packages() {
    local folder=$1 lock=$1/package-lock.json

    [ -f "$lock" ] || return 0
    [ "$folder/node_modules/.package-lock.json" -nt "$lock" ] && return 0

    command -v npm >/dev/null || apt_install npm

    say "installing the npm packages of ${folder#"$root"/}"
    quietly "$log" npm --prefix "$folder" ci --no-audit --no-fund \
                       --loglevel=error
    touch "$folder/node_modules/.package-lock.json"
}


# Chromium is large, and not everywhere to be had: t/browser*.t, which alone
# needs it, is skipped without it.
need_chromium() {
    if ! ( update_tries=1; apt_install "${chromium_packages[@]}" ); then
        command -v chromium >/dev/null \
            || { say "no Chromium: t/browser*.t are skipped"; return 0; }
    fi

    npm_packages "$root/t/browser"
}


# Debian's nginx beside one that was built here, or comes from nginx.org, would
# take its place
need_build() {
    local packages=("${build_packages[@]}")

    if [ -n "${NGINX_SRC:-}" ]; then
        readarray -t packages < <(printf '%s\n' "${packages[@]}" \
                                         "${static_packages[@]}" \
                                  | grep -vxE 'nginx|nginx-dev')
    fi

    apt_install "${packages[@]}"
}


group() {
    case $1 in
        build) need_build ;;
        node)  need_node ;;
        demo)  apt_install "${build_packages[@]}" "${browser_packages[@]}"
               need_node ;;
        fleet) group demo
               apt_install redis-server redis-tools ;;
        test)  apt_install "${build_packages[@]}" "${test_packages[@]}"
               need_chromium
               test_nginx
               need_promtool
               need_node
               npm_packages "$root/t/kubernetes" ;;
        asan)  apt_install "${build_packages[@]}" "${test_packages[@]}" \
                           "${asan_packages[@]}"
               clang_runtime
               need_chromium
               test_nginx
               need_promtool
               need_node
               npm_packages "$root/t/kubernetes" ;;
        valgrind)   group test
                    apt_install valgrind ;;
        fuzz)  apt_install "${build_packages[@]}" "${asan_packages[@]}"
               clang_runtime ;;
        clang)      apt_install clang ;;
        static)     apt_install "${build_packages[@]}" "${static_packages[@]}" ;;
        musl)       apt_install "${build_packages[@]}" "${static_packages[@]}" \
                                musl-tools ;;
        matrix)     apt_install "${matrix_packages[@]}" ;;
        test-nginx) test_nginx ;;
        screenshots)  group test
                      need_promtool prometheus ;;
        docs)       apt_install "${matrix_packages[@]}" iproute2 openssl perl
                    need_node ;;
        callgrind)  apt_install "${build_packages[@]}" "${callgrind_packages[@]}" ;;
        deb)   apt_install "${build_packages[@]}" "${deb_packages[@]}" ;;
        install)    apt_install "${build_packages[@]}" "${static_packages[@]}" \
                                curl ;;
        docker)     group matrix
                    group install
                    apt_install buildah procps ;;
        bench)      group demo
                    apt_install "${callgrind_packages[@]}" "${bench_packages[@]}" ;;
        *)     die "no group $1; there are build, test, asan, node, demo, fleet" ;;
    esac
}


[ $# -gt 0 ] || die "which group? build, test, asan, node, demo"

if [ "$1" = names ]; then
    printf '%s\n' "${build_packages[@]}" "${test_packages[@]}"
    exit
fi

for wanted; do
    group "$wanted"
done
