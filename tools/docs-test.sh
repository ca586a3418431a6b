#!/usr/bin/env bash
#
# tools/docs-test.sh [DOCUMENT...]: does what the documents say work, from their
# text alone?  Runs the shell commands of README.md, CONTRIBUTING.md, docs/*.md
# and the sandbox's README.md in order, as root of a clean Debian, with the
# changes of t/docs.rows.
#
# The README starts from nothing but Debian's smallest system and a copy of the
# project; its set-up ends with a login, and is timed.  Each other document finds
# what the README has left behind.  vcita is the sandbox, under vcita's own names,
# by /etc/hosts and an authority that is trusted there; a site's port 443 is in a
# network of its own, which only apt-get and npm leave.
#
# Without arguments: all documents.  The README has to have run before others do.
# The last line is `N passed, M failed` (documents).

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

out=$root/build/docs
base=$out/base
token=sandbox-directory-token


# --- the clean system ---------------------------------------------------------

make_base() {
    local suite mirror options=() way

    # shellcheck disable=SC1091
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    [ "$(cat "$base.suite" 2>/dev/null)" != "$suite" ] || return 0

    mirror=$(debian_mirror)
    [ -n "$mirror" ] || die "apt knows no Debian mirror here"

    say "making a clean $suite, a minute"
    rm -rf --one-file-system "$base" "$base.suite"

    while read -r way; do
        [ -z "$way" ] || options+=("--aptopt=$way")
    done < <(apt_ways)

    # shellcheck disable=SC2016
    quietly "$out/base.log" \
        unshare --mount --propagation private \
        mmdebstrap --mode=root --variant=minbase \
            --keyring="$debian_keyring" --skip=check/signed-by \
            "${options[@]}" --dpkgopt=force-unsafe-io \
            --dpkgopt='path-exclude=/usr/share/man/*' \
            --dpkgopt='path-exclude=/usr/share/doc/*' \
            --essential-hook='printf "#!/bin/sh\nexit 101\n" > "$1/usr/sbin/policy-rc.d"' \
            --essential-hook='chmod +x "$1/usr/sbin/policy-rc.d"' \
            "$suite" "$base" "$mirror"

    echo "$suite" > "$base.suite"
}


# a layer of its own over what is there: layer_of DOCUMENT
layer_of() { local name=${1%.md}; echo "$out/${name//\//-}"; }

mount_root() {
    local layer below=$base

    layer=$(layer_of "$1")
    [ "$1" = README.md ] || below=$(layer_of README.md)/changed:$base

    rm -rf --one-file-system "$layer"
    mkdir -p "$layer"/{changed,work,root,vcita}
    mount -t overlay overlay "$layer/root" \
        -o "lowerdir=$below,upperdir=$layer/changed,workdir=$layer/work"
}


copy_project() {
    mkdir -p "$1/project"
    tar -C "$root" --exclude=./build --exclude=./.git --exclude='./t/servroot*' \
        --exclude=node_modules -cf - . | tar -C "$1/project" -xf -
}


# apt-get and npm, and nothing else, reach the world
make_ways_out() {
    local dir=$1

    : > "$dir/run/outside"
    mount --bind /proc/self/ns/net "$dir/run/outside"
    cp /etc/resolv.conf "$dir/etc/"

    cat > "$dir/usr/local/sbin/apt-get" <<'WAY'
#!/bin/sh
nsenter --net=/run/outside /usr/bin/apt-get "$@" || exit
[ ! -x /usr/bin/npm ] || cp -f /usr/local/lib/npm-outside /usr/local/sbin/npm
WAY
    # npm goes to the registry of this machine, whose authorities it trusts
    cp "${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}" \
       "$dir/usr/local/lib/outside.pem"
    cat > "$dir/usr/local/lib/npm-outside" <<WAY
#!/bin/sh
export NODE_EXTRA_CA_CERTS=/usr/local/lib/outside.pem
export npm_config_registry=$(npm config get registry 2>/dev/null)
exec nsenter --net=/run/outside /usr/bin/npm "\$@"
WAY
    chmod +x "$dir/usr/local/sbin/apt-get" "$dir/usr/local/lib/npm-outside"
    rm -f "$dir/usr/local/sbin/npm"
    [ ! -x "$dir/usr/bin/npm" ] || cp "$dir/usr/local/lib/npm-outside" "$dir/usr/local/sbin/npm"
}


# --- vcita, the site's certificate, the application ---------------------------

# wait_until WHAT COMMAND...
wait_until() {
    local what=$1 i; shift

    for ((i = 0; i < 300; i++)); do
        if "$@"; then return; fi
        sleep 0.1
    done
    die "$what did not start"
}

is_open() { (: < "/dev/tcp/$1/$2") 2>/dev/null; }


start_vcita() {
    local dir=$1 files=$2

    ip link set lo up
    node "$root/examples/sandbox/sandbox.mjs" --https 24442 --dir "$files" \
        --directory-token "$token" --lifetime 7200 > "$files/log" 2>&1 &

    # nginx's "listen 443" leaves the other family's to us
    node -e 'const net = require("net");
             net.createServer((from) => {
               const to = net.connect(24442, "127.0.0.1");
               for (const end of [from, to]) end.on("error", () => {});
               from.pipe(to).pipe(from);
             }).listen({ port: 443, host: "::1", ipv6Only: true });' &
    node "$root/examples/demo/legacy.mjs" 8000 > /dev/null &

    wait_until "the sandbox" is_open 127.0.0.1 24442
    wait_until "its way in" is_open ::1 443
    wait_until "the application" is_open 127.0.0.1 8000

    printf '127.0.0.1 localhost portal.example.com\n::1 api.vcita.biz app.vcita.com\n' > "$dir/etc/hosts"
    install -D -m 644 "$files/ca.pem" "$dir/usr/local/share/ca-certificates/sandbox.crt"
    [ ! -x "$dir/usr/sbin/update-ca-certificates" ] \
        || chroot "$dir" update-ca-certificates > /dev/null
}


