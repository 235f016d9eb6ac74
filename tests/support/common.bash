# SPDX-License-Identifier: Apache-2.0
# What every .bats file starts with:
#
#     load ../support/common
#     setup() { common_setup; }
#     teardown() { common_teardown; }
#
# tests/support/run-tests has chosen the user (see there), put `rootlet` first in PATH and made
# $ROOTLET_TEST_CACHE/{tiny,debian12}.tar. Each test starts in its own empty directory with its
# own image store. `run` keeps stdout in $output and stderr in $stderr.
bats_require_minimum_version 1.5.0

common_setup() {
    if [ -z "${ROOTLET_TEST_STAGE:-}" ]; then
        echo "start this with: tests/support/run-tests BUILD $BATS_TEST_FILENAME" >&2
        return 1
    fi
    DENY=$ROOTLET_TEST_STAGE/build/tests/deny
    export DENY ROOTLET_STORE=$BATS_TEST_TMPDIR/store XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
    mkdir -p "$BATS_TEST_TMPDIR/work"
    cd "$BATS_TEST_TMPDIR/work" || return
}

# Layers may hold directories their owner cannot write: let bats remove them.
common_teardown() {
    if [ "${ROOTLET_ENGINE:-}" = subid ] && [ -d "$ROOTLET_STORE/cache/real" ]; then
        rootlet images -q | xargs -r rootlet rmi -f && rootlet cache prune -af
    fi >/dev/null 2>&1
    cd / && chmod -R u+rwX "$BATS_TEST_TMPDIR" 2>/dev/null || :
}

# attempt CMD...: run it; $status, $output (stdout) and $stderr are there to be judged.
attempt() {
    run --separate-stderr -- "$@"
}

show() {
    printf '%s\n' "command said, status ${status:-?}:" "--stdout" "$output" "--stderr" "${stderr:-}"
} >&2

# expect_status N: the last attempt ended with it.
expect_status() {
    [ "$status" -eq "$1" ] || { echo "expected status $1" >&2; show; return 1; }
}

# ok CMD...: attempt, and it must succeed.
ok() {
    attempt "$@"
    expect_status 0
}

# fails CMD...: it must not succeed. (A bare "! CMD" is not looked at by bats unless it is last.)
fails() {
    if "$@"; then
        echo "expected to fail: $*" >&2
        return 1
    fi
}

# refused CMD...: attempt, and rootlet itself must fail: 125 and one line that says so.
refused() {
    attempt "$@"
    expect_status 125
    expect_stderr "rootlet* error: *"
}

# eventually CMD...: wait until CMD succeeds. Ten minutes are no claim about how fast a machine is: they
# end what never comes.
eventually() {
    local deadline=$((SECONDS + 600))
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || { echo "never: $*" >&2; return 1; }
        sleep 0.05
    done
}

# while_alive PID CMD...: the same, and CMD is a matter of this process: it ends the wait as well.
while_alive() {
    local pid=$1 deadline=$((SECONDS + 600))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || { echo "never: $*" >&2; return 1; }
        if ! kill -0 "$pid" 2>/dev/null; then
            "$@" && return # its last deed
            echo "process $pid ended before: $*" >&2
            return 1
        fi
        sleep 0.05
    done
}

# moment MS: some time, less than that; at most a second. (Bash's own loops are slow here: bats traps each
# command, and a busy processor is what others wait for.)
moment() {
    local ms
    printf -v ms %03d $((RANDOM % $1))
    sleep "0.$ms"
}

# for_a_while MS CMD...: run it, and kill it after some time, less than that. Its parent does, which has not
# waited for it yet: a pid that a shell remembers is another program's soon, where thousands are made a minute.
for_a_while() {
    local ms=$((1 + (RANDOM * 32768 + RANDOM) % $1)) time
    shift
    printf -v time %d.%03d $((ms / 1000)) $((ms % 1000))
    timeout --foreground --signal=KILL "$time" "$@"
}

# has_line PATTERN FILE: a line of the file, which somebody may be writing, matches.
has_line() {
    grep -q -e "$1" "$2" 2>/dev/null
}

# is_idle PID: it did not run at all for a second. Who looks again and again is never found so.
is_idle() {
    local before
    before=$(runs_of "$1")
    sleep 1
    [ -n "$before" ] && [ "$(runs_of "$1")" = "$before" ]
}

# runs_of PID: its times on a processor, and how often it left one, all threads together.
runs_of() {
    cat /proc/"$1"/task/*/schedstat /proc/"$1"/task/*/status | grep -E '^[0-9]|_switches'
}

# none_left WORD: no process of this user has it in its command line.
none_left() {
    [ -z "$(processes_of "$1")" ]
}

# expect_output TEXT / expect_stderr TEXT: a glob pattern found somewhere in it.
expect_output() {
    # shellcheck disable=SC2053 # a pattern on purpose
    [[ $output == *$1* ]] || { echo "expected on stdout: $1" >&2; show; return 1; }
}

