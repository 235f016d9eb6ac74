# SPDX-License-Identifier: Apache-2.0
# rootlet build --platform: what cannot run here is refused before anything is done.
load ../support/common
load ../support/build
load ../support/registry

setup() {
    common_setup
    need_userns
    import_tiny
    case $(uname -m) in
    x86_64) here=linux/amd64 there=linux/arm64 ;;
    aarch64) here=linux/arm64 there=linux/amd64 ;;
    *) skip "neither x86_64 nor aarch64" ;;
    esac
}

teardown() {
    registry_stop
    common_teardown
}

@test "this machine's platform may be named" {
    dockerfile <<'END'
FROM tiny
ARG TARGETPLATFORM
RUN echo "for $TARGETPLATFORM"
END
    builds --platform "$here" .
    expect_stderr "for $here"
}

@test "RUN for another platform is refused by name, before the first step" {
    dockerfile <<'END'
FROM tiny
RUN echo should not run
END
    refuses --platform "$there" .
    expect_stderr "Dockerfile:2: RUN: a command for $there cannot run on this machine ($here)"
    [[ $stderr != *"should not run"$'\n'*"should not run"* ]]
    dockerfile <<END
FROM tiny AS first
RUN echo first
FROM --platform=$there tiny
COPY --from=first /etc/passwd /
RUN true
END
    refuses .
    expect_stderr "Dockerfile:5: RUN: a command for $there"
}

# foreign_layout: a root for $there of which every program is the head of one and no more.
foreign_layout() {
    python3 - <<'END'
import os
# what the other of the two machines has in its header
head = bytes.fromhex("7f454c46020101000000000000000000" "0200" + {"x86_64": "b700", "aarch64": "3e00"}[os.uname().machine])
os.makedirs("foreign/bin")
for name in ("sh", "cat", "id", "mkdir", "echo"):
    with open(f"foreign/bin/{name}", "wb") as file:
        file.write(head + bytes(100))
    os.chmod(f"foreign/bin/{name}", 0o755)
END
    tar -C foreign -cf foreign.tar .
    mkdir base && tar -xf "$(tiny_tar)" -C base ./bin/busybox
}

@test "where the kernel has an interpreter for it, RUN for another platform is carried out" {
    local magic mask
    # in a user namespace of one's own since Linux 6.7
    unshare -Urm mount -t binfmt_misc none /mnt 2>/dev/null || skip "binfmt_misc cannot be mounted here"
    foreign_layout
    case $there in
    linux/arm64) magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00' ;;
    *) magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00' ;;
    esac
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    dockerfile <<'END'
FROM scratch
ADD foreign.tar /
RUN mkdir /made && echo "run by $(id -u)" >/made/file && cat /made/file
END
    cat >registered <<END
set -e
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
printf '%s\n' ':other:M::$magic:$mask:$PWD/base/bin/busybox:F' >/proc/sys/fs/binfmt_misc/register
exec "\$@"
END
    refuses --platform "$there" .
    expect_stderr "hint: *qemu-user, registered in binfmt_misc with flag F"
    ok unshare -Urm sh registered rootlet build --progress plain --platform "$there" -t foreign .
    expect_stderr "warning: commands for $there run by an interpreter of this machine"
    expect_stderr "run by 0"
    ok rootlet inspect foreign
    expect_output "\"Architecture\": \"${there#*/}\""
    # what is there need not be run again
    ok unshare -Urm sh registered rootlet build --progress plain --platform "$there" -t foreign .
    cached 2
    # root emulation of the usual kind is not to be had so
    refused unshare -Urm sh registered rootlet build --root-emulation tap --platform "$there" .
    expect_stderr "a command for $there cannot run on this machine"
}

@test "a stage without RUN is built for another platform, from one that runs here" {
    dockerfile <<'END'
FROM --platform=$BUILDPLATFORM tiny AS make
ARG TARGETARCH
RUN echo "made for $TARGETARCH" >/out
FROM scratch
COPY --from=make /out /out
END
    builds --platform "$there" -t foreign .
    ok rootlet inspect foreign
    expect_output "\"Architecture\": \"${there#*/}\""
}

# Two platforms in one base, each with a file /platform that says which it is.
import_both() {
    mkdir -p empty
    "$ROOTLET_TEST_STAGE/tests/support/make-layout" both latest --platform "$here" --platform "$there" empty >/dev/null
    rootlet -q import both both
}