make_certificate() {
    local files=$1 to=$2

    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -subj /CN=portal -keyout "$to/portal.key" -out "$files/portal.csr" 2>/dev/null
    openssl x509 -req -in "$files/portal.csr" -days 3 -CA "$files/ca.pem" \
        -CAkey "$files/ca.key" -CAcreateserial -out "$to/portal.crt" \
        -extfile <(echo 'subjectAltName=DNS:portal.example.com') 2>/dev/null
}


# --- a document ---------------------------------------------------------------

# what t/docs.rows can call, beside the commands of the document
write_script() {
    cat <<'SCRIPT'
set -eEuo pipefail
exec 3>&1 > /root/log 2>&1 < /dev/null
export DEBIAN_FRONTEND=noninteractive
last=$(mktemp)
begun=0 at=''

step() { printf '%5d s  %-22s %s\n' "$SECONDS" "$at" "$1" >&3; printf '\n+ %s  %s\n' "$at" "$1"; }
trap 'echo "         $at failed" >&3' ERR

worked() { return "$1"; }

# the set-up starts; a login ends it
begin() { begun=$SECONDS; }

login() {
    local took=$((SECONDS - begun)) from

    apt-get install -y --no-install-recommends libio-socket-ssl-perl perl
    from=$SECONDS
    perl -I t/lib examples/demo/login.pl --no-token "$1" https://app.vcita.com \
        /etc/ssl/certs/ca-certificates.crt app.vcita.com=127.0.0.1:24442 \
        "${1#https://}=127.0.0.1:443"
    echo "         from nothing to a login: $((took + SECONDS - from)) s" >&3
}

# what developers have: a repository, in a folder of any name
as_checkout() {
    local dir

    dir=$(mktemp -d)/checkout    # nginx's build takes a ".S" in its name for a suffix
    mkdir "$dir"
    apt-get install -y --no-install-recommends git
    cp -a /project/. "$dir"
    cd "$dir"
    git init -q
    git add -A
}

# goes_on COMMAND...: starts it, and waits for the first line that it prints
goes_on() {
    "$@" > "$last" &
    for ((i = 0; i < 600; i++)); do [ ! -s "$last" ] || return 0; sleep 0.1; done
    return 1
}

# the pieces of an example
apply_diffs() {
    apt-get install -y --no-install-recommends patch
    perl -It/lib -MVcitaDocs -e 'print VcitaDocs::diffs(shift)' "$1" | patch -p1 --no-backup-if-mismatch
}

# typed TEXT COMMAND...: runs the command at a terminal and types TEXT
typed() {
    local text=$1 command; shift

    printf -v command '%q ' "$@"
    printf '%s\n' "$text" | script --quiet --return --command "$command" /dev/null
}

# preflight, where nothing is wrong but that the site has the names of the example
finds_the_example() {
    local wrong

    wrong=$("$@" | tee /dev/stderr | grep -A 1 '^WRONG') || true
    [ "$(grep -c '^WRONG' <<< "$wrong")" = 2 ] \
        && grep -q "^WRONG .* is the example's, no site has such a name" <<< "$wrong" \
        && grep -q "^WRONG .* has the example's business, " <<< "$wrong"
}

# of the lines for nginx.conf that a command has printed
client_id() { sed -n 's/.*vcita_oauth_client_id *\([0-9a-f]*\);.*/\1/p' "$1"; }

cd /project
SCRIPT
    perl -It/lib -MVcitaDocs -e 'print VcitaDocs::script(shift)' "$1"
}


# in namespaces of its own, which end with all that runs in them
run_document() {
    local layer dir

    layer=$(layer_of "$1")
    dir=$layer/root

    mount_root "$1"
    copy_project "$dir"
    make_ways_out "$dir"
    mount -t proc proc "$dir/proc"
    mount --rbind /dev "$dir/dev"
    write_script "$1" > "$dir/root/script"

    exec unshare --net "$0" --apart "$dir" "$layer/vcita"
}

run_apart() {
    local dir=$1 files=$2

    start_vcita "$dir" "$files"
    make_certificate "$files" "$dir/root"
    chroot "$dir" env -i HOME=/root LC_ALL=C.UTF-8 DIRECTORY_TOKEN="$token" \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        bash /root/script
}


has_commands() { perl -It/lib -MVcitaDocs -e 'exit !VcitaDocs::script(shift)' "$1"; }


# --- all of them --------------------------------------------------------------

cd "$root"

case ${1:-} in
    --document) run_document "$2" ;;
    --apart)    run_apart "$2" "$3"; exit ;;
esac

[ "$(id -u)" = 0 ] || die "a clean system needs root"
mkdir -p "$out"

[ $# -gt 0 ] \
    || readarray -t documents < <(perl -It/lib -MVcitaDocs \
                                    -e 'print "$_\n" for VcitaDocs::documents()')
[ $# = 0 ] || documents=("$@")

make_base
passed=0 failed=0

for document in "${documents[@]}"; do
    has_commands "$document" || continue

    [ "$document" = README.md ] || [ -d "$(layer_of README.md)/changed/project" ] \
        || die "$document: README.md has to run first"

    say "$document"
    if unshare --mount --propagation private --pid --fork --kill-child \
           "$0" --document "$document"
    then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        tail -n 30 "$(layer_of "$document")/changed/root/log" 2>/dev/null | sed 's/^/    /' || true
    fi
done

printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
