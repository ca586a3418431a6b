#!/usr/bin/env bash
#
# register-app.sh [OPTION...] NAME REDIRECT_URI: creates an app at vcita, keeps its
# secret in a file, and prints the lines for nginx.conf.
#
#     examples/register-app.sh Portal https://portal.example.com/oauth/callback
#
# vcita opens an app at its redirect_uri.  With --landing, that is a page of the
# site, and REDIRECT_URI is only where logins come back to:
#
#     examples/register-app.sh --landing https://portal.example.com/ \
#         Portal https://portal.example.com/oauth/callback
#
# It asks for the directory token, and shows neither that nor the secret: no
# argument, no environment and no screen ever has them.
#
#   --token-file FILE   the directory token is in FILE; "-" is standard input
#   --secret-file FILE  default /etc/nginx/vcita/client_secret; only its owner
#                       can read it.  Relative names are of this folder
#   --force             FILE may be there already: it is replaced
#   --landing URL       the page that vcita opens
#   --callback URL      one more REDIRECT_URI; may repeat
#   --code-name NAME    vcita's app_code_name: letters and digits (default: NAME's)
#   --scope SCOPE       may repeat (default: openid)
#   --api URL           default https://api.vcita.biz
#   --cacert FILE       CAs that verify it (default: the system's)
#   --timeout N         seconds (default 30)
#   --help              this text
#
# vcita shows a secret once, so the file is made before the app is.
#
# Exit status: 0 the app is there and so is its secret, 1 not, 2 wrong usage, or
# something is missing here.  It needs curl, and of Debian only what is always
# there.

set -euo pipefail
export LC_ALL=C

name=${0##*/}
api=https://api.vcita.biz
secret_file=/etc/nginx/vcita/client_secret
token_file='' code_name='' ca='' force='' timeout=30
declare -a scopes=() words=() landing=() callbacks=()


usage() { sed -n '3,/^$/s/^# \{0,1\}//p' "$0"; }

misused() { printf '%s: %s\n' "$name" "$*" >&2; exit 2; }

# what is wrong, and what to do
fail() { printf '%s: %s\n  fix: %s\n' "$name" "$1" "$2" >&2; exit 1; }

value() { [ $# -gt 1 ] || misused "$1 takes a value: $name --help"; }


# --- what is asked for ---------------------------------------------------------

while [ $# -gt 0 ]; do
    case $1 in
        --token-file)   value "$@"; token_file=$2; shift ;;
        --secret-file)  value "$@"; secret_file=$2; shift ;;
        --landing)      value "$@"; landing=("$2"); shift ;;
        --callback)     value "$@"; callbacks+=("$2"); shift ;;
        --code-name)    value "$@"; code_name=$2; shift ;;
        --scope)        value "$@"; scopes+=("$2"); shift ;;
        --api)          value "$@"; api=${2%/}; shift ;;
        --cacert)       value "$@"; ca=$2; shift ;;
        --timeout)      value "$@"; timeout=$2; shift ;;
        --force)        force=1 ;;
        --help)         usage; exit 0 ;;
        -*)             misused "no such option: $1; $name --help" ;;
        *)              words+=("$1") ;;
    esac
    shift
done

callbacks=("${words[@]:1}" "${callbacks[@]}")

[ "${#words[@]}" = 2 ] || { [ "${#words[@]}" = 1 ] && [ "${#callbacks[@]}" -gt 0 ]; } \
    || misused "takes a name and a redirect_uri: $name --help"

app=${words[0]}
loopback='(localhost|127\.[0-9.]+|\[::1\])(:[0-9]+)?'

[ "${#scopes[@]}" -gt 0 ] || scopes=(openid)
[ -n "$code_name" ] || code_name=$(tr -dc 'A-Za-z0-9' <<< "${app,,}")

[[ $app =~ [^[:space:]] && ! $app =~ [[:cntrl:]] ]] \
    || misused "the app's name is empty or has control characters"

# of UTF-8, each character has one byte that is no continuation
characters=$(tr -d '\200-\277' <<< "$app")

