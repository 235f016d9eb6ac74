# SPDX-License-Identifier: Apache-2.0
# Pushing to a registry that breaks off, refuses large bodies or wants a token.
load ../support/common
load ../support/registry

setup() {
    common_setup
    need python3
    export HOME=$BATS_TEST_TMPDIR/home
    mkdir "$HOME"
    layer_trees .
    mkdir "$BATS_TEST_TMPDIR/flaky"
    layout=$BATS_TEST_TMPDIR/flaky/oci
    digest=$(make_layout "$layout" 1 one two)
    flaky_start
    rootlet pull "$FLAKY/r:1" >pulled
    image=$FLAKY/r:1
    flaky_stop
    rm -rf "$layout"
    mkdir -p "$layout/blobs/sha256"
    echo '{"schemaVersion": 2, "manifests": []}' >"$layout/index.json"
}

teardown() {
    flaky_stop
    common_teardown
}

pushes() {
    ok rootlet push --retry-delay 0 "$@" "$image" "$FLAKY/r:1"
    equal "$output" "$FLAKY/r:1@$digest"
    # everything is there, and is what its name says
    [ -e "$layout/blobs/sha256/${digest#*:}" ]
    for blob in "$layout"/blobs/sha256/*; do
        equal "$(sha256sum <"$blob" | cut -d ' ' -f 1)" "${blob##*/}"
        [ -e "$ROOTLET_STORE/blobs/sha256/${blob##*/}" ]
    done
    equal "$(ls "$layout/blobs/sha256" | wc -l)" 4
}

logged() {
    grep -c -- "$1" "$FLAKY_LOG" || :
}

@test "blobs are sent as a whole when nothing is in the way" {
    flaky_start
    pushes
    [ "$(logged PATCH)" -eq 0 ]
    [ "$(logged 'PUT .*uploads')" -eq 3 ]
}

@test "an upload that breaks off goes on in chunks from where it stopped" {
    flaky_start --cut 100000
    pushes
    [ "$(logged ' cut ')" -eq 1 ]
    [ "$(logged 'GET .*uploads.* 204')" -eq 1 ]
    [ "$(logged 'PATCH .* 202')" -eq 1 ]
}

@test "a blob too large for one request is sent in chunks" {
    flaky_start --largest-body 9000000
    head -c 20000000 /dev/urandom >one/bin/noise
    # an image of its own: a layer of three chunks
    store=$ROOTLET_STORE
    export ROOTLET_STORE=$BATS_TEST_TMPDIR/other-store
    digest=$(make_layout "$layout" 1 one two)
    rootlet pull "$FLAKY/r:1"
    image=$FLAKY/r:1
    rm -rf "$layout"
    mkdir -p "$layout/blobs/sha256"
    echo '{"schemaVersion": 2, "manifests": []}' >"$layout/index.json"
    pushes
    [ "$(logged 'PUT .* 413')" -eq 1 ]
    [ "$(logged 'PATCH .* 202')" -eq 3 ]
    export ROOTLET_STORE=$store
}

@test "failures that pass are tried again" {
    flaky_start --fail 503
    pushes --retry 2
}

@test "a registry that never takes a blob is given up on" {
    flaky_start --fail 503 --times 1000 --only 'PUT|PATCH'
    refused rootlet push --retry-delay 0 --retry 2 "$image" "$FLAKY/r:1"
    expect_stderr "status 503"
    equal "$(cat "$layout/index.json")" '{"schemaVersion": 2, "manifests": []}'
}

@test "a token for pushing is bought and used" {
    flaky_start --user me:secret
    pushes --creds me:secret
    [ "$(logged '^cdn GET /token.*scope=repository%3Ar%3Apull%2Cpush')" -eq 1 ]
    fails grep '^registry.*auth=Basic' "$FLAKY_LOG"
}
