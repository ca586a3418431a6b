#!/usr/bin/env bash
#
# tools/soak.sh [name=number ...]: thousands of logins on one worker, as many that are
# given up half-way, and some time of reloads that fail and that succeed, killed
# workers and aborted clients: t/soak.t at its full size.  Prints its figures, and
# exits 0 only if memory did not grow, the descriptors came back, and no worker
# crashed.  With the build of make test-asan: VCITA_SOAK=chaos=150 make test-asan
# FILES=t/soak.t.
#
#     tools/soak.sh logins=5000 mark=1000 aborted=5000 chaos=150   # the defaults: some minutes
#
# TEST_PORT, NGINX_BINARY: see tools/test.sh.

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

for word in "$@"; do
    [[ $word =~ ^(logins|mark|aborted|chaos)=[0-9]+$ ]] || die "what is $word?"
done

export VCITA_SOAK="logins=5000 mark=1000 aborted=5000 chaos=150 $*"
export VCITA_TEST_LIMIT=7200 TEST_TIMEOUT=7200
export TEST_DIR=${TEST_DIR:-$root/build/soak}

status=0
"$root/tools/test.sh" t/soak.t || status=$?

sed -n 's/^# soak: /    /p' "$TEST_DIR/soak/log"
exit "$status"
