#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rootlet pack: the same bytes from the same input, loadable by others, without secrets.

load ../support/common
setup() { common_setup; }
teardown() { common_teardown; }

FORMATS="tar tar.gz tar.zst squashfs oci docker dir run"

# digest ARGS...: what rootlet pack says it wrote.
digest() {
    rootlet -q pack "$@" | cut -d' ' -f1
}

# make_twins: a and b hold the same files, made in another order under another umask.
make_twins() {
    local name
    for name in a b; do
        mkdir -p $name/root
        (
            cd $name/root
            [ $name = a ] && umask 022 || umask 077
            mkdir -p usr/bin usr/lib etc
            for file in $([ $name = a ] && echo one two three || echo three one two); do
                echo "$file" >usr/lib/$file
            done
            printf '#!/bin/sh\necho "$0"\n' >usr/bin/tool
            chmod +x usr/bin/tool
            ln usr/lib/one usr/lib/uno
            ln -s tool usr/bin/other
            mkdir tmp && chmod 1777 tmp
        )
        [ $name = a ] || find b -exec touch -hd 2001-02-03 {} +
    done
}

# elsewhere CMD...: as another user, if this one may have a user namespace, on one processor, with
# addresses that are never the same twice, a new umask, time zone, locale and host of variables.
elsewhere() {
    local other=()
    ! unshare -Ur true 2>/dev/null || other=(unshare -Ur)
    (umask 077; export TZ=Asia/Kathmandu LC_ALL=C.UTF-8 LANG=tr_TR.UTF-8 COLUMNS=40
        "${other[@]}" taskset -c "$(taskset -pc $$ | sed 's/.*[: ,-]//')" "$@")
}

