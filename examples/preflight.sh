#!/usr/bin/env bash
#
# preflight.sh [OPTION...] [NGINX.CONF]: would a login work, with this nginx.conf
# on this machine?  To be run before the first login, and after each change;
# as root, since it reads what nginx's master reads.
#
#     examples/preflight.sh                           # the installed nginx
#     examples/preflight.sh -p /opt/nginx -b /opt/nginx/sbin/nginx
#
#   -b NGINX        the nginx to ask (default: nginx, or /usr/sbin/nginx)
#   -c FILE         its configuration, as nginx's own -c; the same as NGINX.CONF
#   -p PREFIX       as nginx's own -p
#   --behind-proxy  something in front of nginx ends TLS, or maps ports: scheme
#                   and port of redirect_uri need not be those of a "listen"
#   --container     nginx is alone in a container: other users may read its
#                   secrets, as Docker and Kubernetes mount them (0444, 0440);
#                   that they can change them is still wrong
#   --not-running   nginx does not run yet: no request to the callback
#   --strict        a warning fails, too
#   --timeout N     seconds for each request (default 10)
#   --help          this text
#
# A line for each thing that was looked at: ok, warning or WRONG, and below the
# last two what to do.  It never shows a secret, and changes nothing.  vcita gets
# one request at each endpoint: the authorize endpoint that of a browser, the
# token endpoint the client's secret, or an assertion that its key has signed,
# with a made-up code, the others an empty one.  The first two tell a wrong
# client_id, redirect_uri or secret.  A vcita_oauth_http_proxy is used as nginx
# does; the environment's proxy variables and CAs, and ~/.curlrc, are not.
#
# What is looked at: nginx -t; DNS, TLS and an answer of each endpoint of each
# application; whether vcita knows the client; where vcita_oauth_bearer is in
# force, the keys of signed tokens; the clock; whether the callback is answered by
# the gate; who else can read secrets and keys, and whether they can be guessed;
# cookies that two gates share; rules and headers of claims that a session has
# not; values of the README's example; locations that answer before the gate, or
# let all users in; error pages, auth_request, health checks and ACME challenges
# that a gate is in the way of.
#
# Exit status: 0 all is well, 1 something is wrong, 2 it could not look.
# It needs preflight-conf.pl, preflight-client.pl, preflight-site.pl and
# preflight-keys.pl beside it, curl and openssl, and of Debian only what is always
# there.

set -euo pipefail
export LC_ALL=C

