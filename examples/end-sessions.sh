#!/bin/sh
#
# end-sessions.sh SUB [TIME]: prints the line for a file that end-sessions.conf
# includes.  It ends the sessions that began at TIME (Unix time, default: now)
# or before; SUB is the person's $vcita_oauth_claim_sub, or "everyone".

set -eu

sub=${1:?whose sessions? end-sessions.sh SUB [TIME]}
time=${2:-$(date +%s)}

case $sub in
    everyone)               who='.*' ;;
    *[!A-Za-z0-9_.@:+=-]*)  echo "not a sub: $sub" >&2; exit 1 ;;
    *)                      who="\\Q$sub\\E" ;;
esac

case $time in
    *[!0-9]*|0*|???????????*)  echo "not a Unix time: $time" >&2; exit 1 ;;
esac

# The numbers up to TIME, as a regular expression: those that have fewer digits,
# or agree with TIME + 1 up to a digit that is smaller than its own.

awk -v who="$who" -v time="$((time + 1))" '

function digits(n) { return n ? "[0-9]{" n "}" : "" }

BEGIN {
    len = length(time)
    regex = "[0-9]{1," len - 1 "}"

    for (i = 1; i <= len; i++) {
        d = substr(time, i, 1)

        if (d > 0) {
            regex = regex "|" substr(time, 1, i - 1) "[0-" d - 1 "]" \
                    digits(len - i)
        }
    }

    printf "\"~^%s (?:%s)$\"  yes;\n", who, regex
}'
