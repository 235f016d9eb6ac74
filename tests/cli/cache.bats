# SPDX-License-Identifier: Apache-2.0
# rootlet cache: what builds keep, listed, pruned, carried from store to store.
load ../support/common
load ../support/build

setup() {
    common_setup
    need jq
    need_userns
    import_tiny
}

teardown() {
    common_teardown
}

# a_cache: three steps, one of them changing nothing, and two cache mounts; the image is `built`.
a_cache() {
    dockerfile <<'END'
FROM tiny
RUN echo one >/one
RUN --mount=type=cache,id=objects,target=/objects head -c 300000 /dev/zero >/objects/a && \
    mkdir -p /objects/deep && echo b >/objects/deep/b && chmod 500 /objects/deep
RUN --mount=type=cache,target=/root/.cache echo c >/root/.cache/c; true
END
    builds -t built .
}

# entries ARGS...: lines "TYPE DESCRIPTION" of what ls shows, sorted.
entries() {
    ok rootlet cache ls --format json "$@"
    entries=$(jq -r '.Type + " " + .Description' <<<"$output" | sort)
}

# id_of DESCRIPTION: the id of an entry.
id_of() {
    rootlet cache ls --format json | jq -r --arg what "$1" 'select(.Description | startswith($what)) | .ID'
}

@test "ls shows steps by instruction and cache mounts by id, with sizes and times" {
    ok rootlet cache ls
    expect_stderr "0 B in all"
    a_cache
    entries
    equal "$entries" "mount /root/.cache
mount objects
step RUN --mount=type=cache,id=objects,target=/objects head -c 300000 /dev/zero >/objects/a &&     mkdir -p /objects/deep && echo b >/objects/deep/b && chmod 500 /objects/deep
step RUN --mount=type=cache,target=/root/.cache echo c >/root/.cache/c; true
step RUN echo one >/one"
    entries --type mount --larger 200k
    equal "$entries" "mount objects"
    entries --until 1h
    equal "$entries" ""
    ok rootlet cache ls --format json objects
    jq -e '.SizeBytes >= 300000 and .Reclaimable and (.ID | length) == 64 and
           (.LastUsedAt | test("^20.*Z$"))' <<<"$output"
    ok rootlet cache ls --type step --format json "$(id_of 'RUN echo one' | cut -c 1-8)"
    jq -e '.Description == "RUN echo one >/one" and (.Reclaimable | not) and .SizeBytes > 0 and
           (.DiffID | startswith("sha256:"))' <<<"$output"
    ok rootlet cache ls
    expect_output "ID *TYPE *SIZE *RECLAIMABLE *LAST USED *DESCRIPTION"
    ok rootlet cache ls -q
    equal "${#lines[@]}" 5
}

@test "prune removes what is named, and the next build is right" {
    export SOURCE_DATE_EPOCH=1000000000 # the step that is done again gives the same layer
    a_cache
    ok rootlet cache prune --dry-run --all
    equal "$(grep -c '^would remove' <<<"$output")" 5
    entries --type mount
    equal "$(wc -l <<<"$entries")" 2
    ok rootlet cache prune objects '/root/*'
    equal "$(grep -c '^removed' <<<"$output")" 2
    expect_stderr "freed 3[0-9][0-9] kB"
    entries --type mount
    equal "$entries" ""
    builds -t built .
    cached 3
    id=$(id_of 'RUN echo one')
    rootlet cache prune "${id:0:12}"
    builds -t again .
    cached 2
    expect_stderr "RUN echo one"
    image_sh again 'cat /one'
    equal "$output" one
}

@test "prune --all leaves images whole, and takes with it what only the cache has" {
    a_cache
    rm Dockerfile
    dockerfile <<'END'
FROM tiny
RUN head -c 2000000 /dev/urandom >/big
END
    builds --iidfile id .
    rootlet -q rmi "$(cat id)"
    [ "$(du -sk "$ROOTLET_STORE" | cut -f 1)" -gt 4000 ]
    ok rootlet cache prune --all
    expect_stderr "freed 4.* MB"
    [ "$(du -sk "$ROOTLET_STORE" | cut -f 1)" -lt 4000 ]
    expect_empty_dir "$ROOTLET_STORE/cache/steps"
    expect_empty_dir "$ROOTLET_STORE/cache/mounts"
    image_sh built 'cat /one'
    equal "$output" one
}

@test "prune --keep-storage takes what was used longest ago" {
    for n in 1 2 3; do
        printf 'FROM tiny\nRUN --mount=type=cache,id=cache%s,target=/c head -c 1000000 /dev/zero >/c/x\n' "$n" >Dockerfile
        builds .
    done
    touch -d '3 days ago' "$ROOTLET_STORE"/cache/mounts/*/lock
    for lock in "$ROOTLET_STORE"/cache/mounts/*/lock; do
        [ "$(cat "${lock%lock}id")" != cache2 ] || touch -d '9 days ago' "$lock"
    done
    entries --until 7d
    equal "$entries" "mount cache2"
    ok rootlet cache prune --keep-storage 2500k
    expect_output "cache2"
    entries --type mount
    equal "$entries" "mount cache1
mount cache3"
    ok rootlet cache prune --until 2d --type mount
    entries --type mount
    equal "$entries" ""
}

