# SPDX-License-Identifier: Apache-2.0
# Environments by engine root.
load ../support/common
load ../support/isolate

setup() {
    common_setup
    need_userns
    rootlet doctor | grep -Eq '^  root +usable' || skip "engine root cannot run here"
    export HOME=$BATS_TEST_TMPDIR/home
    mkdir "$HOME"
}

teardown() {
    common_teardown
}

@test "root: an environment shows what it shows with one id" {
    shows_alike root
}

@test "root: it has no network of the host's, an exact status, and can be removed" {
    small_environment
    ok rootlet -q run --engine root env -- cat /proc/net/dev
    equal "$(grep -c : <<<"$output")" 1
    attempt rootlet -q run --engine root env -- sh -c 'exit 3'
    expect_status 3
    ok rootlet isolate remove env
    [ ! -e env ]
}
