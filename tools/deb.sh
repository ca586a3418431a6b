#!/usr/bin/env bash
#
# tools/deb.sh: builds the Debian package, source and binary, into build/deb/.
#
# The files of the project become the original tarball, debian/ the rest, as if
# both had been downloaded; dpkg-buildpackage does what it does anywhere.  Then
# lintian looks at the packages: an error or a warning of its fails.

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

out=$root/build/deb
name=libnginx-mod-http-vcita-oauth
log=$out/build.log


# the same files give the same tarball
unpack_sources() {
    local orig=$out/${name}_$upstream.orig.tar.xz

    project_files > "$out/files"

    grep -zv '^debian/' "$out/files" \
        | tar -C "$root" --null -T - --transform "s,^,$name-$upstream/," \
              --owner=0 --group=0 --numeric-owner \
              --mtime="@$(dpkg-parsechangelog -S Timestamp)" -cJf "$orig"
    tar -C "$out" -xf "$orig"

    grep -z '^debian/' "$out/files" \
        | tar -C "$root" --null -T - -cf - | tar -C "$tree" -xf -
}


cd "$root"

version=$(dpkg-parsechangelog -S Version)
upstream=${version%-*}
tree=$out/$name-$upstream

rm -rf "$out/$name"[-_]*
mkdir -p "$out"
unpack_sources

say "building $name $version"
cd "$tree"
quietly "$log" dpkg-buildpackage --no-sign

cd "$out"
quietly "$out/lintian.log" lintian --allow-root --fail-on error,warning \
                                   "${name}_${version}_"*.changes
rm -rf "$tree"

for file in "${name}_${version}_"*.deb; do
    say "built ${out#"$root"/}/$file, in which lintian finds nothing wrong"
done
