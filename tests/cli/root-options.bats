# SPDX-License-Identifier: Apache-2.0
# Every option of run under engine root: tests/support/options.bash.
load ../support/common
load ../support/options

setup() {
    options_setup
    rootlet doctor | grep -Eq '^  root +usable' || skip "root may not mount here"
}

teardown() {
    common_teardown
}

@test "options: each has its effect under root, or is refused by name" {
    options_of root
}
