# SPDX-License-Identifier: Apache-2.0
# A real registry (Debian's docker-registry) on a loopback port of its own, for tests and benches:
#
#     registry_start [--password USER:PASSWORD] [--tls|--client-tls]    sets $REGISTRY (HOST:PORT)
#     registry_stop                                         ends what registry_start started
#
# Everything is below $BATS_TEST_TMPDIR (or $REGISTRY_DIR); $REGISTRY_BLOBS is where it keeps blobs.
# With --tls $REGISTRY_CERTS holds ca.crt; with --client-tls the registry wants a certificate of its
# clients, and $REGISTRY_CERTS/client is a --cert-dir that has one.

registry_config() {
    cat <<END
version: 0.1
log: {level: info, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $dir/data}, delete: {enabled: true}}
http:
  addr: 127.0.0.1:0
END
    if [ -n "$tls" ]; then
        echo "  tls:"
        echo "    certificate: $dir/certs/server.crt"
        echo "    key: $dir/certs/server.key"
        [ "$tls" != client ] || echo "    clientcas: [$dir/certs/ca.crt]"
    fi
    if [ -n "$password" ]; then
        echo "${password%%:*}:$(bcrypt "${password#*:}")" >"$dir/htpasswd"
        echo "auth: {htpasswd: {realm: test, path: $dir/htpasswd}}"
    fi
}

bcrypt() {
    python3 -W ignore -c 'import crypt, sys; print(crypt.crypt(sys.argv[1], crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=32)))' "$1"
}

new_key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

# make_cert DIR AUTHORITY-DIR NAME EXTENSION: a key and a certificate of the authority.
make_cert() {
    # shellcheck disable=SC2086 # words
    openssl req -new $new_key -subj "/CN=$3" -keyout "$1/$3.key" -out "$1/$3.csr" 2>/dev/null
    echo "$4" >"$1/$3.ext"
    openssl x509 -req -in "$1/$3.csr" -CA "$2/ca.crt" -CAkey "$2/ca.key" -CAcreateserial -days 2 \
        -extfile "$1/$3.ext" -out "$1/$3.crt" 2>/dev/null
}

# make_certs DIR: an authority, a server's certificate for 127.0.0.1 and localhost, and a client's.
make_certs() {
    mkdir -p "$1/client"
    # shellcheck disable=SC2086 # words
    openssl req -x509 $new_key -days 2 -subj "/CN=test authority" -keyout "$1/ca.key" -out "$1/ca.crt" 2>/dev/null
    make_cert "$1" "$1" server "subjectAltName=IP:127.0.0.1,DNS:localhost"
    make_cert "$1" "$1" client "extendedKeyUsage=clientAuth"
    cp "$1/ca.crt" "$1/client/ca.crt"
    mv "$1/client.crt" "$1/client/client.cert"
    mv "$1/client.key" "$1/client/client.key"
}

# wait_for_line FILE PATTERN PID: until a line of the file matches, or the process is gone.
wait_for_line() {
    until grep -q "$2" "$1" 2>/dev/null; do
        kill -0 "$3" 2>/dev/null || { cat "$1" >&2; return 1; }
        sleep 0.02
    done
}

registry_start() {
    local password="" tls="" dir=${REGISTRY_DIR:-$BATS_TEST_TMPDIR/registry}
    while [ $# -gt 0 ]; do
        case $1 in
        --password) password=$2; shift ;;
        --tls) tls=server ;;
        --client-tls) tls=client ;;
        *) echo "registry_start: $1?" >&2; return 1 ;;
        esac
        shift
    done
    mkdir -p "$dir"
    [ -z "$tls" ] || make_certs "$dir/certs"
    rm -f "$dir/log"
    registry_config >"$dir/config.yml"
    # not holding fd 3: bats waits for everyone who does
    OTEL_TRACES_EXPORTER=none docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 3>&- &
    REGISTRY_PID=$!
    wait_for_line "$dir/log" "listening on" "$REGISTRY_PID" || return
    REGISTRY=$(sed -n 's/.*listening on \([0-9.:]*\).*/\1/p' "$dir/log" | head -n 1)
    REGISTRY_BLOBS=$dir/data/docker/registry/v2/blobs/sha256
    REGISTRY_CERTS=$dir/certs
}

registry_stop() {
    [ -z "${REGISTRY_PID:-}" ] || kill "$REGISTRY_PID" 2>/dev/null || :
    [ -z "${REGISTRY_PID:-}" ] || wait "$REGISTRY_PID" 2>/dev/null || :
    REGISTRY_PID=
}

# flaky_start [OPTIONS]: tests/support/flaky-registry.py over $BATS_TEST_TMPDIR/flaky (its layout is
# in flaky/oci); sets $FLAKY and $CDN (HOST:PORT) and $FLAKY_LOG.
flaky_start() {
    FLAKY_DIR=$BATS_TEST_TMPDIR/flaky
    FLAKY_LOG=$FLAKY_DIR/log
    mkdir -p "$FLAKY_DIR"
    rm -f "$FLAKY_DIR/ports"
    python3 "${BASH_SOURCE[0]%/*}/flaky-registry.py" "$FLAKY_DIR" "$@" >"$FLAKY_DIR/output" 2>&1 3>&- &
    FLAKY_PID=$!
    until [ -e "$FLAKY_DIR/ports" ]; do
        kill -0 "$FLAKY_PID" 2>/dev/null || { cat "$FLAKY_DIR/output" >&2; return 1; }
        sleep 0.02
    done
    local registry cdn
    read -r registry cdn <"$FLAKY_DIR/ports"
    FLAKY=127.0.0.1:$registry CDN=127.0.0.1:$cdn
}

flaky_stop() {
    [ -z "${FLAKY_PID:-}" ] || kill "$FLAKY_PID" 2>/dev/null || :
    [ -z "${FLAKY_PID:-}" ] || wait "$FLAKY_PID" 2>/dev/null || :
    FLAKY_PID=
}

# layers DIR: two small trees to make images of, DIR/one and DIR/two.
layer_trees() {
    mkdir -p "$1/one/etc" "$1/one/bin" "$1/two/etc"
    echo hello >"$1/one/etc/hello"
    head -c 300000 /dev/urandom >"$1/one/bin/noise"
    ln -s hello "$1/one/etc/link"
    echo second >"$1/two/etc/second"
}

# make_layout ARGS...: see tests/support/make-layout.
make_layout() {
    "${BASH_SOURCE[0]%/*}/make-layout" "$@"
}
