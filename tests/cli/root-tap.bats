# SPDX-License-Identifier: Apache-2.0
# The claims about root that the tap must keep hold for root itself: else they would prove nothing.
load ../support/common

setup() {
    common_setup
    TORTURE=$ROOTLET_TEST_STAGE/build/tests/tap
}

teardown() {
    common_teardown
    [ -z "${FOLDER:-}" ] || rm -rf "$FOLDER"
}

@test "real root keeps the claims about identity, files and who is refused them" {
    "$TORTURE/torture-identity"
    "$TORTURE/torture-refused"
    "$TORTURE/torture-files"
    TORTURE_LISTS=1 "$TORTURE/torture-attributes"
}

@test "a bare kernel keeps the claims about signals, exec, descriptors and pointers" {
    for name in signals exec fds memory paths; do
        "$TORTURE/torture-$name"
    done
}

@test "random calls about files answer root who is none as they answer root" {
    id rootlet-test >/dev/null 2>&1 || skip "run-tests has not made its user"
    FOLDER=$(mktemp -d /dev/shm/rootlet-random-XXXXXX)
    chmod 755 "$FOLDER"
    status=0
    "$BATS_TEST_DIRNAME/../support/random-calls" "$TORTURE/random" rootlet-test "$FOLDER" 1 60 || status=$?
    [ "$status" != 77 ] || skip "root may not do everything here"
    [ "$status" = 0 ]
}

@test "where anonymous files may not be executed, another is" {
    unshare -pfm --mount-proc true 2>/dev/null || skip "root may not mount here"
    status=0
    unshare -pfm --mount-proc sh -ec '
        echo 2 2>/dev/null >/proc/sys/vm/memfd_noexec || exit 77
        exec rootlet root -- sh -c "touch f; chown 3:4 f; test \$(stat -c %u:%g f) = 3:4"' ||
        status=$?
    [ "$status" != 77 ] || skip "the kernel has no vm.memfd_noexec"
    [ "$status" = 0 ]
}

# as_user CMD...: as the user of the other tests, who has no subordinate ids.
as_user() {
    setpriv --reuid rootlet-test --regid rootlet-test --clear-groups -- "$@"
}

@test "directories are still known when the kernel had to forget them" {
    id rootlet-test >/dev/null 2>&1 || skip "run-tests has not made its user"
    [ -w /proc/sys/vm/drop_caches ] || skip "root may not change the kernel's settings here"
    FOLDER=$(mktemp -d /var/tmp/rootlet-tap-XXXXXX) # within the user's reach
    export HOME=$FOLDER ROOTLET_STORE=$FOLDER/store XDG_DATA_HOME=$FOLDER/data
    cd "$FOLDER"
    mkdir shared
    mkfifo shared/forget shared/go
    chown -R rootlet-test "$FOLDER"
    as_user unshare -Ur true || skip "user namespaces are refused here"
    as_user rootlet -q import "$(tiny_tar)" tiny
    as_user rootlet run -v "$PWD/shared:/shared" tiny sh -ec '
        mkdir /made; chown 5:6 /made /etc
        echo >/shared/forget; read -r word </shared/go
        stat -c "%n %u:%g" /made /etc' >said 3>&- &
    pid=$!
    exec 8<>shared/forget 9<>shared/go
    read -r -t 800 _ <&8
    echo 2 >/proc/sys/vm/drop_caches
    echo >&9
    wait "$pid"
    equal "$(cat said)" "/made 5:6
/etc 5:6"
}
