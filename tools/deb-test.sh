#!/usr/bin/env bash
#
# tools/deb-test.sh: what happens to a machine that gets the package of build/deb:
# installed, upgraded, removed, installed again and purged by apt, in a clean
# Debian (tools/deb-steps.sh has the steps).
#
# The version to upgrade from is the same package with an older number and one
# file more.  The last line is `N passed, M failed`.
#
#   TEST_PORT  where nginx listens on 127.0.0.1 meanwhile (18080)

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/chroot.sh
. "$(dirname "$0")/chroot.sh"

out=$root/build/deb
package=libnginx-mod-http-vcita-oauth
old_version=0.9.0-1
child=


# the package with an older number, and a file that the newer one lacks
make_old() {
    local dir=$out/old

    rm -rf "$dir"
    dpkg-deb -R "$1" "$dir" \
        && sed -i "s/^Version: .*/Version: $old_version/" "$dir/DEBIAN/control" \
        && echo old > "$dir/usr/share/doc/$package/old" \
        && dpkg-deb --root-owner-group -b "$dir" "$out/run/debs/old.deb" \
        && rm -rf "$dir"
}


# The namespaces of the chroot, and what runs in them, end only by KILL.
stop() {
    trap - INT TERM
    [ -z "$child" ] || kill -KILL -- "-$child" 2>/dev/null || true
    exit 130
}


[ "$(id -u)" = 0 ] || die "a clean Debian needs root"

debs=("$out/${package}_"*.deb)
[ -f "${debs[0]}" ] || die "no package in build/deb: make deb"

clean_debian "$out/run"
mkdir "$out/run/debs"
cp "${debs[0]}" "$out/run/debs/new.deb"
cp "$root/tools/deb-steps.sh" "$out/run/debs/"
quietly "$out/old.log" make_old "${debs[0]}"

set -m
trap stop INT TERM

( inside "$out/run" DEBIAN_FRONTEND=noninteractive \
      bash /debs/deb-steps.sh "$package" "${TEST_PORT:-18080}" ) &
child=$!
status=0
wait "$child" || status=$?
child=

rm -rf --one-file-system "$out/run"
exit "$status"
