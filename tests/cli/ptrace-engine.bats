# SPDX-License-Identifier: Apache-2.0
# Engine ptrace, where nothing else is left: no user namespaces, no mounts (tests/support/deny.c).
load ../support/common
load ../support/build
load ../support/engine

setup() {
    common_setup
    export ROOTLET_ENGINE=ptrace
    rootlet doctor | grep -Eq '^  ptrace +usable' || skip "nothing may be traced here"
    mkdir tiny
    tar -xf "$(tiny_tar)" -C tiny --exclude=./dev/*
}

teardown() {
    common_teardown
}

# here CMD...: in the tiny root, as on a machine that refuses everything else
here() {
    local options=()
    while [[ $1 == -* ]]; do
        options+=("$1" "$2")
        shift 2
    done
    attempt deny userns,mount rootlet run "${options[@]}" ./tiny "$@"
}

@test "ptrace: it is the one that is left, and says so" {
    unset ROOTLET_ENGINE
    attempt deny userns,mount,seccomp rootlet run --why ./tiny true
    expect_status 0
    expect_stderr "userns: user namespaces: "
    expect_stderr "ptrace: chosen: the cheapest engine that can run this"
}

@test "ptrace: programs see the root and nothing of the host" {
    echo guest >tiny/etc/where
    echo host >outside
    here sh -c 'cat /etc/where; pwd; cd /etc/..//etc/./; pwd; ls /'
    expect_status 0
    expect_output "guest
/
/etc
*bin*etc*"
    here cat "$PWD/outside"
    expect_status 1
    ln -s "$PWD/outside" tiny/absolute
    ln -s ../../../../../../../../../.."$PWD/outside" tiny/relative
    here sh -c 'cat /absolute /relative /proc/self/root/'"$PWD"'/outside; cat /proc/self/cwd/etc/where'
    expect_output guest
    expect_no_output host
    attempt rootlet run --host-root sh -c 'readlink /proc/self/exe; echo $PPID >/dev/null; cd /proc/self && pwd -P'
    expect_output "/*bin/readlink
/proc/*"
}

@test "ptrace: exit statuses, signals and orphans are as everywhere" {
    here sh -c 'exit 42'
    expect_status 42
    here sh -c 'kill -TERM $$'
    expect_status 143
    here sh -c 'trap "exit 7" TERM; kill -TERM $$; sleep 100'
    expect_status 7
    here no-such-program
    expect_status 127
    here /etc
    expect_status 126
    here sh -c '(sleep 1000 & echo $! >/dev/null) & echo over'
    expect_status 0
    expect_output over
}

@test "ptrace: job control stops and goes on" {
    attempt deny userns,mount rootlet run --host-root python3 -c '
import os, signal
child = os.fork()
if child == 0:
    os.kill(os.getpid(), signal.SIGSTOP)
    os._exit(5)
print(os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1]))
os.kill(child, signal.SIGCONT)
print(os.WEXITSTATUS(os.waitpid(child, 0)[1]))'
    expect_status 0
    equal "$output" "True
5"
}

@test "ptrace: scripts, their interpreters' arguments, and what /proc says of programs" {
    printf '#!/bin/sh -e\necho "$0 $1 $2"; cat /proc/$$/comm; tr "\\0" " " </proc/$$/cmdline; echo
readlink /proc/$$/exe\n' >tiny/script
    chmod 755 tiny/script
    here /script one two
    expect_status 0
    expect_output "/script one two
script
/bin/sh -e /script one two*
/bin/*"
}

@test "ptrace: a directory can be written to with --write only" {
    here sh -c 'echo x >/new'
    expect_status 1
    expect_stderr "Read-only file system"
    attempt rootlet run --write ./tiny sh -c \
        'umask 027; echo x >/new; mkdir /d; mv /new /d/moved; ln /d/moved /d/again; ln -s d/moved /l
         cat /l; cd /d; rm again; stat -c "%a %h" moved; stat -c %a .; readlink /l'
    expect_status 0
    equal "$output" "x
640 1
750
d/moved"
    equal "$(cat tiny/d/moved)" x
    equal "$(readlink tiny/l)" d/moved
}

@test "ptrace: binds, files of the box and hidden paths" {
    mkdir shared
    echo bound >shared/file
    echo secret >tiny/etc/secret
    attempt rootlet run -v "$PWD/shared:/in/side" --tmpfs /t --hide /etc/secret ./tiny sh -c \
        'cat /in/side/file; echo new >/in/side/new; echo y >/t/y; cat /t/y; cat /etc/secret; cd /in/side/..; pwd'
    equal "$output" "bound
y
/in"
    expect_stderr "No such file"
    equal "$(cat shared/new)" new
    attempt rootlet run -v "$PWD/shared:/in/side" --hide /etc/secret ./tiny sh -c \
        'ls / | grep -x in; ls /in; ls /etc | grep -c -e secret -e passwd'
    equal "$output" "in
side
1"
    attempt rootlet run -v "$PWD/shared:/in:ro" ./tiny sh -c 'echo z >/in/file'
    expect_stderr "Read-only file system"
    equal "$(cat shared/file)" bound
}

@test "ptrace: a directory with something hidden or bound below it stays where it is" {
    mkdir -p tiny/top/{d/deep,free}
    echo secret >tiny/top/d/deep/secret
    attempt rootlet run --write --hide /top/d/deep/secret -v "$PWD/tiny/etc:/top/other/etc" ./tiny sh -c '
        mv /top/d /top/e; mv /top/d/deep /top/e; mv /top/other /top/e; cd /top && mv d e; mv ../top /e; mv free e && ls
        cat /top/e/deep/secret /top/e/secret /e/d/deep/secret'
    expect_status 1
    equal "$output" "d
e
other"
    equal "$(grep -c 'Device or resource busy' <<<"$stderr")" 5
    attempt rootlet run --host-root --hide "$PWD/tiny/top/d/deep/secret" -- python3 -c '
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
os.chdir("tiny/top")
for one, other, flags in (b"d/", b"new", 0), (b"e", b"d", 2), (b"d", b"e", 2):
    print(libc.renameat2(-100, one, -100, other, flags), errno.errorcode[ctypes.get_errno()])'
    equal "$output" "-1 EBUSY
-1 EBUSY
-1 EBUSY"
}

@test "ptrace: root is emulated, and a whole build is" {
    import_tiny
    attempt deny userns,mount rootlet run tiny sh -c 'touch /f; chown 5:6 /f; stat -c %u:%g /f; id -u
        mknod /d c 1 3; stat -c "%t:%T %F" /d; chmod 0 /f; cat /f && echo readable'
    expect_status 0
    equal "$output" "5:6
0
1:3 character special file
readable"
    here -u 12:34 sh -c 'id -u; id -g'
    equal "$output" "12
34"
}

@test "ptrace: a host without seccomp filters is served, too" {
    local group
    unset ROOTLET_ENGINE
    import_tiny
    dockerfile <<<$'FROM tiny\nRUN mkdir /d && touch /d/f && chown -R 5:6 /d && mknod /d/null c 1 3 && chmod 4711 /d/f'
    builds --no-cache --source-date-epoch 1700000000 -t mine --engine userns .
    for group in seccomp no-filters odd-filters; do
        # with namespaces, but nothing for the tap to live on: told, and the tracer emulates root
        attempt deny "$group" rootlet -v run tiny sh -c 'touch /f; chown 5:6 /f; stat -c %u:%g /f; exit 3'
        expect_status 3
        equal "$output" 5:6
        expect_stderr "seccomp trap: "
        expect_stderr "trying engine ptrace"
        attempt deny "userns,mount,$group" rootlet run ./tiny sh -c 'cd /etc && pwd; exit 4'
        expect_status 4
        equal "$output" /etc
        ok deny "userns,mount,$group" rootlet build --progress plain --no-cache --source-date-epoch 1700000000 -t "theirs-$group" .
        equal "$(image_id "theirs-$group")" "$(image_id mine)"
    done
    refused deny no-filters rootlet run --engine userns tiny true
    expect_stderr "engine 'userns' cannot run this: root emulation: seccomp trap: "
    expect_stderr "CONFIG_SECCOMP_FILTER"
    attempt deny userns,mount,no-filters rootlet verify engine --engine ptrace
    expect_status 0
    expect_output " 0 failed"
}

# asked CALL[,CALL...] CMD...: under a container's seccomp agent that lets these calls pass
asked() {
    "$ROOTLET_TEST_STAGE/build/tests/delays" 0 0 "$@"
}

@test "ptrace: a listener around us lets calls pass to nobody's host, and is told" {
    local calls=openat,stat,newfstatat,statx,access,readlink,execve,mkdir,rename
    asked openat true || skip "no filter with a listener here"
    mkdir -p "tiny$PWD"
    echo host >file
    echo host >only
    echo guest >"tiny$PWD/file"
    printf '#!/bin/sh\necho host\n' >program
    printf '#!/bin/sh\necho guest\n' >"tiny$PWD/program"
    chmod 755 program "tiny$PWD/program"
    attempt asked "$calls" "$DENY" userns,mount rootlet -v run --engine ptrace ./tiny sh -c 'cd /
        cat "$0/file"; "$0/program"; [ ! -e "$0/only" ] && cat "$0/only"; ls "$0"; exit 5' "$PWD"
    expect_status 5
    equal "$output" $'guest\nguest\nfile\nprogram'
    expect_stderr "listener that is asked before a tracer"
    attempt asked "$calls" "$DENY" userns,mount rootlet verify engine --engine ptrace
    expect_status 0
    expect_output " 0 failed"
    ok asked openat rootlet doctor
    expect_output "hint: a seccomp filter around this process has a listener"
    attempt asked openat rootlet run --engine ptrace --why ./tiny true
    expect_stderr "hint: a seccomp filter around this process has a listener"
    echo '{ "defaultAction": "SCMP_ACT_ALLOW" }' >profile.json
    refused asked openat rootlet run --engine ptrace --seccomp profile.json ./tiny true
    expect_stderr "the filter of --seccomp would not see those that the tracer answers"
}

# listed CMD...: under a filter that has a list of what is allowed, as Docker's: no call at all, -1, is not on it
listed() {
    python3 -c '
import ctypes, os, struct, sys
code = b"".join(struct.pack("HBBI", *line) for line in (
    (0x20, 0, 0, 0), (0x35, 0, 1, 0x40000000), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7fff0000)))
room = ctypes.create_string_buffer(code)
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, struct.pack("HP", 4, ctypes.addressof(room))) == 0
os.execvp(sys.argv[1], sys.argv[1:])' "$@"
}

@test "ptrace: where all calls stop, the answers are the tracer's under any filter" {
    echo guest >tiny/etc/where
    attempt env ROOTLET_PTRACE=all bash -c "$(declare -f listed)"'; listed "$@"' bash \
        rootlet run --engine ptrace --write ./tiny sh -c 'cat /etc/where; stat -c %s /etc/where; mkdir /d && rmdir /d && echo made; ls /none'
    equal "$output" $'guest\n6\nmade'
    expect_stderr "No such file"
}

# seccomp_unotify(2): who is asked could let it pass, to the host
@test "ptrace: nobody inside is asked about calls before the tracer" {
    local way
    asked openat true || skip "no filter with a listener here"
    for way in "" all; do
        attempt env ROOTLET_PTRACE=$way rootlet run --engine ptrace --host-root "$ROOTLET_TEST_STAGE/build/tests/delays" 0 0 openat true
        expect_status 127
        expect_stderr "seccomp: Invalid argument"
    done
}

@test "ptrace: a build gives the image that a namespace gives" {
    same_image
}

@test "ptrace: a privileged call that was refused is named, whatever emulates root" {
    refusals_are_seen
}

@test "ptrace: the battery reaches nothing" {
    nothing_escapes
}

@test "ptrace: rootlet root on the host's own files, saved and loaded" {
    ok deny userns,mount rootlet root --engine ptrace -s saved -- sh -ec '
        id -u; touch f; chown 3:4 f; chmod 4755 f; mknod null c 1 3; ln f g; mv f h
        stat -c "%u:%g:%a" h; sh -c "stat -c %u:%g g"; busybox stat -c %u:%g h; stat -c "%F %t:%T" null
        stat -c %u /etc/passwd; chown 0 "$0"; stat -c %u .' "$PWD"
    expect_output "0
3:4:4755
3:4
3:4
character special file 1:3
0
0"
    ok rootlet root --engine ptrace -i saved -- stat -c %u:%g:%a h
    expect_output "3:4:4755"
    ok rootlet root -i saved -- stat -c "%F %u:%g" null
    expect_output "character special file 0:0"
    ok rootlet root --engine ptrace -u -- stat -c %u h
    expect_output "$(id -u)"
    attempt rootlet root --engine ptrace -- sh -c 'exit 7'
    expect_status 7
    attempt rootlet root --engine ptrace -- no-such-command
    expect_status 127
    attempt rootlet root -- rootlet root --engine ptrace true
    expect_status 125
    expect_stderr "*--engine is for the outermost one*"
}

@test "ptrace: a call's arguments come back, whatever signals arrive" {
    local torture=$ROOTLET_TEST_STAGE/build/tests/tap/torture-signals
    ok deny userns,mount rootlet root --engine ptrace -u -- "$torture" arguments_survive_calls_and_signals
    ok deny userns,mount rootlet root --engine ptrace -- "$torture-static" arguments_survive_calls_and_signals
}

@test "ptrace: what is hard to carry says the same as under the tap" {
    local name way torture=$ROOTLET_TEST_STAGE/build/tests/tap/torture
    for name in attributes exec fds files identity memory patch paths refused signals threads trace; do
        for way in "" -static; do
            ok deny userns,mount rootlet root --engine ptrace -- "$torture-$name$way"
        done
    done
}

# debugged MODE CMD...: inside, by the filter or (all) with every call stopping
debugged() {
    attempt env ROOTLET_PTRACE="$1" timeout 600 rootlet run --host-root -- "${@:2}"
}

@test "ptrace: strace inside shows the calls that it shows outside" {
    local mode
    need strace
    ok strace -o native cat /etc/hostname
    for mode in "" all; do
        debugged "$mode" strace -o inside cat /etc/hostname
        expect_status 0
        diff <(sed 's/[( ].*//' native) <(sed 's/[( ].*//' inside)
        # children, and who is left when its parent has ended: nobody's child that the kernel would wait for
        debugged "$mode" strace -f -o log sh -c '(sh -c "cat /etc/hostname; exec true") & exit 3'
        expect_status 3
        [ "$(grep -c '+++ exited with' log)" -ge 3 ]
        [ "$(grep -c 'execve(.*= 0' log)" -ge 3 ]
        debugged "$mode" strace -f -c -o counted sh -c 'for i in 1 2 3; do cat /etc/hostname; done'
        expect_status 0
        grep -Eq '100.00 .* total' counted
    done
}

@test "ptrace: strace inside joins who runs already, and leaves" {
    local mode
    need strace
    for mode in "" all; do
        debugged "$mode" python3 -c '
import signal, subprocess
running = subprocess.Popen(["sleep", "1000"])
for leave in (True, False):
    strace = subprocess.Popen(["strace", "-f", "-o", "log", "-p", str(running.pid)], stderr=subprocess.PIPE)
    print("attached" in strace.stderr.readline().decode())
    if leave:
        strace.send_signal(signal.SIGINT)
        strace.wait()
        print(running.poll())
running.terminate()
print(running.wait(), strace.wait())'
        expect_status 0
        equal "$output" "True
None
True
-15 0"
        grep -q 'killed by SIGTERM' log
    done
}

@test "ptrace: gdb inside stops, steps, follows and lets go" {
    local mode torture=$ROOTLET_TEST_STAGE/build/tests/tap/torture-trace
    need gdb
    for mode in "" all; do
        debugged "$mode" gdb -q -batch -nx -ex "break main" -ex run -ex bt -ex stepi -ex next -ex continue \
            --args "$torture" calls
        expect_output "Breakpoint 1, main"
        expect_output "exited with code 05"
        debugged "$mode" gdb -q -batch -nx -ex "catch syscall getdents64" -ex run -ex "info registers rax" -ex delete \
            -ex continue --args ls /
        expect_output "Catchpoint 1 (call to syscall getdents64)"
        expect_output "exited normally"
        debugged "$mode" sh -c 'sleep 1000 & gdb -q -batch -nx -p $! -ex "info registers rip"; kill $!; wait $!'
        expect_status 143
        expect_output "detached"
    done
}

@test "ptrace: a request that is not carried is refused by name" {
    attempt rootlet -v run --host-root -- python3 -c '
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
child = os.fork()
if child == 0:
    libc.ptrace(0, 0, 0, 0)
    os.kill(os.getpid(), signal.SIGSTOP)
    os._exit(6)
print(os.WSTOPSIG(os.waitpid(child, 0)[1]))
print(libc.ptrace(0x420c, child, 0, 0), os.strerror(ctypes.get_errno()))
print(libc.ptrace(0x4200, child, 0, 0x80), os.strerror(ctypes.get_errno()))
libc.ptrace(7, child, 0, 0)
print(os.WEXITSTATUS(os.waitpid(child, 0)[1]))'
    expect_status 0
    equal "$output" "19
-1 Input/output error
-1 Invalid argument
6"
    expect_stderr "request 0x420c is not carried"
    expect_stderr "one of the options 0x80 is not carried"
}

@test "ptrace: paths that are to stay in a directory stay there, also above what is mounted" {
    newer_ways_lead_there
}

@test "ptrace: kill(-1) is for those inside" {
    signals_stay_inside
}

@test "ptrace: a socket belongs to who binds it, and says so" {
    ok deny userns,mount rootlet root --engine ptrace -- python3 -c '
import os, socket, struct
os.mkdir("d")
os.chown("d", 7, 8)
os.setgroups([])
os.setgid(8)
os.setuid(7)
socket.socket(socket.AF_UNIX).bind("d/socket")
os.chmod("d/socket", 0o640)
made = os.stat("d/socket")
print(made.st_uid, made.st_gid, oct(made.st_mode))
server = socket.socket(socket.AF_UNIX)
server.bind("d/server")
server.listen()
if os.fork() == 0:
    server.accept()[0].recv(1)
    os._exit(0)
client = socket.socket(socket.AF_UNIX)
client.connect("d/server")
print(struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1:])
try:
    socket.socket(socket.AF_UNIX).bind("socket")
except PermissionError:
    print("refused")'
    equal "$output" "7 8 0o140640
(7, 8)
refused"
}

@test "ptrace: what a killed run left goes away" {
    killed_run_is_forgotten
}

@test "ptrace: what is only read is shared, what is written to is put back" {
    read_only_stays
    nothing_is_left_behind
}

@test "ptrace: root mounts, and all see it" {
    mounts_are_emulated userns # a filter that says no is asked before the tracer
}
