# SPDX-License-Identifier: Apache-2.0
# The power goes, or the disk is full, while the store is written to: on real file systems.
load ../support/common
load ../support/registry

setup() {
    common_setup
    need mkfs.ext4 mkfs.xfs losetup setpriv jq
    [ "$(id -u)" = 0 ] || skip "only root can mount"
    losetup -f >/dev/null 2>&1 || skip "there are no loop devices"
    cp --no-preserve=mode "$(tiny_tar)" tiny.tar
    tar -cf other.tar -C "$ROOTLET_TEST_STAGE/tests" support
    chmod -R a+rX . "$BATS_TEST_TMPDIR"
    folder=$(mktemp -d /var/tmp/rootlet-crash-XXXXXX)
    chmod 755 "$folder"
    cp tiny.tar other.tar "$folder"
    before="rootlet -q import $folder/tiny.tar kept"
}

teardown() {
    flaky_stop
    rm -rf "${folder:-/nonexistent}"
}

# with_nfs: and the stand-in for NFS, where there is FUSE.
with_nfs() {
    [ ! -c /dev/fuse ] || [ ! -x "$ROOTLET_TEST_STAGE/build/tests/nfs-like" ] || echo "$@"
}

# cuts STRIDE COMMAND CHECK [BEFORE]: on each of $FILE_SYSTEMS.
cuts() {
    for fs in ${FILE_SYSTEMS:-ext4 xfs}; do
        "$ROOTLET_TEST_STAGE/tests/support/power-cuts" "$fs" "$1" "${4:-$before}" "$2" "$3" >said || { cat said; return 1; }
        [ "$(sed 's/ cuts//' said)" -ge 3 ]
    done
}

@test "the power goes during import" {
    cuts 3 "rootlet -q import $folder/other.tar new" "rootlet inspect new"
    mkdir few && echo text >few/file
    tar -cf "$folder/few.tar" few # each request waits for the server's disk
    FILE_SYSTEMS=$(with_nfs nfs)
    [ -z "$FILE_SYSTEMS" ] || cuts 5 "rootlet -q import $folder/few.tar new" "rootlet inspect new" "rootlet -q import $folder/few.tar kept"
}

@test "the power goes during a build" {
    mkdir "$folder/context"
    printf 'FROM kept\nCOPY file /file\nRUN chown 3:4 /file && mkdir /d\nRUN rm -r /d\n' >"$folder/context/Dockerfile"
    echo text >"$folder/context/file"
    cuts 7 "rootlet -q build -t new $folder/context" "rootlet run --pull never new -- test -f /file"
}

@test "the power goes during a pull" {
    need python3
    layer_trees .
    mkdir "$BATS_TEST_TMPDIR/flaky"
    make_layout "$BATS_TEST_TMPDIR/flaky/oci" 1 one two >/dev/null
    flaky_start
    cuts 5 "rootlet -q pull $FLAKY/r:1" "rootlet inspect $FLAKY/r:1; rootlet export -o /dev/null $FLAKY/r:1"
}

@test "the power goes while names are given and taken, and while gc deletes" {
    cuts 3 "rootlet tag kept new; rootlet rmi -f old; rootlet -q gc --until 0s" "rootlet inspect new; ! rootlet inspect old 2>/dev/null" \
        "$before; rootlet -q import $folder/other.tar old"
}

@test "gc is killed anywhere: what is marked by then is not lost" {
    mkdir "$folder/before"
    chown rootlet-test "$folder/before"
    mkdir few && echo text >few/file
    tar -cf "$folder/few.tar" few # each file costs calls
    # shellcheck disable=SC2016 # expanded there
    setpriv --reuid rootlet-test --regid rootlet-test --clear-groups -- \
        sh -ec 'export ROOTLET_STORE=$1/before/store; rootlet -q import "$1/few.tar" old
                rm -r "$ROOTLET_STORE"/refs/*; rootlet -q fsck --repair' - "$folder"
    cat >"$folder/hook" <<END
#!/bin/sh
[ "\$1" = "\$(cat $folder/number)" ] || exit 0
cd $folder/store
( cd blobs/sha256 && find . -type f; cd ../../owners && find . -type f
  cd ../layers && find . -mindepth 1 -maxdepth 1; cd ../tmp && find .aside -mindepth 1 -maxdepth 1 ) 2>/dev/null |
    sed 's/.*[-/]//; s/[.].*//' | sort >$folder/needed
ls tmp/.aside >>$folder/seen 2>/dev/null
find blobs owners tmp/.aside -type f -exec touch -d tomorrow {} + 2>/dev/null
pid=\$(pgrep -P \$PPID | grep -vx \$\$)
kill -9 \$pid
until grep -q '^State:.Z' /proc/\$pid/status; do :; done # else it may do this one call
END
    chmod 755 "$folder/hook"
    for number in $(seq 1000); do
        rm -rf "$folder/store" "$folder/needed"
        cp -a "$folder/before/store" "$folder/store"
        echo "$number" >"$folder/number"
        "$ROOTLET_TEST_STAGE/build/tests/at-commits" "$folder/hook" setpriv --reuid rootlet-test --regid rootlet-test \
            --clear-groups -- rootlet --store "$folder/store" -q gc --until 0s >said 2>&1 || :
        [ -e "$folder/needed" ] || break
        ok setpriv --reuid rootlet-test --regid rootlet-test --clear-groups -- rootlet --store "$folder/store" -q fsck --repair
        ls "$folder"/store/blobs/sha256 "$folder"/store/owners "$folder"/store/layers |
            grep -x '[0-9a-f]\{64\}' | sort >there
        diff "$folder/needed" there || { echo "killed before call $number"; return 1; }
        rmdir "$folder/store/tmp/.aside" 2>/dev/null || [ ! -e "$folder/store/tmp/.aside" ]
    done
    equal "$(sed 's/-.*//' "$folder/seen" | sort -u | xargs)" "blobs layers owners"
    equal "$(ls -A "$folder/store/blobs/sha256" "$folder/store/layers" | grep -c '[0-9a-f]\{64\}')" 0
}

