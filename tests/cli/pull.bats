# SPDX-License-Identifier: Apache-2.0
# rootlet pull from a real registry: what others pushed arrives whole, what is damaged does not.
load ../support/common
load ../support/registry

setup() {
    common_setup
    need docker-registry skopeo python3
    export HOME=$BATS_TEST_TMPDIR/home
    mkdir "$HOME"
    registry_start
    layer_trees .
}

teardown() {
    registry_stop
    common_teardown
}

# publish NAME:TAG MAKE-LAYOUT-OPTIONS...: make an image and let skopeo push it; sets $digest.
# With $format (v2s2) skopeo makes Docker's manifests of it.
publish() {
    local name=$1 keep=--preserve-digests
    shift
    [ -z "${format:-}" ] || keep="--format $format"
    make_layout oci image "$@" >/dev/null
    # shellcheck disable=SC2086 # words
    skopeo copy -q --all $keep --dest-tls-verify=false oci:oci:image "docker://$REGISTRY/$name"
    digest=sha256:$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/$name" | sha256sum | cut -d ' ' -f 1)
}

# layer_with FILE: the unpacked layer that holds it.
layer_with() {
    local layer
    for layer in "$ROOTLET_STORE"/layers/*; do
        [ ! -e "$layer/$1" ] || echo "$layer"
    done
}

expect_nothing_named() {
    [ -z "$(find "$ROOTLET_STORE/refs" -type f)" ]
    expect_empty_dir "$ROOTLET_STORE/layers"
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

@test "an image pushed by skopeo is unpacked as it was" {
    publish tool:1 one two
    ok rootlet pull "$REGISTRY/tool:1"
    equal "$output" "$REGISTRY/tool:1@$digest"
    diff -r one "$(layer_with etc/hello)"
    diff -r two "$(layer_with etc/second)"
}

@test "gzip, zstd and plain layers are unpacked, with OCI and Docker media types" {
    for how in gzip zstd none; do
        export ROOTLET_STORE=$BATS_TEST_TMPDIR/store-$how
        publish "tool:$how" --compress $how one
        ok rootlet pull "$REGISTRY/tool:$how"
        diff -r one "$(layer_with etc/hello)"
    done
    export ROOTLET_STORE=$BATS_TEST_TMPDIR/store-docker
    format=v2s2 publish tool:docker one
    skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/tool:docker" | grep -q docker.image.rootfs.diff.tar.gzip
    ok rootlet pull "$REGISTRY/tool:docker"
    diff -r one "$(layer_with etc/hello)"
}

@test "a layer whose archive ends without padding (umoci insert) is unpacked" {
    need umoci
    umoci init --layout made
    umoci new --image made:1
    umoci insert --image made:1 two/etc/second /second
    skopeo copy -q --dest-tls-verify=false oci:made:1 "docker://$REGISTRY/tool:1"
    ok rootlet pull "$REGISTRY/tool:1"
    equal "$(cat "$ROOTLET_STORE"/layers/*/second)" second
}

@test "of an index the platform is taken that was asked for" {
    for format in "" v2s2; do
        export ROOTLET_STORE=$BATS_TEST_TMPDIR/store$format
        publish tool:multi --platform linux/amd64 --platform linux/arm/v7 --platform linux/arm64/v8 one
        ok rootlet pull --platform linux/arm/v7 "$REGISTRY/tool:multi"
        equal "$output" "$REGISTRY/tool:multi@$digest"
        equal "$(cat "$(layer_with platform)/platform")" linux/arm/v7
        ok rootlet pull --platform arm64 "$REGISTRY/tool:multi"
        equal "$(cat "$ROOTLET_STORE"/layers/*/platform | sort | tr '\n' ' ')" "linux/arm/v7 linux/arm64/v8 "
        refused rootlet pull --platform linux/s390x "$REGISTRY/tool:multi"
        expect_stderr "linux/arm/v7"
    done
}

