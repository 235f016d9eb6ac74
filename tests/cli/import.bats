#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rootlet import and load: whatever form it comes in, what is in the image is what was in the file.

load ../support/common
setup() { common_setup; }
teardown() { common_teardown; }

rich() {
    "$ROOTLET_TEST_STAGE/tests/support/rich-tar" "$@"
}

# expect_same_tree TAR REF: the image's root, exported, has the entries of the archive.
expect_same_tree() {
    rootlet export "$2" >exported.tar
    equal "$(rich list exported.tar)" "$(rich list "$1")"
}

layers_unpacked() {
    find "$ROOTLET_STORE/layers" -mindepth 1 -maxdepth 1 | wc -l
}

@test "every kind of entry, name, mode, owner and attribute survives (pax)" {
    rich make >rich.tar
    ok rootlet import rich.tar rich
    expect_same_tree rich.tar rich
}

@test "every kind of entry, name, mode and owner survives (GNU)" {
    rich make --gnu >rich.tar
    ok rootlet import rich.tar rich
    expect_same_tree rich.tar rich
}

@test "sparse files keep their holes and their content, in all of GNU tar's forms" {
    local form
    truncate -s 20M sparse
    printf middle | dd of=sparse bs=1 seek=9000000 conv=notrunc status=none
    printf end | dd of=sparse bs=1 seek=20971517 conv=notrunc status=none
    for form in --format=gnu "--format=pax --sparse-version=0.0" "--format=pax --sparse-version=0.1" \
        "--format=pax --sparse-version=1.0"; do
        # shellcheck disable=SC2086 # words
        tar $form --sparse -cf sparse.tar sparse
        ok rootlet import sparse.tar sparse
        rootlet export sparse | tar -xO ./sparse sparse 2>/dev/null | cmp - sparse
        [ "$(find "$ROOTLET_STORE/layers" -name sparse -printf '%b\n' | sort -n | tail -1)" -lt 1000 ]
        ok rootlet rmi sparse
    done
}

@test "any compression gives the same image id, and so does standard input" {
    local plain form
    rich make >rich.tar
    plain=$(rootlet -q import rich.tar)
    gzip -k rich.tar
    gzip -c /dev/null >>rich.tar.gz # several members, one of them empty
    zstd -qk rich.tar
    xz -k rich.tar
    bzip2 -k rich.tar
    for form in gz zst xz bz2; do
        equal "$(rootlet -q import rich.tar.$form)" "$plain"
        equal "$(rootlet -q import - <rich.tar.$form)" "$plain"
        # shellcheck disable=SC2002 # a pipe on purpose: it cannot be read twice
        equal "$(cat rich.tar.$form | rootlet -q import -)" "$plain"
    done
    [ "$(layers_unpacked)" -eq 1 ]
}

@test "a pipe, or an archive that is compressed, is not copied to disk first" {
    local form
    # 12 MB in two layers that do not pack, and 24 MB that pack to nothing
    mkdir one two text
    head -c 6000000 /dev/urandom >one/data
    head -c 6000000 /dev/urandom >two/data
    "$ROOTLET_TEST_STAGE/tests/support/make-layout" layout latest one two >/dev/null
    for form in a b c d; do yes "$form" | head -c 6000000 >text/$form; done
    tar -cf text.tar text
    rootlet -q import layout packs:1
    rootlet -q import text.tar text:1
    rootlet save --format oci-archive -o packs.tar packs:1
    rootlet save --format docker-archive -o text-docker.tar text:1
    rootlet save --format docker-archive -o packs-docker.tar packs:1
    gzip -k packs.tar packs-docker.tar text-docker.tar
    rootlet images -q --no-trunc | sort >expected
    ROOTLET_STORE=$PWD/again
    piped() { cat "$1" | (ulimit -f 7500 && rootlet -q import -); } # in KiB: what one file may have
    for form in packs.tar packs-docker.tar packs.tar.gz packs-docker.tar.gz text-docker.tar text.tar; do
        ok piped $form
    done
    for form in packs.tar.gz packs-docker.tar.gz text-docker.tar.gz; do
        ok bash -c "ulimit -f 7500 && exec rootlet -q import $form"
    done
    rootlet tag "$(rootlet import -q text.tar)" text:1
    equal "$(rootlet images -aq --no-trunc | sort -u)" "$(cat expected)"
    # what no image needs goes again, and so does all when it fails
    local junk
    junk=$(head -c 100 /dev/zero | sha256sum | cut -c-64)
    mkdir -p blobs/sha256
    head -c 100 /dev/zero >blobs/sha256/"$junk"
    tar -rf packs.tar "blobs/sha256/$junk"
    ROOTLET_STORE=$PWD/third
    ok piped packs.tar
    [ ! -e "third/blobs/sha256/$junk" ]
    ROOTLET_STORE=$PWD/fourth
    attempt piped <(head -c 9000000 packs.tar)
    expect_status 125
    expect_empty_dir fourth/blobs/sha256
    attempt piped <(head -c 9000000 packs-docker.tar)
    expect_status 125
    expect_empty_dir fourth/blobs/sha256
    expect_empty_dir fourth/layers
}

