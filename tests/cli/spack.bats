# SPDX-License-Identifier: Apache-2.0
# rootlet spack: a Spack (tests/support/fake-spack) builds in an environment what it would build, but
# for what it should not find. "The paper" is "Generate a Reproducible Environment for Spack"; each
# mistake of the code that came with it has a test here.
load ../support/common
load ../support/spack

setup() {
    spack_setup
}

teardown() {
    spack_teardown
}

# every_check ENV: what holds in an environment whatever it is made of. Its compiler sees no zlib.
every_check() {
    ok rootlet spack "$1" -- install toyapp
    equal "$("$(prefix_of toyapp)/bin/app")" toy
    attempt rootlet spack "$1" -- install toyleak
    expect_status 1
    expect_stderr "configure: error: zlib not found"
    [ ! -e "$(prefix_of toyleak)" ]
    [ -s "$(echo "$stderr" | tail -n 1 | tr -d ' ')" ] # the log that it names
    ok rootlet spack "$1" -- install toyprobe
    nothing_is_seen
}

# nothing_is_seen: by toyprobe, which looked.
nothing_is_seen() {
    ok cat "$(prefix_of toyprobe)/share/seen"
    equal "$output" ""
    [ ! -e "$HOME/written-by-toyprobe" ]
}

# git_check ENV: who signs commits, is not asked to.
git_check() {
    ok rootlet spack "$1" -- install toygit
    equal "$(cat "$(prefix_of toygit)/share/log")" toy
}

# check_from OPTION...: the same, for an environment made with --from and so on.
check_from() {
    spack_bait
    ok rootlet isolate create env --from "$@"
    every_check env
}

@test "an environment of packages: leaks fail, tools find nobody's settings, what is built runs outside" {
    need_dpkg "${PACKAGES[@]}"
    check_from "dpkg:$(IFS=,; echo "${PACKAGES[*]}")"
    git_check env
    ok rootlet isolate remove env
    equal "$("$(prefix_of toyapp)/bin/app")" toy
    ok "$SPACK_ROOT/bin/spack" find
    equal "$output" "$(printf 'toyapp\ntoygit\ntoylib\ntoyprobe')"
}

@test "engines without namespaces hide the same" {
    need_dpkg "${PACKAGES[@]}"
    spack_bait
    ok rootlet isolate create env --from "dpkg:$(IFS=,; echo "${PACKAGES[*]}")"
    for engine in tap ptrace; do
        export ROOTLET_ENGINE=$engine
        rm -rf "$TREE"
        ok rootlet spack env -- install toyprobe
        nothing_is_seen
    done
}

@test "the host with a library hidden" {
    need_dpkg "${PACKAGES[@]}"
    check_from host --hide /usr/include/zlib.h
    git_check env
}

@test "a list of files" {
    need_dpkg "${PACKAGES[@]}"
    spack_list >list
    check_from files:list
}

@test "an archive" {
    need_dpkg "${PACKAGES[@]}"
    spack_root_tar root.tar
    check_from tar:root.tar
}

@test "a directory" {
    need_dpkg "${PACKAGES[@]}"
    spack_root_tar root.tar
    mkdir root
    tar -C root -xf root.tar
    check_from dir:root
}

@test "an image" {
    need_dpkg "${PACKAGES[@]}"
    spack_root_tar root.tar
    ok rootlet -q import root.tar tools
    check_from image:tools
}
