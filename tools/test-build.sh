#!/usr/bin/env bash
#
# tools/test-build.sh [files]: builds what these test files load (default: all of
# t/), side by side: the module, and of the modules for tests (t/unit, t/slow)
# those that the files name.
#
#   MODULES  none: the module is in the binary, only the others are built
#   OUT      where the module goes, and to OUT/unit, OUT/slow the others
#   and all that tools/build.sh knows

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

builds=()


# build [MODULE_DIR]
build() {
    ( [ $# = 0 ] || [ -z "${OUT:-}" ] || OUT+=/$(basename "$1")
      exec tools/build.sh "$@" ) &
    builds+=("$!")
}

named() { grep -qE "$1" "${files[@]}"; }


cd "$root"
files=("$@")
[ $# -gt 0 ] || files=(t/*.t)

for file in "${files[@]}"; do
    [ -f "$file" ] || die "no test $file"
done

[ "${MODULES:-}" = none ] || build
! named 'VCITA_OAUTH_UNIT_MODULE' || build t/unit
! named 'VCITA_(OAUTH_)?SLOW' || build t/slow

failed=0
for build in "${builds[@]}"; do
    wait "$build" || failed=1
done

exit "$failed"
