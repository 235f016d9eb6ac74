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

# The matrix: TOOL (skopeo umoci podman buildah), WAY (reads: what rootlet wrote; writes: what rootlet is to read),
# FORMAT (docker-archive oci-archive oci registry), MEDIA types (oci docker) and COMPRESSION (gzip zstd none)
# make a cell. What comes of it: "equal", or "no: WORDS", of the tool itself when it is asked, or "as gzip": equal,
# but that is what it writes.
outcome() {
    case "$1 $2 $3 $4 $5" in
    umoci\ *\ registry\ *) echo "no: tag contains invalid characters" ;;
    umoci\ *-archive\ *) echo "no: not a directory" ;; # that is all it knows
    umoci\ reads\ oci\ docker\ *) echo "no: not implemented: application/vnd.docker.distribution.manifest.v2+json" ;;
    umoci\ writes\ oci\ docker\ *) echo "no: unsupported source type: application/vnd.docker.distribution.manifest.v2+json" ;;
    "umoci reads oci oci zstd") echo "no: blob is not correct mediatype: application/vnd.oci.image.layer.v1.tar+zstd" ;;
    "umoci writes oci oci zstd" | "umoci writes oci oci none") echo "no: flag provided but not defined: -compress" ;;
    *\ reads\ docker-archive\ *) echo equal ;;
    *\ reads\ *\ docker\ zstd) echo "no: unsupported docker v2s2 media type: " ;;
    *\ reads\ *) echo equal ;;
    # docker load's own format has one media type, and layers that are not compressed
    *\ writes\ docker-archive\ oci\ *) echo "no: Unsupported manifest type, need a Docker schema 2 manifest" ;;
    *\ writes\ docker-archive\ *) echo equal ;;
    *\ docker\ zstd) echo "no: zstd compression is not supported for type " ;;
    "buildah writes "[or]*" none") echo "as gzip" ;; # whatever --disable-compression says
    podman\ *\ none) echo "no: unknown flag: --disable-compression" ;;
    *) echo equal ;;
    esac
}

# judge COMMAND...: the cell $tool $way $format $media $compression is as outcome says.
judge() {
    local want
    want=$(outcome $tool $way $format $media $compression)
    cells=$((cells + 1))
    case $want in
    equal) compressed=$compression && "$@" >said 2>&1 && return ;;
    as\ *) compressed=${want#as } && "$@" >said 2>&1 && return ;;
    no:*) ! "$@" >said 2>&1 && grep -qF -e "${want#no: }" said && return ;;
    esac
    echo "$tool $way $format, $media, $compression: expected $want" >&2
    cat said >&2
    return 1
}

# image_of MEDIA COMPRESSION: as image.
image_of() {
    local docker=
    [ "$1" != docker ] || docker=--docker
    # shellcheck disable=SC2086 # none or one word
    image $docker --compress "$2"
}

# location FORMAT NAME: as skopeo, podman and buildah say it.
location() {
    if [ "$1" = registry ]; then echo "docker://$REGISTRY/$2"; else echo "$1:$2"; fi
}

# unpacked_by_storage NAME: the tree of an image that podman or buildah has pulled.
unpacked_by_storage() {
    # shellcheck disable=SC2016 # expanded there
    podman unshare sh -ec 'name=$1 && shift && rm -rf tree && cp -a "$(podman "$@" image mount "$name")" tree &&
                           podman "$@" image umount "$name" && chmod -R u+rwX tree' - "$1" $storage
}

reads() {
    local name
    case $tool in
    skopeo)
        rm -rf back
        skopeo copy -q --src-tls-verify=false "$(location $format $1)" oci:back:x && equal "$(says back)" "$said"
        ;;
    umoci)
        rm -rf bundle
        umoci unpack --rootless --image "$(umoci_location "$1")" bundle && same_tree bundle/rootfs && chmod -R u+rwX bundle
        ;;
    *)
        # shellcheck disable=SC2086 # words
        name=$($tool $storage pull -q $(tls) "$(location $format $1)") && equal "sha256:$name" "$id" || return
        [ $compression != gzip ] || ! has podman || { unpacked_by_storage "$name" && same_tree tree; } || return
        # shellcheck disable=SC2086
        $tool $storage rmi -f "$name"
        ;;
    esac
}

