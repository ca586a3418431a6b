#!/usr/bin/env bash
#
# tools/build.sh [MODULE_DIR]: builds a dynamic nginx module out of tree.
#
# MODULE_DIR is a folder with an nginx `config` (default: the repository, the
# module itself).  The .so goes to $OUT, the objects to $OUT/objs.  Configures
# only when `config`, the list of sources, the flags or the tools have changed;
# otherwise it is a plain make.
#
#   CC         gcc or clang (default: gcc; clang with SANITIZE)
#   OUT        default build/, and build/NAME/ for another MODULE_DIR
#              (build/asan/, build/asan/NAME/ with SANITIZE)
#   NGINX_SRC  nginx sources or Debian's nginx-dev (default /usr/share/nginx/src)
#   NGINX_BINARY  the nginx to build for, if it is not the one in PATH; its
#              version has to be that of the sources
#   SANITIZE   1: AddressSanitizer and UndefinedBehaviorSanitizer
#   VCITA_OAUTH_REDIS  no: without hiredis, even if it is there
#   CC_OPT     further compiler options, LD_OPT: further linker options

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

module=$(realpath "${1:-$root}")
tree=$(realpath -m "${NGINX_SRC:-/usr/share/nginx/src}")
out=$root/build

# -Wno-unused-parameter is nginx's own: its handlers have fixed arguments.  It
# has to stand last, clang's -Wextra would switch the warning on again.
warnings="-Wall -Wextra -Wno-unused-parameter -Werror"

# libcurl and OpenSSL leave things behind that must not be unmapped at exit
nodelete="-Wl,-z,nodelete"

if [ "${SANITIZE:-}" = 1 ]; then
    cc=${CC:-clang}
    out=$out/asan
    cc_opt="$sanitize_module $warnings"
    ld_opt="$sanitize_link $nodelete"

else
    cc=${CC:-gcc}
    cc_opt="-g -O2 -fPIC -ffile-prefix-map=$root=. -fstack-protector-strong"
    cc_opt+=" -D_FORTIFY_SOURCE=2 -Wformat -Werror=format-security $warnings"
    ld_opt="-Wl,-z,relro -Wl,-z,now -fPIC $nodelete"
fi


# everything that makes a new configure necessary
fingerprint() {
    printf '%s\n' "$module" "$tree" "$cc" "${flags[@]}" \
        "${VCITA_OAUTH_REDIS:-}"
    "$cc" --version
    cat "$tree/src/core/nginx.h" "$module/config"
    find "$module" "${also[@]}" -maxdepth 2 -name '*.[ch]' 2>/dev/null | sort
    dpkg-query -W nginx-dev 'libcurl4*-dev' libyajl-dev libssl-dev \
               libhiredis-dev 2>/dev/null \
        || true
}


configure() {
    say "configuring $name for nginx $(source_version "$tree") with $cc"

    rm -rf "$objs"
    mkdir -p "$objs"

    cd "$tree"
    quietly "$objs/configure.log" \
        bash "$(configure_of "$tree")" "${flags[@]}" --builddir="$objs" \
             --add-dynamic-module="$module"

    printf '%s\n' "$1" > "$objs/fingerprint"
}


build() {
    local print

    print=$(fingerprint | sha256sum | cut -d ' ' -f 1)

    if [ "$(cat "$objs/fingerprint" 2>/dev/null)" != "$print" ]; then
        configure "$print"
    fi

    cd "$tree"                     # nginx's Makefile has relative include paths

    if ! make -q -f "$objs/Makefile" modules >/dev/null 2>&1; then
        say "compiling $name"
        make -s -j "$jobs" -f "$objs/Makefile" modules
    fi

    # renamed into place: an nginx that runs has the old file mapped
    if ! cmp -s "$objs/$name.so" "$out/$name.so"; then
        cp "$objs/$name.so" "$out/$name.so.new"
        mv "$out/$name.so.new" "$out/$name.so"
        say "built ${out#"$root"/}/$name.so"
    fi
}


[ -f "$module/config" ] || die "no nginx module in $module (no file config)"
[ -f "$tree/src/core/nginx.h" ] \
    || die "no nginx sources in $tree: install nginx-dev, or set NGINX_SRC"
[ -z "${NGINX_BINARY:-}" ] \
    || [ "$(binary_version)" = "$(source_version "$tree")" ] \
    || die "$NGINX_BINARY is nginx $(binary_version), the sources in $tree are" \
           "$(source_version "$tree"): set NGINX_SRC"
command -v "$cc" >/dev/null || die "no compiler $cc"

name=$(sed -n 's/^ *ngx_module_name=//p' "$module/config" | tail -n 1)
name=${name//[\"\']/}
case $name in
    ''|*'$'*) name=$(sed -n 's/^ngx_addon_name=//p' "$module/config") ;;
esac

# a module for tests has its sources elsewhere, too
also=("$root/src")
[ "$module" = "$root" ] || also+=("$root/t/fuzz")

[ "$module" = "$root" ] || out=$out/$(basename "$module")
out=$(realpath -m "${OUT:-$out}")
mkdir -p "$out"
objs=$out/objs

readarray -t flags < <(nginx_flags "$tree")
flags+=("--with-cc=$cc" "--with-cc-opt=$cc_opt ${CC_OPT:-}"
        "--with-ld-opt=$ld_opt ${LD_OPT:-}")

exec 9> "$out/.lock"               # two builds of one folder: one waits
flock 9
build
