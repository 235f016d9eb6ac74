# SPDX-License-Identifier: Apache-2.0
# A registry that fails, lies or is hostile (tests/support/flaky-registry.py): what passes is tried
# again, what is wrong is refused, and credentials go nowhere else.
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
}

teardown() {
    flaky_stop
    common_teardown
}

pulls() {
    ok rootlet pull --retry-delay 0 "$@" "$FLAKY/r:1"
    equal "$output" "$FLAKY/r:1@$digest"
    diff -r one "$(dirname "$(dirname "$(ls "$ROOTLET_STORE"/layers/*/etc/hello)")")"
}

refuses() {
    refused rootlet pull --retry-delay 0 "$@" "$FLAKY/r:1"
    [ -z "$(find "$ROOTLET_STORE/refs" -type f 2>/dev/null)" ]
    expect_empty_dir "$ROOTLET_STORE/layers"
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

# logged PATTERN: how many requests match.
logged() {
    grep -c -- "$1" "$FLAKY_LOG" || :
}

@test "statuses that pass are tried again, up to the number given" {
    for status in 429 500 502 503 504 408; do
        rm -rf "$ROOTLET_STORE"
        flaky_start --fail $status --times 2
        pulls --retry 2
        flaky_stop
    done
    rm -rf "$ROOTLET_STORE"
    flaky_start --fail 503 --times 3
    refuses --retry 2
    expect_stderr "status 503"
}

@test "statuses that do not pass are not tried again" {
    flaky_start --fail 403 --times 100 --only blobs
    refuses
    expect_stderr "access denied"
    for blob in $(sed -n 's/.* GET \([^ ]*blobs[^ ]*\) 403 .*/\1/p' "$FLAKY_LOG"); do
        [ "$(logged "$blob")" -eq 1 ]
    done
}

@test "Retry-After is obeyed, and too long a pause is refused and told" {
    flaky_start --fail 429 --retry-after 0 --only manifests
    # without the header the pause would be an hour
    ok rootlet pull --retry-delay 60m "$FLAKY/r:1"
    flaky_stop
    rm -rf "$ROOTLET_STORE"
    flaky_start --fail 429 --retry-after 86400 --only manifests
    refuses
    expect_stderr "too many requests"
    expect_stderr "86400"
}

@test "a connection cut in the middle of a blob is resumed from there" {
    flaky_start --cut 100000 --times 2
    pulls
    [ "$(logged 'range=bytes=100000-')" -ge 1 ]
    [ "$(logged 'range=bytes=200000-')" -ge 1 ]
}

@test "without ranges the whole is fetched again and what is known is skipped" {
    flaky_start --cut 100000 --no-range
    pulls
}

# large_layer: make the first layer one of 5 MB that do not compress.
large_layer() {
    head -c 5000000 /dev/urandom >one/bin/noise
    digest=$(make_layout "$layout" 1 one two)
}

@test "where asking for the rest is refused the whole is fetched again" {
    flaky_start --cut 100000 --times 1 --refuse-range
    pulls
    [ "$(logged 416)" -ge 1 ]
    flaky_stop
    rm -rf "$ROOTLET_STORE"
    # and of a part that an earlier pull left
    large_layer
    flaky_start --cut 2000000 --times 1
    refused rootlet pull --retry 0 "$FLAKY/r:1"
    flaky_stop
    flaky_start --refuse-range
    pulls
    [ "$(logged 416)" -ge 1 ]
}

@test "a pull that failed leaves its part to the next, and only the rest is asked for" {
    large_layer
    flaky_start --cut 2000000
    refused rootlet pull --retry 0 "$FLAKY/r:1"
    pulls --retry 0
    [ "$(logged 'range=bytes=2000000-')" -eq 1 ]
    expect_empty_dir "$ROOTLET_STORE/tmp/.partial"
}

has_part() {
    [ "$(find "$ROOTLET_STORE/tmp" -name "blob-*" -size +1900k | wc -l)" -eq 1 ]
}

@test "so does a pull that was killed" {
    large_layer
    flaky_start --hang 2000000
    rootlet pull --timeout 30m "$FLAKY/r:1" 3>&- &
    killed=$!
    while_alive $killed has_line hanging "$FLAKY_LOG"
    while_alive $killed has_part
    kill -9 $killed
    wait $killed || :
    flaky_stop
    flaky_start
    pulls
    [ "$(logged 'range=bytes=[12]')" -eq 1 ]
}

@test "a damaged part is noticed and the whole is fetched" {
    large_layer
    flaky_start --cut 2000000
    refused rootlet pull --retry 0 "$FLAKY/r:1"
    printf damage | dd of="$(ls "$ROOTLET_STORE"/tmp/.partial/*)" bs=1 seek=1000 conv=notrunc status=none
    pulls --retry 0
    [ "$(logged 'range=bytes=2000000-')" -eq 1 ]
}

@test "a body whose end is the end of the connection is not believed to be whole" {
    flaky_start --cut 100000 --no-length
    pulls
    flaky_stop
    rm -rf "$ROOTLET_STORE"
    flaky_start --cut 100 --no-length --times 1000 --no-range
    refuses --retry 3
    expect_stderr "connection closed after"
}

@test "a blob that is longer than announced is refused" {
    flaky_start --grow
    refuses
    expect_stderr "announced"
    flaky_stop
    flaky_start --grow --no-length
    refuses
    expect_stderr "longer than the"
}

@test "a damaged layer is refused by its digest" {
    flaky_start --damage
    refuses
    expect_stderr "sha256:"
}

@test "a manifest without end is refused" {
    flaky_start --huge manifests
    refuses
    expect_stderr "more than 4194304 bytes"
}

@test "a config too large to be one is refused before it is fetched" {
    python3 - "$layout" <<'END'
import hashlib, json, sys
layout = sys.argv[1]
def add(data):
    digest = hashlib.sha256(data).hexdigest()
    open(f"{layout}/blobs/sha256/{digest}", "wb").write(data)
    return "sha256:" + digest
index = json.load(open(layout + "/index.json"))
manifest = json.load(open(layout + "/blobs/sha256/" + index["manifests"][0]["digest"][7:]))
manifest["config"]["size"] = 1 << 40
index["manifests"][0]["digest"] = add(json.dumps(manifest).encode())
json.dump(index, open(layout + "/index.json", "w"))
END
    flaky_start
    refuses
    expect_stderr "too large"
    [ "$(logged blobs)" -eq 0 ]
}

@test "a manifest that is not what the header or the digest says is refused" {
    flaky_start --wrong-header "sha256:$(printf '%064d' 7)"
    refuses
    expect_stderr "damaged"
    flaky_stop
    flaky_start --media-type application/vnd.oci.image.index.v1+json
    refuses
    expect_stderr "the document says"
    flaky_stop
    flaky_start --media-type text/plain
    pulls
}

@test "a redirect is followed, and credentials do not go along" {
    flaky_start --basic me:secret --redirect
    pulls --creds me:secret
    [ "$(logged '^registry GET .*blobs.* 307 auth=Basic')" -eq 3 ]
    [ "$(logged '^cdn GET .* 200 auth=- ')" -eq 3 ]
    fails grep '^cdn.*auth=Basic' "$FLAKY_LOG"
}

@test "a cut connection is resumed behind a redirect" {
    flaky_start --redirect --cut 100000
    pulls
    [ "$(logged '^cdn GET .*range=bytes=100000-')" -ge 1 ]
}

@test "redirects to other schemes, in circles and to nowhere are refused" {
    for target in file:///etc/passwd gopher://127.0.0.1/x https://user:secret@127.0.0.1/x; do
        flaky_start --redirect-to "$target"
        refuses
        expect_stderr "redirected"
        expect_stderr "the server names an address"
        flaky_stop
    done
    flaky_start --redirect-to "?again"
    refuses
    expect_stderr "more than 8 redirects"
}

@test "a bearer token is bought with the user's credentials and used" {
    flaky_start --user me:secret
    pulls --creds me:secret
    [ "$(logged '^cdn GET /token?service=flaky&account=me&scope=repository%3Ar%3Apull 200 auth=Basic')" -eq 1 ]
    fails grep '^registry.*auth=Basic' "$FLAKY_LOG"
    rm -rf "$ROOTLET_STORE"
    refuses --creds me:wrong
    expect_stderr "token server 'http://$CDN'"
    expect_stderr "authentication required"
    refuses
    expect_stderr "hint: 'rootlet login $FLAKY'"
}

@test "a token that expires on the way is renewed" {
    flaky_start --user me:secret --token-uses 1
    pulls --creds me:secret --jobs 1
    [ "$(logged '^cdn GET /token')" -ge 4 ]
}

@test "a token that cannot go into a header is refused" {
    flaky_start --user me:secret
    sed "s/\"token\": token/\"token\": 'x\\\\r\\\\nEvil: 1'/" "$ROOTLET_TEST_STAGE/tests/support/flaky-registry.py" >evil.py
    flaky_stop
    grep -q 'Evil' evil.py
    rm "$BATS_TEST_TMPDIR/flaky/ports"
    python3 evil.py "$BATS_TEST_TMPDIR/flaky" --user me:secret 3>&- &
    FLAKY_PID=$!
    while_alive $FLAKY_PID test -e "$BATS_TEST_TMPDIR/flaky/ports"
    FLAKY=127.0.0.1:$(cut -d ' ' -f 1 <"$BATS_TEST_TMPDIR/flaky/ports")
    refuses --creds me:secret
    expect_stderr "holds no token"
}

@test "what a registry says cannot move the cursor" {
    flaky_start --fail 404 --code $'\e[2J' --only manifests --times 100
    refuses
    expect_stderr "[2j"
    fails grep -q $'\e' <<<"$stderr"
}

@test "pages of tags are read to the end" {
    for tag in 20 21 22 3; do
        make_layout "$layout" $tag two >/dev/null
    done
    flaky_start --page 2
    refused rootlet pull "$FLAKY/r:2"
    expect_stderr "hint: tags there: 20, 21, 22, 1, 3"
}

@test "who takes the connection and says nothing is given up on" {
    # the kernel answers for a socket that nobody accepts from
    python3 -c 'import signal, socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
signal.pause()' >port 3>&- &
    local pid=$!
    while_alive $pid test -s port
    attempt timeout 600 rootlet pull --timeout 1s --retry 0 "127.0.0.1:$(cat port)/r:1"
    kill $pid
    expect_status 125
    expect_stderr "registry '127.0.0.1:$(cat port)'"
}

# gives_up TEXT ARGS...: on who has TEXT, and not before on somebody whom this machine gave no time.
gives_up() {
    local text=$1 timeout
    shift
    for timeout in 1s 5s 20s 60s; do
        refuses --timeout $timeout --retry 0 "$@"
        [[ $stderr != *"$text"* ]] || return 0
    done
    expect_stderr "$text"
}

@test "who answers a byte at a time, or with headers without end, is given up on" {
    flaky_start --drip manifests
    gives_up "registry '$FLAKY'"
    flaky_stop
    flaky_start --drip blobs
    gives_up "too slow"
    flaky_stop
    flaky_start --flood manifests
    refuses --retry 0
    expect_stderr "too many headers"
    flaky_stop
    flaky_start --flood /token --user me:secret
    refuses --retry 0 --creds me:secret
    expect_stderr "too many headers"
    flaky_stop
    flaky_start --drip /token --user me:secret
    gives_up "token server" --creds me:secret
    flaky_stop
    flaky_start --huge /token --user me:secret
    refuses --retry 0 --creds me:secret
    expect_stderr "more than 262144 bytes"
    refused rootlet pull --timeout 1ms "$FLAKY/r:1"
}

@test "a length that is not what comes is found out" {
    for off in 100 -100; do
        flaky_start --length-off $off
        refuses --timeout 2s --retry 1
        flaky_stop
    done
}

@test "a registry that never has enough of credentials gets them a few times" {
    for challenge in 'Basic realm="x"' 'Bearer realm="http://127.0.0.1:1/token",service="s"' 'Digest realm="x"' \
        'Bearer realm="file:///etc/passwd"' 'Bearer service="s"' 'Basic' '"' "Bearer realm=\"$(printf 'x%.0s' {1..9000})"; do
        flaky_start --fail 401 --times 1000 --challenge "$challenge"
        refuses --retry 0 --creds me:secret
        [ "$(logged .)" -lt 8 ]
        flaky_stop
    done
}

@test "a token server on another host is not given credentials without TLS by a registry with TLS" {
    need openssl
    registry_start --tls --password me:secret
    registry_stop
    # the same certificate, and a realm elsewhere
    cat >tls.py <<END
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Bearer realm="http://token.invalid/token",service="s"')
        self.end_headers()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("$REGISTRY_CERTS/server.crt", "$REGISTRY_CERTS/server.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
END
    python3 tls.py >port 2>/dev/null 3>&- &
    FLAKY_PID=$!
    while_alive $FLAKY_PID test -s port
    refused rootlet pull --retry 0 --creds me:secret --cert-dir "$REGISTRY_CERTS" "127.0.0.1:$(cat port)/r:1"
    expect_stderr "token server 'http://token.invalid' is not reached by https"
}