# A build sits in a step that uses a cache mount, and says so by a file in another one.
@test "prune leaves alone what a build is using" {
    dockerfile <<'END'
FROM tiny
RUN --mount=type=cache,id=used,target=/used touch /used/begun && while [ ! -e /used/go ]; do sleep 0.1; done && echo kept >/word
END
    rootlet build --progress plain -t slow . >slow.out 2>&1 3>&- &
    build=$!
    while_alive "$build" compgen -G "$ROOTLET_STORE/cache/mounts/*/tree/begun"
    ok rootlet cache prune --all
    expect_stderr "1 entries are in use and stay"
    touch "$(ls -d "$ROOTLET_STORE"/cache/mounts/*/tree)/go"
    wait "$build" || { cat slow.out; return 1; }
    image_sh slow 'cat /word'
    equal "$output" kept
}

# mount_tree ID STORE: what is in a cache mount, with modes and contents.
mount_tree() {
    local id tree
    for id in "$2"/cache/mounts/*/id; do
        [ "$(cat "$id")" = "$1" ] && tree=${id%id}tree
    done
    (cd "$tree" && find . -printf '%p %M %l %Ts\n' | sort && find . -type f | sort | xargs cat | md5sum)
}

@test "export and import carry steps and cache mounts to another store" {
    export SOURCE_DATE_EPOCH=1000000000
    a_cache
    dockerfile more <<'END'
FROM tiny
RUN --mount=type=cache,id=odd,target=/odd cd /odd && echo x >.wh.x && ln -s nowhere l && touch -d @5 t && \
    mkfifo f && chmod 4711 t && ln t t2 && chmod 1777 . && head -c 9 /dev/zero >"a b"
END
    builds -f more .
    rootlet cache export -o all.tar
    rootlet cache export --type mount objects | gzip >mount.tar.gz
    rootlet cache export --format oci -o layout --type step
    there=$BATS_TEST_TMPDIR/there
    rootlet --store "$there" -q import "$(tiny_tar)" tiny

    ok rootlet --store "$there" cache import mount.tar.gz
    expect_stderr "1 entries"
    equal "$(mount_tree objects "$there")" "$(mount_tree objects "$ROOTLET_STORE")"
    ok rootlet --store "$there" cache import - <all.tar
    expect_stderr "6 entries"
    expect_stderr "1 cache mounts were there and stay"
    equal "$(mount_tree odd "$there")" "$(mount_tree odd "$ROOTLET_STORE")"
    builds --store "$there" .
    cached 3
    builds --store "$there" -f more .
    cached 1
    expect_empty_dir "$there/tmp"

    other=$BATS_TEST_TMPDIR/other
    rootlet --store "$other" -q import "$(tiny_tar)" tiny
    ok rootlet --store "$other" cache import layout
    expect_stderr "4 entries"
    builds --store "$other" -t built .
    cached 3
    ok rootlet --store "$other" run built cat /one
    equal "$output" one
}

@test "import of what is damaged changes nothing that is used" {
    a_cache
    rootlet cache export --format oci -o layout
    for blob in layout/blobs/sha256/*; do
        there=$BATS_TEST_TMPDIR/there-${blob##*/}
        cp -r layout damaged
        printf damage | dd of="damaged/${blob#layout/}" bs=1 seek=40 conv=notrunc 2>/dev/null
        refused rootlet --store "$there" cache import damaged
        rm -r damaged
    done
    there=$BATS_TEST_TMPDIR/there
    refused rootlet --store "$there" cache import "$(tiny_tar)"
    expect_stderr "neither an OCI layout nor an archive"
    refused rootlet --store "$there" cache import nowhere
    ok rootlet --store "$there" cache import --replace layout
    equal "$(mount_tree objects "$there")" "$(mount_tree objects "$ROOTLET_STORE")"
}

@test "what cannot be meant is refused" {
    a_cache
    refused rootlet cache
    refused rootlet cache prune
    expect_stderr "what is to go"
    refused rootlet cache frobnicate
    refused rootlet cache prune nothing-like-it
    expect_stderr "nothing in the build cache is called 'nothing-like-it'"
    refused rootlet cache ls --all
    expect_stderr "belongs to 'cache prune'"
    refused rootlet cache ls --until yesterday
    refused rootlet cache prune --format json --all
    refused rootlet cache export --format json -o x
    refused rootlet cache export --format oci
    refused rootlet cache import
    refused rootlet cache import --type step x
}
