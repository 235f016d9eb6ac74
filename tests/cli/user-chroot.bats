# SPDX-License-Identifier: Apache-2.0
# A link to rootlet that is called user-chroot.
load ../support/common

setup() {
    common_setup
    need_userns
    tiny_root root
    mkdir bin
    ln -s "$(command -v rootlet)" bin/user-chroot
    PATH=$PWD/bin:$PATH
}

teardown() {
    common_teardown
}

@test "user-chroot is chroot for who is not root: words, status, variables, and what is written stays" {
    ok user-chroot root sh -c 'printf "%s|" "$@"; id -u; pwd; echo new >/made' sh 'a b' '' "c'd"
    equal "$output" "$(printf "a b||c'd|%s\n/\n\n" "$(id -u)")"
    MINE=passed ok user-chroot ./root sh -c 'echo $MINE; cat /made'
    equal "$output" "$(printf 'passed\nnew')"
    equal "$(cat root/made)" new
    attempt user-chroot "$PWD/root" sh -c 'exit 3'
    expect_status 3
    attempt user-chroot root no-such-command
    expect_status 127
    echo 'echo from $0' >script
    SHELL=/bin/sh attempt user-chroot root <script
    expect_output "from /bin/sh"
    ok user-chroot --version
    expect_output "user-chroot of rootlet "
}

@test "user-chroot without a directory, or with one that is not there, is 125" {
    refused user-chroot
    expect_stderr "which directory?"
    refused user-chroot nowhere true
    expect_stderr "'./nowhere': No such file or directory"
    refused user-chroot --userspec=nobody-has-this-name root true
}

@test "where no engine can, user-chroot says so and exits with 125" {
    [ -z "${ROOTLET_ENGINE:-}" ] || skip "the engine is chosen"
    export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # which traces itself
    refused deny userns,mount,ptrace,seccomp user-chroot root true
    expect_stderr "no engine can run this: "
    refused deny userns,mount,ptrace,seccomp rootlet run ./root true
    expect_stderr "no engine can run this: "
    # one that can is found
    ok deny userns user-chroot root sh -c 'ls -d /bin'
    equal "$output" /bin
}
