# SPDX-License-Identifier: Apache-2.0
# Every system call on the way to a process in its root, failing once.
load ../support/common

setup() {
    common_setup
    need strace
    need_deny
    need_userns
    [[ $(ldd "$(command -v rootlet)" 2>&1) == *"not a dynamic"* ]] ||
        skip "a sanitized build: its run time makes calls of its own"
    tiny_root root
    cp "$ROOTLET_TEST_STAGE/build/tests/nothing" root/bin/nothing
    mkdir data
}

teardown() {
    common_teardown
}

# Without open_tree_attr(2), which strace does not know yet, and which is tried before others only.
sweep() {
    local errors=$1
    shift
    run deny open-tree-attr "$ROOTLET_TEST_STAGE/tests/fault/sweep" "$errors" . -- "$@"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${output##*$'\n'}" != "0 calls swept" ]
}

@test "a read-only directory without mount points, with a volume and a tmpfs" {
    sweep EIO rootlet run -v ./data:/data --tmpfs /scratch ./root /bin/nothing
}

@test "a read-only directory with all mount points" {
    mkdir -p root/proc root/sys root/dev root/data
    touch root/etc/hosts root/etc/resolv.conf
    sweep EIO,ENOMEM rootlet run -v ./data:/data:ro ./root /bin/nothing
}

@test "a written directory, as root, with a host name and no network" {
    mkdir -p root/proc root/sys root/dev
    touch root/etc/hosts root/etc/resolv.conf
    sweep EIO rootlet run --write -u 0 --hostname h --network none --root-emulation seccomp ./root /bin/nothing
}

@test "calls refused by a filter" {
    sweep EPERM rootlet run -v ./data:/data:ro ./root /bin/nothing
}

# An image whose one program is `nothing`, beside what makes a root.
image_of_nothing() {
    tar -C root -cf nothing.tar .
    rootlet -q import nothing.tar nothing
}

@test "an image, as its own user" {
    image_of_nothing
    sweep EIO rootlet run -u 1000:1000 --root-emulation none nothing /bin/nothing
}

@test "an image, as root under the tap" {
    image_of_nothing
    sweep EIO rootlet run nothing /bin/nothing
}

# It begins before (doc/why/0025).
@test "the command is not executed before the host is out of reach, however long that takes" {
    local entered
    for entered in delay_enter delay_exit; do
        run strace -f -o /dev/null -e inject=umount2:$entered=1000000 rootlet run ./root ls /..
        [ "$status" -eq 0 ]
        equal "$output" "$(rootlet run ./root ls /)"
    done
}