@test "a directory is imported with its owner as root" {
    tiny_root dir
    chmod 4755 dir/bin/busybox
    ln dir/bin/busybox dir/bin/second
    ok rootlet import dir dir
    rootlet export dir >out.tar
    fails grep -qv ' 0:0 ' <(rich list out.tar)
    rich list out.tar | grep -q "'bin/second' file 4755"
    tar -tvf out.tar | grep -q '^h.*link to'
}

@test "a name that would delete another in a layer is refused in a directory and a squashfs" {
    tiny_root dir
    ok rootlet pack ./dir -f squashfs -o good.sqfs
    touch dir/bin/.wh.busybox
    ok rootlet pack ./dir -f squashfs -o bad.sqfs
    for source in dir bad.sqfs; do
        refused rootlet import "$source" name
        expect_stderr "'/bin/.wh.busybox' cannot be in a layer"
    done
    equal "$(rootlet images -q)" ""
    for format in oci docker; do
        refused rootlet pack ./dir -f $format -o out
        expect_stderr "'/bin/.wh.busybox' cannot be in a layer"
    done
    ok rootlet import good.sqfs name
}

@test "a root gets a config that runs it" {
    rich make >rich.tar
    ok rootlet import "$(tiny_tar)" tiny
    equal "$(rootlet inspect -f '{{json .Config.Cmd}}' tiny)" '["/bin/sh"]'
    equal "$(rootlet inspect -f '{{json .Config.Env}}' tiny)" \
        '["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]'
    ok rootlet import rich.tar rich
    equal "$(rootlet inspect -f '{{json .Config.Cmd}}' rich)" null
}

@test "changes are Dockerfile instructions; those that change files are refused" {
    ok rootlet import -c 'CMD ["/bin/ls", "-l"]' -c 'ENV A=b C="d e"' -c 'LABEL x=y' -c 'EXPOSE 80' \
        -c 'USER nobody' -m "from a test" --platform linux/arm64 "$(tiny_tar)" tiny
    equal "$(rootlet inspect -f '{{json .Config.Cmd}} {{.Config.User}} {{json .Config.ExposedPorts}}' tiny)" \
        '["/bin/ls","-l"] nobody {"80/tcp":{}}'
    equal "$(rootlet inspect -f '{{.Architecture}} {{.Variant}} {{.Comment}}' tiny)" 'arm64  from a test'
    rootlet inspect -f '{{json .Config.Env}}' tiny | grep -qF '"A=b","C=d e"'
    refused rootlet import -c 'RUN touch x' "$(tiny_tar)" other
    expect_stderr "RUN"
    refused rootlet import -c 'NOSUCH x' "$(tiny_tar)" other
    refused rootlet import --platform linux/a/b/c "$(tiny_tar)" other
    equal "$(rootlet images -q other)" ""
}

@test "docker-archive, oci-archive and OCI layout from skopeo give the image that they hold" {
    need skopeo
    local form id
    id=$(rootlet -q import "$(tiny_tar)" tiny:1)
    rootlet save --format oci -o tiny.oci tiny:1
    skopeo copy -q oci:tiny.oci docker-archive:docker.tar:tiny:1
    skopeo copy -q oci:tiny.oci oci-archive:archive.tar:tiny:1
    skopeo copy -q oci:tiny.oci oci:layout:tiny:1
    gzip -k docker.tar
    for form in docker.tar docker.tar.gz archive.tar layout; do
        export ROOTLET_STORE=$BATS_TEST_TMPDIR/store-$form
        ok rootlet load -i "$form"
        equal "$output" "Loaded image: tiny:1"
        equal "$(rootlet images -q --no-trunc)" "$id"
        expect_same_tree "$(tiny_tar)" tiny:1
        ok rootlet import "$form" other:name
        equal "$(rootlet inspect -f '{{.Id}}' other:name)" "$id"
    done
}

