# SPDX-License-Identifier: Apache-2.0
# Many processes that want the same image at the same time, some of which are killed.
load ../support/common
load ../support/registry

setup() {
    common_setup
    need python3 jq
    layout=$BATS_TEST_TMPDIR/flaky/oci
    mkdir "$BATS_TEST_TMPDIR/flaky"
    for name in one two three; do
        mkdir "$name"
        head -c 300000 /dev/urandom >"$name/$name"
        for n in $(seq 50); do echo "$n" >"$name/$name.$n"; done
    done
    digest=$(make_layout "$layout" 1 one two three)
}

teardown() {
    flaky_stop
    common_teardown
}

# blobs_of_image: the digests of its config's and its layers' blobs.
blobs_of_image() {
    jq -r '.config.digest, .layers[].digest' "$layout/blobs/sha256/${digest#sha256:}"
}

# layers_of_image: the digests of its layers' blobs.
layers_of_image() {
    jq -r '.layers[].digest' "$layout/blobs/sha256/${digest#sha256:}"
}

# asked_for BLOB: how many requests for its bytes were answered.
asked_for() {
    grep -c "GET [^ ]*/blobs/$1 20" "$FLAKY_LOG" || :
}

is_right() {
    ok rootlet fsck
    equal "$output" ""
    for name in one two three; do
        cmp "$name/$name" "$(echo "$ROOTLET_STORE"/layers/*/"$name")"
    done
}

# start_pulls N [CMD...]: N pulls at once, under CMD; their pids are in $pids.
start_pulls() {
    local n count=$1
    shift
    pids=()
    for n in $(seq "$count"); do
        "$@" rootlet -q pull --retry-delay 0 --timeout 30m "$FLAKY/r:1" >"said.$n" 2>&1 3>&- &
        pids+=($!)
    done
}

hang() {
    [ "$(grep -c hanging "$FLAKY_LOG")" = "$1" ]
}

@test "of 64 pulls at once only one fetches each blob and unpacks each layer" {
    mkdir small
    echo text >small/file
    digest=$(make_layout "$layout" 1 one two three small)
    flaky_start
    start_pulls 64
    for n in $(seq 64); do
        wait "${pids[n - 1]}" || { cat "said.$n"; return 1; }
        equal "$(cat "said.$n")" "$FLAKY/r:1@$digest"
    done
    [ "$(blobs_of_image | wc -l)" = 5 ]
    for blob in $(blobs_of_image); do equal "$(asked_for "$blob")" 1; done
    is_right
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

@test "who waits for a process takes over when that one is killed" {
    flaky_start --hang 100000 --hang-times 1
    start_pulls 1
    while_alive "${pids[0]}" hang 3
    rootlet pull --progress plain "$FLAKY/r:1" >second 2>&1 3>&- &
    second=$!
    while_alive $second has_line "another process is at it" second
    for blob in $(layers_of_image); do equal "$(asked_for "$blob")" 1; done
    kill -9 "${pids[0]}"
    wait $second || { cat second; return 1; }
    for blob in $(layers_of_image); do equal "$(asked_for "$blob")" 2; done
    is_right
}

@test "pulls that are killed at any point leave it to the others" {
    flaky_start
    for round in 1 2; do
        rm -rf "$ROOTLET_STORE"
        start_pulls 8 for_a_while 1500
        killed=("${pids[@]}")
        start_pulls 4
        for n in 1 2 3 4; do wait "${pids[n - 1]}" || { cat "said.$n"; return 1; }; done
        for n in "${killed[@]}"; do wait "$n" || :; done
        is_right
        ok rootlet gc
        equal "$output" ""
    done
}

@test "of 64 processes that pull, import, build, run, name, delete and collect, half are killed and none harms the others" {
    flaky_start
    import_tiny kept
    mkdir context
    printf 'FROM kept\nCOPY file /file\nRUN cp /file /again\n' >context/Dockerfile
    echo text >context/file
    pids=()
    for n in $(seq 64); do
        case $((n % 8)) in
        0 | 1) set -- rootlet -q pull --retry-delay 0 "$FLAKY/r:1" ;;
        2) set -- rootlet -q import "$(tiny_tar)" "import.$n" ;;
        3) set -- rootlet -q build -t "build.$n" context ;;
        4) set -- rootlet run --pull never kept -- true ;;
        5) set -- rootlet tag kept "tag.$n" ;;
        6) set -- rootlet -q gc ;;
        7) set -- sh -c "rootlet tag kept gone.$n && rootlet rmi gone.$n" ;;
        esac
        # of each kind four
        [ $(((n + n / 8) % 2)) = 0 ] || set -- for_a_while 8000 "$@"
        "$@" >"said.$n" 2>&1 3>&- &
        pids[n]=$!
    done
    for n in $(seq 64); do
        if wait "${pids[n]}" || [ $(((n + n / 8) % 2)) = 1 ]; then continue; fi
        echo "number $n"
        cat "said.$n"
        return 1
    done
    ok rootlet fsck
    equal "$output" ""
    ok rootlet run kept -- true
    ok rootlet -q pull --retry-delay 0 "$FLAKY/r:1"
    ok rootlet -q build -t last context
    ok rootlet run last -- cat /again
    equal "$output" text
    # what runs in a box goes soon after who was killed, what a shell has begun goes on without it
    eventually all_can_go
}

all_can_go() {
    rootlet images -q | xargs -r rootlet rmi -f >/dev/null && ok rootlet -q gc --until 0s &&
        expect_empty_dir "$ROOTLET_STORE/layers" && expect_empty_dir "$ROOTLET_STORE/blobs/sha256" &&
        expect_empty_dir "$ROOTLET_STORE/tmp"
}
