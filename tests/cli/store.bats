#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The store: names, listings, removal, and what others may do with it.

load ../support/common
setup() { common_setup; }
teardown() { common_teardown; }

blobs() {
    find "$ROOTLET_STORE/blobs" -type f | wc -l
}

layers() {
    find "$ROOTLET_STORE/layers" -mindepth 1 -maxdepth 1 | wc -l
}

@test "an empty store lists nothing, in both forms" {
    ok rootlet images
    equal "$output" "REPOSITORY   TAG   IMAGE ID   CREATED   SIZE"
    ok rootlet images --format json
    equal "$output" ""
}

@test "images shows names, ids and sizes, newest first, and filters by name" {
    local id
    id=$(rootlet -q import "$(tiny_tar)" tiny:1)
    rootlet tag tiny:1 localhost:5000/some/app
    rootlet -q import -c 'ENV A=b' "$(tiny_tar)" >/dev/null
    ok rootlet images
    [ "${#lines[@]}" -eq 4 ]
    expect_output "localhost:5000/some/app   latest   ${id:7:12}"
    expect_output "<none>                    <none>"
    ok rootlet images tiny
    [ "${#lines[@]}" -eq 2 ]
    ok rootlet images 'localhost:5000/*/*'
    [ "${#lines[@]}" -eq 2 ]
    equal "$(rootlet images -q tiny:1)" "${id:7:12}"
    equal "$(rootlet images --no-trunc -q tiny)" "$id"
    rootlet images --format json tiny | python3 -c '
import json, sys
item = json.loads(sys.stdin.read())
assert item["Repository"] == "tiny" and item["Tag"] == "1" and item["ID"] == sys.argv[1], item
assert item["SizeBytes"] > 100000, item' "$id"
}

@test "images remembers what it read, and believes nothing of what is gone or damaged" {
    rootlet -q import "$(tiny_tar)" tiny
    rootlet -q import -c 'ENV A=b' "$(tiny_tar)" other
    first=$(rootlet images --format json)
    [ -s "$ROOTLET_STORE/cache/images" ]
    equal "$(rootlet images --format json)" "$first"
    for damage in garbage '# rootlet images 1' $'# rootlet images 1\nsha256:00 x' "$(head -c 300 "$ROOTLET_STORE/cache/images")"; do
        printf '%s' "$damage" >"$ROOTLET_STORE/cache/images"
        equal "$(rootlet images --format json)" "$first"
    done
    config=$(rootlet images -q --no-trunc other)
    rm "$ROOTLET_STORE/blobs/sha256/${config#sha256:}"
    ok rootlet images
    expect_stderr "warning: *is not in the store"
    rootlet rmi other >/dev/null
    ok rootlet images
    equal "$stderr" ""
}

@test "tag, inspect and rmi take names, ids and beginnings of ids" {
    local id
    id=$(rootlet -q import "$(tiny_tar)" tiny:1)
    ok rootlet tag "$id" by:id
    ok rootlet tag "${id:7:8}" by:short
    ok rootlet inspect -f '{{.Id}}' "${id:7:4}"
    equal "$output" "$id"
    equal "$(rootlet inspect -f '{{json .RepoTags}}' tiny:1)" '["by:id","by:short","tiny:1"]'
    refused rootlet inspect nosuch
    refused rootlet inspect ffffffffffff
    expect_stderr "no image has the name or id 'ffffffffffff'"
    refused rootlet tag nosuch x
    refused rootlet tag tiny:1 "x@$id"
    refused rootlet rmi "$id"
    expect_stderr "3 names"
    ok rootlet rmi --force "$id"
    expect_output "Deleted: $id"
}

@test "rmi deletes what nothing else needs, and only that" {
    rootlet -q import "$(tiny_tar)" tiny:1
    rootlet -q import -c 'ENV A=b' "$(tiny_tar)" tiny:2
    rootlet tag tiny:1 tiny:3
    ok rootlet rmi tiny:1
    equal "$output" "Untagged: tiny:1"
    [ "$(blobs)" -eq 5 ]
    ok rootlet rmi tiny:3
    [ "$(blobs)" -eq 3 ]
    [ "$(layers)" -eq 1 ]
    ok rootlet export tiny:2 -o out.tar
    ok rootlet rmi tiny:2
    expect_empty_dir "$ROOTLET_STORE/blobs/sha256"
    expect_empty_dir "$ROOTLET_STORE/layers"
    expect_empty_dir "$ROOTLET_STORE/owners"
    expect_empty_dir "$ROOTLET_STORE/refs"
    expect_empty_dir "$ROOTLET_STORE/tmp"
    refused rootlet rmi tiny:2
    ok rootlet rmi --force tiny:2
}

@test "rmi leaves files alone while another process works in the store" {
    local held=tmp/$(cat /proc/sys/kernel/random/boot_id).$(stat -Lc %i /proc/self/ns/pid)
    rootlet -q import "$(tiny_tar)" tiny
    mkdir "$ROOTLET_STORE/$held.$$.$(cut -d ' ' -f 22 /proc/$$/stat).0"
    ok rootlet rmi tiny
    expect_output "Untagged: tiny:latest"
    [ "$(layers)" -eq 1 ]
    [ "$(blobs)" -eq 3 ]
}

@test "rmi leaves a layer alone that a running box uses" {
    need_userns
    local box
    rootlet -q import "$(tiny_tar)" tiny
    mkfifo go
    rootlet run -v "$PWD:/here" tiny -- sh -c 'echo ready >/here/go; cat /here/go; exec /bin/ls /bin/busybox' >out &
    box=$!
    read -r line <go
    equal "$line" ready
    ok rootlet rmi tiny
    [ "$(layers)" -eq 1 ]
    echo >go
    wait $box
    grep -q busybox out
    # what was left alone goes once another image that needed it is removed
    rootlet -q import "$(tiny_tar)" tiny
    ok rootlet rmi tiny
    [ "$(layers)" -eq 0 ]
}