@test "an archive of several images gives each of them, and layers they share once" {
    need skopeo
    rootlet -q import "$(tiny_tar)" a:1
    rootlet -q import -c 'ENV X=y' "$(tiny_tar)" b:2
    rootlet tag a:1 c:3
    rootlet save -o all.tar a:1 b:2 c:3
    export ROOTLET_STORE=$BATS_TEST_TMPDIR/second
    ok rootlet load <all.tar
    equal "$(sort <<<"$output")" "Loaded image: a:1
Loaded image: b:2
Loaded image: c:3"
    [ "$(layers_unpacked)" -eq 1 ]
    equal "$(rootlet inspect -f '{{.Id}}' a:1)" "$(rootlet inspect -f '{{.Id}}' c:3)"
    refused rootlet import all.tar one-name
    expect_stderr "2 images"
}

@test "load refuses a root, import an unusable name, both what is not there" {
    refused rootlet load -i "$(tiny_tar)"
    expect_stderr "no image is in it"
    refused rootlet import "$(tiny_tar)" BAD
    expect_stderr "lower case"
    refused rootlet import nosuch.tar
    expect_stderr "'nosuch.tar': open: No such file"
    refused rootlet load -i nosuch.tar
    refused rootlet import
    refused rootlet load operand
    mkdir empty
    refused rootlet load -i empty
}

@test "whiteouts and opaque directories reach the disk, the record and the merged root" {
    need skopeo
    mkdir -p one/dir one/gone two/dir/.wh..wh..opq
    rmdir two/dir/.wh..wh..opq
    touch one/file one/dir/below one/gone/x two/.wh.file two/dir/.wh..wh..opq two/dir/new two/.wh.gone
    "$ROOTLET_TEST_STAGE/tests/support/make-layout" layout x one two >/dev/null
    ok rootlet import layout white
    rootlet export white | tar -tf - | sort >list
    equal "$(cat list)" "./
dir/
dir/new"
    grep -qx './file type=whiteout' "$ROOTLET_STORE"/owners/*
    grep -qx './dir opaque' "$ROOTLET_STORE"/owners/*
    [ "$(find "$ROOTLET_STORE/layers" -type c -name file -printf '%m %n\n' | wc -l)" -eq 1 ]
}

@test "a blob that is not what its digest says is refused, and the store stays as it was" {
    need skopeo
    local blob
    rootlet -q import "$(tiny_tar)" tiny
    rootlet save --format oci -o layout tiny
    blob=$(find layout/blobs -type f -size +100k)
    printf 'damage' | dd of="$blob" bs=1 seek=90000 conv=notrunc status=none
    export ROOTLET_STORE=$BATS_TEST_TMPDIR/second
    refused rootlet import layout tiny
    equal "$(rootlet images -q)" ""
    expect_empty_dir "$ROOTLET_STORE/layers"
    expect_empty_dir "$ROOTLET_STORE/tmp"
    truncate -s 100000 "$blob"
    refused rootlet import layout tiny
    rm "$blob"
    refused rootlet import layout tiny
    expect_stderr "$(basename "$blob")"
}

@test "many imports of the same root at once all succeed and leave one layer" {
    local i pids=()
    for i in 1 2 3 4 5 6; do
        rootlet -q import "$(tiny_tar)" "tiny:$i" >/dev/null &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    [ "$(layers_unpacked)" -eq 1 ]
    [ "$(rootlet images | grep -c tiny)" -eq 6 ]
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

@test "a full disk is an error that names it, and what was there still works" {
    need_userns
    need unshare
    attempt unshare -Urm sh -c '
        set -e
        mkdir small && mount -t tmpfs -o size=8m none small
        export ROOTLET_STORE=$PWD/small/store
        rootlet -q import "$1" tiny
        head -c 16000000 /dev/urandom >large && tar -cf large.tar large
        rootlet import large.tar large && exit 3
        rootlet export tiny >out.tar
        rootlet images -q large
        find small/store/tmp -mindepth 1
        rootlet -q import "$1" again >/dev/null' - "$(tiny_tar)"
    expect_status 0
    expect_stderr "No space left on device"
    equal "$(grep -c . <<<"$output")" 1
}
