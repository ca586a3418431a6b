#!/usr/bin/env bash
#
# tools/storm.sh [name=number ...]: login storms at the pace of vcita, with two calls
# a login and with one: t/storm.t at its full size.  Prints its figures, and exits 0
# only if all was as promised.
#
#     tools/storm.sh browsers=2000 seconds=10 rate=8     # the defaults: 14 minutes
#
# Needs at most some hundred descriptors, and as root the processes that take
# part come before the others of the machine.  TEST_PORT, NGINX_BINARY: see
# tools/test.sh.

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

storm="browsers=2000 seconds=10 rate=8 $*"

for word in "$@"; do
    [[ $word =~ ^(browsers|seconds|rate)=[0-9]+$ ]] || die "what is $word?"
done

export VCITA_STORM=$storm VCITA_TEST_LIMIT=7200 TEST_TIMEOUT=7200
export TEST_DIR=${TEST_DIR:-$root/build/storm}

say "$storm: two calls a login, then one, take their time"

status=0
"$root/tools/test.sh" t/storm.t || status=$?

sed -n 's/^# storm: /    /p' "$TEST_DIR/storm/log"
exit "$status"
