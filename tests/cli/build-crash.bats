# SPDX-License-Identifier: Apache-2.0
# Builds that are killed, and builds at the same time: the store is never left so that a later build
# gets something wrong. $ROOTLET_TEST_KILLS makes more of it.
load ../support/common
load ../support/build

KILLS=${ROOTLET_TEST_KILLS:-6}

setup() {
    common_setup
    need jq
    need_userns
    import_tiny
    export SOURCE_DATE_EPOCH=1000000000 # the same steps give the same image, whoever did them
    mkdir src
    for n in $(seq 80); do echo "$n $n" >"src/$n"; done
}

teardown() {
    common_teardown
}

# a_dockerfile WORD: stages, files, cache mounts of all kinds; only the last step depends on WORD.
a_dockerfile() {
    dockerfile "Dockerfile.$1" <<END
FROM tiny AS made
COPY src /src
RUN --mount=type=cache,id=locked,sharing=locked,target=/c for n in \$(seq 20); do cat /src/* >/c/all; done && cp /c/all /all
FROM tiny AS other
RUN --mount=type=cache,id=shared,target=/c cp -r /bin /copy && cp /bin/busybox "/c/\$(cat /proc/sys/kernel/random/uuid)"
RUN chown -R 7:8 /copy && rm /copy/ls
FROM tiny
COPY --from=made /all /all
COPY --from=other --chmod=750 /copy /copy
RUN mv /all /moved && rm -r /copy && mkdir /copy && echo $1 >/copy/word
END
}

# digest STORE DOCKERFILE: of the image's manifest, the build being right.
digest() {
    rootlet build -q --store "$1" -f "$2" --metadata-file "$BATS_TEST_TMPDIR/metadata" . >/dev/null &&
        jq -r '."containerimage.digest"' "$BATS_TEST_TMPDIR/metadata"
}

# expected DOCKERFILE: what a store gives in which nothing was ever killed.
expected() {
    local clean=$BATS_TEST_TMPDIR/clean
    [ -d "$clean" ] || rootlet -q --store "$clean" import "$(tiny_tar)" tiny >/dev/null
    digest "$clean" "$1"
}

# killed_build DOCKERFILE LINES: kill -9 once it has said so many lines, or let it end before.
killed_build() {
    local pid said=$BATS_TEST_TMPDIR/said
    rootlet build --progress plain -f "$1" . >"$said" 2>&1 3>&- &
    pid=$!
    until [ "$(wc -l <"$said")" -ge "$2" ]; do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.01
    done
    moment 100
    ! kill -0 "$pid" 2>/dev/null || kill -9 "$pid" || :
    wait "$pid" 2>/dev/null || :
}

# is_tidy: what was killed is gone, and whoever works in the store next has cleared up after it.
is_tidy() {
    rootlet tag tiny tiny && expect_empty_dir "$ROOTLET_STORE/tmp"
}

prune_all() {
    ok rootlet cache prune --all && [[ $stderr != *"in use"* ]]
}

@test "builds that are killed at any point leave nothing that makes a later one wrong" {
    a_dockerfile word
    right=$(expected Dockerfile.word)
    for ((round = 0; round < KILLS; round++)); do
        [ $((round % 3)) -ne 0 ] || rm -rf "$ROOTLET_STORE/cache/steps"
        killed_build Dockerfile.word $((RANDOM % 16))
        [ $((round % 3)) -ne 2 ] || equal "$(digest "$ROOTLET_STORE" Dockerfile.word)" "$right"
    done
    equal "$(digest "$ROOTLET_STORE" Dockerfile.word)" "$right"
    eventually is_tidy
    ok rootlet fsck
    ok rootlet gc
    equal "$(rootlet df --format json | jq .Parts.Unneeded.Count)" 0
    # What was killed is gone, too there, or it would hold a lock.
    eventually prune_all
    equal "$(digest "$ROOTLET_STORE" Dockerfile.word)" "$right"
}

counts() {
    [ -s "$(echo "$ROOTLET_STORE"/cache/mounts/*/tree/n)" ]
}