@test "an image without index must be for the platform that was asked for" {
    publish tool:1 --platform linux/s390x one
    refused rootlet pull --platform linux/arm64 "$REGISTRY/tool:1"
    expect_stderr "the image is for linux/s390x, not for linux/arm64"
    expect_nothing_named
    ok rootlet pull "$REGISTRY/tool:1" # what there is, when nothing is asked for
}

@test "all platforms are fetched when asked for, and one is unpacked" {
    publish tool:multi --platform linux/s390x --platform linux/arm/v7 one
    ok rootlet pull --all-platforms --platform linux/s390x "$REGISTRY/tool:multi"
    equal "$(cat "$ROOTLET_STORE"/layers/*/platform)" linux/s390x
    registry_stop
    registry_start
    ok rootlet push --all-platforms "${output%@*}" "$REGISTRY/copy:1"
    skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/copy:1" | sha256sum | grep -q "^${digest#*:}"
}

@test "a layer that is there is not fetched again, and a second pull fetches nothing" {
    publish tool:1 one
    publish tool:2 one two
    rootlet pull "$REGISTRY/tool:1"
    ok rootlet -vvv pull "$REGISTRY/tool:2"
    [ "$(grep -c 'GET .*/blobs/' <<<"$stderr")" -eq 2 ] # the config and the second layer
    ok rootlet -vvv pull "$REGISTRY/tool:2"
    fails grep -q 'GET .*/manifests/\|/blobs/' <<<"$stderr"
}

@test "a tag that moved is followed" {
    publish tool:latest one
    rootlet pull "$REGISTRY/tool"
    publish tool:latest two
    ok rootlet pull "$REGISTRY/tool"
    equal "$output" "$REGISTRY/tool:latest@$digest"
    [ -n "$(layer_with etc/second)" ]
}

@test "a digest pins the image, and once it is here the registry is not asked" {
    publish tool:1 one
    ok rootlet pull "$REGISTRY/tool@$digest"
    equal "$output" "$REGISTRY/tool@$digest"
    registry_stop
    ok rootlet pull "$REGISTRY/tool@$digest"
    refused rootlet pull "$REGISTRY/tool@sha256:$(printf '%064d' 7)"
}

@test "an artifact is kept byte for byte and not unpacked" {
    publish tool:data --artifact application/vnd.example.data.v1+json one
    ok rootlet pull "$REGISTRY/tool:data"
    expect_empty_dir "$ROOTLET_STORE/layers"
    ok rootlet push "$REGISTRY/tool:data" "$REGISTRY/other:data"
    equal "$output" "$REGISTRY/other:data@$digest"
}

# damage_layer: change a byte in the middle of the largest blob that the registry has.
damage_layer() {
    blob=$(find "$REGISTRY_BLOBS" -name data -size +50k)
    size=$(stat -c %s "$blob")
    printf 'damage' | dd of="$blob" bs=1 seek=$((size / 2)) conv=notrunc status=none
    damaged=$(basename "$(dirname "$blob")")
}

@test "a damaged blob is refused by its digest and nothing is kept of it" {
    for how in gzip zstd none; do
        publish "tool:$how" --compress $how one
        damage_layer
        refused rootlet pull "$REGISTRY/tool:$how"
        expect_stderr "sha256:$damaged"
        [ ! -e "$ROOTLET_STORE/blobs/sha256/$damaged" ]
        expect_nothing_named
        rm -rf "$REGISTRY_BLOBS"/../../repositories "$REGISTRY_BLOBS"/*
    done
}

@test "a name keeps its meaning when the next pull fails" {
    publish tool:1 one
    rootlet pull "$REGISTRY/tool:1"
    old=$digest
    printf x >>one/bin/noise
    publish tool:1 one
    find "$REGISTRY_BLOBS" -name data -size +50k -newer oci/oci-layout -exec sh -c 'printf damage | dd of="$1" bs=1 seek=9000 conv=notrunc status=none' _ {} \;
    refused rootlet pull "$REGISTRY/tool:1"
    grep -rq "$old" "$ROOTLET_STORE/refs"
}

@test "what is not there is named" {
    publish tool:1 one
    refused rootlet pull "$REGISTRY/tool:2"
    expect_stderr "$REGISTRY/tool:2"
    expect_stderr "not found"
    expect_stderr "hint: tags there: 1"
    refused rootlet pull "$REGISTRY/nosuch:1"
    expect_stderr "not found"
    registry_stop
    refused rootlet pull "$REGISTRY/tool:2"
    expect_stderr "$REGISTRY"
}

@test "run pulls what the store lacks, or always, or never" {
    need_userns
    tiny_root root
    echo one >root/word
    publish run:1 root
    refused rootlet run --pull never "$REGISTRY/run:1" cat /word
    expect_stderr "hint: *rootlet pull"
    ok rootlet run "$REGISTRY/run:1" cat /word
    equal "$output" one
    expect_stderr "pulling $REGISTRY/run:1"
    echo two >root/word
    publish run:1 root
    ok rootlet run "$REGISTRY/run:1" cat /word
    equal "$output" one
    equal "$stderr" ""
    ok rootlet run --pull always "$REGISTRY/run:1" cat /word
    equal "$output" two
    # standard input is the command's
    rm -rf "$ROOTLET_STORE"
    equal "$(echo typed | rootlet run "$REGISTRY/run:1" cat)" typed
    registry_stop
    ok rootlet run "$REGISTRY/run:1" true
    refused rootlet run --pull always "$REGISTRY/run:1" true
    expect_stderr "pull '$REGISTRY/run:1'"
}

@test "wrong words on the command line are refused" {
    for words in "" "a b" "UPPER" "--platform nonsense//x $REGISTRY/a" "--retry-delay soon $REGISTRY/a" "--retry 1000 $REGISTRY/a"; do
        refused rootlet pull $words
    done
}

@test "progress is shown when asked for and not otherwise" {
    publish tool:1 one
    ok rootlet pull --progress json "$REGISTRY/tool:1"
    while read -r line; do
        python3 -c 'import json, sys; json.loads(sys.argv[1])' "$line"
    done <<<"$stderr"
    expect_stderr '"activity":"done"'
    rm -rf "$ROOTLET_STORE"
    ok rootlet pull --progress plain "$REGISTRY/tool:1"
    expect_stderr "layer *: done"
    rm -rf "$ROOTLET_STORE"
    ok rootlet pull "$REGISTRY/tool:1"
    equal "$stderr" ""
    rm -rf "$ROOTLET_STORE"
    TERM=xterm ok script -qec "rootlet pull $REGISTRY/tool:1" /dev/null
    expect_output "layer *done"
    rm -rf "$ROOTLET_STORE"
    NO_COLOR=1 TERM=xterm ok script -qec "rootlet pull $REGISTRY/tool:1" /dev/null
    expect_no_output $'\e[1m'
}

@test "eight pulls of one image into one store all succeed" {
    publish tool:1 one two
    pids=
    for i in 1 2 3 4 5 6 7 8; do
        rootlet pull "$REGISTRY/tool:1" >"out.$i" 2>&1 3>&- &
        pids+=" $!"
    done
    # shellcheck disable=SC2086 # words
    wait $pids
    for i in 1 2 3 4 5 6 7 8; do
        equal "$(cat "out.$i")" "$REGISTRY/tool:1@$digest"
    done
    diff -r one "$(layer_with etc/hello)"
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

@test "a pull that fills the disk says so, and leaves the room that there was" {
    need_userns
    head -c 6000000 /dev/urandom >one/noise
    publish noise:1 one
    mkdir disk
    cat >pull-there <<END
mount -t tmpfs -o size=5m,mode=0777 disk disk
status=0
rootlet --store disk/store pull $REGISTRY/noise:1 >said 2>&1 || status=\$?
rootlet --store disk/store fsck >sound 2>&1
head -c 4500000 /dev/zero >disk/room
echo \$status
END
    ok unshare -Urm sh -eu pull-there
    equal "$output" 125
    grep -q "No space left on device" said
    grep -q ": sound" sound
}
