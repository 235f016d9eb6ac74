# SPDX-License-Identifier: Apache-2.0
# rootlet run in and with a terminal (tests/support/terminal plays its user).
load ../support/common

setup() {
    common_setup
    need_userns
    tiny_root root
    terminal=$ROOTLET_TEST_STAGE/tests/support/terminal
}

teardown() {
    common_teardown
}

@test "-t gives a terminal with a name, the size of the caller's, and job control" {
    ok "$terminal" resize:33x77 -- rootlet run -t ./root sh -ic 'tty; stty size; ls -l /proc/self/fd/0; sleep 0 & wait; jobs; echo end'
    expect_output "/dev/pts/$(lacks_mounts || echo 0)"
    expect_output "33 77"
    expect_no_output "job control"
    expect_output "end"
}

@test "-t: the command knows the size from its beginning, however late the caller is" {
    need strace
    ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 ok "$terminal" resize:33x77 -- \
        strace -f -qq -o /dev/null -e trace=recvmsg --inject=recvmsg:delay_enter=1000000 rootlet run -t ./root stty size
    expect_output "33 77"
}

@test "-t: the exit status is the command's and the caller's terminal is restored" {
    attempt "$terminal" -- rootlet run -t ./root sh -c 'exit 5'
    expect_status 5
    attempt "$terminal" expect:ready kill:TERM -- rootlet run -t ./root sh -c 'echo ready; exec sleep 1000'
    expect_status 143
    attempt "$terminal" -- rootlet run -t ./root nosuch
    expect_status 127
    expect_output "nosuch"
}

@test "-t: keys go to the command, ^C as a signal" {
    attempt "$terminal" expect:ready 'send:\x03' expect:got 'send:word\n' -- \
        rootlet run -t ./root sh -c 'trap "echo got; n=1" INT; echo ready; while [ -z "$n" ]; do sleep 0.02; done; read x; echo "read $x"; exit 6'
    expect_status 6
    expect_output "read word"
}

@test "-t: a new size reaches the command" {
    ok "$terminal" expect:ready resize:40x100 expect:changed -- \
        rootlet run -t ./root sh -c 'trap "stty size; echo changed; exit" WINCH; echo ready; while :; do sleep 0.02; done'
    expect_output "40 100"
}

@test "-t: all output arrives, however much and however fast the command ends" {
    ok "$terminal" -- rootlet run -t ./root sh -c 'seq 20000'
    expect_output "19999"
    [[ ${output//$'\r'/} == *$'\n20000' ]]
}

@test "-t with input from a pipe: the end of it is the command's end of file" {
    ok sh -c 'printf "a\nb\n" | rootlet run -t ./root cat'
    expect_output a
    expect_output b
    ok sh -c 'rootlet run -t ./root sh -c "tty; cat" </dev/null'
    expect_output "/dev/pts/"
}

@test "-t: what reads the terminal in the background does not stop rootlet" {
    ok "$terminal" expect:ready 'send:x\n' -- rootlet run -t ./root sh -c '(cat >/dev/null &); echo ready; read x; echo "got $x"'
    expect_output "got x"
}

@test "without -t the command shares the terminal: ^C once, ^Z stops and fg continues" {
    attempt "$terminal" expect:ready 'send:\x03' expect:got -- \
        rootlet run ./root sh -c 'trap "echo got; n=\$((n + 1))" INT; echo ready; while [ -z "$n" ]; do sleep 0.02; done; sleep 0.2; exit $((n + 50))'
    expect_status 51
    printf 'set +o history; PS1="now: "\n' >rc
    ok "$terminal" expect:now: 'send:rootlet run ./root sh -c '"'echo go\$((1+1)); read x; exit 8'"'\n' expect:go2 'send:\x1a' \
        expect:Stopped expect:now: 'send:fg\n' expect:rootlet 'send:x\n' expect:now: 'send:exit $?\n' -- \
        bash --rcfile rc -i || expect_status 8
}

@test "without -t ^C ends a command that does nothing about it" {
    attempt "$terminal" expect:ready 'send:\x03' -- rootlet run ./root sh -c 'echo ready; sleep 1000'
    expect_status 130
}

@test "shell: the user's own, as a login would have it, in a terminal" {
    printf 'someone:x:%s:%s::/tmp:/bin/ash\n' "$(id -u)" "$(id -g)" >>root/etc/passwd
    attempt "$terminal" 'expect:$ ' 'send:echo in $0 $HOME\n' 'expect:in /bin/ash /tmp' 'send:exit 4\n' -- rootlet shell -t ./root
    expect_status 4
}
