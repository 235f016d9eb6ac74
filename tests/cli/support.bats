# SPDX-License-Identifier: Apache-2.0
# The ground the other tests stand on.
load ../support/common

setup() {
    common_setup
}

teardown() {
    common_teardown
}

@test "tests run as an ordinary user without subordinate ids" {
    [ "$(id -un)" = rootlet-test ] || skip "started without root: tests run as the caller"
    fails grep -q "^$(id -un):" /etc/subuid
}

@test "deny refuses user namespaces and nothing else" {
    need_userns
    fails deny userns unshare -Ur true
    ok deny userns echo fine
    expect_output fine
    ok deny ptrace unshare -Ur true
}

@test "deny names its groups when asked for one it does not know" {
    attempt "$DENY" nonsense true
    expect_status 2
    expect_stderr "groups: userns mount"
}

@test "the tiny root holds a shell" {
    tiny_root root
    need_userns
    ok unshare -Ur chroot root /bin/sh -c 'echo in $(id -u)'
    expect_output "in 0"
}

@test "each test has a store of its own" {
    [ ! -e "$ROOTLET_STORE" ]
    case $ROOTLET_STORE in "$BATS_TEST_TMPDIR"/*) ;; *) return 1 ;; esac
}

@test "run-tests runs nothing for an option it does not know, and says which there are" {
    local run_tests=$ROOTLET_TEST_STAGE/tests/support/run-tests

    attempt timeout 600 python3 "$run_tests" --qick "$BATS_TEST_TMPDIR/no-build"
    expect_status 1
    expect_stderr "option '--qick' is not known"
    ok timeout 600 python3 "$run_tests" "$BATS_TEST_TMPDIR/no-build" --help
    expect_output --quick
    [ ! -e "$BATS_TEST_TMPDIR/no-build" ]
}