# Its commands are ended by the kernel soon after; until then nobody else gets its locked mount.
@test "a locked cache mount stays locked until the last process of a killed build is gone" {
    printf 'FROM tiny\nRUN --mount=type=cache,id=l,sharing=locked,target=/c while :; do n=$((n + 1)); echo $n >/c/n; done\n' >Dockerfile
    printf 'FROM tiny\nARG N\nRUN --mount=type=cache,id=l,sharing=locked,target=/c was=$(cat /c/n); for n in $(seq 3000); do :; done; echo $N: $was $(cat /c/n); [ "$was" = "$(cat /c/n)" ]\n' >Second
    for round in 1 2 3; do
        rm -f "$ROOTLET_STORE"/cache/mounts/*/tree/n
        rootlet build . >said 2>&1 3>&- &
        pid=$!
        while_alive "$pid" counts
        kill -9 "$pid"
        wait "$pid" || :
        builds -f Second --build-arg "N=$round" .
    done
}

@test "builds at the same time, of one Dockerfile and of several, are all right" {
    for word in one two; do a_dockerfile "$word"; done
    for n in 1 2 3 4; do
        word=$([ $((n % 2)) -eq 0 ] && echo one || echo two)
        rootlet build --progress plain -t "image$n" -t "$word" -f "Dockerfile.$word" . >"said$n" 2>&1 3>&- &
        pids[n]=$!
    done
    # who prunes meanwhile is in nobody's way
    for n in 1 2 3; do rootlet -q cache prune --all; done
    for n in 1 2 3 4; do wait "${pids[n]}" || { cat "said$n" >&2; return 1; }; done
    for word in one two; do
        right=$(expected "Dockerfile.$word")
        equal "$(digest "$ROOTLET_STORE" "Dockerfile.$word")" "$right"
    done
    for n in 1 2 3 4; do
        ok rootlet run "image$n" cat /copy/word
        equal "$output" "$([ $((n % 2)) -eq 0 ] && echo one || echo two)"
    done
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

@test "the same step in two stages is done once" {
    dockerfile <<'END'
FROM tiny AS one
RUN cat /proc/sys/kernel/random/uuid >/uuid
FROM tiny AS two
RUN cat /proc/sys/kernel/random/uuid >/uuid
FROM tiny
COPY --from=one /uuid /one
COPY --from=two /uuid /two
END
    builds -t both .
    cached 1
    image_sh both 'cmp /one /two'
}

@test "cache mounts in whatever order make no two builds wait for each other, nor one for itself" {
    for order in "a b" "b a"; do
        set -- $order
        printf 'FROM tiny\nRUN --mount=type=cache,id=%s,target=/1,sharing=locked --mount=type=cache,id=%s,target=/2,sharing=locked --mount=type=cache,id=%s,target=/3 for n in $(seq 100); do echo x >>/1/x; done; cmp /1/x /3/x\n' \
            "$1" "$2" "$1" >"Dockerfile.$1"
    done
    for n in 1 2 3 4; do
        for order in a b; do
            rootlet -q build --no-cache -f "Dockerfile.$order" . >"said$n$order" 2>&1 3>&- &
            pids+=($!)
        done
    done
    for pid in "${pids[@]}"; do wait "$pid" || { cat said*; return 1; }; done
}

@test "all who find a shared cache mount new get the same one" {
    for stage in 1 2 3 4; do
        printf 'FROM tiny AS s%s\nARG N\nRUN --mount=type=cache,id=new-$N,target=/c echo $N >/c/%s && cp /c/%s /%s\n' "$stage" "$stage" "$stage" "$stage"
    done >Dockerfile
    printf 'FROM tiny\nCOPY --from=s1 /1 /\nCOPY --from=s2 /2 /\nCOPY --from=s3 /3 /\nCOPY --from=s4 /4 /\nARG N\nRUN --mount=type=cache,id=new-$N,target=/c for s in 1 2 3 4; do cmp /$s /c/$s || exit 1; done\n' >>Dockerfile
    for n in $(seq 4); do builds --jobs 4 --build-arg "N=$n" .; done
}