@test "run unpacks what is in the store as blobs only" {
    need_userns
    rootlet -q import "$(tiny_tar)" tiny
    rm -r "$ROOTLET_STORE"/layers/* "$ROOTLET_STORE"/owners/*
    ok rootlet run tiny -- echo there
    equal "$output" there
    [ "$(layers)" -eq 1 ]
    rm -r "$ROOTLET_STORE"/layers/*
    find "$ROOTLET_STORE/blobs" -size +100k -delete
    refused rootlet run tiny -- echo there
    expect_stderr "is not in the store"
}

@test "what a killed process left is cleared away by the next, and nothing else is harmed" {
    local killed feed
    rootlet -q import "$(tiny_tar)" tiny
    mkfifo feed
    rootlet import - killed <feed &
    killed=$!
    exec {feed}>feed
    head -c 1000000 "$(tiny_tar)" >&"$feed"
    while_alive "$killed" compgen -G "$ROOTLET_STORE/tmp/*"
    kill -9 $killed
    wait $killed || :
    exec {feed}>&-
    [ -n "$(ls "$ROOTLET_STORE/tmp")" ]
    ok rootlet tag tiny again
    expect_empty_dir "$ROOTLET_STORE/tmp"
    equal "$(rootlet images -q killed)" ""
    ok rootlet export tiny -o /dev/null
}

@test "a name given again moves to the new image" {
    rootlet -q import "$(tiny_tar)" name
    rootlet -q import -c 'ENV A=b' "$(tiny_tar)" name
    [ "$(rootlet images | wc -l)" -eq 2 ]
    rootlet inspect -f '{{json .Config.Env}}' name | grep -q A=b
}

@test "history tells the steps, in both forms" {
    rootlet -q import -m "a remark" "$(tiny_tar)" tiny
    ok rootlet history tiny
    expect_output "CREATED BY"
    expect_output "a remark"
    rootlet history --format json tiny | grep -q '"Comment":"a remark"'
    refused rootlet history nosuch
}

@test "skopeo and umoci read the store as the OCI layout that it is" {
    need skopeo umoci
    rootlet -q import "$(tiny_tar)" tiny
    skopeo inspect "oci:$ROOTLET_STORE:docker.io/library/tiny:latest" | grep -q '"Architecture"'
    umoci ls --layout "$ROOTLET_STORE" | grep -qx docker.io/library/tiny:latest
}

@test "everything in the store belongs to the user, so rm -r removes it" {
    rootlet -q import <("$ROOTLET_TEST_STAGE/tests/support/rich-tar" make) rich
    rm -r "$ROOTLET_STORE"
    [ ! -e "$ROOTLET_STORE" ]
}

@test "the store is found without HOME, USER and XDG variables" {
    local home
    home=$(getent passwd "$(id -u)" | cut -d : -f 6)
    [ -w "$home" ] || skip "no home directory to write to"
    attempt env -i PATH="$PATH" rootlet images
    expect_status 0
    [ -d "$home/.local/share/rootlet" ]
    ok env -i PATH="$PATH" HOME="$PWD/home" rootlet images
    [ -d home/.local/share/rootlet/blobs ]
    ok env -i PATH="$PATH" HOME="$PWD/home" XDG_DATA_HOME="$PWD/data" rootlet images
    [ -d data/rootlet/blobs ]
    ok rootlet --verbose images --store "$PWD/given"
    [ -d given/blobs ]
}

@test "who finds the store made by another while making it goes on with it" {
    need strace
    rootlet -q import "$(tiny_tar)" tiny
    # The first look misses the layout, as if it came only now. (Leaks cannot be looked for where
    # another program traces.)
    ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 attempt strace -f -qq -o trace -e trace=/faccessat \
        --inject=/faccessat:error=ENOENT:when=1 rootlet images
    equal "$status" 0
    grep -q 'oci-layout.*INJECTED' trace
    equal "$(rootlet images -q | wc -l)" 1
    grep -q tiny "$ROOTLET_STORE/index.json"
}

@test "a directory that holds other things is not taken for a store" {
    mkdir other
    touch other/thesis.tex
    refused rootlet --store other images
    refused rootlet images --store other
    expect_stderr "thesis.tex"
    equal "$(ls other)" thesis.tex
    mkdir network
    touch network/.nfs0000000000000001 network/.fuse_hidden0000000100000001 # deleted, and open somewhere
    ok rootlet --store network images
}

@test "a file that others replace while it is read, on a network, is read again" {
    need strace
    import_tiny
    ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 ok strace -f -qq -o trace -e trace=openat --inject=openat:error=ESTALE:when=1..3 \
        -P refs/docker.io/library/tiny/_tags/latest rootlet inspect tiny
    [ "$(grep -c ESTALE trace)" -eq 3 ]
}

@test "a store needs no hard links" {
    mkdir tree
    echo text >tree/file
    tar -cf tree.tar -C tree .
    ok deny hard-links rootlet -q import tree.tar one
    before=$(cd "$ROOTLET_STORE/blobs/sha256" && stat -c '%i %n' ./* | sort)
    ok deny hard-links rootlet -q import tree.tar two
    equal "$(cd "$ROOTLET_STORE/blobs/sha256" && stat -c '%i %n' ./* | sort)" "$before"
    ok rootlet fsck
    equal "$output" ""
    expect_empty_dir "$ROOTLET_STORE/tmp"
}