name=${0##*/}
nginx='' strict='' behind=0 container=0 running=1 timeout=10
declare -a nginx_args=()
declare -A seen=()
n_ok=0 n_wrong=0 n_warning=0

sep=$'\x1f'                                      # between fields of a record
soon=14                                          # days until a certificate ends
skew=30                                          # seconds
largest=4096                                     # KiB of an answer


usage() { sed -n '3,/^$/s/^# \{0,1\}//p' "$0"; }

fail() { printf '%s: %s\n' "$name" "$*" >&2; exit 2; }


# --- what was found -----------------------------------------------------------

# without the control bytes that others may have put into it
clean() { tr -c '\n -~' '?' <<< "$1"; }

# once THING: true the first time
once() {
    [ -z "${seen[$1]:-}" ] || return 1
    seen[$1]=1
}

ok()    { if report ok "$@";      then n_ok=$((n_ok + 1)); fi; }
wrong() { if report WRONG "$@";   then n_wrong=$((n_wrong + 1)); fi; }
warn()  { if report warning "$@"; then n_warning=$((n_warning + 1)); fi; }

# report KIND WHAT [FIX]: once, however many applications it concerns
report() {
    once "$1 $2" || return 1
    printf '%-8s %s\n' "$1" "$(clean "$2")"
    [ "$1" = ok ] || printf '         fix: %s\n' "$(clean "$3")"
}


# --- curl, as the module would ask --------------------------------------------

quoted() { local text=${1//\\/\\\\}; printf '"%s"' "${text//\"/\\\"}"; }

# ask OPTIONS: curl gets them, a line each, where no other process sees them.
# Sets result (curl's own status), status, seconds, error, certs and headers;
# the file $body has what came behind the headers.
ask() {
    local said

    result=0
    : > "$body"
    said=$(ulimit -f "$largest"; trap '' XFSZ
           printf '%s' "$1" \
           | curl -q -K - -gsS -m "$timeout" -o "$body" -D - \
               --suppress-connect-headers --path-as-is -w \
"$sep%{http_code}$sep%{time_total}$sep%{errormsg}$sep%{certs}" \
               2>/dev/null) || result=$?

    IFS=$sep read -r -d '' headers status seconds error certs \
        <<< "$said" || true
}

# the value of a header; empty if there is none
header() {
    tr -d '\r' <<< "$headers" | sed -n "s/^$1: *//Ip" | head -n 1
}

# split_url URL: sets scheme, host and port
split_url() {
    local rest=${1#*://}

    scheme=${1%%://*}; scheme=${scheme,,}
    rest=${rest%%[/?]*}
    rest=${rest##*@}
    host=$rest port=

    case $rest in
        \[*\])    ;;
        *:*)      host=${rest%:*} port=${rest##*:} ;;
    esac

    case $port$scheme in
        https)    port=443 ;;
        http)     port=80 ;;
    esac
}


# --- nginx ---------------------------------------------------------------------

check_nginx() {
    local said line

    if ! said=$("$nginx" -t "${nginx_args[@]}" 2>&1); then
        line=$(grep -E '\[(emerg|alert|crit|error)\]' <<< "$said" | head -n 1) || true
        wrong "nginx -t fails: ${line:-$said}" \
              "fix the line named above; no other check was made"
        finish
    fi

    ok "nginx -t"

    while read -r line; do
        [[ $container = 1 && $line == *'is readable by all users'* ]] \
            || warn "nginx -t: ${line#*: }" "fix the line that it names"
    done < <(grep -F '[warn]' <<< "$said" || true)
}


# --- private keys --------------------------------------------------------------

check_key() {
    local file=$1 text bits

    if ! text=$(openssl pkey -in "$file" -passin pass: -noout -text 2>/dev/null)
    then
        wrong "the assertion key $file is no private key without a passphrase" \
              "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out $file"
        return
    fi

    bits=$(sed -n 's/.*Private-Key: (\([0-9]*\) bit.*/\1/p' <<< "$text")

    case $text in
        *"ASN1 OID: prime256v1"*)
            ok "the assertion key $file is P-256" ;;

        *"modulus:"*)
            if [ "$bits" -ge 2048 ]; then
                ok "the assertion key $file is RSA of $bits bits"
            else
                wrong "the assertion key $file is RSA of $bits bits" \
                      "make one of 2048 bits or more, and give vcita its public part"
            fi ;;

        *)  wrong "the assertion key $file is neither RSA nor P-256" \
                  "make one of these, and give vcita its public part" ;;
    esac
}


# --- endpoints -----------------------------------------------------------------

