#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Squashfs images: exported with all that a root holds, the same bytes each time, read by others;
# those that others made imported and run.

load ../support/common
setup() { common_setup; }
teardown() { common_teardown; }

rich_tar() {
    "$ROOTLET_TEST_STAGE/tests/support/rich-tar" "$@"
}

@test "a root keeps everything in a squashfs: owners, modes, links, devices, attributes, holes" {
    rich_tar make >rich.tar
    ok rootlet import rich.tar rich
    ok rootlet export --format squashfs rich -o rich.sqfs
    ok rootlet export --format squashfs rich -o again.sqfs
    cmp rich.sqfs again.sqfs
    ok taskset -c "$(taskset -pc $$ | sed 's/.*[: ,-]//')" rootlet export --format squashfs rich -o one-processor.sqfs
    cmp rich.sqfs one-processor.sqfs
    ok rootlet import rich.sqfs back
    rootlet export rich -o first.tar
    rootlet export back -o second.tar
    cmp first.tar second.tar
}

@test "unsquashfs sees the same owners, modes and contents" {
    need unsquashfs
    rich_tar make >rich.tar
    rootlet -q import rich.tar rich
    rootlet export --format squashfs rich -o rich.sqfs
    unsquashfs -lln rich.sqfs >listed
    grep -E '^-rw-r----- 0/42 +6 .*squashfs-root/etc/shadow$' listed
    grep -E '^---------- .*squashfs-root/etc/none$' listed
    equal "$(unsquashfs -cat rich.sqfs etc/shadow)" secret
    rootlet export rich -o rich.all.tar
    equal "$(grep -c squashfs-root listed)" "$(rich_tar list rich.all.tar | wc -l)"
}

@test "what mksquashfs makes with any compressor is imported: small, large, sparse files, links" {
    need mksquashfs
    local how
    mkdir -p tree/deep/er
    echo small >tree/small
    head -c 3000000 /dev/urandom >tree/large
    truncate -s 4M tree/deep/sparse
    echo end >>tree/deep/sparse
    ln tree/small tree/deep/er/again
    ln -s ../small tree/deep/link
    mkfifo tree/deep/fifo
    (cd tree && for i in $(seq 400); do echo "$i" >"deep/er/file-$i"; done)
    for how in gzip xz lz4 zstd; do
        mksquashfs tree "$how.sqfs" -comp $how -no-progress -all-root -quiet >&2
        ok rootlet import "$how.sqfs" "$how"
        ok rootlet export --format dir "$how" -o "$how"
        diff -r --no-dereference --exclude fifo tree "$how"
        [ -p "$how/deep/fifo" ]
        [ "$how/small" -ef "$how/deep/er/again" ]
        rm -r "$how"
        rootlet -q rmi "$how"
    done
}

@test "a squashfs file is a root to run in, from any place" {
    rootlet -q import "$(tiny_tar)" tiny:1
    rootlet export --format squashfs tiny:1 -o tiny.sqfs
    attempt rootlet run ./tiny.sqfs -- sh -c 'echo inside >/new && cat /new; exit 3'
    expect_status 3
    equal "$output" inside
    ok rootlet run "$PWD/tiny.sqfs" -- sh -c '[ ! -e /new ]'
}

@test "build --output type=squashfs writes one" {
    rootlet -q import "$(tiny_tar)" tiny:1
    mkdir context
    printf 'FROM tiny:1\nRUN echo made >/made && chown 7:8 /made\n' >context/Dockerfile
    ok rootlet build --output type=squashfs,dest=out.sqfs context
    ok rootlet run ./out.sqfs -- cat /made
    equal "$output" made
    ok rootlet import out.sqfs out
    rootlet export out -o out.tar
    tar --numeric-owner -tvf out.tar made | grep -q ' 7/8 '
    refused rootlet build --output type=squashfs context
    expect_stderr "dest="
}

@test "a damaged squashfs is refused, and nothing is left of it" {
    rootlet -q import "$(tiny_tar)" tiny:1
    rootlet export --format squashfs tiny:1 -o good.sqfs
    local size before
    size=$(stat -c %s good.sqfs)
    before=$(rootlet images)
    head -c $((size / 2)) good.sqfs >short.sqfs
    refused rootlet import short.sqfs short
    expect_stderr "short.sqfs"
    printf hsqs >tiny.sqfs
    refused rootlet import tiny.sqfs none
    cp good.sqfs flipped.sqfs
    printf '\xff\xff\xff\xff\xff\xff\xff\xff' |
        dd of=flipped.sqfs bs=1 seek=$((size - 8000)) conv=notrunc status=none
    attempt rootlet import flipped.sqfs flipped
    [ "$status" -eq 125 ] || [ "$status" -eq 0 ]
    rootlet -q rmi flipped 2>/dev/null || :
    equal "$(rootlet images)" "$before"
}

@test "where a squashfs cannot go, or what it cannot hold, is refused" {
    rootlet -q import "$(tiny_tar)" tiny:1
    refused rootlet export --format squashfs tiny:1
    expect_stderr "-o DEST"
    refused rootlet export --format squashfs tiny:1 -o /dev/null
    mkfifo pipe
    refused rootlet export --format squashfs tiny:1 -o pipe
    rm pipe
    python3 - <<'PY'
import io, tarfile
with tarfile.open("old.tar", "w") as tar:
    info = tarfile.TarInfo("old")
    info.mtime = -5
    tar.addfile(info, io.BytesIO())
PY
    rootlet -q import old.tar old
    refused rootlet export --format squashfs old -o old.sqfs
    expect_stderr "time of 'old'"
    [ ! -e old.sqfs ]
}
