# SPDX-License-Identifier: Apache-2.0
# registries.conf, TLS with authorities and client certificates of one's own, proxies.
load ../support/common
load ../support/registry

setup() {
    common_setup
    need docker-registry skopeo python3 openssl
    export HOME=$BATS_TEST_TMPDIR/home
    unset CONTAINERS_REGISTRIES_CONF XDG_CONFIG_HOME
    mkdir -p "$HOME/.config/containers"
    conf=$HOME/.config/containers/registries.conf
    layer_trees .
    make_layout oci image one >/dev/null
}

teardown() {
    registry_stop
    flaky_stop
    common_teardown
}

# publish NAME:TAG [SKOPEO-OPTIONS]
publish() {
    local name=$1
    shift
    skopeo copy -q "${@:---dest-tls-verify=false}" oci:oci:image "docker://$REGISTRY/$name"
}

pulls() {
    ok rootlet "${verbose[@]}" pull "$@"
    [ -n "$(find "$ROOTLET_STORE/layers" -name hello)" ]
}

@test "a prefix is rewritten and the image keeps its name" {
    registry_start
    publish inside/tool:1
    printf '[[registry]]\nprefix = "example.org/team"\nlocation = "%s/inside"\n' "$REGISTRY" >"$conf"
    pulls example.org/team/tool:1
    expect_output "example.org/team/tool:1@sha256:"
    ok rootlet push example.org/team/tool:1 example.org/team/pushed:1
    skopeo inspect --tls-verify=false "docker://$REGISTRY/inside/pushed:1" >/dev/null
}

@test "mirrors come first and the next is asked when one fails" {
    registry_start
    publish mirror/tool:1
    cat >"$conf" <<END
[[registry]]
location = "127.0.0.1:1"
[[registry.mirror]]
location = "127.0.0.1:2/nothing"
[[registry.mirror]]
location = "$REGISTRY/mirror"
END
    pulls 127.0.0.1:1/tool:1
    expect_output "127.0.0.1:1/tool:1@"
    refused rootlet pull 127.0.0.1:1/nosuch:1
    expect_stderr "127.0.0.1:2"
    expect_stderr "$REGISTRY"
}

@test "a mirror that gives a damaged blob is passed over" {
    registry_start
    publish r:1
    mkdir "$BATS_TEST_TMPDIR/flaky"
    cp -r oci "$BATS_TEST_TMPDIR/flaky/oci"
    sed -i 's/"image"}/"1"}/' "$BATS_TEST_TMPDIR/flaky/oci/index.json"
    flaky_start --damage
    printf '[[registry]]\nlocation = "%s"\n[[registry.mirror]]\nlocation = "%s"\n' "$REGISTRY" "$FLAKY" >"$conf"
    pulls "$REGISTRY/r:1"
    grep -q "GET /v2/r/blobs" "$FLAKY_LOG"
}

@test "credentials of the named registry do not go to its mirror" {
    registry_start
    publish r:1
    mkdir "$BATS_TEST_TMPDIR/flaky"
    flaky_start --basic x:y
    printf '[[registry]]\nlocation = "%s"\n[[registry.mirror]]\nlocation = "%s"\n' "$REGISTRY" "$FLAKY" >"$conf"
    echo "{\"auths\": {\"$REGISTRY\": {\"auth\": \"$(printf me:secret | base64)\"}}}" >auth.json
    pulls --authfile auth.json --creds me:secret "$REGISTRY/r:1"
    grep -q "401" "$FLAKY_LOG"
    fails grep -q "auth=Basic" "$FLAKY_LOG"
}

@test "a blocked registry is neither pulled from nor pushed to" {
    registry_start
    publish tool:1
    pulls "$REGISTRY/tool:1"
    printf '[[registry]]\nlocation = "%s"\nblocked = true\n' "$REGISTRY" >"$conf"
    rm -rf other && ROOTLET_STORE=$PWD/other refused rootlet pull "$REGISTRY/tool:1"
    expect_stderr "blocked"
    refused rootlet push "$REGISTRY/tool:1"
    expect_stderr "blocked"
}

@test "short names are looked up" {
    registry_start
    publish team/tool:1
    printf '[aliases]\nmytool = "%s/team/tool"\n' "$REGISTRY" >"$conf"
    pulls mytool:1
    expect_output "$REGISTRY/team/tool:1@"
    : >"$conf"
    mkdir -p cache/containers
    printf '[aliases]\n"chosen" = "%s/team/tool"\n' "$REGISTRY" >cache/containers/short-name-aliases.conf
    XDG_CACHE_HOME=$PWD/cache pulls chosen:1
    expect_output "$REGISTRY/team/tool:1@"
    printf 'unqualified-search-registries = ["127.0.0.1:1", "%s/team"]\n' "$REGISTRY" >"$conf"
    refused rootlet pull tool:1
    printf 'unqualified-search-registries = ["%s"]\n' "$REGISTRY" >"$conf"
    pulls team/tool:1
    printf 'short-name-mode = "enforcing"\nunqualified-search-registries = ["a.example", "%s"]\n' "$REGISTRY" >"$conf"
    refused rootlet pull team/tool:1
    expect_stderr "ambiguous"
    expect_stderr "hint: say which: a.example/team/tool:1, $REGISTRY/team/tool:1"
}

