# SPDX-License-Identifier: Apache-2.0
# Every option of run under engine subid: tests/support/options.bash.
load ../support/common
load ../support/options

setup() {
    options_setup
    need newuidmap
}

teardown() {
    common_teardown
}

@test "options: each has its effect under subid, or is refused by name" {
    options_of subid
}
