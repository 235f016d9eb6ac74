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