expect_stderr() {
    # shellcheck disable=SC2053
    [[ $stderr == *$1* ]] || { echo "expected on stderr: $1" >&2; show; return 1; }
}

expect_no_output() {
    # shellcheck disable=SC2053
    [[ $output != *$1* ]] || { echo "not expected on stdout: $1" >&2; show; return 1; }
}

# equal A B: the two texts are the same.
equal() {
    [ "$1" = "$2" ] && return
    echo "not equal; expected lines are marked -, others +" >&2
    diff -U 2 <(printf '%s\n' "$2") <(printf '%s\n' "$1") | tail -n +3 >&2
    return 1
}

# need PROGRAM...: skip where one is not installed.
need() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || skip "$program is not installed"
    done
}

# need_userns: skip where this user may not make user namespaces.
need_userns() {
    unshare -Ur true 2>/dev/null || skip "user namespaces are refused here"
}

# need_one_id: skip where the whole suite runs with an engine that has more ids, for what is
# otherwise then. need_deny: skip where that engine cannot live under a filter (setuid programs).
need_one_id() {
    [ "${ROOTLET_ENGINE:-userns}" = userns ] || skip "engine $ROOTLET_ENGINE has more than one id"
}

need_deny() {
    [ "${ROOTLET_ENGINE:-userns}" != subid ] || skip "newuidmap has no privilege under a filter"
}

# need_mounts: skip where the whole suite runs with an engine that has neither mounts nor namespaces, for
# what it refuses by name (options.bats) or what only they give: a pid 1, sizes, devices of one's own.
need_mounts() {
    lacks_mounts && skip "engine $ROOTLET_ENGINE has neither mounts nor namespaces"
    return 0
}

lacks_mounts() {
    [ "${ROOTLET_ENGINE:-}" = tap ] || [ "${ROOTLET_ENGINE:-}" = ptrace ]
}

# tiny_tar, debian_tar: the path of a base image as a root tar; skips where it could not be made.
tiny_tar() {
    echo "$ROOTLET_TEST_CACHE/tiny.tar"
}

debian_tar() {
    echo "$ROOTLET_TEST_CACHE/debian12.tar"
}

need_debian() {
    [ -s "$(debian_tar)" ] || skip "no Debian base image (see the top of the run)"
}

# need_dpkg PACKAGE...: installed here, by dpkg.
need_dpkg() {
    local package
    [ -r /var/lib/dpkg/status ] || skip "no dpkg here"
    for package; do
        dpkg -s "$package" >/dev/null 2>&1 || skip "package $package is not installed"
    done
}

# is_alone: the program inside of packs needs no library, as it does when it is sanitized.
is_alone() {
    ! grep -q libasan "$(dirname "$(command -v rootlet)")/rootlet-pack"
}

need_alone() {
    is_alone || skip "a sanitized program needs libraries of the host"
}

# tiny_root DIR: unpack the tiny root as a directory.
tiny_root() {
    mkdir -p "$1" && tar -C "$1" -xf "$(tiny_tar)"
}

# import_tiny [REF]: have the tiny image in this test's store. Without REF it is `tiny`, and a store
# that is not there yet becomes a copy of one that is made once for each file.
import_tiny() {
    local ready=$BATS_RUN_TMPDIR/tiny-store
    if [ $# -gt 0 ] || [ -e "$ROOTLET_STORE" ]; then
        rootlet -q import "$(tiny_tar)" "${1:-tiny}"
        return
    fi
    [ -e "$ready" ] || rootlet -q --store "$ready" import "$(tiny_tar)" tiny || {
        rm -rf "$ready"
        return 1
    }
    cp -a "$ready" "$ROOTLET_STORE"
}

# import_debian: use a store that has the image `debian`, the same one for all tests of a file; skips
# where there is no base image. Unpacking it takes longer than most tests.
import_debian() {
    need_debian
    export ROOTLET_STORE=$BATS_RUN_TMPDIR/debian-store
    [ -n "$(rootlet images -q debian)" ] || rootlet -q import "$(debian_tar)" debian
}

# deny GROUP,... CMD...: run it where the kernel refuses these calls (tests/support/deny.c).
deny() {
    "$DENY" "$@"
}

# processes_of WORD: pids of this user's processes whose command line holds WORD.
processes_of() {
    pgrep -u "$(id -u)" -f -- "$1" || :
}

# expect_empty_dir DIR: nothing was left there.
expect_empty_dir() {
    local left
    # the folder through which a store's files go (store/aside.h) stays, empty
    left=$(find "$1" -mindepth 1 ! -path "$1/.aside" 2>/dev/null)
    [ -z "$left" ] || { echo "left behind in $1:" >&2; echo "$left" >&2; return 1; }
}
