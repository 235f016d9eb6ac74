# SPDX-License-Identifier: Apache-2.0
load ../support/common
load ../support/build
load ../support/engine

setup() {
    common_setup
    need newuidmap
    need_userns
    export ROOTLET_ENGINE=subid
}

teardown() {
    common_teardown
}

@test "subid: a build gives the image that one id gives" {
    same_image
}

@test "subid: recorded owners are real" {
    true_owners
}

@test "subid: changes that are kept have true owners" {
    changes_are_kept
}

@test "subid: what is changed is real" {
    changes_are_real
}

@test "subid: a copy of layers that cannot be stacked has true owners" {
    copied_root
}

@test "subid: everything can be deleted, also after a crash" {
    cleans_up
}

@test "subid: an owner beyond the range is named before anything is done" {
    import_tiny
    python3 -c '
import sys, tarfile
out = tarfile.open(fileobj=sys.stdout.buffer, mode="w|")
info = tarfile.TarInfo("far")
info.uid = 900000
out.addfile(info)
out.close()' >far.tar
    dockerfile <<<$'FROM tiny\nADD far.tar /\nRUN echo run""ning'
    refused rootlet build --progress plain .
    expect_stderr "'/far': uid 900000 is beyond the"
    expect_stderr "hint: *usermod --add-subuids"
    [[ $stderr != *running* ]]
    refused rootlet run -u 900000 tiny true
    expect_stderr "the command's user: uid 900000 is beyond the"
}

@test "subid: a directory's files are the caller's, who is the same inside" {
    tiny_root root
    ok rootlet run ./root sh -c 'id -u; stat -c %u /bin; cat /proc/self/uid_map'
    expect_output "$(id -u)
$(id -u)
"
    ok rootlet run --write -u 0 ./root sh -c 'chown 5 /etc; stat -c %u /etc; chown 0 /etc'
    equal "$output" 5
}

@test "subid: devices are made by root of the box alone, and not without emulation" {
    import_tiny
    ok rootlet run tiny sh -c 'mknod /null c 1 3 && [ -f /null ] && rm /null && mkdir /c && cp -r /bin /c/bin &&
        chroot /c mknod /z c 1 5 && [ -f /c/z ] && grep Umask /proc/1/status >/dev/null'
    attempt rootlet run -u 1000 --tmpfs /t tiny mknod /t/null c 1 3
    expect_status 1
    expect_stderr "Operation not permitted"
    attempt rootlet run --root-emulation none tiny mknod /null c 1 3
    expect_status 1
    expect_stderr "Operation not permitted"
    ok rootlet run --dry-run tiny true
    expect_output '"rootEmulation": "devices"'
}

@test "subid: --why and doctor name it, and no_new_privs takes it away" {
    attempt rootlet run --why --engine subid --dry-run "$(tiny_tar)" true
    expect_stderr "subid: chosen because it was asked for"
    attempt rootlet doctor
    [[ $output =~ subid\ +usable ]]
    attempt setpriv --no-new-privs rootlet run --engine subid "$(tiny_tar)" true
    expect_status 125
    expect_stderr "engine 'subid' cannot run this"
    expect_stderr "no_new_privs is set"
}

@test "subid: the battery reaches nothing" {
    nothing_escapes
}

@test "subid: rootlet root on the host's own files changes them" {
    mkdir open
    chmod 777 open
    ok rootlet root --engine subid -- sh -ec 'id -u; touch open/f; chown 3:4 open/f; stat -c %u:%g open/f'
    expect_output "0
3:4"
    [ "$(stat -c %u open/f)" != 3 ] && [ "$(stat -c %u open/f)" != "$(id -u)" ]
    ok rootlet root --engine subid -- rm open/f
    attempt rootlet root --engine subid -- sh -c 'kill -TERM $$'
    expect_status 143
    attempt rootlet root --engine subid -- no-such-command
    expect_status 127
    refused rootlet root --engine subid -s saved true
    expect_stderr "*--save is about what is remembered*"
    [ ! -e saved ]
}