@test "several platforms make an index, one image for each" {
    need skopeo jq
    import_both
    dockerfile <<'END'
FROM --platform=$BUILDPLATFORM tiny AS make
ARG TARGETARCH
RUN echo "made for $TARGETARCH" >/out
FROM both
COPY --from=make /out /out
END
    builds --platform "$here,$there" --platform "$here" -t multi \
        --annotation plain=every --annotation "manifest[$there],index:where=a:b=c" \
        --annotation "manifest-descriptor[$here]:named=yes" --annotation index-descriptor:outer=1 \
        --metadata-file meta.json --iidfile id -o type=image -o type=oci,dest=out.tar .
    expect_stderr "[$there make 2/2]"
    equal "$(cat id)" "$output"
    equal "$(jq -r '."containerimage.digest"' meta.json)" "$output"
    equal "$(jq -r '."image.name"' meta.json)" docker.io/library/multi:latest
    equal "$(jq -r '."containerimage.descriptor".annotations.outer' meta.json)" 1
    fails grep -q config.digest meta.json

    skopeo inspect --raw oci-archive:out.tar >index.json
    equal "$(sha256sum <index.json)" "${output#sha256:}  -"
    equal "$(jq -c '[.manifests[].platform | .os + "/" + .architecture]' index.json)" "[\"$here\",\"$there\"]"
    equal "$(jq -c .annotations index.json)" '{"where":"a:b=c"}'
    equal "$(jq -c '[.manifests[].annotations]' index.json)" '[{"named":"yes"},null]'
    tar -xf out.tar
    equal "$(jq -c '.manifests[0].annotations.outer' index.json)" '"1"'
    local arch
    for arch in "$here" "$there"; do
        skopeo copy -q --override-arch "${arch#*/}" oci-archive:out.tar dir:copy
        equal "$(jq -r .annotations.plain copy/manifest.json)" every
        rm -r copy
    done
    equal "$(jq -r .annotations.where "blobs/sha256/$(jq -r '.manifests[1].digest[7:]' "blobs/sha256/${output#sha256:}")")" a:b=c

    # in the store it is the same index, and again all of it comes from the cache
    builds --platform "$here,$there" -t multi --annotation plain=every \
        --annotation "manifest[$there],index:where=a:b=c" --annotation "manifest-descriptor[$here]:named=yes" .
    equal "$output" "$(cat id)"
    ok rootlet save --format oci-archive multi -o saved.tar
    skopeo inspect --raw oci-archive:saved.tar | cmp - "blobs/sha256/$(cut -d: -f2 id)"
}

@test "an index without this machine's platform is built, saved and pushed" {
    need skopeo jq docker-registry
    registry_start
    mkdir empty
    "$ROOTLET_TEST_STAGE/tests/support/make-layout" far latest --platform linux/s390x --platform linux/ppc64le empty >/dev/null
    rootlet -q import far far
    printf 'FROM far\nCOPY Dockerfile /\n' >Dockerfile
    builds --platform linux/s390x,linux/ppc64le -t "$REGISTRY/multi:1" --push .
    ok rootlet save --format oci-archive -o saved.tar "$REGISTRY/multi:1"
    skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/multi:1" >pushed.json
    skopeo inspect --raw oci-archive:saved.tar | cmp - pushed.json
    equal "$(jq -c '[.manifests[].platform.architecture]' pushed.json)" '["s390x","ppc64le"]'
    refused rootlet run "$REGISTRY/multi:1"
    expect_stderr "there is: linux/s390x linux/ppc64le"
}

@test "files of several platforms have a folder each" {
    import_both
    dockerfile <<'END'
FROM both
ARG TARGETARCH
COPY Dockerfile /for-$TARGETARCH
END
    builds --platform "$here,$there" -o out --output type=tar,dest=out.tar .
    equal "$output" ""
    equal "$(cat "out/linux_${here#*/}/platform" "out/linux_${there#*/}/platform")" "$here"$'\n'"$there"
    cmp Dockerfile "out/linux_${there#*/}/for-${there#*/}"
    mkdir unpacked
    tar -C unpacked -xf out.tar
    diff -r out unpacked
    refuses --platform "$here,$there" -o type=local,dest=out2,platform-split=false .
    expect_stderr "'/platform' is there for several platforms"
    equal "$(ls -A out2)" ""
    refuses --platform "$here,$there" -o type=docker,dest=x .
    expect_stderr "type=oci"
    builds --platform "$there" -o type=local,dest=one,platform-split=true .
    cmp Dockerfile "one/linux_${there#*/}/for-${there#*/}"
}

@test "without platform-split the files of several platforms are one tree" {
    import_both
    dockerfile <<'END'
FROM scratch
ARG TARGETARCH
COPY Dockerfile /bin/$TARGETARCH/tool
COPY Dockerfile /bin.d/for-$TARGETARCH
END
    builds --platform "$here,$there" -o type=local,dest=out,platform-split=false -o type=tar,dest=out.tar,platform-split=false .
    equal "$(cd out && find . -type f | sort | tr '\n' ' ')" \
        "./bin.d/for-amd64 ./bin.d/for-arm64 ./bin/amd64/tool ./bin/arm64/tool "
    equal "$(tar -tf out.tar | tr '\n' ' ')" \
        "./ bin/ bin/amd64/ bin/amd64/tool bin/arm64/ bin/arm64/tool bin.d/ bin.d/for-amd64 bin.d/for-arm64 "
}

@test "a base image for one platform does not pass as another's" {
    dockerfile <<'END'
FROM tiny
END
    refuses --platform "$here,$there" .
    expect_stderr "the image for $there came out as one for $here"
    refuses --platform nonsense/a/b/c .
    refuses --annotation index:a=b .
    expect_stderr "no index"
}
