# SPDX-License-Identifier: Apache-2.0
# Machines that share a directory as through NFS, for root-*.bats (tests/support/nfs-like.c says what
# is the same and what is not): each has its own mount, pid and ipc namespaces.
#
#     node_start NAME BACKING      the directory BACKING is $NODE_MOUNT there
#     node NAME CMD...             as the user of the other tests, in the current directory
#     nodes_stop

NODE_MOUNT=/mnt

# as_user CMD...: as the user of the other tests, who has no subordinate ids.
as_user() {
    setpriv --reuid rootlet-test --regid rootlet-test --clear-groups -- "$@"
}

need_nodes() {
    [ "$(id -u)" = 0 ] || skip "only root can mount"
    [ -c /dev/fuse ] || skip "there is no /dev/fuse"
    [ -x "$NFS_LIKE" ] || skip "libfuse3 is not installed"
}

node_start() {
    local ids
    ids="$(id -u rootlet-test) $(id -g rootlet-test)"
    mkdir -p "$BATS_TEST_TMPDIR/nodes"
    : >"$BATS_TEST_TMPDIR/nodes/$1.said"
    # the file system ends with its namespace: pid 1 there is the one that serves it
    # shellcheck disable=SC2086 # two words
    unshare -m -p -f -i --mount-proc --kill-child -- "$NFS_LIKE" $ids "$2" "$NODE_MOUNT" \
        >"$BATS_TEST_TMPDIR/nodes/$1.said" 2>&1 3>&- &
    echo $! >"$BATS_TEST_TMPDIR/nodes/$1.pid"
    until grep -q ready "$BATS_TEST_TMPDIR/nodes/$1.said"; do
        kill -0 $! || { cat "$BATS_TEST_TMPDIR/nodes/$1.said" >&2; return 1; }
    done
    pgrep -P $! >"$BATS_TEST_TMPDIR/nodes/$1.init"
}

node() {
    local init
    init=$(cat "$BATS_TEST_TMPDIR/nodes/$1.init")
    shift
    nsenter -t "$init" -m -p -i --wd=. -- setpriv --reuid rootlet-test --regid rootlet-test --clear-groups -- "$@"
}

# --kill-child does not reach who changed his ids, and that is what nfs-like does.
nodes_stop() {
    local file
    for file in "$BATS_TEST_TMPDIR"/nodes/*.pid "$BATS_TEST_TMPDIR"/nodes/*.init; do
        [ -e "$file" ] || continue
        # not another program that has this pid by now
        ! grep -q nfs-like "/proc/$(cat "$file")/cmdline" 2>/dev/null || kill -9 "$(cat "$file")" 2>/dev/null || :
    done
}
