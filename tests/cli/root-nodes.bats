# SPDX-License-Identifier: Apache-2.0
# A store in a home directory that two machines share: a stand-in for NFS (tests/support/nfs-like.c).
load ../support/common
load ../support/registry
load ../support/nodes

setup() {
    common_setup
    NFS_LIKE=$ROOTLET_TEST_STAGE/build/tests/nfs-like
    need_nodes
    need python3 jq nsenter
    FOLDER=$(mktemp -d /var/tmp/rootlet-nodes-XXXXXX)
    chown rootlet-test "$FOLDER"
    mkdir -m 777 "$FOLDER/home" "$FOLDER/work"
    cd "$FOLDER/work"
    unset XDG_RUNTIME_DIR
    export ROOTLET_STORE=$NODE_MOUNT/store HOME=$NODE_MOUNT
    for name in a b; do node_start "$name" "$FOLDER/home"; done
}

teardown() {
    nodes_stop
    flaky_stop
    cd /
    rm -rf "${FOLDER:-/nonexistent}"
}

@test "the stand-in refuses what NFS refuses" {
    as_user touch "$FOLDER/home/file"
    node a touch "$NODE_MOUNT/there"
    node b test -e "$NODE_MOUNT/there"
    fails node a flock "$NODE_MOUNT/there" true
    fails node a setfattr -n user.a -v b "$NODE_MOUNT/there"
    fails node a mknod "$NODE_MOUNT/null" c 1 3
    node b stat -c %s "$NODE_MOUNT/file"
    node a sh -c "echo longer >$NODE_MOUNT/file"
    equal "$(node b stat -c %s "$NODE_MOUNT/file")" 0 # believed for a minute
}

@test "what one machine imports, builds and removes the other one sees" {
    ok node a rootlet -q import "$(tiny_tar)" tiny
    ok node b rootlet run tiny -- sh -c 'echo here >/etc/new && chown 5:6 /etc/new && stat -c %u:%g /etc/new'
    equal "$output" 5:6
    printf 'FROM tiny\nRUN --mount=type=cache,target=/c echo x >/c/x && chown 7:8 /usr && cp /bin/sh /copy\nRUN rm -r /home && mkdir /home && echo y >/home/y\n' >Dockerfile
    ok node b rootlet -q build -t built .
    ok node a rootlet run built -- sh -c 'stat -c %u:%g /usr; ls /home; ls -d /copy'
    equal "$output" $'7:8\ny\n/copy'
    ok node a rootlet -q build -t again .
    ok node b rootlet images --format json
    [ "$(jq -r .Repository <<<"$output" | sort | xargs)" = "again built tiny" ]
    ok node b rootlet export built -o built.tar
    tar -tf built.tar | grep -q home/y
    for name in a b; do
        ok node "$name" rootlet fsck
        equal "$output" ""
    done
    ok node a rootlet rmi built again
    ok node b rootlet gc --until 0s
    ok node b rootlet run tiny -- true
    refused node b rootlet run --pull never built -- true
    node a rm -r "$ROOTLET_STORE"
    [ ! -e "$FOLDER/home/store" ]
}

# keep_open FILE: a process on machine a has it open from now on.
keep_open() {
    # shellcheck disable=SC2016 # expanded there
    node a sh -c 'exec 5<"$1" && echo open && exec sleep 3600' - "$1" >opened 2>&1 3>&- &
    until grep -q open opened; do kill -0 $!; done
}

# hold_replacing FILE: who replaces it while it is open stops when it is gone, until it was missed.
hold_replacing() {
    echo "${1#"$NODE_MOUNT"}" >"$FOLDER/home/.hold.new"
    mv "$FOLDER/home/.hold.new" "$FOLDER/home/.hold"
}

@test "a name that is changed where somebody reads it is not missed on another machine" {
    mkdir tree
    echo text >tree/file
    tar -cf other.tar -C tree .
    ok node a rootlet -q import "$(tiny_tar)" tiny
    ok node a rootlet -q import other.tar other
    ok node a rootlet tag tiny moved
    name=$NODE_MOUNT/$(cd "$FOLDER/home" && find store/refs -path '*moved/_tags/latest')
    keep_open "$name"
    hold_replacing "$name"
    node a rootlet tag other moved >said 2>&1 3>&- &
    tagging=$!
    while [ -e "$FOLDER/home/.hold" ]; do
        kill -0 $tagging || { cat said; return 1; }
        ok node b rootlet inspect moved
    done
    wait $tagging || { cat said; return 1; }
    equal "$(node b rootlet export moved -o - | tar -xO file)" text
}

@test "a blob that comes once more where somebody reads it is not missed on another machine" {
    ok node a rootlet -q import "$(tiny_tar)" tiny
    blob=store/blobs/sha256/$(ls -S "$FOLDER/home/store/blobs/sha256" | head -n 1)
    keep_open "$NODE_MOUNT/$blob"
    hold_replacing "$NODE_MOUNT/$blob"
    before=$(stat -c %i "$FOLDER/home/$blob")
    node a rootlet -q import "$(tiny_tar)" again >said 2>&1 3>&- &
    importing=$!
    while kill -0 $importing 2>/dev/null; do
        ok node b rootlet -q save tiny -o saved.tar
        rm -f saved.tar
    done
    wait $importing || { cat said; return 1; }
    [ -e "$FOLDER/home/.hold" ]
    equal "$(stat -c %i "$FOLDER/home/$blob")" "$before"
    ok node b rootlet run again -- true
}

