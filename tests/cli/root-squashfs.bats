#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Running in a squashfs file that is mounted: one process serves all runs of a user and goes with the
# last. Root's part is a mount namespace in which everybody may open /dev/fuse, as distributions have it.

load ../support/common
setup() {
    common_setup
    [ "$(id -u)" = 0 ] || skip "only root can make /dev/fuse usable"
    [ -c /dev/fuse ] || skip "there is no /dev/fuse"
    # others' folders of root's tests are closed to the ordinary user
    FOLDER=$(mktemp -d /var/tmp/rootlet-squashfs-XXXXXX)
    mknod -m 666 "$FOLDER/fuse" c 10 229
    SHARED=$FOLDER/run/rootlet
    mkdir "$FOLDER/work"
    mkdir -m 700 "$FOLDER/run"
    chown rootlet-test: "$FOLDER" "$FOLDER/work" "$FOLDER/run"
    export ROOTLET_STORE=$FOLDER/store
    cd "$FOLDER/work" || return
}
teardown() {
    common_teardown
    [ -z "${FOLDER:-}" ] || { chmod -R u+rwX "$FOLDER" && rm -rf "$FOLDER"; }
}

# with_fuse CMD...: as the ordinary user.
with_fuse() {
    # shellcheck disable=SC2016 # the inner shell's
    unshare -m sh -c 'mount --make-rprivate / && mount --bind "$0" /dev/fuse && exec "$@"' \
        "$FOLDER/fuse" setpriv --reuid rootlet-test --regid rootlet-test --clear-groups -- \
        env XDG_RUNTIME_DIR="$FOLDER/run" HOME="$FOLDER/work" "$@"
}

script() {
    cat >script
    with_fuse bash -euo pipefail script
}

# until_gone: the process that served is about to end.
until_gone() {
    eventually nothing_shared || { ls -l "$SHARED" >&2; return 1; }
}

nothing_shared() {
    [ -z "$(find "$SHARED" -name '*.socket' -o -name '*.root' 2>/dev/null)" ]
}

make_images() {
    "$ROOTLET_TEST_STAGE/tests/support/rich-tar" make >rich.tar
    cp "$(tiny_tar)" tiny.tar
    script <<'END'
rootlet -q import tiny.tar tiny:1
rootlet export --format squashfs tiny:1 -o tiny.sqfs
printf 'FROM tiny:1\nRUN echo 12 >/etc/mine && chown 33:44 /etc/mine && chmod 4750 /etc/mine && mkdir -m 700 /others && chown 7 /others && head -c 5000000 /dev/urandom >/large && ln /large /again\n' >Dockerfile
rootlet -q build --no-cache --output type=squashfs,dest=rich.sqfs - <Dockerfile
END
}

@test "a squashfs is mounted and not unpacked, and shows owners, modes, links and contents" {
    make_images
    script <<'END' >said 2>&1
rootlet -v run ./rich.sqfs -- sh -c 'stat -c "%u:%g %a %n" /etc/mine /others; cat /etc/mine; [ /large -ef /again ] && stat -c %h /large'
rootlet run ./rich.sqfs -- md5sum /large /again | cut -d' ' -f1 | uniq | wc -l
rootlet run ./rich.sqfs -- sh -c 'echo changed >/etc/mine; chown 5 /etc/mine; rm /again; cat /etc/mine; stat -c %u:%g /etc/mine'
rootlet run --read-only ./rich.sqfs -- sh -c 'touch /new || cat /etc/mine'
END
    cat said
    fails grep unpacked said
    grep -qx "33:44 4750 /etc/mine" said
    grep -qx "7:0 700 /others" said
    equal "$(grep -cx 12 said)" 2
    equal "$(grep -cx 2 said)" 1
    equal "$(grep -cx 1 said)" 1
    grep -qx changed said
    grep -qx "5:44" said
    until_gone
    script <<'END' >said
rootlet images -q | wc -l
END
    equal "$(cat said)" 1 # tiny:1 and nothing else
}

@test "many runs at once share one process, of the session that began it, which ends with the last of them" {
    make_images
    script <<'END' >said 2>&1
mkfifo ready
for i in $(seq 16); do
    rootlet run ./rich.sqfs -- sh -c 'md5sum </large; cat' <ready >>sums &
done
exec 9>ready
until [ "$(wc -l <sums)" = 16 ]; do sleep 0.1; done
pgrep -f "__serve-squashfs -- $PWD" >processes
ps -o sid= -p $$,"$(cat processes)" | sort -u >sessions
ps -o pgid= -p "$(cat processes)" | tr -d ' ' >group
exec 9>&-
wait
END
    cat said
    equal "$(sort -u sums | wc -l)" 1
    equal "$(wc -l <processes)" 1
    equal "$(wc -l <sessions)" 1
    equal "$(cat group)" "$(cat processes)"
    until_gone
}

