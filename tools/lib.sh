# shellcheck shell=bash disable=SC2034
# Sourced by the other tools: where things are, how to speak, and with which
# flags an nginx source tree has to be configured.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=$(nproc 2>/dev/null || echo 2)

# a Node of our own, where the machine's is too old (tools/deps.sh)
[ ! -x "$root/build/node/bin/node" ] || PATH=$root/build/node/bin:$PATH

# promtool and Prometheus out of Debian's package, where that is not installed
[ ! -d "$root/build/promtool/usr/bin" ] \
    || PATH=$PATH:$root/build/promtool/usr/bin

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*"; }

die() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; exit 1; }


# quietly LOG COMMAND...: output goes to LOG; on failure its end is shown
quietly() {
    local log=$1; shift

    mkdir -p "$(dirname "$log")"

    if ! "$@" > "$log" 2>&1; then
        tail -n 30 "$log" >&2
        die "failed: $1 (the whole output is in $log)"
    fi
}


# mirror FROM TO < FILES: TO gets these files of FROM, and keeps nothing else but
# what it has built.  A file that is the same keeps its time, and is not compiled
# again; any other gets the time of now, and is.
mirror() {
    local from=$1 to=$2 files file

    files=$(sed 's,^\./,,' | sort)
    mkdir -p "$to"

    while read -r file; do
        cmp -s "$from/$file" "$to/$file" \
            || ( cd "$from" && cp --parents "$file" "$to" )
    done <<< "$files"

    ( cd "$to" && find . -type f -not -path './build/*' ) \
        | sed 's,^\./,,' | sort | comm -13 <(printf '%s\n' "$files") - \
        | while read -r file; do rm -f "$to/$file"; done
}


nginx_binary() { command -v "${NGINX_BINARY:-nginx}" || echo /usr/sbin/nginx; }


# the version of a binary, and that of a source tree: 1.22.1
binary_version() { "$(nginx_binary)" -v 2>&1 | sed -n 's#.*nginx/\([0-9.]*\).*#\1#p'; }

source_version() {
    sed -n 's/^#define NGINX_VERSION *"\(.*\)"/\1/p' "$1/src/core/nginx.h"
}


# What the binary was configured with, one argument a line: only switches
# (--with-threads), no paths, compiler options or dynamic modules.
binary_flags() {
    "$(nginx_binary)" -V 2>&1 | sed -n 's/^configure arguments: //p' \
        | xargs -n 1 printf '%s\n' \
        | grep -E '^--with(out)?-[a-z0-9_-]+$' || true
}


# where the binary looks for modules: its --modules-path, or as configure does
modules_path() {
    local said prefix

    said=$("$(nginx_binary)" -V 2>&1) || return
    prefix=$(sed -n 's/.* --prefix=\([^ ]*\).*/\1/p' <<< "$said")

    sed -n 's/.* --modules-path=\([^ ]*\).*/\1/p' <<< "$said" | grep . \
        || echo "${prefix:-/usr/local/nginx}/modules"
}


# The flags for a tree, one a line.  A module is loaded only by an nginx that
# was configured alike, so: what the distribution recorded (nginx-dev), else
# what the nginx here says of itself, else --with-compat and the usual modules.
nginx_flags() {
    local tree=$1

    if [ -f "$tree/conf_flags" ]; then
        # shellcheck disable=SC1091
        ( . "$tree/conf_flags" && printf '%s\n' "${NGX_CONF_FLAGS[@]}" )

    elif [ -x "$(nginx_binary)" ] \
         && [ "$(binary_version)" = "$(source_version "$tree")" ]
    then
        binary_flags

    else
        printf '%s\n' --with-compat --with-debug --with-threads \
            --with-http_ssl_module --with-http_v2_module \
            --with-http_realip_module --with-http_auth_request_module \
            --with-http_stub_status_module --with-http_sub_module
    fi
}


configure_of() {
    if [ -f "$1/configure" ]; then echo ./configure; else echo auto/configure; fi
}


# Sanitizers: the core with ASAN only (nginx passes NULL to memcpy, which UBSAN
# reports), our modules with both; all is linked with both.
# NGX_DEBUG_PALLOC gives each allocation of a pool its own malloc: an overrun
# inside a pool would be invisible otherwise.
sanitize_base="-g -O1 -fno-omit-frame-pointer"
sanitize_base+=" -DNGX_DEBUG_PALLOC=1 -DNGX_SUPPRESS_WARN=1"
sanitize_core="$sanitize_base -fsanitize=address"
sanitize_module="$sanitize_base -fPIC -fsanitize=address,undefined"
sanitize_module+=" -fno-sanitize-recover=undefined"

