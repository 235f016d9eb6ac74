# SPDX-License-Identifier: Apache-2.0
# Every format and media type, from and to the tools that others use: the same config, the same tree,
# and where nobody has to write it anew the same digest. What is not installed is left out by name.
load ../support/common
load ../support/registry

setup() {
    common_setup
    need skopeo python3 jq
    export HOME=$BATS_TEST_TMPDIR/home
    mkdir "$HOME"
    layer_trees .
    # a layer that takes something away again
    mkdir -p three/etc three/empty
    touch three/etc/.wh.second
    chmod 2711 three/empty
    cp -a one expected
    cp -a three/empty expected/
    for tool in umoci podman buildah; do
        command -v $tool >/dev/null && unshare -Ur true 2>/dev/null || echo "# left out: $tool" >&3
    done
    run_root=$(mktemp -d /tmp/run-XXXXXX) # podman wants a short path here
    storage="--root $BATS_TEST_TMPDIR/podman --runroot $run_root --storage-driver vfs"
}

teardown() {
    registry_stop
    rm -rf "${run_root:-/nonexistent}"
    common_teardown
}

has() {
    command -v "$1" >/dev/null && unshare -Ur true 2>/dev/null
}

# image OPTIONS...: an OCI layout `oci` with the image, $id is its config's digest.
image() {
    rm -rf oci
    make_layout oci image "$@" one two three >/dev/null
    id=$(layout_config oci)
    said=$(says oci)
}

# says LAYOUT: what the config means; who turns Docker's into OCI's writes it anew.
says() {
    local digest
    digest=$(layout_config "$1")
    jq -Sc '{os, architecture, rootfs, config: (.config | {Env, Cmd, Labels})}' "$1/blobs/${digest/://}"
}

# layout_manifest, layout_config LAYOUT: the digest of its only image, of an index the first one's.
layout_manifest() {
    local digest
    digest=$(jq -r '.manifests[0].digest' "$1/index.json")
    jq -r --arg self "$digest" '.manifests[0].digest // $self' "$1/blobs/${digest/://}"
}

layout_config() {
    local digest
    digest=$(layout_manifest "$1")
    jq -r .config.digest "$1/blobs/${digest/://}"
}

# same_tree DIR: what the image shows, whoever unpacked it.
same_tree() {
    diff -r --no-dereference expected "$1" || return
    [ "$(stat -c %a "$1/empty")" = 2711 ]
}

# taken FROM: rootlet has the image FROM (a name in its store): config and tree are the ones made.
taken() {
    equal "$(rootlet inspect -f '{{.Id}}' "$1")" "$id" || return
    rm -rf tree
    rootlet export --format dir -o tree "$1" && same_tree tree || return
    rootlet rmi -f "$1" >/dev/null
}

# others_take TRANSPORT:WHERE [SKOPEO-OPTIONS]: each other tool reads it, and sees the same.
others_take() {
    local from=$1 name
    shift
    rm -rf back bundle
    skopeo copy -q "$@" "$from" oci:back:x || return
    equal "$(says back)" "$said" || return
    if has umoci && [[ $kind != *zstd* ]]; then # which it cannot unpack
        umoci unpack --rootless --image back:x bundle 2>/dev/null && same_tree bundle/rootfs || return
        chmod -R u+rwX bundle
    fi
    for tool in podman buildah; do
        has $tool || continue
        # shellcheck disable=SC2086 # words
        name=$($tool $storage pull -q ${PULL_OPTIONS:-} "$from") || return
        equal "sha256:$name" "$id" || return
        # shellcheck disable=SC2086
        $tool $storage rmi -f "$name" >/dev/null || return
    done
}

@test "what rootlet writes to files the others read" {
    for kind in "" "--compress zstd" "--compress none"; do
        # shellcheck disable=SC2086 # words
        image $kind
        rootlet -q load -i oci >/dev/null
        rootlet tag "${id#sha256:}" img:1
        for format in docker-archive oci-archive oci; do
            rm -rf saved
            rootlet save --format $format -o saved img:1
            others_take "$format:saved" || { echo "$kind $format" >&2; return 1; }
        done
        rootlet rmi -f img:1 >/dev/null
    done
}