# prepare_image: three layers in a registry; its digest is in $digest.
prepare_image() {
    local name
    for name in one two three; do
        mkdir "$name"
        head -c 300000 /dev/urandom >"$name/$name"
    done
    mkdir "$BATS_TEST_TMPDIR/flaky"
    digest=$(make_layout "$BATS_TEST_TMPDIR/flaky/oci" 1 one two three)
    flaky_start "$@"
}

# asked_for_each N: the bytes of each layer were asked for so often.
asked_for_each() {
    local blob
    for blob in $(jq -r '.layers[].digest' "$BATS_TEST_TMPDIR/flaky/oci/blobs/sha256/${digest#sha256:}"); do
        equal "$(grep -c "GET [^ ]*/blobs/$blob 20" "$FLAKY_LOG")" "$1"
    done
}

@test "pulls on two machines at once fetch each layer once" {
    prepare_image
    for n in $(seq 16); do
        node "$([ $((n % 2)) = 0 ] && echo a || echo b)" rootlet -q pull "$FLAKY/r:1" >"said.$n" 2>&1 3>&- &
        pids[n]=$!
    done
    for n in $(seq 16); do wait "${pids[n]}" || { cat "said.$n"; return 1; }; done
    asked_for_each 1
    ok node b rootlet fsck
    equal "$output" ""
}

@test "a machine takes over what a process on another one began and cannot end" {
    prepare_image --hang 100000 --hang-times 1
    node a rootlet -q pull "$FLAKY/r:1" >first 2>&1 3>&- &
    until [ "$(grep -c hanging "$FLAKY_LOG")" = 3 ]; do kill -0 $!; done
    node b rootlet pull --progress plain "$FLAKY/r:1" >second 2>&1 3>&- &
    second=$!
    until grep -q "another process is at it" second; do kill -0 $second; done
    asked_for_each 1
    kill -9 "$(cat "$BATS_TEST_TMPDIR/nodes/a.pid")" # with all that runs there
    wait $second || { cat second; return 1; }
    asked_for_each 2
    ok node b rootlet fsck
    equal "$output" ""
}

@test "an environment is made again where renaming has no flags" {
    ok node a rootlet -q isolate create "$NODE_MOUNT/env" --hide /etc/issue
    ok node a rootlet -q isolate create "$NODE_MOUNT/env" --hide /etc/motd
    [ "$(ls -A "$FOLDER/home" | grep env)" = env ]
    grep -q motd "$FOLDER/home/env/environment.json"
}

# killing_when CONDITION NODE CMD...: as the user of the other tests; it is killed before the first call that makes
# anything lasting at which the condition holds, said in shell and of the directory that the machines share.
killing_when() {
    local init
    init=$(cat "$BATS_TEST_TMPDIR/nodes/$2.init")
    cat >"$FOLDER/hook" <<END
#!/bin/sh
cd "$FOLDER/home" && [ ! -e ../killed ] && $1 || exit 0
pid=\$(pgrep -P \$PPID | grep -vx \$\$)
kill -9 \$pid
echo killed >../killed
until grep -q '^State:.Z' /proc/\$pid/status; do :; done # else it may do this one call
END
    chmod 755 "$FOLDER/hook"
    rm -f "$FOLDER/killed"
    shift 2
    fails nsenter -t "$init" -m -p -i --wd=. -- "$ROOTLET_TEST_STAGE/build/tests/at-commits" "$FOLDER/hook" \
        setpriv --reuid rootlet-test --regid rootlet-test --clear-groups -- "$@" >said 2>&1
    [ -e "$FOLDER/killed" ] || { cat said; return 1; }
}

@test "who makes an environment again and is killed leaves the old one or the new one" {
    # of the same archive nothing would be made again
    local archive=$PWD/root.tar
    local create=(sh -c "echo >>$archive && exec rootlet -q isolate create $NODE_MOUNT/env --from tar:$archive")
    cp --no-preserve=mode "$(tiny_tar)" root.tar
    chmod 666 root.tar
    ok node a "${create[@]}"
    touch "$FOLDER/home/env/first"
    killing_when "[ -e env.tmp-*/environment.json ]" a "${create[@]}"
    [ -e "$FOLDER/home/env/first" ]
    rm -r "$FOLDER"/home/env.tmp-* # here are no locks: it is nobody's
    for next in "rootlet run $NODE_MOUNT/env -- true" "${create[2]}" "rootlet isolate remove $NODE_MOUNT/env"; do
        killing_when "[ ! -e env ]" a "${create[@]}"
        [ ! -e "$FOLDER/home/env" ]
        ok node a sh -c "$next"
    done
    equal "$(find "$FOLDER/home" -maxdepth 1 -name 'env*old')" ""
    ok node a "${create[@]}"
    killing_when "[ -e env ] && [ -e env.tmp-*-old ]" a "${create[@]}"
    ok node a rootlet run "$NODE_MOUNT/env" -- true
}
