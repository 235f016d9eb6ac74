# SPDX-License-Identifier: Apache-2.0
# rootlet push to a real registry: the other tools accept what arrives, and it is the same image.
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
    [ -z "${run_root:-}" ] || rm -rf "$run_root"
    common_teardown
}

# have NAME MAKE-LAYOUT-OPTIONS...: an image in the store under that name, by way of the registry;
# with $format (v2s2) as skopeo makes it Docker's.
have() {
    local name=$1 keep=--preserve-digests
    shift
    [ -z "${format:-}" ] || keep="--format $format"
    make_layout oci image "$@" >/dev/null
    # shellcheck disable=SC2086 # words
    skopeo copy -q --all $keep --dest-tls-verify=false oci:oci:image "docker://$REGISTRY/$name"
    digest=$(rootlet pull --all-platforms "$REGISTRY/$name" | sed 's/.*@//')
}

# empty_registry: a new one with nothing in it.
empty_registry() {
    old=$REGISTRY
    registry_stop
    rm -rf "$BATS_TEST_TMPDIR/registry"
    registry_start
}

pushed() {
    ok rootlet push "$1" "$REGISTRY/copy:1"
    equal "$output" "$REGISTRY/copy:1@$digest"
}

@test "the digest is the same in the registry, for every kind of manifest" {
    for kind in "" "--compress zstd" "--compress none" "--platform linux/amd64 --platform linux/arm64" \
        "v2s2" "v2s2 --platform linux/amd64 --platform linux/arm64"; do
        format=
        [ "${kind#v2s2}" = "$kind" ] || format=v2s2
        # shellcheck disable=SC2086 # words
        have tool:1 ${kind#v2s2} one two
        empty_registry
        pushed "$old/tool:1"
        skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/copy:1" | sha256sum | grep -q "^${digest#*:}"
    done
}

@test "skopeo sees the same config and umoci unpacks the same tree" {
    need umoci
    have tool:1 one two
    empty_registry
    pushed "$old/tool:1"
    skopeo inspect --tls-verify=false --config "docker://$REGISTRY/copy:1" >config.json
    grep -q '"made": *"by hand"' config.json
    skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/copy:1" oci:back:1
    umoci unpack --rootless --image back:1 bundle
    cp -a one expected
    cp -a two/. expected/
    diff -r expected bundle/rootfs
}

@test "podman and buildah pull what was pushed" {
    need podman buildah
    need_userns
    have tool:1 one two
    empty_registry
    pushed "$old/tool:1"
    run_root=$(mktemp -d /tmp/run-XXXXXX) # podman wants a short path here
    storage="--root $BATS_TEST_TMPDIR/podman --runroot $run_root --storage-driver vfs"
    # shellcheck disable=SC2086
    podman $storage pull -q --tls-verify=false "$REGISTRY/copy:1"
    # shellcheck disable=SC2086
    buildah $storage pull -q --tls-verify=false "$REGISTRY/copy:1"
}

@test "only what the registry lacks is sent, and what another repository has is mounted" {
    have tool:1 one two
    ok rootlet -vvv push "$REGISTRY/tool:1" "$REGISTRY/tool:2"
    fails grep -q 'POST\|PATCH' <<<"$stderr"
    ok rootlet -vvv push --progress plain "$REGISTRY/tool:1" "$REGISTRY/other/place:1"
    expect_stderr "mounted"
    fails grep -q 'PUT .*/blobs/' <<<"$stderr"
}

@test "of an incomplete index one platform is pushed, and that is said" {
    make_layout oci image --platform linux/amd64 --platform linux/s390x one >/dev/null
    skopeo copy -q --all --dest-tls-verify=false oci:oci:image "docker://$REGISTRY/tool:1"
    rootlet pull --platform linux/amd64 "$REGISTRY/tool:1"
    refused rootlet push --all-platforms "$REGISTRY/tool:1" "$REGISTRY/copy:1"
    expect_stderr "--all-platforms"
    ok rootlet push --platform linux/amd64 "$REGISTRY/tool:1" "$REGISTRY/copy:1"
    skopeo inspect --tls-verify=false "docker://$REGISTRY/copy:1" | grep -q '"Architecture": "amd64"'
    refused rootlet push --platform linux/s390x "$REGISTRY/tool:1" "$REGISTRY/copy:2"
    fails skopeo inspect --tls-verify=false "docker://$REGISTRY/copy:2"
}

@test "a digest in the destination must be the image's" {
    have tool:1 one
    ok rootlet push "$REGISTRY/tool:1" "$REGISTRY/copy@$digest"
    refused rootlet push "$REGISTRY/tool:1" "$REGISTRY/copy@sha256:$(printf '%064d' 7)"
    expect_stderr "$digest"
}

@test "what cannot be pushed is refused by name" {
    refused rootlet push nosuch:1 "$REGISTRY/x:1"
    expect_stderr nosuch
    refused rootlet push
    refused rootlet push a b c
    have tool:1 one
    layer=$(find "$ROOTLET_STORE/blobs" -size +50k)
    rm -f "$layer"
    refused rootlet push "$REGISTRY/tool:1" "$REGISTRY/copy:1"
    expect_stderr "${layer##*/}"
    fails skopeo inspect --tls-verify=false "docker://$REGISTRY/copy:1"
}

@test "a damaged blob of the store is refused by the registry and no name is set" {
    have tool:1 one
    layer=$(find "$ROOTLET_STORE/blobs" -size +50k)
    chmod u+w "$layer"
    printf damage | dd of="$layer" bs=1 seek=9000 conv=notrunc status=none
    empty_registry
    refused rootlet push "$old/tool:1" "$REGISTRY/copy:1"
    expect_stderr "${layer##*/}"
    fails skopeo inspect --tls-verify=false "docker://$REGISTRY/copy:1"
}