@test "a root as tar, directory and squashfs is what the others unpack" {
    image
    rootlet -q load -i oci >/dev/null
    rootlet tag "${id#sha256:}" img:1
    mkdir tar
    rootlet export -o tree.tar img:1 && tar -xpf tree.tar -C tar && same_tree tar
    rootlet export --format dir -o dir img:1 && same_tree dir
    if command -v unsquashfs >/dev/null; then
        rootlet export --format squashfs -o tree.sqfs img:1
        unsquashfs -q -n -no-xattrs -d squash tree.sqfs >/dev/null
        chmod 2711 squash/empty # bits that it sets for root only
        same_tree squash
    else
        echo "# left out: unsquashfs" >&3
    fi
    if has podman; then
        # shellcheck disable=SC2086 # words
        name=$(podman $storage import -q tree.tar)
        # shellcheck disable=SC2086
        podman $storage save -q --format oci-archive -o podman.tar "$name"
        rootlet -q import podman.tar roundtrip
        rootlet export --format dir -o roundtrip roundtrip && same_tree roundtrip
    fi
    for from in tree.tar dir tree.sqfs; do
        [ -e $from ] || continue
        rm -rf tree
        rootlet -q import $from again && rootlet export --format dir -o tree again && same_tree tree
    done
}

@test "what the others write to files rootlet reads" {
    for kind in "" "--compress none"; do
        # shellcheck disable=SC2086 # words
        image $kind
        skopeo copy -q oci:oci:image docker-archive:a.docker:from/skopeo:1
        skopeo copy -q oci:oci:image oci-archive:a.oci:from/skopeo:1
        skopeo copy -q oci:oci:image oci:a.dir:from/skopeo:1
        for from in a.docker a.oci a.dir; do
            rootlet -q load -i $from >/dev/null && taken from/skopeo:1 || { echo "skopeo: $kind $from" >&2; return 1; }
        done
        rm -rf a.docker a.oci a.dir
        for tool in podman buildah; do
            has $tool || continue
            # shellcheck disable=SC2086
            $tool $storage pull -q oci:oci:image >/dev/null
            for to in docker-archive oci-archive oci; do
                rm -rf out
                # shellcheck disable=SC2086
                $tool $storage push -q "$id" "$to:out:from/$tool:1"
                # a tool that compresses again writes another manifest, and Docker's config anew as OCI's
                rootlet -q load -i out >/dev/null && taken "from/$tool:1" || { echo "$tool: $kind $to" >&2; return 1; }
            done
            # shellcheck disable=SC2086
            $tool $storage rmi -f "$id" >/dev/null
        done
    done
}

@test "archives of several images go both ways" {
    image
    first=$id first_said=$said
    rootlet -q load -i oci >/dev/null
    rootlet tag "${first#sha256:}" img:1
    echo changed >one/etc/hello
    image
    second=$id second_said=$said
    rootlet -q load -i oci >/dev/null
    rootlet tag "${second#sha256:}" img:2
    rootlet save -o several.tar img:1 img:2
    equal "$(skopeo list-tags docker-archive:several.tar | jq -r '.Tags[]' | sort | xargs)" "img:1 img:2"
    for tag in 1 2; do
        skopeo copy -q docker-archive:several.tar:docker.io/library/img:$tag oci:one.$tag:x
    done
    equal "$(says one.1) $(says one.2)" "$first_said $second_said"
    has podman || return 0
    # shellcheck disable=SC2086 # words
    podman $storage load -q -i several.tar >/dev/null
    # shellcheck disable=SC2086
    podman $storage save -q -m -o podman.tar img:1 img:2
    rootlet rmi -f img:1 img:2 >/dev/null
    rootlet -q load -i podman.tar >/dev/null
    for pair in "1 $first" "2 $second"; do
        equal "$(rootlet inspect -f '{{.Id}}' "localhost/img:${pair% *}")" "${pair#* }"
    done
}