@test "the same files make the same bytes in every format, whoever packs them when, where and how" {
    local format one other relocatable place=$BATS_TEST_TMPDIR/b
    [ ! -w /dev/shm ] || place=$(mktemp -d /dev/shm/rootlet-XXXXXX) # names in another order
    make_twins
    [ "$place" = "$BATS_TEST_TMPDIR/b" ] || { mv b/root "$place" && rmdir b && ln -s "$place" b; }
    for format in $FORMATS "tar -R" "dir -R" "tar -R --save-provenance"; do
        # shellcheck disable=SC2086 # words
        set -- -f $format -S /bin=usr/bin --name twin
        format=${format// /}
        one=$(digest ./a/root "$@" -o a/$format.out)
        other=$(elsewhere rootlet -q pack ./b/root "$@" -o b/$format.out | cut -d' ' -f1)
        equal "$other" "$one"
        [[ $format != dir* ]] || continue
        cmp a/$format.out b/$format.out
        equal "sha256:$(sha256sum <a/$format.out | cut -d' ' -f1)" "$one"
    done
    diff -r --no-dereference a/dir.out b/dir.out
    [ -x a/dir.out/usr/bin/tool ]
    equal "$(readlink a/dir.out/bin)" usr/bin
    equal "$(stat -c %a a/dir.out/tmp)" 1777
    [ ! -L b ] || rm -rf "$place"
}

@test "attributes of files are packed, also by kernels that list them by a path only" {
    need setfattr
    make_twins
    setfattr -n user.kind -v odd a/root/usr/lib/two || skip "no attributes here"
    ok rootlet -q pack ./a/root -f tar -o here.tar
    grep -q SCHILY.xattr.user.kind=odd here.tar
    ok deny listxattrat rootlet -q pack ./a/root -f tar -o there.tar
    cmp here.tar there.tar
}

@test "rounds are compared, and --keep lets accidents count" {
    make_twins
    head -c 20000000 /dev/urandom >a/root/usr/lib/large # goes to the disk while it is written
    ok rootlet pack ./a/root -f tar.zst --rounds 2 -o out
    expect_stderr "round 2 of 2: the same"
    expect_output "sha256:$(sha256sum <out | cut -d' ' -f1)  out"
    rm a/root/usr/lib/large
    fails test -e out.round-2
    fails test "$(digest ./a/root -f tar --keep mode -o 1)" = "$(digest ./b/root -f tar --keep mode -o 2)"
    fails test "$(digest ./a/root -f tar --keep time -o 1)" = "$(digest ./b/root -f tar --keep time -o 2)"
    rootlet -q pack ./a/root -f dir -o packed >/dev/null # what is packed again is the same again
    equal "$(digest ./packed --name root -f tar -o 3)" "$(digest ./a/root -f tar -o 4)"
    SOURCE_DATE_EPOCH=1000000000 rootlet -q pack ./a/root -f dir -o dated
    equal "$(stat -c %Y dated/usr/lib/two)" 1000000000
}

@test "an image is packed as it is, from the store, and tells what is in it" {
    need skopeo
    import_tiny
    rootlet -q export -o exported.tar tiny
    ok rootlet pack tiny -f tar --save-provenance -o packed.tar
    mkdir root && tar -C root -xf packed.tar
    grep -q '"imageId": "sha256:' root/.rootlet/provenance.json
    grep -q '"spdxVersion": "SPDX-2.3"' root/.rootlet/sbom.spdx.json
    grep -q '"writer": "rootlet ' root/.rootlet/pack.json
    mkdir exported && tar -C exported -xf exported.tar
    diff -r --no-dereference exported root | grep -v "^Only in root" | expect_nothing
    ok rootlet pack tiny -f oci --entry-point /bin/true -e WORLD=hello -o tiny.oci
    attempt skopeo inspect --config oci-archive:tiny.oci
    expect_output '"Entrypoint": \[*"/bin/true"*\]'
    expect_output 'WORLD=hello'
    ROOTLET_STORE=$BATS_TEST_TMPDIR/other rootlet -q load -i tiny.oci
}

expect_nothing() {
    local text
    text=$(cat)
    equal "$text" ""
}

@test "other programs load what is packed" {
    need skopeo umoci
    import_tiny
    rootlet -q pack tiny -f oci -o tiny.oci
    rootlet -q pack tiny -f docker -o tiny.docker
    rootlet -q pack tiny -f dir -o root
    skopeo copy -q oci-archive:tiny.oci oci:layout:latest
    umoci unpack --rootless --image layout:latest bundle 2>/dev/null
    diff -r --no-dereference root bundle/rootfs
    skopeo copy -q docker-archive:tiny.docker oci:copy:latest
    umoci unpack --rootless --image copy:latest other 2>/dev/null
    diff -r --no-dereference root other/rootfs
    for archive in tiny.oci tiny.docker; do
        ROOTLET_STORE=$BATS_TEST_TMPDIR/$archive rootlet -q load -i $archive
        ROOTLET_STORE=$BATS_TEST_TMPDIR/$archive rootlet images | grep -q '^tiny '
    done
}

@test "podman runs what is packed, docker's format and OCI's" {
    need podman
    need_userns
    local run_root storage form
    import_tiny
    run_root=$(mktemp -d /tmp/run-XXXXXX) # podman wants a short path here
    storage="--root $BATS_TEST_TMPDIR/podman --runroot $run_root --storage-driver vfs --cgroup-manager cgroupfs"
    for form in oci docker; do
        rootlet -q pack tiny -f $form --name packed-$form --entry-point "/bin/echo said by" -o tiny.$form
        # shellcheck disable=SC2086 # words
        podman $storage load -q -i tiny.$form >/dev/null
        # shellcheck disable=SC2086
        attempt podman $storage inspect --format '{{.Config.Entrypoint}}' packed-$form
        equal "$output" "[/bin/echo said by]"
    done
    # shellcheck disable=SC2086
    podman $storage unshare rm -rf "$BATS_TEST_TMPDIR/podman"
    rm -rf "$run_root"
}

@test "an environment is packed as what it shows" {
    mkdir -p files && echo shown >files/one && echo hidden >files/two
    printf '%s\n' "$PWD/files" "!$PWD/files/two" "exe:cat" >list
    rootlet -q isolate create env --from files:list
    rootlet -q pack ./env --save-provenance -f tar -o env.tar
    rootlet -q pack ./env -f run -o env.run
    mkdir root && tar -C root -xf env.tar
    equal "$(cat "root$PWD/files/one")" shown
    [ ! -e "root$PWD/files/two" ]
    grep -q '"environment of files:' root/.rootlet/provenance.json
    attempt env ROOTLET_ENGINE=tap ./env.run cat "$PWD/files/one"
    expect_status 0
    equal "$output" shown
}

@test "secrets are refused with a list, until they are allowed" {
    make_twins
    mkdir -p a/root/home/u/.ssh a/root/root/.aws a/root/etc/ssl
    echo x | tee a/root/home/u/.ssh/id_rsa a/root/root/.aws/credentials a/root/home/u/.ssh/id_rsa.pub >/dev/null
    echo '-----BEGIN PRIVATE KEY-----' >a/root/etc/ssl/server.key
    echo '-----BEGIN CERTIFICATE-----' >a/root/etc/ssl/server.pem
    refused rootlet pack ./a/root -f tar -o out -e API_TOKEN=abc
    expect_stderr "/home/u/.ssh/id_rsa, "
    expect_stderr "/root/.aws/credentials"
    expect_stderr "/etc/ssl/server.key"
    expect_stderr "variable API_TOKEN"
    expect_stderr "hint: *--allow-secret"
    [[ $stderr != *.pub* && $stderr != *server.pem* ]]
    fails test -e out
    ok rootlet pack ./a/root -f tar -o out -e API_TOKEN=abc --allow-secret '/home/*' \
        --allow-secret '/root/.aws/*' --allow-secret '*.key' --allow-secret API_TOKEN
}

@test "what cannot be packed is refused, and nothing is left" {
    make_twins
    refused rootlet pack ./missing -o out
    refused rootlet pack / -o out
    refused rootlet pack ./a/root -o out -S bin
    refused rootlet pack ./a/root -o out -S /bin=../etc
    expect_stderr "leads out of the pack"
    refused rootlet pack ./a/root -o out -S /bin=usr/nothing
    refused rootlet pack ./a/root -o out -S /usr/lib=usr/bin
    expect_stderr "'/usr/lib' is there already"
    refused rootlet pack ./a/root -f squashfs -o -
    refused rootlet pack ./a/root --keep size -o out
    mkdir -m 0 a/root/closed
    refused rootlet pack ./a/root -o out
    expect_stderr "'./a/root': open directory '/closed'"
    rmdir a/root/closed
    refused rootlet pack ./a/root --expose relative -o out
    mkdir full && touch full/file
    refused rootlet pack ./a/root -f dir -o full
    equal "$(ls)" "$(printf '%s\n' a b full)"
}

@test "--diff names the files that differ, and in what, in every format" {
    make_twins
    local format
    for format in $FORMATS; do
        rootlet -q pack ./a/root -f $format -o a/$format >/dev/null
        ok rootlet pack --diff a/$format a/$format
        equal "$output" ""
    done
    echo other >a/root/usr/lib/two
    chmod -x a/root/usr/bin/tool
    rm a/root/usr/bin/other
    ln -s nowhere a/root/usr/lib/dangling
    for format in $FORMATS; do
        rootlet -q pack ./a/root -f $format -o b/$format >/dev/null
        attempt rootlet pack --diff a/$format b/$format
        expect_status 1
        expect_output "usr/lib/two: content * (4, 6 bytes)"
        expect_output "usr/bin/tool: mode 0755, 0644"
        expect_output "only in the first: /*usr/bin/other"
        expect_output "only in the second: /*usr/lib/dangling"
    done
    attempt rootlet pack --diff a/tar b/squashfs
    expect_status 1
    ok rootlet pack --diff a/dir a/dir
    # what a directory is, is looked at in $TMPDIR
    refused env TMPDIR="$PWD/nowhere" rootlet pack --diff a/dir a/dir
    expect_stderr "temporary file in '$PWD/nowhere'"
    attempt rootlet pack --diff a/tar a/tar.zst
    equal "$output" "all files are the same; the bytes around them differ (format, compression, padding)"
    refused rootlet pack --diff a/tar missing
    refused rootlet pack --diff a/tar
    echo nonsense >damaged
    refused rootlet pack --diff a/tar damaged
}
