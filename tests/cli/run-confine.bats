# SPDX-License-Identifier: Apache-2.0
# What a command may use: time, limits, capabilities, descriptors.
load ../support/common

setup() {
    common_setup
    need_userns
    tiny_root root
}

teardown() {
    common_teardown
}

# in_time ARGS...: run with a time limit that lets the command become ready, however slow this machine is.
in_time() {
    local limit
    for limit in 2 10 50 250; do
        attempt rootlet run --timeout $limit "$@"
        [[ $output != *ready* ]] || return 0
    done
    echo "not ready after $limit seconds" >&2
    return 1
}

@test "--timeout ends the command, also one that does not listen, and says so" {
    attempt rootlet run --timeout 1 ./root sleep 1000
    expect_status 143
    expect_stderr "time limit"
    in_time ./root sh -c 'trap "echo asked; exit 9" TERM; echo ready; while :; do sleep 0.05; done'
    expect_status 9
    expect_output asked
    local word=1000$RANDOM$RANDOM
    in_time --pid host ./root sh -c "trap '' TERM; sleep $word & echo ready; sleep $word"
    expect_status 137
    eventually none_left "sleep $word"
    ok rootlet run --timeout 1000 ./root true
    refused rootlet run --timeout soon ./root true
}

@test "--ulimit sets soft and hard limits; what the caller may not have is refused" {
    ok rootlet run --ulimit nofile=100:200 --ulimit core=0 ./root sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c'
    equal "$output" "$(printf '100\n200\n0')"
    ok rootlet run --ulimit nofile=100 --ulimit nofile=64 ./root sh -c 'ulimit -Hn'
    equal "$output" 64
    refused rootlet run --ulimit files=1 ./root true
    expect_stderr "limit 'files' is not known"
    refused rootlet run --ulimit nofile=9:8 ./root true
    refused sh -c 'ulimit -Sn 500 && ulimit -Hn 500 && exec rootlet run --ulimit nofile=501 ./root true'
    expect_stderr "limit 'nofile': *the caller's hard limit is 500"
}

@test "--preserve-fds passes descriptors on, and no others" {
    echo three >3 && echo four >4
    ok sh -c 'exec rootlet run --preserve-fds 2 ./root sh -c "cat <&3; cat <&4; ls /proc/self/fd/5 2>/dev/null || echo closed" 3<3 4<4 5<4'
    equal "$output" "$(printf 'three\nfour\nclosed')"
    refused sh -c 'exec rootlet run --preserve-fds 2 ./root true 3<3 4<&-'
    expect_stderr "descriptor 4"
}

@test "--cap-drop takes a capability from root inside" {
    need_mounts
    mkdir -p root/mnt
    ok rootlet run -u 0 --root-emulation none ./root mount -t tmpfs none /mnt
    attempt rootlet run -u 0 --root-emulation none --cap-drop SYS_ADMIN ./root mount -t tmpfs none /mnt
    [ "$status" -ne 0 ]
    ok rootlet run -u 0 --cap-drop all ./root grep CapEff /proc/self/status
    expect_output 0000000000000000
    ok rootlet run -u 0 --cap-drop cap_chown --cap-drop SYS_ADMIN ./root grep CapBnd /proc/self/status
    [ $((0x${output##*$'\t'} & (1 << 21 | 1))) -eq 0 ]
    [ $((0x${output##*$'\t'} & 1 << 1)) -ne 0 ]
    refused rootlet run --cap-drop FLY ./root true
    expect_stderr "capability 'FLY' is not known"
}

@test "--init is what happens anyway, and the box tells what was asked for" {
    ok rootlet run --init ./root sh -c 'echo $$'
    lacks_mounts || equal "$output" 2
    lacks_mounts && return # nor has it capabilities to drop
    ok rootlet run --dry-run --ulimit core=0:-1 --cap-drop net_raw --timeout 5 ./root true
    expect_output '"core=0:unlimited"'
    expect_output '"CAP_NET_RAW"'
    expect_output '"timeoutSeconds": 5'
}

@test "build --ulimit holds in RUN" {
    import_tiny
    mkdir context
    printf 'FROM tiny\nRUN ulimit -Sn; ulimit -Hn\n' >context/Dockerfile
    ok rootlet build --no-cache --ulimit nofile=77:88 context
    expect_stderr 77
    expect_stderr 88
}

@test "what cannot be had is refused with the reason" {
    refused rootlet run --engine userns --kernel-release 6.1 ./root true
    expect_stderr "--kernel-release*uname"
}

@test "--kernel-release is what uname says, by an engine that answers it" {
    need_one_id
    tiny_root root
    for engine in tap ptrace; do
        rootlet doctor | grep -Eq "^  $engine +usable" || continue
        ok rootlet run --engine $engine --kernel-release 4.2.0-odd ./root uname -r
        equal "$output" 4.2.0-odd
        ok rootlet run --engine $engine --hostname here --kernel-release 4.2.0-odd ./root uname -nr
        equal "$output" "here 4.2.0-odd"
    done
    refused rootlet run --kernel-release "" ./root true
    refused rootlet run --kernel-release "$(printf '%65s' x)" ./root true
}
