# shellcheck shell=bash disable=SC2154
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


# the sources of this machine's Debian, its security updates too
debian_sources() {
    # shellcheck disable=SC2016
    apt-get indextargets --format \
        "deb [signed-by=$debian_keyring]"' $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' 'Origin: Debian' 'Component: main' | sort -u
}


# clean_debian DIR: the release of this machine, as small as it gets.  It is made
# once (180 MB in build/root), and copied to DIR, in the place of what is there.
clean_debian() {
    local dir=$1 kept=$root/build/root suite print

    # shellcheck disable=SC1091
    suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    print=$(echo "$suite"; debian_sources; cat "$root/tools/chroot.sh")

    if [ "$(cat "$kept.made" 2>/dev/null)" != "$print" ]; then
        say "making a clean $suite, about a minute"

        rm -rf --one-file-system "$kept" "$kept.made"
        mkdir -p "$root/build"
        debian_sources > "$kept.list"
        make_debian "$kept.log" "$suite" "$kept" "$kept.list"
        printf '%s\n' "$print" > "$kept.made"
    fi

    rm -rf --one-file-system "$dir"
    cp -a --reflink=auto "$kept" "$dir"
    cp /etc/resolv.conf /etc/hosts "$dir/etc/"
}


# inside DIR [NAME=VALUE...] COMMAND...: in a chroot, with namespaces of its own,
# which end with it; replaces the shell.  Its /dev is its own:
# root in the chroot could otherwise remove a device of the machine.
inside() {
    local dir=$1; shift

    # shellcheck disable=SC2016
    exec unshare --mount --propagation private --pid --fork --kill-child \
        sh -c '
            set -e
            dir=$1; shift
            mount -t proc proc "$dir/proc"
            mount -t tmpfs -o mode=755 dev "$dir/dev"
            for node in full null random tty urandom zero; do
                : > "$dir/dev/$node"
                mount --bind "/dev/$node" "$dir/dev/$node"
            done
            mkdir "$dir/dev/pts" "$dir/dev/shm"
            mount -t devpts -o newinstance,ptmxmode=666 devpts "$dir/dev/pts"
            mount -t tmpfs -o mode=1777 shm "$dir/dev/shm"
            ln -s pts/ptmx "$dir/dev/ptmx"
            ln -s /proc/self/fd "$dir/dev/fd"
            for n in 0:stdin 1:stdout 2:stderr; do
                ln -s "/proc/self/fd/${n%:*}" "$dir/dev/${n#*:}"
            done
            status=0
            chroot "$dir" env -i HOME=/root LC_ALL=C.UTF-8 \
                PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
                "$@" || status=$?
            exit $status' \
        sh "$dir" "$@"
}
