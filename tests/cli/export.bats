#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rootlet export and save: what others read, the same bytes each time, complete or not there.

load ../support/common
setup() {
    common_setup
    rootlet -q import "$(tiny_tar)" tiny:1
}
teardown() { common_teardown; }

@test "every format is written the same twice" {
    local format
    for format in tar oci-archive docker-archive; do
        ok rootlet save --format $format -o first.$format tiny:1
        ok rootlet save --format $format -o second.$format tiny:1
        cmp first.$format second.$format
    done
    ok rootlet save --format oci -o first.oci tiny:1
    ok rootlet save --format oci -o second.oci tiny:1
    diff -r first.oci second.oci
}

@test "nothing is written beside the archive, however large the image" {
    local format
    mkdir big
    head -c 6000000 /dev/urandom >big/data
    yes | head -c 6000000 >big/text
    rootlet -q import big big:1
    for format in docker-archive oci-archive tar; do
        rootlet export --format $format -o expected big:1
        ok bash -c "set -o pipefail; ulimit -f 100; rootlet export --format $format -o - big:1 | cmp - expected"
    done
}

@test "what is saved comes back as it was, and digests stay" {
    local format before
    before=$(rootlet inspect tiny:1)
    for format in oci oci-archive; do
        rootlet save --format $format -o saved.$format tiny:1
        ROOTLET_STORE=$BATS_TEST_TMPDIR/$format rootlet load -i saved.$format
        equal "$(ROOTLET_STORE=$BATS_TEST_TMPDIR/$format rootlet inspect tiny:1)" "$before"
    done
    rootlet save -o saved.tar tiny:1
    ROOTLET_STORE=$BATS_TEST_TMPDIR/docker rootlet load -i saved.tar
    # the manifest is made anew; being deterministic, it is the same again
    equal "$(ROOTLET_STORE=$BATS_TEST_TMPDIR/docker rootlet inspect tiny:1)" "$before"
}

@test "umoci unpacks what skopeo takes from each format into the same tree" {
    need skopeo umoci
    local from
    rootlet export --format dir -o tree tiny:1
    rootlet save -o docker.tar tiny:1
    rootlet save --format oci-archive -o oci.tar tiny:1
    rootlet save --format oci -o oci.dir tiny:1
    for from in docker-archive:docker.tar:docker.io/library/tiny:1 oci-archive:oci.tar oci:oci.dir; do
        rm -rf copy bundle
        skopeo copy -q $from oci:copy:x
        umoci unpack --rootless --image copy:x bundle 2>/dev/null
        diff -r --no-dereference tree bundle/rootfs
    done
}

@test "a directory and who owns what in it make the same image again" {
    local how
    "$ROOTLET_TEST_STAGE/tests/support/rich-tar" make >rich.tar
    rootlet -q import rich.tar rich
    for how in saved xattr; do
        ok rootlet export --format dir --owners $how -o root.$how rich
        ok rootlet import --owners $how root.$how again.$how
        rootlet export -o again.$how.tar again.$how
        "$ROOTLET_TEST_STAGE/tests/support/rich-tar" list again.$how.tar >listed.$how
    done
    equal "$stderr" "" # of the import: nothing is left to warn of
    "$ROOTLET_TEST_STAGE/tests/support/rich-tar" list rich.tar >listed
    diff listed listed.saved
    # what has no such attribute: a symbolic link, a fifo, a capability
    equal "$(diff listed listed.xattr | grep -c '^<')" 3
    need fakeroot
    fakeroot -i saved tar --numeric-owner -tvf <(fakeroot -i saved tar -C root.saved -cf - .) >theirs
    grep -q '^brw-rw---- 0/6  *8,1 .* ./dev/sda1$' theirs
    grep -q '^lrwxrwxrwx 7/8 .* ./link -> etc/shadow$' theirs
    refused rootlet import --owners xattr rich.tar x
    refused rootlet export --owners saved rich
    echo wrong >wrong
    refused rootlet import --owners wrong root.saved x
    expect_stderr "line 1 is not of fakeroot's format"
}

@test "a destination is complete or not there" {
    mkdir full empty
    touch full/file
    refused rootlet export tiny:1 --format dir -o full
    expect_stderr "'full' exists and is not an empty directory"
    equal "$(ls full)" file
    ok rootlet export tiny:1 --format dir -o empty
    [ -e empty/bin/busybox ]
    refused rootlet export tiny:1 -o full
    refused rootlet export tiny:1 -o nosuch/out.tar
    refused rootlet export tiny:1 -o /dev/full
    expect_stderr "No space left"
    echo old >out.tar
    ok rootlet export tiny:1 -o out.tar
    tar -tf out.tar >/dev/null
    refused rootlet export nosuch -o new.tar
    equal "$(echo *)" "empty full out.tar"
}

@test "a layer that is no longer unpacked is unpacked again" {
    rootlet export tiny:1 >before.tar
    rm -r "$ROOTLET_STORE"/layers/* "$ROOTLET_STORE"/owners/*
    rootlet export tiny:1 >after.tar
    cmp before.tar after.tar
}

@test "120 layers that all hold the same deep directory are merged, with 1024 files open at most" {
    local i dirs=()
    for i in $(seq 120); do
        mkdir -p "layer$i/usr/share/doc/a/b/c/d/e/f"
        echo "$i" | tee "layer$i/usr/share/doc/a/b/c/d/e/f/$i" >"layer$i/last"
        dirs+=("layer$i")
    done
    "$ROOTLET_TEST_STAGE/tests/support/make-layout" layout many "${dirs[@]}" >/dev/null
    ok rootlet import layout many
    (ulimit -Sn 1024 && rootlet export many -o out.tar)
    equal "$(tar -xOf out.tar last)" 120
    [ "$(tar -tf out.tar | grep -c '/f/[0-9]')" -eq 120 ]
}

@test "what cannot be is refused" {
    refused rootlet export tiny:1 --format dir
    refused rootlet export tiny:1 tiny:1 -o x
    refused rootlet export
    refused rootlet export tiny:1 --format nonsense -o x
    refused rootlet export tiny:1 --platform linux/nosuch/x/y -o x
    expect_empty_dir .
}
