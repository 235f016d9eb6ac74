# SPDX-License-Identifier: Apache-2.0
# The claims about root that the tap must keep hold for root itself: else they would prove nothing.
load ../support/common

setup() {
    common_setup
    TORTURE=$ROOTLET_TEST_STAGE/build/tests/tap
}

teardown() {
    common_teardown
}

@test "real root keeps the claims about identity and files" {
    "$TORTURE/torture-identity"
    "$TORTURE/torture-files"
}

@test "a bare kernel keeps the claims about signals, exec, descriptors and pointers" {
    for name in signals exec fds memory; do
        "$TORTURE/torture-$name"
    done
}

@test "where anonymous files may not be executed, another is" {
    status=0
    unshare -pfm --mount-proc sh -ec '
        echo 2 2>/dev/null >/proc/sys/vm/memfd_noexec || exit 77
        exec rootlet root -- sh -c "touch f; chown 3:4 f; test \$(stat -c %u:%g f) = 3:4"' ||
        status=$?
    [ "$status" != 77 ] || skip "the kernel has no vm.memfd_noexec"
    [ "$status" = 0 ]
}