# umoci_location NAME
umoci_location() {
    if [ $format = registry ]; then location $format "$1"; else echo "$1:docker.io/library/img:1"; fi
}

tls() {
    [ $format != registry ] || echo --tls-verify=false
}

@test "each tool reads what rootlet writes: every format, media type and compression" {
    need docker-registry
    registry_start
    way=reads cells=0
    for media in oci docker; do
        for compression in gzip zstd none; do
            image_of $media $compression
            rootlet -q load -i oci >/dev/null
            rootlet tag "${id#sha256:}" img:1
            for format in docker-archive oci-archive oci registry; do
                rm -rf saved
                if [ $format = registry ]; then
                    rootlet -q push img:1 "$REGISTRY/saved:1"
                    equal "sha256:$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/saved:1" | sha256sum | cut -d ' ' -f 1)" "$(layout_manifest oci)"
                else
                    rootlet save --format $format -o saved img:1
                fi
                for tool in skopeo umoci podman buildah; do
                    [ $tool = skopeo ] || has $tool || continue
                    judge reads "saved$([ $format != registry ] || echo :1)" || return
                done
            done
            rootlet rmi -f img:1 >/dev/null
        done
    done
    echo "# $cells cells" >&3
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

# writes: the image, which $tool has as $name, to `out` or a registry. In `plain` it is as OCI has it and not
# compressed, in `oci` as it shall become.
writes() {
    local options=() to source=plain
    to=$(location $format $tool-$compression:1)
    [ $format = registry ] || to=$format:out:img:1
    case $tool in
    skopeo)
        options=(--dest-compress-format $compression)
        # it compresses what is not, unless no digest may change; docker load's format has none
        [ $compression != none ] || { source=oci && options=(--preserve-digests); }
        [ $format != docker-archive ] || options=()
        skopeo copy -q "${options[@]}" --format $manifest --dest-tls-verify=false oci:"$source" "$to"
        ;;
    umoci)
        case $format in
        oci) cp -a oci out && written_by_umoci ;;
        registry) umoci config --image "$to" ;;
        *) touch out && umoci config --image out:image ;;
        esac
        ;;
    *)
        options=(--compression-format $compression)
        [ $compression != none ] || options=(--disable-compression)
        [ $format != docker-archive ] || options=()
        # shellcheck disable=SC2086 # words
        $tool $storage push -q $(tls) "${options[@]}" --format $manifest "$name" "$to"
        ;;
    esac
}

# written_by_umoci: the image has a label more, and a layer that changes nothing.
written_by_umoci() {
    umoci config --image out:image --config.label written=by-umoci || return
    [ $compression = gzip ] || { umoci repack --compress $compression --image out:image bundle; return; }
    rm -rf bundle
    umoci unpack --rootless --image out:image bundle && touch bundle/rootfs/etc &&
        umoci repack --image out:image bundle && umoci gc --layout out && chmod -R u+rwX bundle
}

# written_as: what the cell claims is what is there.
written_as() {
    local layer=application/vnd.oci.image.layer.v1.tar file=$format
    [ $media = oci ] || layer=application/vnd.docker.image.rootfs.diff.tar
    case $compressed-$media in
    none-*) ;;
    *-docker) layer+=.$compressed ;;
    *) layer+=+$compressed ;;
    esac
    case $format in
    docker-archive) return ;;
    registry) skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/$tool-$compression:1" >manifest.json ;;
    *)
        rm -rf there && mkdir there
        if [ $format = oci ]; then cp -a out/. there; else tar -xf out -C there; fi
        file=$(layout_manifest there)
        cp "there/blobs/${file/://}" manifest.json
        ;;
    esac
    id=$(jq -r .config.digest manifest.json)
    equal "$(jq -r '.layers[].mediaType' manifest.json | sort -u)" "$layer"
}

write_and_take() {
    # what they have seen in a registry they do not compress anew
    rm -rf out "$XDG_DATA_HOME/containers/cache"
    writes && written_as || return
    if [ $format = registry ]; then
        rootlet -q pull "$REGISTRY/$tool-$compression:1" && taken "$REGISTRY/$tool-$compression:1"
    else
        rootlet -q load -i out && taken "$([ $tool = umoci ] && echo image || echo img:1)"
    fi
}

