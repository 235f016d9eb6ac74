# SPDX-License-Identifier: Apache-2.0
# rootlet build --output: where results go, and what others read there.
load ../support/common
load ../support/registry
load ../support/build

setup() {
    common_setup
    need_userns
    import_tiny
    dockerfile <<'END'
FROM tiny AS make
RUN mkdir -p /out/sub && echo one >/out/one && ln -s one /out/link && chmod 4750 /out/one && \
    mknod /out/null c 1 3 && chown -R 7:8 /out/sub && ln /out/one /out/sub/hard
FROM scratch
LABEL kind=files
COPY --from=make /out /
END
}

teardown() {
    registry_stop
    common_teardown
}

@test "-o DIR adds the files to what is there, a second time too" {
    mkdir -p out/sub
    echo mine >out/sub/mine
    echo old >out/one
    builds -o out .
    equal "$output" ""
    expect_stderr "device nodes are left out"
    equal "$(cat out/one out/link out/sub/hard out/sub/mine)" $'one\none\none\nmine'
    equal "$(stat -c %a out/one)" 4750
    equal "$(stat -c %u out/sub)" "$(id -u)"
    builds -o out .
    cached 2
    equal "$(ls -A out)" $'link\none\nsub'
    # into the current directory, which cannot be renamed
    cd out
    builds -f ../Dockerfile -o . ..
    cd ..
    equal "$(ls -A out)" $'link\none\nsub'
    builds -q -o deep/er/new .
    [ -f deep/er/new/one ]
    # no image was named
    equal "$(rootlet images -q | wc -l)" 1
}

@test "a directory is not replaced by a file, and then nothing was written" {
    mkdir -p out/one
    refuses -o out .
    expect_stderr "'out': 'one' is a directory there, and a file is to be written"
    equal "$(find out)" $'out\nout/one'
    rmdir out/one
    ln -s .. out/sub
    refuses -o type=local,dest=out .
    expect_stderr "'sub' is a file there"
    equal "$(ls -A out)" sub
}

@test "a tar has owners, devices and modes, on standard output nothing else" {
    rootlet build --progress plain --output - . >out.tar 2>/dev/null
    builds --output type=tar,dest=again.tar .
    cmp out.tar again.tar
    equal "$(tar --numeric-owner -tvf out.tar | awk '{ print $1, $2, $6 }')" "drwxr-xr-x 0/0 ./
lrwxrwxrwx 0/0 link
crw-r--r-- 0/0 null
-rwsr-x--- 0/0 one
drwxr-xr-x 7/8 sub/
hrwsr-x--- 0/0 sub/hard"
}

@test "skopeo reads OCI archive, OCI layout and docker archive; all hold the same image" {
    need skopeo umoci jq
    builds -o type=oci,dest=oci.tar -o type=oci,dest=layout,tar=false -o type=docker,dest=docker.tar -t files:1 \
        -o '"type=image","name=other:2,third"' --annotation who=us --annotation who=me --iidfile id --metadata-file meta.json .
    equal "$(cat id)" "$output"
    local from
    for from in oci-archive:oci.tar oci:layout docker-archive:docker.tar; do
        equal "$(skopeo inspect --config "$from" | jq -r .config.Labels.kind)" files
    done
    equal "$(skopeo inspect --raw oci:layout | jq -r .annotations.who)" me
    equal "$(skopeo inspect --raw oci:layout | sha256sum)" "$(jq -r '."containerimage.digest"[7:]' meta.json)  -"
    equal "$(skopeo inspect --raw oci-archive:oci.tar | jq -r .config.digest)" "$output"
    equal "$(jq -r '."containerimage.config.digest"' meta.json)" "$output"
    equal "$(jq -r '."image.name"' meta.json)" docker.io/library/files:1,docker.io/library/other:2,docker.io/library/third:latest
    skopeo copy -q docker-archive:docker.tar:docker.io/library/files:1 oci:back:x
    umoci unpack --rootless --image back:x bundle 2>/dev/null
    equal "$(cat bundle/rootfs/sub/hard)" one
    equal "$(tar -xOf docker.tar manifest.json | jq -r '.[0].Config')" "${output#sha256:}.json"
    equal "$(rootlet images -q | sort -u | wc -l)" 2
    # the image of an archive that was not asked for elsewhere is not in the store either
    rootlet -q rmi files:1 other:2 third
    builds -o type=oci . >/dev/null
    equal "$(rootlet images -q | wc -l)" 1
}

@test "--push and type=registry send the image to the registry of its name" {
    need docker-registry skopeo jq
    registry_start
    builds -t "$REGISTRY/files:1" --push .
    expect_stderr "pushed $REGISTRY/files:1"
    equal "$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/files:1" | jq -r .config.digest)" "$output"
    builds -o "type=registry,name=$REGISTRY/files:2" .
    equal "$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/files:2" | jq -r .config.digest)" "$output"
    builds -t "$REGISTRY/files:3" --load .
    fails skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/files:3"
}

@test "what would fail at the end fails before the first step" {
    local given
    mkdir -p full
    echo >full/file
    for given in type=nonsense type=local type=oci,dest=nosuch/x type=tar,dest=full type=oci,tar=false,dest=full \
        type=oci,dest=full type=local,dest=- type=local,dest=Dockerfile type=image,dest=x type=oci,tar=maybe dest=x \
        type=local,push=true type=docker,dest= type=squashfs type=image,push=true '"' '' type=image,name=NO; do
        refuses --output "$given" .
        expect_stderr "--output '$given'"
        fails grep -q "1/2" <<<"$stderr"
    done
    refuses -o - -o type=oci .
    expect_stderr "taken already"
    refuses --push .
    expect_stderr "--push: what is pushed needs a name"
    refuses --annotation nonsense:a=b .
    expect_stderr "'nonsense' is not manifest"
    refuses --annotation a .
    refuses --annotation 'manifest[linux/amd64:a=b' .
    equal "$(ls)" $'Dockerfile\nfull'
    builds -o type=cacheonly .
    equal "$output$(rootlet images -q | wc -l)" 1
}

@test "with a source date epoch two stores give the same bytes of every kind of output" {
    local store
    mkdir files
    echo text >files/one
    dockerfile <<'END'
FROM tiny AS base
RUN mkdir /made && echo made >/made/file && chown 5:6 /made
FROM base
COPY files /files
RUN rm /made/file
END
    for store in first second; do
        rootlet --store "$PWD/$store" import -q "$(tiny_tar)" tiny
        ok rootlet --store "$PWD/$store" build -q --source-date-epoch 1000000000 -t same -o type=oci,dest="$store.oci" \
            -o type=docker,dest="$store.docker" -o type=tar,dest="$store.tar" -o type=squashfs,dest="$store.squashfs" .
        echo "$output" >"$store.id"
        touch -d 2020-01-01 files/one files
        while [ "$(date +%s)" = "${now:-$(date +%s)}" ]; do now=$(date +%s); done # times are in seconds
    done
    for kind in id oci docker tar squashfs; do
        cmp "first.$kind" "second.$kind"
    done
}
