# SPDX-License-Identifier: Apache-2.0
# Signals, processes and file descriptors of rootlet run.
load ../support/common

setup() {
    common_setup
    need_userns
    tiny_root root
}

teardown() {
    common_teardown
}

# signal_it SIGNAL CMD...: once CMD has written "ready", send it the signal; its status is $status.
signal_it() {
    attempt python3 -c '
import os, signal, subprocess, sys
def defaults():
    for number in range(1, 32):
        if number not in (9, 19):
            signal.signal(number, signal.SIG_DFL)
child = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE, preexec_fn=defaults)
while (line := child.stdout.readline()) and line != b"ready\n":
    pass
signal.alarm(600) # never wait for a reader that should be gone
name = sys.argv[1]
os.kill(child.pid, int(name) if name.isdigit() else getattr(signal, "SIG" + name))
sys.stdout.write(child.stdout.read().decode())
sys.stdout.flush()
status = child.wait()
sys.exit(status if status >= 0 else 128 - status)' "$@"
}

# A command that says "ready" once it is no longer a shell (busybox' shell ignores SIGQUIT).
sleeper='(until [ "$(tr "\0" " " </proc/$$/cmdline)" = "sleep 1000 " ]; do :; done; echo ready) & exec sleep 1000'

# 34 is what programs of glibc call SIGRTMIN.
@test "each signal that ends programs reaches the command, once" {
    for signal in TERM INT QUIT HUP USR1 USR2 34; do
        signal_it "$signal" rootlet run ./root sh -c "
            trap 'echo got $signal; n=\$((n + 1))' $signal
            echo ready
            while [ -z \"\$n\" ]; do sleep 0.02; done
            exit \$((n + 40))"
        expect_status 41
        equal "$output" "got $signal"
    done
}

@test "a command that does not handle the signal dies by it" {
    for pair in TERM:143 INT:130 QUIT:131 HUP:129 USR1:138 RTMAX:192; do
        signal_it "${pair%:*}" rootlet run ./root sh -c "$sleeper"
        expect_status "${pair#*:}"
    done
}

@test "with the host's processes, too, signals and statuses are the command's" {
    signal_it TERM rootlet run --pid host ./root sh -c 'trap "exit 7" TERM; echo ready; while :; do sleep 0.02; done'
    expect_status 7
    signal_it TERM rootlet run --pid host ./root sh -c "$sleeper"
    expect_status 143
}

@test "rootlet killed without mercy leaves no process" {
    for pid in $(lacks_mounts || echo private) host; do
        word=41414$RANDOM$RANDOM
        signal_it KILL rootlet run --pid $pid ./root sh -c "sleep $word & sh -c 'sleep $word & exec sleep $word' & echo ready; exec sleep $word"
        expect_status 137
        eventually none_left "sleep $word"
    done
}

@test "nothing is left running when the command ends, with the host's processes either" {
    for pid in $(lacks_mounts || echo private) host; do
        word=42424$RANDOM$RANDOM
        ok rootlet run --pid $pid ./root sh -c "sleep $word >/dev/null & (setsid sleep $word >/dev/null &) & echo started"
        eventually none_left "sleep $word"
    done
}

@test "orphans are reaped" {
    ok rootlet run ./root sh -c '
        for i in 1 2 3 4 5 6 7 8 9 10; do (sh -c "exit 3" & sh -c "sleep 0" & ) ; done
        while ps -o stat,comm | grep "^Z"; do sleep 0.02; done
        echo clean'
    expect_output clean
}

@test "from within, the first process cannot be killed, and passes on what it is sent" {
    need_mounts
    ok rootlet run ./root sh -c 'kill -KILL 1; [ $$ != 1 ] && echo alive'
    equal "$output" alive
    attempt rootlet run ./root sh -c 'trap "exit 12" TERM; kill -TERM 1; while :; do sleep 0.02; done'
    expect_status 12
}

@test "only standard input, output and error are passed on" {
    need_deny
    exec 7</etc/hostname 8</etc/passwd
    ok rootlet run ./root ls -l /proc/self/fd
    expect_no_output "7 ->"
    expect_no_output "8 ->"
    attempt deny close-range rootlet run ./root ls -l /proc/self/fd
    expect_status 0
    expect_no_output "7 ->"
    expect_no_output "8 ->"
    exec 7<&- 8<&-
}

@test "it runs with any of the standard descriptors closed" {
    for closing in '<&-' '>&-' '2>&-' '<&- >&- 2>&-'; do
        eval "rootlet run ./root sh -c 'exit 9' $closing" && status=0 || status=$?
        expect_status 9
    done
    fails rootlet run ./root cat <&- >out
    [ ! -s out ]
}

@test "a signal ignored by the caller stays ignored" {
    attempt sh -c 'trap "" HUP; rootlet run ./root sh -c "kill -HUP \$\$; echo alive"'
    expect_status 0
    equal "$output" alive
}

@test "stdin is read only by the command" {
    printf 'one\ntwo\nthree\n' >in
    { rootlet run ./root head -c 4 && cat; } <in >out
    equal "$(cat out)" "one
two
three"
}

@test "a reader that goes away ends the command as in a shell" {
    attempt sh -c 'rootlet run ./root yes | head -n 1'
    equal "$output" y
    eventually none_left "run ./root yes"
}

@test "the host sees no mount of ours, before or after" {
    # those of our own, that is: other programs come and go with theirs
    ok rootlet run --tmpfs /x ./root sh -c 'grep -c " / " /proc/self/mountinfo'
    fails grep -F "$BATS_TEST_TMPDIR" /proc/self/mountinfo
}

@test "umask, nice value and limits are the caller's" {
    umask 027
    ok rootlet run ./root sh -c 'umask'
    equal "$output" 0027
    ok sh -c 'ulimit -n 123; rootlet run ./root sh -c "ulimit -n"'
    equal "$output" 123
}

@test "the command may use the processors that the caller may" {
    mine=$(grep Cpus_allowed_list /proc/self/status)
    ok rootlet run ./root grep Cpus_allowed_list /proc/self/status
    equal "$output" "$mine"
    first=${mine##*[!0-9]}
    ok taskset -c "$first" rootlet run ./root grep Cpus_allowed_list /proc/self/status
    equal "${output##*[!0-9]}" "$first"
}

@test "it works with few file descriptors and little address space" {
    [ "${ROOTLET_ENGINE:-}" != tap ] || skip "the tap keeps a few of its own, and says so"
    ok sh -c 'ulimit -n 24; rootlet run ./root echo fine'
    equal "$output" fine
}