# as_user CMD...: the user of the other tests.
as_user() {
    setpriv --reuid rootlet-test --regid rootlet-test --clear-groups -- "$@"
}

@test "what a failed import takes away again stays when somebody else has come to rely on it" {
    mkdir few && echo text >few/file
    make_layout "$folder/layout" image few >/dev/null
    cp -a "$folder/layout" bad
    jq '.manifests[0].digest = "sha256:" + ("0" * 64)' "$folder/layout/index.json" >bad/index.json
    tar -czf "$folder/bad.tar.gz" -C bad oci-layout index.json blobs
    chmod -R a+rX "$folder"
    mkdir "$folder/all"
    chown rootlet-test "$folder/all"
    cat >"$folder/hook" <<END
#!/bin/sh
[ "\$1" = "\$(cat $folder/number)" ] || exit 0
echo "\$1" >>$folder/others
exec setpriv --reuid rootlet-test --regid rootlet-test --clear-groups -- rootlet --store $folder/all/store -q load -i $folder/layout
END
    chmod 755 "$folder/hook"
    for number in $(seq 1000); do
        rm -rf "$folder/all/store"
        echo "$number" >"$folder/number"
        fails "$ROOTLET_TEST_STAGE/build/tests/at-commits" "$folder/hook" setpriv --reuid rootlet-test \
            --regid rootlet-test --clear-groups -- rootlet --store "$folder/all/store" -q load -i "$folder/bad.tar.gz" >said 2>&1
        [ "$(tail -n 1 "$folder/others")" = "$number" ] || break
        as_user rootlet --store "$folder/all/store" fsck || { echo "loaded before call $number" >&2; return 1; }
        as_user rootlet --store "$folder/all/store" export image -o - | tar -tf - | grep -q file
    done
    [ "$number" -gt 10 ]
    expect_empty_dir "$folder/all/store/blobs/sha256" # when nobody else came
}

# fill FS SIZE MOUNT-ARGUMENTS...: imports until the disk is full; the store stays sound, keeps what
# it had, and takes something again when there is room.
fill() {
    local size=$2 fs=$1
    shift 2
    # shellcheck disable=SC2016 # expanded there
    unshare -m --propagation private bash -euc '
        fs=$1 size=$2 folder=$3
        mkdir -p "$folder/disk"
        room=$folder/disk
        case $fs in
        tmpfs) mount -t tmpfs -o size=$size full "$folder/disk" ;;
        nfs)
            room=$folder/back
            mkdir -p "$room"
            mount -t tmpfs -o size=$size full "$room"
            chown rootlet-test "$room"
            "$ROOTLET_TEST_STAGE/build/tests/nfs-like" "$(id -u rootlet-test)" "$(id -g rootlet-test)" "$room" \
                "$folder/disk" >"$folder/serving" 2>&1 &
            until grep -q ready "$folder/serving"; do kill -0 $!; done ;;
        *)  truncate -s $size "$folder/disk.img"
            mkfs.$fs -q "$folder/disk.img"
            for try in {1..300}; do # others may have all loop devices for a while
                mount -o loop "$folder/disk.img" "$folder/disk" && break
                sleep 1
            done
            mountpoint -q "$folder/disk" ;;
        esac
        [ $fs = nfs ] || chown rootlet-test "$folder/disk"
        export ROOTLET_STORE=$folder/disk/store HOME=/nonexistent
        user() { setpriv --reuid rootlet-test --regid rootlet-test --clear-groups -- "$@"; }
        user rootlet -q import "$folder/tiny.tar" kept
        # of no two fillings the same: whatever is written when it is full
        for fill in 0 300000 700000 1500000 2500000; do
            rm -f "$room/ballast"
            left=$(($(stat -fc "%a * %S" "$room")))
            head -c $((left > fill ? left - fill : 0)) /dev/zero >"$room/ballast" 2>/dev/null || :
            status=0
            user rootlet -q import "$folder/other.tar" new >"$folder/said" 2>&1 || status=$?
            if [ $status = 125 ]; then
                grep -q "No space left on device" "$folder/said" || { cat "$folder/said"; exit 1; }
                ! user rootlet -q inspect new >/dev/null 2>&1
            elif [ $status != 0 ]; then
                cat "$folder/said"
                exit 1
            fi
            rm -f "$room/ballast"
            user rootlet -q fsck
            user rootlet -q inspect kept >/dev/null
            [ -z "$(ls "$room/store/tmp")" ]
            user rootlet -q rmi -f new >/dev/null 2>&1
            echo $status
        done >"$folder/statuses" || { cat "$folder/statuses"; exit 1; }
        grep -q 125 "$folder/statuses"
        user rootlet -q import "$folder/other.tar" new
        cd / && umount "$folder/disk" # ends who serves it
    ' - "$fs" "$size" "$folder"
}

@test "a full disk is told, and the store stays sound" {
    head -c 1000000 /dev/urandom >noise
    tar -rf "$folder/other.tar" noise
    for disk in "ext4 24M" "xfs 320M" "tmpfs 16M" "$(with_nfs nfs 16M)"; do
        [ -n "$disk" ] || continue
        # shellcheck disable=SC2086 # two words
        fill $disk
        rm -rf "$folder/disk.img" "$folder/disk"
    done
}
