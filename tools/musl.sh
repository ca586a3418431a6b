#!/usr/bin/env bash
#
# tools/musl.sh: would the module build on Alpine, whose libc is musl?  Each of
# its sources is compiled with musl's headers, and without a warning; each
# function that they call is in musl, nginx or a library of the module.
# Nothing is linked, and nothing runs.  Each is compiled once more as for an
# nginx without its SSL module, whose headers say less of OpenSSL.
#
# nginx's own headers are those of the nginx installed here, configured for
# glibc.  The last line is `N passed, M failed`: the sources, the functions.

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

out=$root/build/musl
tree=${NGINX_SRC:-/usr/share/nginx/src}
libraries=(curl ssl crypto yajl hiredis)
arch=$(gcc -print-multiarch)
passed=0 failed=0


# the headers of the libraries, without those of glibc
link_headers() {
    local name

    mkdir -p "$out"/include/{all,arch}

    for name in openssl curl yajl hiredis linux asm asm-generic pcre2.h zlib.h \
                zconf.h
    do
        [ ! -e "/usr/include/$name" ] \
            || ln -s "/usr/include/$name" "$out/include/all"
        [ ! -e "/usr/include/$arch/$name" ] \
            || ln -s "/usr/include/$arch/$name" "$out/include/arch"
    done

    # Debian's musl has none, Alpine's does; only nginx's core calls it
    echo 'struct crypt_data { int initialized; };' > "$out/include/all/crypt.h"
}


# nginx's configuration without its SSL module
make_plain() {
    mkdir -p "$out/plain"
    sed '/define NGX_\(OPENSSL\|SSL\|HTTP_SSL\) /d; /define NGX_\(OPENSSL\|SSL\|HTTP_SSL\)$/d' \
        "$root/build/objs/ngx_auto_config.h" > "$out/plain/ngx_auto_config.h"
}


# compile FILE [FOLDER OF HEADERS]
compile() {
    local file=$1 include

    include=(${2:+"$2"} src/core src/event src/event/modules src/os/unix src/http
             src/http/modules src/http/v2 "$root/build/objs" "$root/src")

    ( cd "$tree" && musl-gcc -idirafter "$out/include/all" \
          -idirafter "$out/include/arch" "${include[@]/#/-I}" -O1 -fPIC \
          -Wall -Wextra -Wno-unused-parameter -Werror \
          -c -o "$out/$(basename "$file" .c).o" "$file" )
}


# the names that are defined in files $2..., of objects (nm) or libraries (nm -D)
defined() {
    local options=$1; shift

    # shellcheck disable=SC2086
    nm $options --defined-only "$@" | awk 'NF > 2 { sub(/@.*/, "", $3); print $3 }'
}

# the functions that musl does not have, and nginx and the libraries neither
unknown() {
    local musl=/usr/lib/${arch/%gnu/musl}/libc.so library paths=()

    for library in "${libraries[@]}"; do
        paths+=("/usr/lib/$arch/lib$library.so")
    done

    comm -23 \
        <(nm -u "$out"/*.o | awk 'NF == 2 { print $2 }' | sort -u) \
        <({ defined "" "$out"/*.o
            defined -D "$(nginx_binary)" "$musl" "${paths[@]}"
            echo _GLOBAL_OFFSET_TABLE_; } | sort -u)
}


rm -rf "$out"
link_headers
make_plain

for file in "$root"/*.c "$root"/src/*/*.c; do
    if compile "$file" "$out/plain" && compile "$file"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
done

names=$(unknown)

if [ -z "$names" ]; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
    sed 's/^/musl does not have /' <<< "$names"
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