# check_endpoint NAME URL CA VERIFY PROXY [QUERY [BODY [TYPE]]]
check_endpoint() {
    local endpoint=$1 url=$2 ca=$3 verify=$4 proxy=$5 query=${6:-} data=${7:-}
    local type=${8:-} via='' options scheme host port at

    answer=''
    case $url in *\?*) query=${query:+&$query} ;; *) query=${query:+?$query} ;; esac

    options="url = $(quoted "$url$query")"$'\n'
    [ -z "$ca" ] || options+="cacert = $(quoted "$ca")"$'\ncapath = "/dev/null"\n'
    [ -z "$verify" ] || options+=$'insecure\n'

    if [ -n "$proxy" ]; then
        # a password may hold "/" and "@"
        case $proxy in *@*) split_url "${proxy%%://*}://${proxy##*@}" ;; *) split_url "$proxy" ;; esac
        via=" through the proxy $host:$port"
        options+="proxy = $(quoted "$proxy")"$'\n'
        [ -z "$ca" ] || options+="proxy-cacert = $(quoted "$ca")"$'\n'
        check_dns "$host" || return 0
    fi

    split_url "$url"
    at=$host:$port
    [ -n "$proxy" ] || check_dns "$host" || return 0

    # without parameters, or with a made-up code: refused, nothing is spent
    case $endpoint in
        token|revoke) options+="data = $(quoted "$data")"$'\n' ;;
    esac
    [ -z "$type" ] || options+="header = $(quoted "Content-Type: $type")"$'\n'

    ask "$options"
    said_by_endpoint "$endpoint endpoint $url" "$at" "$via" "$ca"

    [ "$endpoint/$result/$status" != jwks/0/200 ] || check_keys "$endpoint endpoint $url"

    [ "$result" != 0 ] || answer=$(answer_of "$endpoint")
}


# --- does vcita know the client? -------------------------------------------------

# What an answer says of the client: "fine", an error of OAuth, "refused" of the
# authorize endpoint's page; "none" where it says nothing.
answer_of() {
    local error

    case $1/$status in
        authorize/400|authorize/401|authorize/422)  echo refused ;;

        authorize/2??)  echo fine ;;

        authorize/30?)
            error=$(header location | grep -oE '[?&]error=[a-z_]{1,40}' | head -n 1) || true
            case ${error#*=} in
                invalid_*|un*)  echo "${error#*=}" ;;
                *)              echo fine ;;
            esac ;;

        token/[24]??)
            error=$(head -c 65536 "$body" | tr -d '\0' \
                    | grep -oE '"error"[[:space:]]*:[[:space:]]*"[a-z_]{1,40}"' | head -n 1) || true
            error=${error%\"}; error=${error##*\"}
            case $status/$error in
                404/|410/|429/*)  ;;
                */invalid_grant)  echo fine ;;
                *)                echo "${error:-none}" ;;
            esac ;;
    esac
}


# check_client ID URI SCOPE PKCE PROOF AUTHORIZE QUERY TOKEN BODY TYPE CA VERIFY PROXY:
# a browser's request, and a made-up code with what proves the client
check_client() {
    local id=$1 uri=$2 scope=$3 pkce=$4 proof=$5 answer='' authorize token
    local -a how=("${@:11:3}")

    [ -z "$6" ] || check_endpoint authorize "$6" "${how[@]}" "$7"
    authorize=$answer
    check_endpoint token "$8" "${how[@]}" '' "$9" "${10}"
    token=$answer

    [ -n "$proof" ] || token=''

    case $authorize/$token in
        refused/invalid_client|refused/unauthorized_client)
            wrong "client_id $id: vcita does not know it, or neither its $proof nor its redirect_uri is right" \
                  "correct vcita_oauth_client_id: it stands at the app in vcita, and register-app.sh printed it"
            return ;;

        refused/fine)
            wrong "redirect_uri $uri: vcita does not know it at client_id $id" \
                  "add it to the app in vcita, letter for letter, or correct vcita_oauth_redirect_uri" ;;

        refused/*)
            wrong "the authorize endpoint refuses client_id $id with redirect_uri $uri" \
                  "correct them: both must be as they stand at the app in vcita" ;;

        fine/*)
            ok "authorize endpoint: client_id $id with redirect_uri $uri is not refused" ;;

        invalid_scope/*)
            wrong "the authorize endpoint refuses vcita_oauth_scope $scope (invalid_scope)" \
                  "allow that scope at the app in vcita, or correct vcita_oauth_scope" ;;

        ?*/*)
            wrong "the authorize endpoint refuses a login of client_id $id ($authorize)" \
                  "$(refused_how "$authorize" "$pkce")correct vcita_oauth_scope and vcita_oauth_authorize_args" ;;
    esac

    case $token in
        '')     ;;

        fine)   ok "the $proof of client_id $id is right" ;;

        invalid_client|unauthorized_client)
                wrong "the token endpoint refuses the $proof of client_id $id ($token)" \
                      "$(right_proof "$proof")" ;;

        none)   warn "the token endpoint does not say whether the $proof of client_id $id is right" \
                     "is vcita_oauth_token_endpoint correct? Then sign in once by hand" ;;

        *)      wrong "the token endpoint refuses a made-up code of client_id $id by $token, not by invalid_grant" \
                      "$(refused_how "$token" "$pkce")correct vcita_oauth_token_endpoint and vcita_oauth_token_format" ;;
    esac
}

