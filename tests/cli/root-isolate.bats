# SPDX-License-Identifier: Apache-2.0
# Environments by engine root.
load ../support/common
load ../support/isolate

setup() {
    environments_by root
}

teardown() {
    common_teardown
}

@test "root: an environment shows what it shows with one id" {
    shows_alike root
}

@test "root: it has no network of the host's, an exact status, and can be removed" {
    is_a_jail root
}
