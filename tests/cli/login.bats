# SPDX-License-Identifier: Apache-2.0
# login, logout and where credentials are found, against a real registry that wants them.
load ../support/common
load ../support/registry

setup() {
    common_setup
    need docker-registry skopeo python3
    export HOME=$BATS_TEST_TMPDIR/home XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
    unset REGISTRY_AUTH_FILE DOCKER_CONFIG XDG_CONFIG_HOME
    mkdir "$HOME" "$XDG_RUNTIME_DIR"
    registry_start --password me:secret
    layer_trees .
    make_layout oci image one >/dev/null
    skopeo copy -q --dest-creds me:secret --dest-tls-verify=false oci:oci:image "docker://$REGISTRY/team/tool:1"
}

teardown() {
    registry_stop
    common_teardown
}

log_in() {
    echo secret | ok rootlet login -u me --password-stdin "$@"
}

pulls() {
    rm -rf "$ROOTLET_STORE"
    ok rootlet pull "$@" "$REGISTRY/team/tool:1"
}

is_refused() {
    rm -rf "$ROOTLET_STORE"
    refused rootlet pull "$@" "$REGISTRY/team/tool:1"
    expect_stderr "authentication required"
}

# entry KEY: an auth file's entry for user me.
entry() {
    echo "{\"auths\": {\"$1\": {\"auth\": \"$(printf me:secret | base64)\"}}}"
}

@test "without credentials the registry refuses and login is suggested" {
    is_refused
    expect_stderr "hint: 'rootlet login $REGISTRY'"
}

@test "login keeps what the registry accepts, for pull and for other tools" {
    echo secret | rootlet login -u me --password-stdin "$REGISTRY" 2>said
    grep -q "$XDG_RUNTIME_DIR/containers/auth.json" said
    equal "$(stat -c %a "$XDG_RUNTIME_DIR/containers/auth.json")" 600
    pulls
    skopeo inspect --tls-verify=false "docker://$REGISTRY/team/tool:1" >/dev/null
    ok rootlet push "$REGISTRY/team/tool:1" "$REGISTRY/team/copy:1"
    ok rootlet logout "$REGISTRY"
    is_refused
    refused rootlet logout "$REGISTRY"
}

@test "login keeps nothing that the registry refuses" {
    run bash -c "echo wrong | rootlet login -u me --password-stdin $REGISTRY"
    expect_status 125
    [ ! -e "$XDG_RUNTIME_DIR/containers/auth.json" ]
    is_refused
}

@test "what skopeo logged in to is used" {
    skopeo login --tls-verify=false -u me -p secret "$REGISTRY"
    pulls
}

@test "--creds is used once and wrong ones are refused" {
    pulls --creds me:secret
    is_refused --creds me:wrong
    is_refused
}

@test "every auth file is found, by host and by the longest path" {
    mkdir -p "$HOME/.config/containers" "$HOME/.docker" "$XDG_RUNTIME_DIR/containers" elsewhere
    for file in "$XDG_RUNTIME_DIR/containers/auth.json" "$HOME/.config/containers/auth.json" "$HOME/.docker/config.json"; do
        entry "$REGISTRY" >"$file"
        pulls
        rm "$file"
    done
    # Docker's before 1.7: the entries alone
    entry "$REGISTRY" | python3 -c 'import json, sys; json.dump(json.load(sys.stdin)["auths"], sys.stdout)' >"$HOME/.dockercfg"
    pulls
    ok rootlet logout "$REGISTRY"
    equal "$(cat "$HOME/.dockercfg")" "{}"
    is_refused
    rm "$HOME/.dockercfg"
    entry "https://$REGISTRY/v1/" >"$HOME/.docker/config.json"
    pulls
    entry "$REGISTRY/team" >"$HOME/.docker/config.json"
    pulls
    entry "$REGISTRY/other" >"$HOME/.docker/config.json"
    is_refused
    entry "$REGISTRY" >elsewhere/auth.json
    is_refused
    REGISTRY_AUTH_FILE=elsewhere/auth.json pulls
    pulls --authfile elsewhere/auth.json
    mv elsewhere/auth.json elsewhere/config.json
    DOCKER_CONFIG=elsewhere pulls
}

@test "credential helpers are asked, for one host and for all" {
    mkdir -p helpers "$HOME/.docker"
    cat >helpers/docker-credential-mine <<END
#!/bin/sh
read -r server
echo "\$1 \$server" >>"$PWD/asked"
echo '{"Username":"me","Secret":"secret"}'
END
    chmod +x helpers/docker-credential-mine
    PATH=$PWD/helpers:$PATH
    echo "{\"credHelpers\": {\"$REGISTRY\": \"mine\"}}" >"$HOME/.docker/config.json"
    pulls
    equal "$(cat asked)" "get $REGISTRY"
    echo '{"credsStore": "mine"}' >"$HOME/.docker/config.json"
    pulls
    echo "{\"credHelpers\": {\"$REGISTRY\": \"missing\"}}" >"$HOME/.docker/config.json"
    refused rootlet pull "$REGISTRY/team/none:1"
    expect_stderr "docker-credential-missing"
}

@test "a damaged auth file is named" {
    mkdir -p "$XDG_RUNTIME_DIR/containers"
    echo '{"auths": ' >"$XDG_RUNTIME_DIR/containers/auth.json"
    refused rootlet pull "$REGISTRY/team/tool:1"
    expect_stderr "$XDG_RUNTIME_DIR/containers/auth.json"
}

@test "a directory that is somebody else's holds no auth file of the caller's; a file not to be read is named" {
    [ "$(id -u)" != 0 ] || skip "root may read everything"
    mkdir -p "$HOME/.docker" "$XDG_RUNTIME_DIR/containers"
    entry "$REGISTRY" >"$HOME/.docker/config.json"
    chmod 000 "$XDG_RUNTIME_DIR/containers"
    pulls
    chmod 700 "$XDG_RUNTIME_DIR/containers"
    entry "$REGISTRY" >"$XDG_RUNTIME_DIR/containers/auth.json"
    chmod 000 "$XDG_RUNTIME_DIR/containers/auth.json"
    rm -rf "$ROOTLET_STORE"
    refused rootlet pull "$REGISTRY/team/tool:1"
    expect_stderr "auth file"
    expect_stderr "Permission denied"
}

@test "login --authfile and logout --all work on that file" {
    echo secret | rootlet login --authfile mine.json -u me --password-stdin "$REGISTRY"
    grep -q "$REGISTRY" mine.json
    pulls --authfile mine.json
    ok rootlet logout --authfile mine.json --all
    fails grep -q "$REGISTRY" mine.json
}

@test "login asks on a terminal and does not show the password" {
    ok "$ROOTLET_TEST_STAGE/tests/support/terminal" expect:Username: 'send:me\n' \
        expect:Password: 'send:secret\n' -- rootlet login "$REGISTRY"
    expect_no_output secret
    pulls
}

@test "wrong words on the command line are refused" {
    refused rootlet login
    refused rootlet login a b
    refused rootlet login "$REGISTRY" </dev/null
    expect_stderr "hint: use --username USER --password-stdin"
    refused rootlet login --password-stdin "$REGISTRY" </dev/null
    refused rootlet login -u a:b -p c "$REGISTRY"
    refused rootlet login -u a -p c not/a/host
    refused rootlet login -u a -p c --password-stdin "$REGISTRY"
    refused rootlet logout
    refused rootlet logout --all x
}