[[ ${#characters} -ge 3 && ${#characters} -le 25 ]] \
    || misused "the app's name has ${#characters} characters: vcita takes 3 to 25 characters"

[[ $code_name =~ ^[A-Za-z0-9]+$ ]] \
    || misused "vcita takes no such code name: set one of letters and digits by --code-name"

for uri in "${landing[@]}" "${callbacks[@]}"; do
    [[ $uri =~ ^https://[][A-Za-z0-9.:-]+/[A-Za-z0-9._~/%?=\&+-]*$ \
       || $uri =~ ^http://$loopback/[A-Za-z0-9._~/%?=\&+-]*$ ]] \
        || misused "no redirect_uri: https://, a host, a path and no fragment;" \
                   "http:// is for loopback alone"
done

again=$(printf '%s\n' "${callbacks[@]}" | sort | uniq -d | head -n 1)
[ -z "$again" ] || misused "the redirect_uri $again is there twice"

# where vcita opens the app, and what else logins come back to
uris=("${landing[@]}" "${callbacks[@]}")
redirect_uri=${uris[0]}
more_uris=("${uris[@]:1}")

[[ $api =~ ^https://[][A-Za-z0-9.:/-]+$ || $api =~ ^http://$loopback$ ]] \
    || misused "no --api: https://, and a host; http:// is for loopback alone"

[[ $timeout =~ ^[1-9][0-9]{0,4}$ ]] || misused "no number of seconds: $timeout"

for scope in "${scopes[@]}"; do
    [[ $scope =~ ^[A-Za-z0-9._:/-]+$ ]] || misused "no scope: $scope"
done

[[ ! $secret_file =~ [^A-Za-z0-9_./@+-] ]] \
    || misused "a name that needs quotes: $secret_file"

for tool in curl perl; do
    command -v $tool > /dev/null || misused "no $tool: apt-get install $tool"
done


# --- the file, before there is something to lose --------------------------------

umask 077

case $secret_file in /*) ;; *) secret_file=$PWD/$secret_file ;; esac

dir=${secret_file%/*}
new=''
trap '[ -z "$new" ] || rm -f "$new"' EXIT
trap 'exit 1' HUP INT TERM

exists() {
    fail "$secret_file is there already" \
         "--secret-file with another name, or --force if its secret is no longer needed"
}

[ ! -d "$secret_file" ] || exists
[ -n "$force" ] || { [ ! -e "$secret_file" ] && [ ! -L "$secret_file" ]; } || exists

# noclobber: neither a file that is there, nor where a link leads
part=$dir/.client_secret.$$
( set -C; : > "$part" ) 2> /dev/null \
    || fail "no file can be written in $dir" \
            "install -d -m 700 $dir, as root; no app was created"
new=$part

# room for the secret: a disk that is full says so now
head -c 4096 /dev/zero > "$new" 2> /dev/null \
    || fail "no room in $dir" "make some; no app was created"


# --- the token -----------------------------------------------------------------

read_token() {
    case $token_file in
        '') [ -t 0 ] || misused "no terminal to ask at: --token-file"
            IFS= read -rs -p "Directory token of vcita: " token
            echo >&2 ;;

        -)  IFS= read -r token || true ;;

        *)  [ -r "$token_file" ] \
                || fail "the token file $token_file cannot be read" \
                        "name another one; no app was created"

            [ -z "$(find -L "$token_file" -perm /077)" ] \
                || echo "$name: warning: others can read the token: chmod 600 $token_file" >&2
            IFS= read -r token < "$token_file" || true ;;
    esac

    token=${token%$'\r'}
    [[ $token =~ ^[A-Za-z0-9._~+/=-]+$ ]] \
        || fail "the token is invalid: it is empty, or has characters that no token has" \
                "take the directory token from vcita's partner portal; no app was created"
}


# --- the request ---------------------------------------------------------------

# a string of JSON, and one of curl's configuration
quoted() { local text=${1//\\/\\\\}; printf '"%s"' "${text//\"/\\\"}"; }

json() {
    printf '{"name": %s, "app_code_name": %s, "redirect_uri": %s, "scopes": [%s]' \
        "$(quoted "$app")" "$(quoted "$code_name")" "$(quoted "$redirect_uri")" \
        "$(list "${scopes[@]}")"

    [ "${#more_uris[@]}" = 0 ] \
        || printf ', "oauth_redirect_uris": [%s]' "$(list "${more_uris[@]}")"
    printf '}'
}

list() {
    local comma='' text

    for text in "$@"; do printf '%s%s' "$comma" "$(quoted "$text")"; comma=', '; done
}

# curl reads its options, the token among them, where no other process does
create() {
    {
        printf 'url = %s\n' "$(quoted "$api/platform/v1/apps")"
        printf 'header = %s\n' "$(quoted "Authorization: Bearer $token")"
        printf 'header = "Content-Type: application/json"\n'
        printf 'header = "Accept: application/json"\n'
        printf 'data = %s\n' "$(quoted "$(json)")"
        [ -z "$ca" ] || printf 'cacert = %s\n' "$(quoted "$ca")"

    } | curl -q -K - -gsS -m "$timeout" --max-filesize 65536 \
             -w '\n%{http_code} %{errormsg}' 2> /dev/null
}

# members NAME...: the strings of that name, a line each and in that order, of a
# JSON object on stdin, or of the object "data" in it, with a blank for each
# character that is not printable ASCII; fails if it is no such object.
members() { perl -we "$parser" -- "$@"; }

# shellcheck disable=SC2016
parser='
    use strict;
    local $/;
    my $json = <STDIN> // "";
    my ($string, $value);

    $string = qr/"(?:[^"\\\x00-\x1f]|\\(?:["\\\/bfnrt]|u[0-9a-fA-F]{4}))*"/;
    $value = qr/(?<v>\s*(?:(?<o>\{(?:\s*$string\s*:(?&v)(?:,\s*$string\s*:(?&v))*|\s*)\})
                |\[(?:(?&v)(?:,(?&v))*|\s*)\]|$string|true|false|null
                |-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*)/x;

    $json =~ /\A\s*\{/ && $json =~ /\A$value\z/ or exit 1;

    my %top = object($json);
    my %all = (%top, ($top{data} // "") =~ /\A\{/ ? object($top{data}) : ());

    for my $name (@ARGV) {
        my ($text) = ($all{$name} // "") =~ /\A"(.*)"\z/s;
        $text //= "";
        $text =~ s{\\(?:u00([2-7][0-9a-fA-F])|(["\\/])|u....|.)}
                  {defined $1 ? chr hex $1 : $2 // " "}ge;
        $text =~ s/[^ -~]/ /g;
        print "$text\n";
    }

    # its members, as JSON
    sub object {
        my ($text) = @_;
        my %has;
        $text =~ /\G\s*\{/gc;
        while ($text =~ /\G[\s,]*($string)\s*:/gc) {
            my $name = substr $1, 1, -1;
            $text =~ /\G$value/gc or last;
            ($has{$name} = $1) =~ s/\A\s+|\s+\z//g;
        }
        return %has;
    }'


# --- what came back ------------------------------------------------------------

no_connection() {
    local it="$api"

    case $result in
        5|6)   fail "DNS: ${error:-no address}" "correct /etc/resolv.conf, or --api" ;;
        7)     fail "$it: the connection is refused" \
                    "let the firewall pass it, or set https_proxy" ;;
        28)    fail "$it: no answer within $timeout s" \
                    "look at vcita whether the app is there, before you try again" ;;
        35|60) fail "TLS of $it: ${error:-it fails}" \
                    "install ca-certificates, or --cacert with the right CAs" ;;
        77)    fail "no certificates in ${ca:-the CA file of this system}" \
                    "install ca-certificates, or another --cacert" ;;
        *)     fail "$it: ${error:-curl ends with $result}" \
                    "look at vcita whether the app is there, before you try again" ;;
    esac
}

refused() {
    local said

    said=$(members error message error_description <<< "$body" 2> /dev/null \
           | grep -m 1 . | cut -c 1-200) || true

    case $status/$said in
        401/*|403/*)
            fail "vcita refuses the token ($status${said:+: $said})" \
                 "take a directory token, of the directory that the app is for" ;;

        409/*|400/*taken*|400/*exists*|422/*taken*|422/*exists*)
            fail "vcita has such an app already ($status${said:+: $said})" \
                 "--code-name with another name, or take the secret of that app" ;;

        400/*|422/*)
            fail "vcita refuses the app ($status${said:+: $said})" \
                 "correct what it names" ;;

        429/*)
            fail "vcita has too many requests ($status)" "try again in a minute" ;;

        5*)
            fail "vcita fails ($status${said:+: $said})" \
                 "look at vcita whether the app is there, before you try again" ;;

        *)
            fail "vcita answers $status" "is --api right?" ;;
    esac
}

keep() {
    if ! { printf '%s\n' "$secret" > "$new" && sync "$new"; } 2> /dev/null; then
        fail "the secret of client_id $client_id could not be written" \
             "delete that app at vcita, make room in $dir, and run this again"
    fi

    if [ -n "$force" ]; then
        mv -fT "$new" "$secret_file" || lost
    else
        ln -T "$new" "$secret_file" 2> /dev/null || lost
        rm -f "$new"
    fi
    new=''
}

# the secret stays where it is: there is no other copy
lost() {
    local kept=$new

    new=''
    fail "$secret_file came to be there meanwhile; the secret of client_id $client_id is in $kept" \
         "mv it to where it shall be"
}


read_token

result=0
answer=$(create) || result=$?
answer=${answer//$'\r'/}

trap '' HUP INT TERM                             # not before the secret is kept

last=${answer##*$'\n'}
body=${answer%$'\n'*}
status=${last%% *}
error=$(tr -c '\n -~' '?' <<< "${last#* }")

[ "$result" = 0 ] || no_connection
[[ $status == 2?? ]] || refused

fields=$(members client_id client_secret <<< "$body") \
    || fail "vcita answers $status, but no JSON" \
            "is --api right? If it is, look at vcita whether the app is there"

{ IFS= read -r client_id; IFS= read -r secret; } <<< "$fields" || true

[[ $client_id =~ ^[A-Za-z0-9._-]+$ ]] \
    || fail "vcita's answer has no client_id" \
            "look at vcita whether the app is there, before you try again"

[[ $secret =~ ^[!-~]{8,}$ ]] \
    || fail "vcita's answer has no secret for client_id $client_id" \
            "delete that app at vcita, and run this again"

keep

cat << EOF
# $code_name, created at $api${landing[0]:+; vcita opens ${landing[0]}}
vcita_oauth_client_id      $client_id;
vcita_oauth_client_secret  file:$secret_file;
vcita_oauth_redirect_uri   ${callbacks[0]};
EOF

[ "${#callbacks[@]}" = 1 ] || printf '#vcita_oauth_redirect_uri  %s;\n' "${callbacks[@]:1}"
printf 'vcita_oauth_scope          %s;\n' "${scopes[*]}"