@test "what rootlet pushes the others pull, and the other way, with every media type" {
    need docker-registry
    registry_start
    PULL_OPTIONS=--tls-verify=false
    for kind in "" "--compress zstd" "--compress none"; do
        # shellcheck disable=SC2086 # words
        image $kind
        rootlet -q load -i oci >/dev/null
        rootlet tag "${id#sha256:}" img:1
        rootlet -q push img:1 "$REGISTRY/ours:1"
        equal "sha256:$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/ours:1" | sha256sum | cut -d ' ' -f 1)" "$(layout_manifest oci)"
        others_take "docker://$REGISTRY/ours:1" --src-tls-verify=false || { echo "pushed: $kind" >&2; return 1; }
        rootlet rmi -f img:1 >/dev/null
        for format in v2s2 oci; do
            for compress in gzip zstd; do
                # Docker's manifests know no zstd
                [[ $format != v2s2 || $compress$kind != *zstd* ]] || continue
                skopeo copy -q --format $format --dest-compress-format $compress --dest-tls-verify=false oci:oci:image "docker://$REGISTRY/theirs:1"
                # another media type is another config to some, with the same content
                id=$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/theirs:1" | jq -r .config.digest)
                rootlet -q pull "$REGISTRY/theirs:1" || return
                rootlet -q push "$REGISTRY/theirs:1" "$REGISTRY/again:1"
                others_take "docker://$REGISTRY/again:1" --src-tls-verify=false && taken "$REGISTRY/theirs:1" ||
                    { echo "skopeo: $kind $format $compress" >&2; return 1; }
            done
        done
        for tool in podman buildah; do
            has $tool || continue
            # shellcheck disable=SC2086
            name=$($tool $storage pull -q oci:oci:image)
            for format in v2s2 oci; do
                [[ $format != v2s2 || $kind != *zstd* ]] || continue
                # shellcheck disable=SC2086
                $tool $storage push -q --format $format --tls-verify=false "$name" "docker://$REGISTRY/$tool:1"
                id=$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/$tool:1" | jq -r .config.digest)
                rootlet -q pull "$REGISTRY/$tool:1" && taken "$REGISTRY/$tool:1" || { echo "$tool: $kind $format" >&2; return 1; }
            done
            # shellcheck disable=SC2086
            $tool $storage rmi -f "$name" >/dev/null
        done
    done
}

@test "indexes, lists and artifacts go both ways unchanged" {
    need docker-registry
    registry_start
    make_layout oci image --platform linux/amd64 --platform linux/arm64/v8 one >/dev/null
    for format in oci v2s2; do
        rm -rf back
        skopeo copy -q --all --format $format --dest-tls-verify=false oci:oci:image "docker://$REGISTRY/many:1"
        digest=sha256:$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/many:1" | sha256sum | cut -d ' ' -f 1)
        rootlet -q pull --all-platforms "$REGISTRY/many:1"
        ok rootlet push --all-platforms "$REGISTRY/many:1" "$REGISTRY/back:1"
        equal "$output" "$REGISTRY/back:1@$digest"
        equal "sha256:$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/back:1" | sha256sum | cut -d ' ' -f 1)" "$digest"
        for platform in amd64: arm64:v8; do
            skopeo copy -q --override-arch "${platform%:*}" --override-variant "${platform#*:}" --src-tls-verify=false "docker://$REGISTRY/back:1" "oci:$format.${platform%:*}:x"
            rootlet -q pull --platform "linux/${platform%:*}" "$REGISTRY/many:1"
            rootlet export --platform "linux/${platform%:*}" -o - "$REGISTRY/many:1" | tar -xO platform | grep -q "${platform%:*}"
        done
        if has podman; then
            # shellcheck disable=SC2086
            podman $storage pull -q --tls-verify=false --arch arm64 --variant v8 "docker://$REGISTRY/back:1" >/dev/null
            # shellcheck disable=SC2086
            podman $storage rmi -af >/dev/null
        fi
        rootlet rmi -f "$REGISTRY/many:1" >/dev/null
    done
    rm -rf oci
    digest=$(make_layout oci image --artifact application/vnd.example.chart+json one)
    rootlet -q load -i oci >/dev/null
    rootlet tag "$(rootlet images -q --no-trunc | tail -n 1)" chart:1
    ok rootlet push chart:1 "$REGISTRY/chart:1"
    equal "$output" "$REGISTRY/chart:1@$digest"
    rootlet -q pull "$REGISTRY/chart:1"
    rootlet save --format oci -o chart "$REGISTRY/chart:1"
    equal "$(jq -r '.manifests[0].digest' chart/index.json)" "$digest"
}
