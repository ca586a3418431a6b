#!/usr/bin/env bash
#
# tools/check.sh [NAME...]: what can be said of the sources without running them.
# Each check is a script of tools/check/, and runs in a second or two.
#
#   contract    every row of t/contract.rows has a test
#   mutants     every defence and promise has a mutant, which finds its place
#   rooms       arrows go down, by #include and by symbol; no circle
#   directives  each directive is read, inherited, tested and documented
#   walks       CONTRIBUTING.md names each source and test; its examples apply
#   errors      docs/errors.md quotes the log as the sources have it
#   texts       each text of the pages is there in each language, and used
#   links       every link of the documents leads somewhere
#   style       lines, comments, prototypes, the sizes of functions and files
#   version     header, CHANGES and debian/changelog say the same one
#   words       nothing unfinished or of this machine; plain English
#   scripts     the shell reads them to the end, and no merge is half done
#
# Prints what was checked and what is wrong, and exits 1 if anything is.  The
# check of rooms needs the objects of tools/build.sh.

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$root"

[ $# -gt 0 ] \
    || set -- contract mutants rooms directives walks errors texts links style \
              version words scripts

failed=()

for name; do
    [ -f "tools/check/$name.pl" ] || die "no check $name"
    perl -Itools/check "tools/check/$name.pl" || failed+=("$name")
done

[ "${#failed[@]}" = 0 ] || die "failed: ${failed[*]}"
say "all is well"
