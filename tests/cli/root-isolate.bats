# SPDX-License-Identifier: Apache-2.0
# Environments by engine root.
load ../support/common
load ../support/isolate

setup() {
    environments_by root
}

teardown() {
    common_teardown
    [ -z "${FOLDER:-}" ] || rm -rf "$FOLDER"
}

@test "root: an environment shows what it shows with one id" {
    shows_alike root
}

@test "root: it has no network of the host's, an exact status, and can be removed" {
    is_a_jail root
}

# shellcheck disable=SC2016 # the inner shell's
@test "root: who runs an environment of somebody else's has a name in it, by every engine" {
    id rootlet-test >/dev/null || skip "there is no user rootlet-test"
    FOLDER=$(mktemp -d /var/tmp/rootlet-isolate-XXXXXX)
    chmod 755 "$FOLDER" && cd "$FOLDER"
    small_environment
    equal "$(grep -c rootlet-test env/root/etc/passwd)" 0
    ok rootlet -q run --engine tap env -- ls # the copy of the files, which is its maker's to make
    local engine
    for engine in userns tap ptrace; do
        ok setpriv --reuid rootlet-test --regid rootlet-test --clear-groups \
            env -u XDG_RUNTIME_DIR HOME="$FOLDER" TMPDIR=/tmp \
            rootlet -q run --engine "$engine" env -- sh -c 'id -un; id -gn; id -u; cd ~ && echo at home'
        equal "$output" "$(printf '%s\n' rootlet-test rootlet-test "$(id -u rootlet-test)" 'at home')"
    done
}
