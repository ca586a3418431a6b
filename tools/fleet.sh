#!/usr/bin/env bash
#
# tools/fleet.sh: a fleet on this machine alone: three redis-servers, three
# Sentinels, the sandbox at vcita's 8 calls a second, and two nginx with
# examples/fleet.conf.  Signs people in at both, kills the master of the Redis
# servers, prints when each part noticed, and what the people saw.  Exits 0 only
# if all held; ends every process that it has started.
#
#   FLEET_PORT   the first of 9 ports (default: 17380)
#   FLEET_STAY=1 stays up for an hour, or until Ctrl-C
#   NGINX_BINARY another nginx than Debian's
#
# Everything is below build/fleet: configurations, logs, certificates.

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

[ -f "$root/build/ngx_http_vcita_oauth_module.so" ] || die "no module: run make"

cd "$root"
exec perl -It/lib tools/fleet.pl "$(nginx_binary)"
