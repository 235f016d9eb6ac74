# SPDX-License-Identifier: Apache-2.0
# Environments by engine subid.
load ../support/common
load ../support/isolate

setup() {
    environments_by subid
}

teardown() {
    common_teardown
}

@test "subid: an environment shows what it shows with one id" {
    shows_alike subid
}

@test "subid: it has no network of the host's, an exact status, and can be removed" {
    is_a_jail subid
}