# nginx and each module have an ngx_modules of their own; loaded again, at a
# reload, the module's must not mark the bytes behind nginx's as poisoned
sanitize_module+=" -fsanitize-address-use-odr-indicator"
sanitize_link="-fsanitize=address,undefined"


# Complete nginx sources for the tools with sanitizers: $NGINX_SRC, or those of
# the installed version.  Sets version and tree.
sanitize_source() {
    local folder=$root/build/asan

    if [ -n "${NGINX_SRC:-}" ]; then
        NGINX_SRC=$(realpath "$NGINX_SRC")
        [ -f "$NGINX_SRC/src/core/nginx.c" ] \
            || die "no complete nginx sources in $NGINX_SRC"
        version=$(source_version "$NGINX_SRC")
    else
        version=$(binary_version)
    fi

    tree=$folder/nginx-$version

    [ ! -f "$folder/source.$version" ] || return 0

    rm -rf "$tree"
    mkdir -p "$tree"

    if [ -n "${NGINX_SRC:-}" ]; then
        cp -R "$NGINX_SRC/." "$tree"
    else
        nginx_source "$version" "$tree" "$folder/fetch.log"
    fi

    # When main() returns, as after nginx -t, its variables are gone, and the
    # whole configuration would be called a leak.
    sed -i 's/^    ngx_cycle_t  *\*cycle, init_cycle;/    static &/' \
        "$tree/src/core/nginx.c"
    grep -q 'static .*init_cycle;' "$tree/src/core/nginx.c" \
        || die "the main() of nginx $version looks different: mend lib.sh"

    touch "$folder/source.$version"
}

debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg


# the mirror of this Debian that apt uses here
debian_mirror() {
    local codename

    # shellcheck disable=SC1091
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")

    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
        "Codename: $codename" 'Component: main' | head -n 1
}


# how apt reaches its mirror from here goes for a chroot, too
apt_ways() {
    apt-config dump --format '%f "%v"%n' | grep -aE '^Acquire::(Check-|https?::)' \
        || true
}


# The options, one a line, for an apt whose whole state is in folder $1, which
# holds sources.list: nothing under /etc/apt or /var/lib/apt is touched.
private_apt() {
    mkdir -p "$1"/{lists,archives}/partial
    printf '%s\n' -o Dir::Etc::sourcelist="$1/sources.list" \
        -o Dir::Etc::sourceparts=- -o Dir::State::lists="$1/lists" \
        -o Dir::Cache="$1" -o APT::Sandbox::User=root
}


# nginx_source VERSION TREE LOG: the sources of the version that is installed
# here, from Debian's source package, by a private apt state (few machines
# have deb-src configured).  Only the original tarball: security updates come
# without the rest on some mirrors, and the patches change no behaviour.
nginx_source() {
    local version=$1 tree=$2 log=$3 state opts

    say "fetching the sources of nginx $version"

    state=$(mktemp -d)
    # shellcheck disable=SC2016
    apt-get indextargets --format \
        "deb-src [signed-by=$debian_keyring]"' $(REPO_URI) $(CODENAME) $(COMPONENT)' \
        'Created-By: Packages' "Origin: Debian" | sort -u > "$state/sources.list"
    readarray -t opts < <(private_apt "$state")

    quietly "$log" nginx_tarball "$state" "${opts[@]}"
    tar -xzf "$state/nginx_$version.orig.tar.gz" -C "$tree" --strip-components=1
    rm -rf "$state"
}

nginx_tarball() {
    local state=$1; shift

    apt-get "$@" -q update \
        && ( cd "$state" && apt-get "$@" -q source --tar-only nginx )
}


# The files of the project, those not yet added too, each with a NUL behind it:
# what git knows, else all but what was built.
project_files() {
    local file

    {
        git -C "$root" ls-files -z -co --exclude-standard 2>/dev/null \
            || ( cd "$root" || exit
                 find . \( -path ./build -o -path ./.git -o -name node_modules \) \
                      -prune -o -type f -printf '%P\0' )

    } | while IFS= read -r -d '' file; do
        [ ! -e "$root/$file" ] || printf '%s\0' "$file"
    done | LC_ALL=C sort -z
}


# a copy of them in folder $1
copy_project() {
    mkdir -p "$1"
    project_files | tar -C "$root" --null -T - -cf - | tar -C "$1" -xf -
}