@test "a run that is killed lets go of it, and a server that was killed is replaced" {
    make_images
    script <<'END' >said 2>&1
start() {
    rootlet run ./tiny.sqfs -- sh -c 'echo started; sleep 1000' >"$1" &
    pid=$!
    until grep -q started "$1"; do sleep 0.1; done
}
start first
kill -9 $pid
wait $pid || :
until [ -z "$(ls "$XDG_RUNTIME_DIR"/rootlet/*.socket 2>/dev/null)" ]; do sleep 0.1; done
while pgrep -f "__serve-squashfs -- $PWD"; do sleep 0.1; done
start second
kill -9 "$(pgrep -f "__serve-squashfs -- $PWD")"
while pgrep -f "__serve-squashfs -- $PWD"; do sleep 0.1; done
rootlet run ./tiny.sqfs -- echo served again || echo "status $?"
kill -9 $pid
END
    cat said
    grep -qx "served again" said
    until_gone
}

# make_tree FOLDER: more files side by side than are read ahead of at once; of all lengths around those of
# pages and blocks, with holes, further names and links among them.
make_tree() {
    local i size
    mkdir -p "$1"/small/{a,b,c}/{1,2} "$1"/large
    head -c 6000000 /dev/urandom >"$1"/large/random
    for i in $(seq 600); do
        tail -c +$((i * 900)) "$1"/large/random | head -c $((i * 7 % 5000)) >"$1/small/$(echo a b c | cut -d' ' -f$((i % 3 + 1)))/$((i % 2 + 1))/$i"
    done
    for size in 0 1 4095 4096 4097 131071 131072 131073 300000 1048576; do
        head -c $size "$1"/large/random >"$1/large/of-$size"
    done
    truncate -s 3000000 "$1"/large/hole
    head -c 70000 "$1"/large/random | dd of="$1"/large/hole bs=1000 seek=900 conv=notrunc status=none
    ln "$1"/large/random "$1"/small/b/again
    ln -s ../large/random "$1"/small/link
}

@test "who reads all of a tree gets what is there, also what was read ahead, whatever the size of blocks" {
    local size said
    mkdir root && tar -C root -xf "$(tiny_tar)"
    make_tree root/tree
    (cd root && find tree -type f -exec md5sum {} + | sort) >expected
    rootlet -q pack ./root -f squashfs -o own.sqfs >/dev/null
    ! command -v mksquashfs >/dev/null || for size in 4096 1M; do
        mksquashfs root by-$size.sqfs -b $size -comp zstd -quiet -no-progress >/dev/null
    done
    chmod 644 ./*.sqfs
    for image in *.sqfs; do
        export image
        script <<'END'
sums() { rootlet run --read-only "./$image" -- sh -c "cd / && find tree -type f | $1 | xargs md5sum" | sort; }
sums sort >one &
first=$!
sums sort >two
sums "sort -r" >backwards
wait $first
sums cat >again
END
        for said in one two again backwards; do
            diff expected $said
            rm -f $said
        done
    done
    until_gone
}

@test "where FUSE is refused, or an option asks for layers, the file is unpacked" {
    make_images
    script <<'END' >said 2>&1
rootlet -v run --overlay kept ./rich.sqfs -- sh -c 'echo kept >/kept; stat -c %u:%g /etc/mine'
rootlet run --overlay kept ./rich.sqfs -- cat /kept
END
    cat said
    grep -q "unpacked and not mounted: changes" said
    grep -qx "33:44" said
    grep -qx kept said
    chmod 600 "$FOLDER/fuse"
    script <<'END' >said 2>&1
rootlet -v run ./rich.sqfs -- stat -c %u:%g /etc/mine
END
    grep -q "unpacked and not mounted: open '/dev/fuse': Permission denied" said
    grep -qx "33:44" said
}

@test "a damaged file is an error, also while it is used" {
    make_images
    script <<'END' >said 2>&1 || :
head -c 1000000 rich.sqfs >short.sqfs
rootlet run ./short.sqfs -- true || echo "status $?"
END
    cat said
    grep -q "short.sqfs" said
    grep -qx "status 125" said
    until_gone
}
