# SPDX-License-Identifier: Apache-2.0
load ../support/common
load ../support/build
load ../support/engine

setup() {
    common_setup
    export ROOTLET_ENGINE=root
    rootlet doctor | grep -Eq '^  root +usable' || skip "root may not mount here"
}

teardown() {
    common_teardown
}

@test "root: a build gives the image that one id gives" {
    same_image
}

@test "root: recorded owners are real" {
    true_owners
}

@test "root: changes that are kept have true owners" {
    changes_are_kept
}

@test "root: what is changed is real" {
    changes_are_real
}

@test "root: devices are made, recorded, and open nothing" {
    import_tiny
    dockerfile <<'END'
FROM tiny
RUN mknod /null c 1 3 && mknod -m 640 /disk b 7 200 && chown 0:6 /disk && ls -l /null /disk
RUN [ -c /null ] && [ -b /disk ] && ! echo x >/null && chmod 600 /null
END
    builds -t devices .
    ok rootlet run --engine userns devices ls -ln /null /disk
    [[ $output =~ crw-------.*\ 1,\ +3\ .*/null ]]
    [[ $output =~ brw-r-----.*\ 6\ .*\ 7,\ 200\ .*/disk ]]
    equal "$(find "$ROOTLET_STORE/layers" -type c ! -perm 0 -o -type b)" ""
}

@test "root: the command has no capability to reach the host, which notices nothing" {
    import_tiny
    cat /proc/self/mountinfo >before
    ok rootlet run tiny sh -c 'grep Cap /proc/self/status
        mount -t tmpfs x /tmp || echo no mount
        echo x >/proc/sys/kernel/core_pattern || echo no sysctl
        echo b >/proc/sysrq-trigger || echo no sysrq
        mknod /d b 7 0 && cat /d || echo no device'
    expect_output $'CapEff:\t00000000a80425fb'
    expect_output $'CapBnd:\t00000000a80425fb'
    expect_output $'CapInh:\t0000000000000000'
    for denied in mount sysctl sysrq device; do
        expect_output "no $denied"
    done
    cat /proc/self/mountinfo >after
    cmp before after
}

@test "root: where user namespaces are refused root has this engine, and a build has" {
    unset ROOTLET_ENGINE
    import_tiny
    deny userns rootlet run --why --dry-run tiny true >/dev/null 2>why
    grep "^userns: user namespaces: " why
    grep "^  hint: a seccomp filter refuses user namespaces" why
    grep "^root: chosen: " why
    attempt deny userns rootlet -v run tiny sh -c 'grep CapEff /proc/self/status; exit 3'
    expect_status 3
    expect_output 00000000a80425fb
    expect_stderr "trying engine root"
    dockerfile <<<$'FROM tiny\nRUN mkdir /d && chown 5:6 /d'
    ok deny userns rootlet build -t here .
    ok rootlet run here stat -c %u:%g /d
    equal "$output" 5:6
    attempt deny userns,mount rootlet -v run tiny true
    expect_status 0
    expect_stderr "trying engine tap"
}

@test "root: others are refused it by name, with what they can do" {
    attempt setpriv --reuid 65534 --clear-groups env HOME=/ rootlet run --engine root /tmp true
    expect_status 125
    expect_stderr "engine 'root' cannot run this: root: nobody (65534) is not root"
    expect_stderr "hint: only root mounts without a user namespace"
}

@test "root: the battery reaches nothing" {
    nothing_escapes
}
