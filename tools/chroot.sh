# shellcheck shell=bash
# Sourced, behind lib.sh, by the tools that work in a Debian of their own: how
# one is made, and how a command runs in it.


# how apt reaches its mirror from here goes for the chroot, too
apt_ways() {
    apt-config dump --format '%f "%v"%n' | grep -aE '^Acquire::(Check-|https?::)' \
        || true
}


# make_debian LOG SUITE DIR MIRROR OPTION...: a small Debian in DIR, in which no
# package starts a service
make_debian() {
    local log=$1 suite=$2 dir=$3 mirror=$4 options=() way
    shift 4

    while read -r way; do
        [ -z "$way" ] || options+=("--aptopt=$way")
    done < <(apt_ways)

    # shellcheck disable=SC2016
    quietly "$log" \
        unshare --mount --propagation private \
        mmdebstrap --mode=root --variant=minbase \
            --keyring="$debian_keyring" --skip=check/signed-by \
            "${options[@]}" --dpkgopt=force-unsafe-io \
            --essential-hook='printf "#!/bin/sh\nexit 101\n" > "$1/usr/sbin/policy-rc.d"' \
            --essential-hook='chmod +x "$1/usr/sbin/policy-rc.d"' \
            "$@" "$suite" "$dir" "$mirror"
}


# inside DIR [NAME=VALUE...] COMMAND...: in a chroot, with namespaces of its own,
# which end with it; replaces the shell
inside() {
    local dir=$1; shift

    # shellcheck disable=SC2016
    exec unshare --mount --propagation private --pid --fork --kill-child \
        sh -c '
            dir=$1; shift
            mount -t proc proc "$dir/proc" && mount --rbind /dev "$dir/dev" \
                || exit 1
            chroot "$dir" env -i HOME=/root LC_ALL=C.UTF-8 \
                PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
                "$@"
            exit $?' \
        sh "$dir" "$@"
}
