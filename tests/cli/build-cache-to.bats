# SPDX-License-Identifier: Apache-2.0
# rootlet build --cache-to and --cache-from: steps that another store did are not done again.
load ../support/common
load ../support/build
load ../support/registry

setup() {
    common_setup
    need_userns
    import_tiny
    export SOURCE_DATE_EPOCH=1000000000 # two stores that build a step get the same layer
    mkdir src
    echo hello >src/hello
    dockerfile <<'END'
FROM tiny AS tools
RUN cat /proc/sys/kernel/random/uuid >/tool
FROM tiny AS base
COPY src /src
RUN true
FROM base
COPY --from=tools /tool /tool
RUN cat /proc/sys/kernel/random/uuid >/word
END
}

teardown() {
    registry_stop
    common_teardown
}

# fresh NAME: from now on the store is another one, empty but for tiny.
fresh() {
    ROOTLET_STORE=$BATS_TEST_TMPDIR/store-$1
    import_tiny
}

# words REF: what only the same run of both steps gives.
words() {
    ok rootlet run "$1" cat /tool /word /src/hello
    words=$output
}

@test "a directory carries the steps of the image, and with mode=max those of all stages" {
    builds -t image --cache-to type=local,dest=deep/min --cache-to type=local,dest=max,mode=max,tag=one .
    words image
    first=$words
    fresh max
    builds -t image --cache-from type=local,src=nowhere --cache-from type=local,src=max,tag=one .
    cached 5
    expect_stderr "--cache-from type=local,src=nowhere: nothing is there"
    words image
    equal "$words" "$first"
    builds --why-miss .
    cached 5
    # The tool of another run is another file: what was made of it is not to be had.
    fresh min
    builds -t image --cache-from type=local,src=deep/min .
    cached 2
    words image
    [ "$words" != "$first" ]
    fresh none
    builds --no-cache --cache-from type=local,src=max,tag=one .
    cached 0
    ok skopeo inspect --raw oci:max:one
    expect_output "application/vnd.rootlet.cache.v1"
}

@test "a directory that is written again keeps other tags and drops what none needs" {
    builds --cache-to type=local,dest=cache,mode=max,tag=a --cache-to type=local,dest=cache,mode=max .
    before=$(find cache/blobs -type f | wc -l)
    builds --cache-to type=local,dest=cache,mode=max .
    equal "$(find cache/blobs -type f | wc -l)" "$before"
    echo more >src/hello
    builds --no-cache --cache-to type=local,dest=cache,mode=max .
    both=$(find cache/blobs -type f | wc -l)
    [ "$both" -gt "$before" ]
    builds --cache-to type=local,dest=cache,mode=max,tag=a .
    [ "$(find cache/blobs -type f | wc -l)" -lt "$both" ]
    fresh again
    builds --cache-from type=local,src=cache .
    cached 5
}

@test "a registry carries them as well, and so does an image with type=inline" {
    registry_start
    builds -t "$REGISTRY/app:1" --push --cache-to "type=registry,ref=$REGISTRY/cache,mode=max" --cache-to type=inline .
    words "$REGISTRY/app:1"
    first=$words
    expect_empty_dir "$ROOTLET_STORE/tmp"
    fresh registry
    builds -t image --cache-from "$REGISTRY/nothing" --cache-from "type=registry,ref=$REGISTRY/cache" .
    cached 5
    words image
    equal "$words" "$first"
    # Of the stages that the image is not made of it knows nothing.
    fresh inline
    builds -t image --target base --cache-from "$REGISTRY/app:1" .
    cached 2
    ok rootlet images -q
    equal "${#lines[@]}" 2
    # An index of several platforms, each with its own.
    printf 'FROM scratch\nCOPY src /\n' >Files
    builds -f Files --platform linux/amd64,linux/arm64 -t "$REGISTRY/files" --push --cache-to type=inline .
    fresh platforms
    builds -f Files --platform linux/amd64,linux/arm64 -t files --cache-from "$REGISTRY/files" .
    cached 2
    registry_stop
    fresh alone
    builds -t image --retry 0 --cache-from "$REGISTRY/cache" .
    cached 0
    expect_stderr "warning: --cache-from"
    refuses --retry 0 --cache-to "$REGISTRY/cache" .
    expect_stderr "--cache-to $REGISTRY/cache"
    builds --retry 0 --cache-to "type=registry,ref=$REGISTRY/cache,ignore-error=true" .
    expect_stderr "warning: --cache-to"
}

@test "a cache that is damaged costs time, not the result" {
    builds --cache-to type=local,dest=cache,mode=max .
    for blob in cache/blobs/sha256/*; do
        cp -r cache damaged
        printf damage | dd of="damaged/${blob#cache/}" bs=1 seek=30 conv=notrunc 2>/dev/null
        fresh "${blob##*/}"
        builds -t image --cache-from type=local,src=damaged .
        expect_stderr "warning: --cache-from type=local,src=damaged"
        ok rootlet run image cat /src/hello
        equal "$output" hello
        rm -r damaged
    done
}

@test "what cannot be meant is refused" {
    for bad in type=s3,bucket=b type=local,src=x type=local ref=x type=registry type=inline,mode=max \
        type=local,dest=x,mode=most type=local,dest=x,compression=zstd type=registry,ref=x,dest=y type=local,dest= x,y ""; do
        refused rootlet build --cache-to "$bad" .
        expect_stderr "--cache-to '$bad'"
    done
    for bad in type=inline type=gha type=local,dest=x type=registry,ref=x,mode=max; do
        refused rootlet build --cache-from "$bad" .
        expect_stderr "--cache-from '$bad'"
    done
}
