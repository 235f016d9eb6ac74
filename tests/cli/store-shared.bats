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

# start_pulls N: N pulls at once; their pids are in $pids.
start_pulls() {
    pids=()
    for n in $(seq "$1"); do
        rootlet -q pull --retry-delay 0 "$FLAKY/r:1" >"said.$n" 2>&1 3>&- &
        pids+=($!)
    done
}

@test "of 64 pulls at once only one fetches and unpacks each layer" {
    flaky_start
    start_pulls 64
    for n in $(seq 64); do
        wait "${pids[n - 1]}" || { cat "said.$n"; return 1; }
        equal "$(cat "said.$n")" "$FLAKY/r:1@$digest"
    done
    for blob in $(layers_of_image); do equal "$(asked_for "$blob")" 1; done
    is_right
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

@test "who waits for a process takes over when that one is killed" {
    flaky_start --hang 100000 --hang-times 1
    start_pulls 1
    until [ "$(grep -c hanging "$FLAKY_LOG")" = 3 ]; do kill -0 "${pids[0]}"; done
    rootlet pull --progress plain "$FLAKY/r:1" >second 2>&1 3>&- &
    second=$!
    until grep -q "another process is at it" second; do kill -0 $second; done
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
        start_pulls 12
        for n in 0 1 2 3 4 5 6 7; do
            for ((spin = RANDOM % 4000; spin > 0; spin--)); do :; done
            kill -9 "${pids[n]}" 2>/dev/null || :
        done
        for n in 8 9 10 11; do wait "${pids[n]}" || { cat "said.$((n + 1))"; return 1; }; done
        is_right
        ok rootlet gc
        equal "$output" ""
    done
}