refused_how() { [ "$1$2" != invalid_requestpkce ] || printf 'try "vcita_oauth_pkce off;", then '; }

right_proof() {
    case $1 in
        *key)  echo "give vcita the public part of that key, with its kid, or correct vcita_oauth_client_id" ;;
        *)     echo "put the secret there that vcita showed when the app was made, or correct vcita_oauth_client_id" ;;
    esac
}


# what the module would take of a key set
check_keys() {
    local what=$1 total usable

    if ! read -r total usable < <(perl "$keys" < "$body"); then
        wrong "$what: what it answers is no key set of at most 64 keys and 64 KiB" \
              "correct vcita_oauth_jwks_endpoint, or look what answers in between"
    elif [ "$usable" = 0 ]; then
        wrong "$what: none of its keys can verify a token: $total keys, and no RSA key of 2048 bits or more for RS256" \
              "correct vcita_oauth_jwks_endpoint, or ask vcita"
    else
        ok "$what: $usable of $total keys can verify a token"
    fi
}


check_dns() {
    local host=$1 addresses

    case $host in
        \[*)         return 0 ;;                 # an address
        *[!0-9.]*)   ;;
        *)           return 0 ;;
    esac

    if addresses=$(timeout "$timeout" getent ahosts "$host" | awk '!n[$1]++ { print $1 }' | xargs)
        [ -n "$addresses" ]
    then
        ok "DNS: $host is $addresses"
        return 0
    fi

    wrong "DNS: $host has no address here" \
          "correct /etc/resolv.conf or the name in nginx.conf"
    return 1
}


said_by_endpoint() {
    local what=$1 at=$2 via=$3 ca=$4

    case $result in
        0)  check_certificate "$at" "$via"
            check_clock "$at"
            check_status "$what" "$via"
            ;;

        7)  wrong "$what$via: the connection is refused" \
                  "let the firewall pass $at, or set vcita_oauth_http_proxy" ;;

        23) wrong "$what$via: its answer is larger than $largest KiB" \
                  "look what answers at $at" ;;

        28) wrong "$what$via: no answer within $timeout s" \
                  "let the firewall pass $at, or set vcita_oauth_http_proxy" ;;

        60) case $error in
                *"subject name"*)
                    wrong "TLS of $at$via: its certificate is for another name" \
                          "write the host in nginx.conf as the certificate has it" ;;
                *)  wrong "TLS of $at$via is not verified by ${ca:-the CAs of this system}: ${error:-no reason given}" \
                          "vcita_oauth_ssl_trusted_certificate with the right CAs, or install ca-certificates" ;;
            esac ;;

        77) wrong "$what: no certificates in ${ca:-the CA file of this system}" \
                  "install ca-certificates, or correct vcita_oauth_ssl_trusted_certificate" ;;

        35) wrong "TLS of $at$via fails: ${error:-no reason given}" \
                  "is it https at that port, and does nothing in between cut TLS?" ;;

        # curl quotes the proxy, with its password, after "in"
        5|97) error=${error%% in \'*}
              wrong "$what$via: the proxy fails: ${error:-no reason given}" \
                  "correct vcita_oauth_http_proxy" ;;

        56) wrong "$what$via: ${error:-cut off}" \
                  "${via:+does the proxy let nginx pass to $at? Or }try again; then ask the operator of $at" ;;

        *)  wrong "$what$via: ${error:-curl ends with $result}" \
                  "try: curl -v $at" ;;
    esac
}