@test "rootlet reads what each tool writes: every format, media type and compression" {
    need docker-registry
    registry_start
    way=writes cells=0
    for media in oci docker; do
        manifest=oci
        [ $media = oci ] || manifest=v2s2
        for compression in gzip zstd none; do
            image_of oci none
            rm -rf plain && mv oci plain
            image_of $media $compression
            made=$id
            for tool in skopeo umoci podman buildah; do
                [ $tool = skopeo ] || has $tool || continue
                # shellcheck disable=SC2086 # words
                [[ $tool != podman && $tool != buildah ]] || name=$($tool $storage pull -q oci:plain)
                for format in docker-archive oci-archive oci registry; do
                    id=$made
                    judge write_and_take || return
                done
                # shellcheck disable=SC2086
                [[ $tool != podman && $tool != buildah ]] || $tool $storage rmi -f "$name" >/dev/null
            done
        done
    done
    echo "# $cells cells" >&3
}

@test "each image of a layout that umoci has made, bit by bit, is read as umoci unpacks it" {
    has umoci || skip "umoci is not installed, or user namespaces are refused"
    umoci init --layout made
    umoci new --image made:empty
    umoci config --image made:empty --tag config --config.env A=b --config.cmd /bin/x --config.user 1:2 \
        --config.workingdir /etc --config.exposedports 80 --config.volume /data --config.label key=value \
        --os linux --architecture arm64 --author somebody --created 2024-01-02T03:04:05Z
    umoci insert --rootless --image made:config --tag tree one /
    umoci insert --rootless --image made:tree --tag file two/etc/second /etc/third
    umoci insert --rootless --image made:file --tag whiteout --whiteout /etc/hello
    umoci insert --rootless --image made:whiteout --tag opaque --opaque two/etc /etc
    umoci unpack --rootless --image made:opaque bundle
    rm bundle/rootfs/etc/second
    ln bundle/rootfs/bin/noise bundle/rootfs/bin/hard
    ln -s ../bin/hard bundle/rootfs/etc/soft
    mkdir -m 2711 bundle/rootfs/empty
    mkfifo bundle/rootfs/pipe
    umoci repack --image made:repacked bundle
    tar -cf made.tar -C made .
    for source in made made.tar; do
        ok rootlet -q load -i $source
        for tag in empty config tree file whiteout opaque repacked; do
            umoci_sees made $tag || { echo "$source: $tag" >&2; return 1; }
        done
        rootlet images -q | sort -u | xargs rootlet rmi -f >/dev/null
    done
    # and back: what umoci makes of an image that rootlet has saved
    rootlet -q load -i made
    ok rootlet save --format oci -o back repacked
    umoci config --image back:docker.io/library/repacked:latest --tag changed --config.label changed=yes
    umoci insert --rootless --image back:changed two/etc/second /new/file
    rootlet -q load -i back
    umoci_sees back changed
    equal "$(rootlet inspect -f '{{.Config.Labels.changed}}' changed)" yes
}

# umoci_sees LAYOUT TAG: the image that rootlet has by this name, too: config and tree.
umoci_sees() {
    local blob
    blob=$(jq -r --arg tag "$2" '.manifests[] | select(.annotations."org.opencontainers.image.ref.name" == $tag).digest' "$1/index.json")
    blob=$(jq -r .config.digest "$1/blobs/${blob/://}")
    equal "$(rootlet inspect -f '{{.Id}}' "$2")" "$blob" || return
    rm -rf there tree
    umoci unpack --rootless --image "$1:$2" there && rootlet export --format dir -o tree "$2" || return
    equal "$(tree_list tree)" "$(tree_list there/rootfs)" && diff -r -x pipe --no-dereference tree there/rootfs || return
    chmod -R u+rwX there
}

# a directory that no layer has is made at the moment by umoci, in 1970 by rootlet
tree_list() {
    (cd "$1" && find . -mindepth 1 ! -type d -printf '%P %M %n %s %T@ %l\n' -o -printf '%P %M\n' | sort)
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
