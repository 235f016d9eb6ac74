# SPDX-License-Identifier: Apache-2.0
# What depends on the file system of the store: quotas, and blocks that files share.
load ../support/common
load ../support/registry

setup() {
    common_setup
    need losetup setpriv
    [ "$(id -u)" = 0 ] || skip "only root can mount"
    losetup -f >/dev/null 2>&1 || skip "there are no loop devices"
    cp --no-preserve=mode "$(tiny_tar)" tiny.tar
    on_disk=$ROOTLET_TEST_STAGE/tests/support/on-disk
    folder=$(mktemp -d /var/tmp/rootlet-disks-XXXXXX)
    chmod 755 "$folder"
    cp tiny.tar "$folder"
}

teardown() {
    registry_stop
    rm -rf "${folder:-/nonexistent}"
}

# shellcheck disable=SC2016 # scripts for on-disk are expanded there
@test "equal files of all layers share their blocks, and nothing else about them changes" {
    need mkfs.xfs
    mkdir one two
    head -c 8000000 /dev/urandom >one/large
    head -c 20000 /dev/urandom >one/medium
    cp one/large two/renamed
    cp -a one/medium two/medium
    head -c 8000000 /dev/urandom >two/other
    cp one/large two/almost
    printf different | dd of=two/almost bs=1 seek=7999991 conv=notrunc status=none
    chmod 4711 two/renamed
    for tree in one two; do tar -cf "$folder/$tree.tar" -C $tree .; done
    for fs in xfs btrfs; do
        command -v mkfs.$fs >/dev/null || continue
        "$on_disk" $fs 400M '
            state() { (cd "$ROOTLET_STORE/layers" && find . -printf "%p %m %n %s %T@ %y %l\n" | sort; find . -type f -exec sha256sum {} + | sort); }
            for name in tiny one two; do user rootlet -q import "$1/$name.tar" $name; done
            state >"$1/before"
            free=$(left)
            user rootlet gc --dedup --dry-run 2>&1 | grep -q "8.0 MB of 2 files could be shared"
            [ "$(left)" -lt $((free + 4000000)) ]
            user rootlet gc --dedup 2>&1 | grep -q "8.0 MB of 2 files, now shared with others"
            [ "$(left)" -gt $((free + 6000000)) ]
            state | cmp - "$1/before"
            user rootlet gc --dedup 2>&1 | grep -q "0 B of 0 files"
            user rootlet -q fsck
            # what one of them loses the other one keeps
            user rootlet -q rmi one
            user rootlet export two -o - | tar -xO renamed | cmp - "$2/two/renamed"
            user rootlet -q fsck
        ' "$folder" "$PWD" || return
    done
}

@test "where files cannot share blocks gc --dedup says so, and what can" {
    "$on_disk" tmpfs 32M 'user rootlet -q import "$1/tiny.tar" tiny; user rootlet gc --dedup' "$folder" >said 2>&1 && return 1
    grep -q "files cannot share blocks on the file system of '.*/store'" said
    grep -q "^hint: xfs and btrfs can" said
}

# What a quota stops says so with 125, leaves the store as sound as it was, and works once there is
# room. The only quota that kernels of test machines know is that of btrfs.
@test "a quota is told by import, build and pull, and the store stays sound" {
    need mkfs.btrfs docker-registry
    mkdir "$folder/context" noise
    head -c 3000000 /dev/urandom >noise/noise
    cp noise/noise "$folder/context"
    tar -cf "$folder/noise.tar" noise
    chmod -R a+rX "$folder"
    printf 'FROM kept\nCOPY noise /noise\nRUN cp /noise /again\n' >"$folder/context/Dockerfile"
    registry_start
    rootlet -q import "$folder/noise.tar" noise
    rootlet -q push noise "$REGISTRY/noise:1"
    "$on_disk" btrfs 400M '
        btrfs quota enable "$DISK"
        btrfs subvolume create "$DISK/home" >/dev/null
        chown rootlet-test "$DISK/home"
        export ROOTLET_STORE=$DISK/home/store
        limit() { btrfs qgroup limit "$1" "$DISK/home"; }
        used() { sync -f "$DISK"; btrfs qgroup show --raw "$DISK/home" | awk "\$1 ~ /^0\/2/ { n = \$2 } END { print n }"; }
        # says COMMAND...: stopped by the quota at every one of these limits, and never half done
        says() {
            for room in 100000 700000 2000000 3500000; do
                limit $(($(used) + room))
                status=0
                user "$@" >said 2>&1 || status=$?
                limit none
                grep -q "Disk quota exceeded" said && [ $status = 125 ] || { echo "$room: $status"; cat said; return 1; }
                user rootlet -q fsck
                user rootlet -q inspect kept >/dev/null
                ! user rootlet -q inspect new >/dev/null 2>&1
                [ -z "$(ls "$ROOTLET_STORE/tmp")" ]
            done
            user "$@" >said 2>&1 || { cat said; return 1; }
            user rootlet -q inspect new >/dev/null
            user rootlet -q rmi new
            user rootlet -q gc --until 0s
            user rootlet -q fsck
        }
        user rootlet -q import "$1/tiny.tar" kept
        says rootlet -q import "$1/noise.tar" new
        says rootlet -q build -t new "$1/context"
        says sh -c "rootlet -q pull $2/noise:1 && rootlet tag $2/noise:1 new && rootlet rmi $2/noise:1"
    ' "$folder" "$REGISTRY"
}
