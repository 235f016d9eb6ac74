# SPDX-License-Identifier: Apache-2.0
# run --hide: a path that is not there, wherever it lies, and everything beside it as before.
load ../support/common

setup() {
    common_setup
    need_userns
}

teardown() {
    common_teardown
}

# absent PATH: every way of looking says so (the body of a command inside).
absent() {
    echo "for p in $*; do cat \$p/x \$p 2>&1; ls -d \$p 2>&1; test -e \$p && echo there; ls \$(dirname \$p) | grep -qx \$(basename \$p) && echo listed; done; true"
}

expect_absent() {
    equal "$(grep -vc 'No such file or directory' <<<"$output")" 0
}

@test "in a read-only directory: files, directories, in several places and inside each other" {
    tiny_root root
    mkdir -p root/a/b/c root/a/d
    touch root/a/b/c/x root/a/d/x root/a/keep
    ok rootlet run --hide /a/b/c --hide /a/d/ --hide /etc/os-release --hide /a/b/none --hide /none/x ./root \
        sh -c "$(absent /a/b/c /a/d /etc/os-release /a/b/none)"
    expect_absent
    ok rootlet run --hide /a/b --hide /a/b/c --hide /a/d ./root sh -c "$(absent /a/b /a/d /a/b/c)"
    expect_absent
    ok rootlet run --hide /a/b/c --hide /a/d --hide /etc/os-release ./root sh -c 'ls /a /a/b; cat /etc/passwd | head -n 1; touch /a/f 2>&1 || :'
    expect_output "keep"
    expect_output "root:x:0"
    expect_output "Read-only"
    [ -e root/a/b/c/x ] && [ -e root/etc/os-release ]
}

@test "at the top of the root, where mount points are missing" {
    tiny_root root
    mkdir data
    touch root/top root/beside
    ok rootlet run --hide /top --hide /usr -v ./data:/data ./root sh -c "$(absent /top /usr); ls -d /data /beside >/dev/null; [ -c /dev/null ] || echo no dev"
    expect_absent
}

@test "in an image what is written beside it stays possible" {
    import_tiny
    ok rootlet run --hide /etc/os-release --hide /bin/cat tiny sh -c \
        "ls -d /etc/os-release /bin/cat 2>&1; echo a >/etc/new && mv /etc/new /etc/newer && ls /etc/newer >/dev/null && chown 12 /etc/newer && stat -c %u /etc/newer"
    equal "$(tail -n 1 <<<"$output")" 12
    equal "$(grep -c 'No such file' <<<"$output")" 2
    ok rootlet run --read-only --hide /etc/os-release tiny sh -c "$(absent /etc/os-release)"
    expect_absent
}

@test "in a volume: read-only it works, writable it is refused" {
    tiny_root root
    mkdir -p vol/secret vol/sub
    echo x >vol/secret/x
    ok rootlet run -v ./vol:/vol:ro --hide /vol/secret ./root sh -c "$(absent /vol/secret)"
    expect_absent
    need_mounts # without any, nothing is in the way of it
    refused rootlet run -v ./vol:/vol --hide /vol/secret ./root true
    expect_stderr "hide '/vol/secret': the directory it is in can be written"
    [ -e vol/secret/x ]
    refused rootlet run -v ./vol:/a/vol --hide /a/vol/secret/none ./root true
}

@test "in the host's own tree what is below the covered directory is still the host's" {
    ok rootlet run --host-root --hide /etc/passwd sh -c "$(absent /etc/passwd); ls /etc/group >/dev/null; echo new >$PWD/written"
    expect_absent
    equal "$(cat written)" new
    top=/$(cut -d/ -f2 <<<"$PWD")
    [ "$top" != /tmp ] || skip "everything beside it is in /tmp"
    ok rootlet run --host-root --hide /opt sh -c "$(absent /opt); echo again >$PWD/written"
    expect_absent
    equal "$(cat written)" again
}

@test "what cannot be hidden is refused by name" {
    tiny_root root
    refused rootlet run --hide relative ./root true
    refused rootlet run --hide / ./root true
    refused rootlet run --hide /proc/self ./root true
    refused rootlet run --hide /data -v .:/data ./root true
    lacks_mounts || {
        refused rootlet run --write --hide /etc/os-release ./root true
        expect_stderr "can be written"
    }
    ok rootlet run --dry-run --hide /a/b/ ./root true
    expect_output '"/a/b"'
}

@test "of the host's own tree nothing stays behind what is shown, not even behind the root" {
    [ -r /etc/hostname ] || skip "no /etc/hostname"
    mkdir instead
    ok rootlet run --host-root --read-only --hide /etc/hostname -b ./instead:/etc/not/there -w / -- sh -c \
        'cat /../etc/hostname 2>&1; ls -d /../etc/not/there; ls -d /..//etc/not/there'
    expect_output "No such file"
    equal "${output##*$'\n'}" /..//etc/not/there
    lacks_mounts && return
    ok rootlet run --host-root --read-only --pid private -b ./instead:/etc/not/there -w / -- sh -c \
        'grep -c " / / " /proc/self/mountinfo; unshare -Ur echo inside'
    expect_output inside
}
