#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Archives made to do harm, or damaged on the way: refused by name, and nothing happened.

load ../support/common
load ../support/registry
setup() { common_setup; }
teardown() { flaky_stop; common_teardown; }

expect_empty_store() {
    local folder
    for folder in layers owners blobs/sha256 refs tmp; do
        expect_empty_dir "$ROOTLET_STORE/$folder" || return
    done
}

# first_layer LAYOUT: the blob of its only image's first layer.
first_layer() {
    python3 - "$1" <<'PYTHON'
import json, sys
def blob(descriptor):
    return sys.argv[1] + "/blobs/sha256/" + descriptor["digest"].split(":")[1]
index = json.load(open(sys.argv[1] + "/index.json"))
print(blob(json.load(open(blob(index["manifests"][0])))["layers"][0]))
PYTHON
}

@test "every hostile archive is refused in words that fit, touching nothing" {
    local name words bad=0
    mkdir outside
    "$ROOTLET_TEST_STAGE/tests/support/hostile-tar" archives "$PWD/outside" >list
    [ "$(wc -l <list)" -gt 60 ]
    while IFS=$'\t' read -r name words; do
        attempt rootlet import "archives/$name.tar"
        if [ "$status" -ne 125 ] || [[ $stderr != *"$words"* ]] || ! expect_empty_dir outside ||
            ! expect_empty_store; then
            echo "case $name, which should say: $words" >&2
            show
            bad=1
        fi
    done <list
    [ $bad -eq 0 ]
}

@test "every hostile image is refused in words that fit, from files and from a registry, touching nothing" {
    need python3 zstd
    local name where words bad=0
    echo secret >secret
    mkdir "$BATS_TEST_TMPDIR/flaky"
    python3 "$ROOTLET_TEST_STAGE/tests/support/hostile-layout" "$BATS_TEST_TMPDIR/flaky" "$PWD/secret" >list
    [ "$(wc -l <list)" -gt 50 ]
    while IFS=$'\t' read -r name where words; do
        attempt timeout 600 rootlet import "$BATS_TEST_TMPDIR/flaky/cases/$name"
        if [ "$status" -ne 125 ] || [[ $stderr != *"$words"* ]] || [[ $stderr == *secret$'\n'* ]] || ! expect_empty_store; then
            echo "case $name, which should say: $words" >&2
            show
            bad=1
        fi
    done <list
    # a cache is looked at in another way: as a whole
    refused timeout 600 rootlet cache import "$BATS_TEST_TMPDIR/flaky/cases/oci-unpacks-to-a-bomb"
    expect_stderr "more than 200 times"
    expect_empty_store
    flaky_start
    while IFS=$'\t' read -r name where words; do
        [ "$where" = tag ] || continue
        attempt timeout 600 rootlet pull --retry 0 "$FLAKY/r:$name"
        if [ "$status" -ne 125 ] || [ -n "$(find "$ROOTLET_STORE/refs" -type f)" ] ||
            ! expect_empty_dir "$ROOTLET_STORE/layers" || ! expect_empty_dir "$ROOTLET_STORE/tmp"; then
            echo "case $name, pulled" >&2
            show
            bad=1
        fi
    done <list
    equal "$(cat secret)" secret
    # a layer that is there already does not vouch for another blob
    ROOTLET_STORE=$PWD/fresh
    ok rootlet import "$(first_layer "$BATS_TEST_TMPDIR/flaky/cases/config-of-no-layer")" good
    refused rootlet import "$BATS_TEST_TMPDIR/flaky/cases/config-of-other-layer"
    expect_stderr "digest mismatch: the unpacked bytes have"
    refused rootlet pull --retry 0 "$FLAKY/r:config-of-other-layer"
    expect_stderr "digest mismatch: the unpacked bytes have"
    [ "$(rootlet images -q | wc -l)" -eq 1 ]
    [ $bad -eq 0 ]
}

@test "what is replaced is replaced, never written through" {
    mkdir outside
    echo safe >outside/file
    python3 - "$PWD/outside/file" >archive.tar <<'PYTHON'
import io, sys, tarfile
tar = tarfile.open(fileobj=sys.stdout.buffer, mode="w|")
def add(name, kind=tarfile.REGTYPE, link="", data=b""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data)
    tar.addfile(info, io.BytesIO(data))
add("s", tarfile.SYMTYPE, sys.argv[1])
add("h", tarfile.LNKTYPE, "s")
add("s", data=b"evil")
add("h", data=b"evil")
add("dir/", tarfile.DIRTYPE)
add("dir/below", data=b"x")
add("dir", data=b"a file now")
add("file", data=b"a directory soon")
add("file/", tarfile.DIRTYPE)
add("file/below", data=b"y")
tar.close()
PYTHON
    ok rootlet import archive.tar replaced
    equal "$(cat outside/file)" safe
    ok rootlet export replaced -o out --format dir
    equal "$(cat out/s out/h out/dir out/file/below)" "evilevila file nowy"
}

