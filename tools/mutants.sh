#!/usr/bin/env bash
#
# tools/mutants.sh [names]: is the suite awake?  Each mutant of t/mutants/*.txt
# breaks one thing in the source or in an example, and its tests have to fail.
# The format is at the head of tools/check/Mutants.pm.
#
# The tests must pass without a mutant, which is tried first.  With it they must
# fail by a test: a mutant that finds no place or does not compile, a test file
# that dies, a crash or no end in time catch nothing.  One line per mutant; the
# last line is `N passed, M failed`, where passed means caught.  Exits 1 if one
# survived, or if one of those that were asked for did not run.
#
#   MUTANT_JOBS     how many mutants at a time (2), in a source tree each
#   MUTANT_TIMEOUT  seconds that the tests of a mutant may take (120)
#   NGINX_BINARY    the nginx to test with (default: the one installed)
#   TEST_PORT       first port; each tree gets 40 (default: free ones from 19000)

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

work=$root/build/mutants
at_once=${MUTANT_JOBS:-2}
limit=${MUTANT_TIMEOUT:-120}
first_port=${TEST_PORT:-19000}

declare -A tree_of=()                            # by process id
declare -a idle=()                               # trees
passed=0 failed=0


# --- source trees -------------------------------------------------------------

# what a build reads, and the examples, which the tests do
sources() {
    find config ./*.c src t/unit t/fuzz t/slow tools examples/*.conf \
        examples/*.sh examples/*.pl examples/monitoring examples/pages -type f \
        -not -path "*/seeds/*" | sort
}


# as the sources are now: later edits do not count
snapshot() {
    rm -rf "$work/source"
    mkdir -p "$work/source"
    sources | xargs cp --parents -t "$work/source"

    for tree in "${idle[@]}"; do
        rm -f "$tree/changed"
        ( cd "$work/source" && sources ) | mirror "$work/source" "$tree"
    done
}


# makes a tree what the snapshot is: only what the last mutant has touched
restore() {
    local tree=$1 file

    [ -f "$tree/changed" ] || return 0
    while read -r file; do
        cp "$work/source/$file" "$tree/$file"
    done < "$tree/changed"
    rm "$tree/changed"
}


# build TREE FILES: the module, and the unit tests if they are among the files,
# or the fuzz targets, which are in the same module
build() {
    "$1/tools/build.sh" || return 1

    case " $2 " in
        *" t/unit.t "*|*" t/fuzz.t "*) "$1/tools/build.sh" "$1/t/unit" || return 1 ;;
    esac

    case " $2 " in
        *" t/store.t "*|*" t/life.t "*|*" t/cookies.t "*|*" t/subrequest.t "*) "$1/tools/build.sh" "$1/t/slow" ;;
    esac
}


# --- tests --------------------------------------------------------------------

# the files of lines "t/gate.t: title"; the titles for one of them, "" for all
# blocks
files_of() { sed -n 's/^\(t\/[^ :]*\.t\).*/\1/p' <<< "$1" | sort -u; }

titles_of() {
    if grep -qxF "$1" <<< "$2"; then return 0; fi
    sed -n "s|^$1: ||p" <<< "$2" | sort -u
}


# run TREE FILE TITLES
run() {
    local tree=$1 port

    port=$((first_port + 40 * ${tree##*/}))

    VCITA_TEST_ONLY=$3 VCITA_TEST_REPEAT=1 MODULES=$tree/build VCITA_EXAMPLES=$tree/examples \
    TEST_DIR=$tree/test \
    TEST_PORT=$port TEST_JOBS=1 TEST_TIMEOUT=$limit \
        tools/test.sh "$2" > "$tree/log" 2>&1
}


# Says which test failed; fails if it was not a test that did
failure() {
    local tree=$1 log failed

    log=$tree/test/$(basename "$2" .t)/log

    if grep -q '^    no end within' "$tree/log"; then
        echo "no end within $limit s"
        return 1
    fi

    if grep -aqE 'exited on signal|Segmentation fault' "$log"; then
        echo "nginx crashed"
        return 1
    fi

    failed=$(grep -a '^not ok' "$log" | grep -av 'run_tests() \(came\|was\)' \
             | tr -cd ' -~\n') || true

    if [ -z "$failed" ]; then
        echo "$2 died: $(grep -av '^ok' "$log" | tail -n 1 | cut -c 1-200)"
        return 1
    fi

    failed=${failed%%$'\n'*}
    failed=${failed#not ok * - }

    # of a block its number and the check, not its title

    case $failed in
        "$2 TEST "*) failed="${failed%%:*} - ${failed##* - }" ;;
        *)           failed="$2 - $failed" ;;
    esac

    printf '%.90s\n' "$failed"
}


# --- one mutant ---------------------------------------------------------------

# mutant NAME TREE: 0 if it was caught
mutant() {
    local name=$1 tree=$2 tests files outcome verdict started=$EPOCHREALTIME

    tests=$(perl tools/mutants.pl tests "$name")
    files=$(files_of "$tests" | xargs)
    verdict="SURVIVED $files"

    if outcome=$(prepare "$name" "$tree" "$files"); then
        outcome=

        for file in $files; do
            run "$tree" "$file" "$(titles_of "$file" "$tests")" && continue

            if outcome=$(failure "$tree" "$file"); then
                verdict="caught"
            else
                verdict="BROKEN"
            fi

            break
        done

    else
        verdict="BROKEN"
    fi

    printf '%-34s %5s s  %s%s\n' "$name" \
        "$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $started }")" \
        "$verdict" "${outcome:+: $outcome}"

    [ "$verdict" = caught ]
}


# puts a mutant into a tree and builds it, or says why that cannot be
prepare() {
    local name=$1 tree=$2

    restore "$tree"

    if ! perl tools/mutants.pl apply "$name" "$tree" > "$tree/changed.new" \
            2> "$tree/log"
    then
        tail -n 1 "$tree/log"
        return 1
    fi

    mv "$tree/changed.new" "$tree/changed"

    if ! build "$tree" "$3" > "$tree/log" 2>&1; then
        echo "does not compile: $(grep -m 1 'error' "$tree/log")"
        return 1
    fi
}


# original FILE TREE: its blocks that any mutant names, without a mutant
original() {
    local file=$1 tree=$2

    restore "$tree"
    quietly "$tree/log" build "$tree" "$file"

    if ! run "$tree" "$file" "$(titles_of "$file" "$tests")"; then
        printf '%s fails without any mutant:\n' "$file"
        grep -aE '^    (not ok|no block of)' "$tree/log" || tail -n 20 "$tree/log"
        return 1
    fi
}


# --- all of them --------------------------------------------------------------

# each COMMAND ITEM...: runs "COMMAND ITEM TREE" for all, and counts
each() {
    local what=$1 item; shift

    for item; do
        [ "${#idle[@]}" -gt 0 ] || wait_for_one

        "$what" "$item" "${idle[0]}" &
        tree_of[$!]=${idle[0]}
        idle=("${idle[@]:1}")
    done

    while [ "${#tree_of[@]}" -gt 0 ]; do wait_for_one; done
}


wait_for_one() {
    local pid status=0

    wait -n -p pid "${!tree_of[@]}" || status=$?

    if [ "$status" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi

    idle+=("${tree_of[$pid]}")
    unset "tree_of[$pid]"
}


stop() {
    local pid

    trap - INT TERM
    for pid in "${!tree_of[@]}"; do
        pkill -TERM -P "$pid" 2>/dev/null || true
        kill -TERM "$pid" 2>/dev/null || true
    done
    wait
    exit 130
}


cd "$root"

names=$(perl tools/mutants.pl list "$@")
tests=$(perl tools/mutants.pl tests "$@")
readarray -t names <<< "$names"
readarray -t files < <(files_of "$tests")

# a mutant may leave a variable unused; compiling is most of the time
export CC_OPT="-O0 -g0 -w"

for ((i = 0; i < at_once; i++)); do idle+=("$work/$i"); done

trap stop INT TERM
snapshot
each original "${files[@]}"

if [ "$failed" = 0 ]; then
    say "the tests pass without a mutant (${#files[@]} files, $SECONDS s)"
    passed=0
    each mutant "${names[@]}"

    [ "$((passed + failed))" = "${#names[@]}" ] \
        || die "$((passed + failed)) of ${#names[@]} mutants ran"
fi

say "${#names[@]} mutants, $SECONDS s"
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
