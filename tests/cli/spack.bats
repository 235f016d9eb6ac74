# SPDX-License-Identifier: Apache-2.0
# rootlet spack: a Spack (tests/support/fake-spack) builds in an environment what it would build, but
# for what it should not find.
load ../support/common
load ../support/spack

setup() {
    common_setup
    need_userns
    need_spack
    spack_setup
}

teardown() {
    common_teardown
}

prefix_of() {
    echo "$TREE/$1-1.0-k3zq4fnd"
}

@test "what is built inside runs outside by its RPATH, and Spack outside knows it" {
    ok rootlet isolate create env --from host
    attempt "$SPACK_ROOT/bin/spack" install toyapp
    [ "$status" -ne 0 ] # the settings list a compiler that is gone
    ok rootlet spack env -- install toyapp
    equal "$("$(prefix_of toyapp)/bin/app")" toy
    ok "$SPACK_ROOT/bin/spack" find
    equal "$output" "$(printf 'toyapp\ntoylib')"
    ok rootlet isolate remove env
    equal "$("$(prefix_of toyapp)/bin/app")" toy
}