# What doc/why/0029 says honest images hold.
@test "what hostile archives make use of is taken where it is meant: duplicates, whiteouts, devices" {
    python3 - <<'PYTHON'
import io, tarfile
def layer(name, *entries):
    tar = tarfile.open(name + ".tar", mode="w")
    for path, kind, more in entries:
        info = tarfile.TarInfo(path)
        info.type, info.mode = kind, 0o644 if kind == tarfile.REGTYPE else 0o755
        data = more.pop("data", b"")
        info.size = len(data)
        for key, value in more.items():
            setattr(info, key, value)
        tar.addfile(info, io.BytesIO(data))
    tar.close()
FILE, DIR, CHR, BLK, HARD, LINK = (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.LNKTYPE,
                                   tarfile.SYMTYPE)
layer("below", ("d", DIR, {}), ("d/old", FILE, {"data": b"old"}), ("e", DIR, {}), ("e/old", FILE, {"data": b"old"}),
      ("f", FILE, {"data": b"old"}), ("g", FILE, {"data": b"old"}), ("zero", FILE, {"data": b"old"}))
layer("above",
      # gone below and made anew, whichever is said first
      ("d/.wh..wh..opq", FILE, {}), ("d/new", FILE, {"data": b"new"}),
      ("e", DIR, {}), ("e/new", FILE, {"data": b"new"}), (".wh.e", FILE, {}),
      (".wh.f", FILE, {}), ("f", FILE, {"data": b"new"}), ("g", FILE, {"data": b"new"}), (".wh.g", FILE, {}),
      # twice: the last one wins, and a directory keeps what is in it
      ("twice", FILE, {"data": b"first"}), ("twice", FILE, {"data": b"last"}),
      ("dir", DIR, {"mode": 0o700}), ("dir/in", FILE, {"data": b"in"}), ("dir", DIR, {"mode": 0o711}),
      # devices of any number; 0:0 is what overlayfs takes for a whiteout
      ("zero", CHR, {}), ("most", BLK, {"devmajor": 4095, "devminor": 1048575}), ("again", HARD, {"linkname": "most"}))
PYTHON
    make_layout layout both below.tar above.tar >/dev/null
    ok rootlet load -i layout
    rootlet export both -o out.tar
    equal "$(tar -xOf out.tar d/new dir/in e/new f g twice)" newinnewnewnewlast
    fails tar -tf out.tar d/old
    fails tar -tf out.tar e/old
    tar -tvf out.tar >list
    grep -q '^drwx--x--x .* dir/$' list
    grep -q '^crwxr-xr-x .* 0,0 .* zero$' list
    equal "$(grep -c '^brwxr-xr-x .* 4095,1048575 .*' list)" 1
    grep -Eq '^h.* (again link to most|most link to again)$' list
    [ -z "$(find "$ROOTLET_STORE/layers" -type b)" ]
}

@test "devices in an archive become empty files, with the truth on record" {
    python3 - >archive.tar <<'PYTHON'
import sys, tarfile
tar = tarfile.open(fileobj=sys.stdout.buffer, mode="w|")
info = tarfile.TarInfo("disk")
info.type, info.devmajor, info.devminor, info.mode, info.gid = tarfile.BLKTYPE, 8, 1, 0o660, 6
tar.addfile(info)
tar.close()
PYTHON
    ok rootlet import archive.tar devices
    [ -z "$(find "$ROOTLET_STORE/layers" -type b)" ]
    [ -f "$(find "$ROOTLET_STORE/layers" -name disk)" ]
    grep -qx './disk type=block device=linux,8,1 gid=6' "$ROOTLET_STORE"/owners/*
    rootlet export devices | tar -tvf - | grep -q 'brw-rw---- 0/6 .* 8,1 .* disk'
}

@test "a damaged blob is found out when its layer is needed, and named" {
    local blob
    import_tiny
    # the image again, without its unpacked layer
    rm -rf "$ROOTLET_STORE"/layers/* "$ROOTLET_STORE"/owners/*
    blob=$(find "$ROOTLET_STORE/blobs" -type f -size +100k)
    printf 'damage' | dd of="$blob" bs=1 seek=50000 conv=notrunc status=none
    refused rootlet export tiny -o out.tar
    expect_stderr "$(basename "$blob")"
    [ ! -e out.tar ]
}