check_certificate() {
    local at=$1 via=$2 end days

    [ "$scheme" = https ] && once "certificate $at$via" || return 0

    end=$(openssl x509 -noout -enddate <<< "$certs" 2>/dev/null) || {
        warn "TLS of $at$via: this curl does not tell when the certificate ends" \
             "curl 7.88 or later does"
        return 0
    }
    days=$(( ($(date -d "${end#*=}" +%s) - EPOCHSECONDS) / 86400 ))

    if [ "$days" -lt "$soon" ]; then
        warn "TLS of $at$via: its certificate ends in $days days" \
             "tell the operator of $at"
    else
        ok "TLS of $at$via: verified, for $days days"
    fi
}


# An id_token or a session that is not valid yet, or not any more
check_clock() {
    local at=$1 date age there off

    date=$(header date)
    age=$(header age)
    there=$(date -d "$date" +%s 2>/dev/null) || return 0
    [ -n "$date" ] && once "clock $at" || return 0

    case $age in *[!0-9]*|'') age=0 ;; esac
    off=$((EPOCHSECONDS - there - 10#$age))

    if [ "${off#-}" -gt "$skew" ]; then
        wrong "the clock here is ${off#-} s $([ "$off" -gt 0 ] && echo ahead of || echo behind) that of $at" \
              "run NTP: timedatectl set-ntp true"
    else
        ok "the clock agrees with that of $at"
    fi
}


check_status() {
    local what=$1 via=$2

    case $status in
        404|410)  wrong "$what$via: answers $status" "correct its path in nginx.conf" ;;
        429)      warn "$what$via: answers 429, too many requests" \
                       "run this again in a minute; several machines share vcita's pace" ;;
        5??)      wrong "$what$via: answers $status" "vcita is down: wait, or ask vcita" ;;
        *)        if [ "${what%% *}" = jwks ] && [ "$status" != 200 ]; then
                      wrong "$what$via: answers $status instead of keys" \
                            "correct its path in nginx.conf"
                  else
                      ok "$what$via: answers ($status, $seconds s)"
                  fi ;;
    esac
}


# --- the callback --------------------------------------------------------------

