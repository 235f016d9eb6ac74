# SPDX-License-Identifier: Apache-2.0
load ../support/common

setup() {
    common_setup
}

teardown() {
    common_teardown
}

@test "doctor maps the ranges of a user who has subordinate ids" {
    need newuidmap
    need_userns
    attempt rootlet doctor
    [[ $output =~ subordinate\ ids\ +usable:\ [0-9]+\ uids\ from\ [0-9]+ ]]
}

@test "no_new_privs takes subordinate ids away and doctor says so" {
    need newuidmap
    need_userns
    attempt setpriv --no-new-privs rootlet doctor
    [[ $output =~ subordinate\ ids\ +refused ]]
    expect_output "rule: no_new_privs is set"
}