@test "a wrong line is named with its file" {
    printf '[[registry]]\nlocation = \n' >"$conf"
    refused rootlet pull 127.0.0.1:1/x:1
    expect_stderr "'$conf': line 2"
    printf '[registries.search]\nregistries = []\n' >other.conf
    CONTAINERS_REGISTRIES_CONF=other.conf refused rootlet pull 127.0.0.1:1/x:1
    expect_stderr "'other.conf': line 1"
}

@test "TLS is verified unless told otherwise, by option or file" {
    registry_start --tls
    publish tool:1
    refused rootlet pull "$REGISTRY/tool:1"
    expect_stderr "certificate"
    expect_stderr "hint: trust its authority with --cert-dir"
    pulls --tls-verify=false "$REGISTRY/tool:1"
    rm -rf "$ROOTLET_STORE"
    printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$REGISTRY" >"$conf"
    pulls "$REGISTRY/tool:1"
    rm -rf "$ROOTLET_STORE"
    refused rootlet pull --tls-verify=true "$REGISTRY/tool:1"
}

@test "an authority of one's own is trusted from --cert-dir, certs.d and SSL_CERT_FILE" {
    registry_start --tls
    publish tool:1
    mkdir certs
    cp "$REGISTRY_CERTS/ca.crt" certs/
    pulls --cert-dir certs "$REGISTRY/tool:1"
    rm -rf "$ROOTLET_STORE"
    mkdir -p "$HOME/.config/containers/certs.d/$REGISTRY"
    cp "$REGISTRY_CERTS/ca.crt" "$HOME/.config/containers/certs.d/$REGISTRY/"
    pulls "$REGISTRY/tool:1"
    rm -rf "$ROOTLET_STORE" "$HOME/.config/containers/certs.d"
    SSL_CERT_FILE=$REGISTRY_CERTS/ca.crt pulls "$REGISTRY/tool:1"
    rm -rf "$ROOTLET_STORE"
    echo nonsense >certs/bad.crt
    refused rootlet pull --cert-dir certs "$REGISTRY/tool:1"
    expect_stderr "certs/bad.crt"
    refused rootlet pull --cert-dir nowhere "$REGISTRY/tool:1"
    expect_stderr "nowhere"
}

@test "a client certificate is shown to the registry" {
    registry_start --client-tls
    mkdir certs
    cp "$REGISTRY_CERTS/ca.crt" certs/
    publish tool:1 --dest-cert-dir "$REGISTRY_CERTS/client"
    refused rootlet pull --cert-dir certs "$REGISTRY/tool:1"
    pulls --cert-dir "$REGISTRY_CERTS/client" "$REGISTRY/tool:1"
    rm "$REGISTRY_CERTS/client/client.key"
    refused rootlet pull --cert-dir "$REGISTRY_CERTS/client" "$REGISTRY/tool:1"
    expect_stderr "client.key"
}

@test "a proxy is used, but not for loopback addresses" {
    registry_start
    publish tool:1
    cat >proxy.py <<'END'
import http.server, sys, urllib.request
class Proxy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print(self.path, flush=True)
        request = urllib.request.Request(self.path.replace("far.example", sys.argv[1]), headers=dict(self.headers))
        try:
            answer = urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            answer = error
        body = answer.read()
        self.send_response(answer.status)
        for name in ("Content-Type", "Docker-Content-Digest"):
            if answer.headers[name]:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
open("port.new", "w").write(str(server.server_address[1]))
import os
os.rename("port.new", "port")
server.serve_forever()
END
    python3 proxy.py "$REGISTRY" >asked 3>&- &
    FLAKY_PID=$!
    while_alive $FLAKY_PID test -e port
    export http_proxy="http://127.0.0.1:$(cat port)" https_proxy=http://127.0.0.1:1
    pulls --tls-verify=false far.example/tool:1
    grep -q "http://far.example/v2/tool/manifests/1" asked
    : >asked
    rm -rf "$ROOTLET_STORE"
    pulls "$REGISTRY/tool:1"
    equal "$(cat asked)" ""
    export HTTP_PROXY=$http_proxy
    unset http_proxy
    rm -rf "$ROOTLET_STORE"
    pulls --tls-verify=false far.example/tool:1
    rm -rf "$ROOTLET_STORE"
    no_proxy=far.example refused rootlet pull --tls-verify=false far.example/tool:1
}