# A code without a state is refused by the module, and vcita is not asked.
check_callback() {
    local url=$1 socket=$2 ssl=$3 proxy_protocol=$4 options to
    local where="redirect_uri $1 at $2"

    [ "$running" = 1 ] || return 0

    case $url in
        *\?*)  url+='&code=preflight' ;;
        *)     url+='?code=preflight' ;;
    esac

    to=${socket/#\*:/127.0.0.1:}
    to=${to/#\[::\]:/\[::1\]:}
    options="url = $(quoted "http${ssl:+s}://${url#*://}")"$'\ninsecure\n'

    case $socket in
        unix:*)  options+="unix-socket = $(quoted "${socket#unix:}")"$'\n' ;;
        *)       options+="connect-to = $(quoted "::$to")"$'\n' ;;
    esac
    [ -z "$proxy_protocol" ] || options+=$'haproxy-protocol\n'

    ask "$options"

    # the page may be one of error_page, its status, too; these headers stay
    case $status/$(header referrer-policy)/$(header cache-control) in
        [24]00/no-referrer/no-store)
            ok "$where: the gate answers"
            return ;;
    esac

    # the gate's own redirect: for the nginx that runs, this is a page
    if [[ $(header location) = *[?\&]response_type=code* ]]; then
        wrong "$where: nginx runs with another redirect_uri" "reload nginx: nginx -s reload"
        return
    fi

    case $result/$status in
        7/*)     wrong "$where: nginx does not listen there" \
                       "start nginx or reload it, or say --not-running" ;;
        0/30?)   wrong "$where: answers $status, a redirect that comes before the gate" \
                       "keep the callback out of it: location = /... {} of its own" ;;
        0/401|0/403) wrong "$where: answers $status, so an access rule keeps vcita's answers out" \
                       "allow all, and no auth_basic, in a location of the callback's own" ;;
        0/429|0/503) wrong "$where: answers $status, a limit_req or limit_conn that is used up" \
                       "wait and run this again; then raise that limit" ;;
        0/*)     wrong "$where: answers $status, and not as the gate does" \
                       "reload nginx; then look which server and location answer it" ;;
        *)       wrong "$where: ${error:-no answer}" \
                       "look into nginx's error log" ;;
    esac
}


# --- all of it -----------------------------------------------------------------

check_all() {
    local dump records kind a b c d e f g h i j k l m

    dump=$("$nginx" -T -q "${nginx_args[@]}" 2>/dev/null) \
        || fail "$nginx -T does not print the configuration"

    records=$(printf '%s\n' "$dump" | perl "$parser" "$behind" "$container") \
        || fail "the configuration was not understood"

    while IFS=$sep read -r -u 3 kind a b c d e f g h i j k l m; do
        case $kind in
            ok)        ok "$a" ;;
            warn)      warn "$a" "$b" ;;
            wrong)     wrong "$a" "$b" ;;
            key)       check_key "$a" ;;
            endpoint)  check_endpoint "$a" "$b" "$c" "$d" "$e" ;;
            client)    check_client "$a" "$b" "$c" "$d" "$e" "$f" "$g" "$h" "$i" "$j" "$k" "$l" "$m" ;;
            callback)  check_callback "$a" "$b" "$c" "$d" ;;
        esac
    done 3< <(printf '%s\n' "$records")          # never a file: it has secrets
}


finish() {
    printf 'ok: %s, warnings: %s, wrong: %s\n' "$n_ok" "$n_warning" "$n_wrong"
    [ "$n_wrong" = 0 ] || exit 1
    [ -z "$strict" ] || [ "$n_warning" = 0 ] || exit 1
    exit 0
}


value() { [ $# -gt 1 ] || fail "$1 takes a value: $name --help"; }

while [ $# -gt 0 ]; do
    case $1 in
        -b)              value "$@"; nginx=$2; shift ;;
        -c|-p)           value "$@"; nginx_args+=("$1" "$2"); shift ;;
        --behind-proxy)  behind=1 ;;
        --container)     container=1 ;;
        --not-running)   running=0 ;;
        --strict)        strict=1 ;;
        --timeout)       value "$@"; timeout=$2; shift ;;
        --help)          usage; exit 0 ;;
        -*)              fail "no such option: $1; $name --help" ;;
        *)               nginx_args+=(-c "$(realpath -m -- "$1")") ;;
    esac
    shift
done

case $timeout in ''|*[!0-9]*|0) fail "no number of seconds: $timeout" ;; esac

nginx=${nginx:-$(command -v nginx || echo /usr/sbin/nginx)}
command -v "$nginx" > /dev/null || fail "no nginx: $nginx (-b says which)"

for tool in curl openssl perl; do
    command -v $tool > /dev/null || fail "no $tool: apt-get install $tool"
done

beside=$(dirname "$(readlink -f "$0")")
parser=$beside/preflight-conf.pl
keys=$beside/preflight-keys.pl

for part in "$parser" "$keys" "${parser/%conf.pl/client.pl}" "${parser/%conf.pl/site.pl}"; do
    [ -r "$part" ] || fail "a part of it is missing: $part"
done

body=$(mktemp) || fail "no room for a temporary file"
trap 'rm -f "$body"' EXIT

unset http_proxy https_proxy all_proxy no_proxy
unset HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
unset CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR

check_nginx
check_all
finish
