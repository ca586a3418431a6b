#!/bin/sh
#
# rotate-keys.sh DIR [STEP]: replaces the key that sessions are sealed with and
# keeps all users signed in.  DIR holds the keys, and session_keys.conf, which names them
# for nginx.conf:
#
#     include /etc/nginx/vcita/session_keys.conf;
#
# A key that nginx.conf names itself moves there first, with its whole line:
#
#     vcita_oauth_session_key_file  /etc/nginx/vcita/session_key;
#
# The steps, in this order.  After each of them give every machine of the fleet
# what is in DIR, and reload all of them, before the next one begins: what one
# machine seals, each of them has to open.
#
#     add           a new key, which opens and does not seal (the first: it does)
#     use           the newest key seals, the others go on opening
#     drop [HOURS]  the other keys go; not within HOURS after "use", which is the
#                   vcita_oauth_session_timeout, 8 if not said.  A key that has
#                   leaked goes at once, with all its sessions: drop 0
#
# Without a step it shows which keys there are.

set -eu

name=${0##*/}
directive=vcita_oauth_session_key_file

fail() { echo "$name: $*" >&2; exit 1; }


dir=${1:?"where are the keys? $name DIR [add|use|drop]"}
step=${2:-show}
hours=${3:-8}

dir=$(cd "$dir" && pwd) || exit 1
conf=$dir/session_keys.conf

case $dir in *[!A-Za-z0-9_./-]*) fail "a name that needs quotes: $dir" ;; esac
case $hours in ''|*[!0-9]*) fail "no number of hours: $hours" ;; esac


# the keys, in the order in which nginx takes them; no file is no keys

keys() { [ ! -e "$conf" ] || sed -n "s/^$directive *\(.*\);$/\1/p" "$conf"; }

first()  { keys | head -n 1; }
newest() { keys | sort | tail -n 1; }


# replaces the file atomically; only its owner can read a key

umask 077
new=
trap '[ -z "$new" ] || rm -f "$new"' EXIT

write_conf() {
    new=$(mktemp -p "$dir")
    sed "s/.*/$directive  &;/" > "$new"
    mv "$new" "$conf"
    new=
}

write_key() {
    new=$(mktemp -p "$dir")
    head -c 48 /dev/urandom > "$new"
    [ "$(wc -c < "$new")" -eq 48 ] || fail "no random bytes"
    ln "$new" "$1"
    rm "$new"
    new=
}


case $step in

show)
    keys
    ;;

add)
    [ "$(first)" = "$(newest)" ] \
        || fail "the newest key is not in use yet: $name $dir use"

    key=$dir/session_key.$(date -u +%Y%m%d%H%M%S)
    [ ! -e "$key" ] || fail "$key is there already"

    write_key "$key"
    { keys; echo "$key"; } | write_conf

    echo "$key opens sessions, once nginx has it."
    echo "Next: copy $dir to all machines, reload all; then: $name $dir use"
    ;;

use)
    key=$(newest)
    [ -n "$key" ] || fail "there is no key: $name $dir add"
    [ "$(first)" != "$key" ] || fail "$key is in use already"

    { echo "$key"; keys | grep -vxF "$key"; } | write_conf

    echo "$key seals sessions, once nginx has it."
    echo "Next: copy $dir to all machines, reload all; wait for" \
         "vcita_oauth_session_timeout; then: $name $dir drop"
    ;;

drop)
    [ "$(keys | wc -l)" -gt 1 ] || fail "there is no other key"
    [ "$(first)" = "$(newest)" ] \
        || fail "the newest key is not in use yet: $name $dir use"
    [ -z "$(find "$conf" -mmin "-$((hours * 60))")" ] \
        || fail "within $hours hours after \"use\", it would end sessions"

    old=$(keys | tail -n +2)
    first | write_conf

    echo "Only $(first) opens sessions, once nginx has it."
    echo "Next: copy $dir/session_keys.conf to all machines, reload all;" \
         "then remove there and here:"
    echo "$old"
    ;;

*)
    fail "no such step: $step"
    ;;
esac
