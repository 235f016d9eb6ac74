# SPDX-License-Identifier: Apache-2.0
# --network private. /dev/net/tun is root's on many machines, so root gives an ordinary user one in a
# mount namespace; what is tested runs as that user.
load ../support/common

setup() {
    common_setup
    id rootlet-test >/dev/null 2>&1 || skip "there is no user rootlet-test"
    chmod 755 .
    [ -d /dev/net ] || skip "there is no /dev/net"
    unshare -m sh -c 'mount -t tmpfs none /mnt && mknod /mnt/tun c 10 200 && : <>/mnt/tun' 2>/dev/null ||
        skip "this kernel has no tun device"
    [ -n "$(ip route show default 2>/dev/null)" ] || skip "this machine has no network to connect to"
}

teardown() {
    common_teardown
}

# as_user HIDDEN CMD...: as rootlet-test, with a tun device, without the program HIDDEN ("" for none).
as_user() {
    # shellcheck disable=SC2016 # for the inner shell
    unshare -m sh -c '
        mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200 || exit 99
        for hidden in $1; do
            path=$(command -v "$hidden") && mount --bind /dev/null "$path"
        done
        shift; cd /
        exec setpriv --reuid=rootlet-test --regid=rootlet-test --clear-groups -- "$@"' - "$@"
}

# What is in a private network, whoever makes it: two devices, a way out, a name server; the
# status is the command's.
connected() {
    attempt as_user "$1" rootlet run --network private --host-root -- \
        sh -c 'ip -o link; ip route; cat /etc/resolv.conf; exit 7'
    expect_status 7
    expect_output "1: lo: <LOOPBACK,UP"
    expect_output "2: "
    expect_output "default via "
    expect_output "nameserver $2"
}

@test "a private network by pasta" {
    need pasta ip
    connected "" 169.254.1.1
    ok rootlet doctor
    expect_output "private network"
}

@test "a private network by slirp4netns, where there is no pasta" {
    need slirp4netns ip
    connected pasta 10.0.2.3
}

@test "the program that connects it ends with us, however that is" {
    need pasta
    word=end$$x$RANDOM
    as_user "" rootlet run --network private --host-root -- sh -c "echo ready; sleep 10000 # $word" >out 2>&1 3>&- &
    while_alive $! has_line ready out
    rootlet=$(pgrep -u rootlet-test -o -f -- "^rootlet run .*$word")
    # other tests have theirs: this one is a child of one of ours
    program=$(pgrep -P "$(pgrep -d, -u rootlet-test -f -- "$word")" 'pasta|passt')
    [ -n "$program" ]
    kill -KILL "$rootlet"
    eventually is_gone "$program"
    eventually is_gone "$(pgrep -d ' ' -u rootlet-test -f -- "$word")"
}

# is_gone PIDS: none of them is there; of the dead, nobody may have asked yet.
is_gone() {
    local pid
    for pid in $1; do
        ! grep -q '^State:[[:space:]][^ZX]' "/proc/$pid/status" 2>/dev/null || return 1
    done
}

@test "without a program or a device it is refused, and the remedy is told" {
    attempt as_user "pasta slirp4netns" rootlet run --network private --host-root true
    expect_status 125
    expect_stderr "--network private: neither pasta nor slirp4netns is installed"
    expect_stderr "hint: "
    attempt setpriv --reuid=rootlet-test --regid=rootlet-test --clear-groups -- \
        unshare -rm sh -c 'mount -t tmpfs none /dev/net && exec rootlet run --network private --host-root true'
    expect_status 125
    expect_stderr "needs /dev/net/tun: No such file"
    expect_stderr "chmod 666 /dev/net/tun"
}
