# SPDX-License-Identifier: Apache-2.0
# For tests of rootlet build; after common.bash.

# dockerfile [FILE]: standard input becomes ./Dockerfile (or FILE).
dockerfile() {
    mkdir -p "$(dirname "${1:-Dockerfile}")"
    cat >"${1:-Dockerfile}"
}

# builds ARGS...: rootlet build, which must succeed; $stderr has what it said, plain.
builds() {
    ok rootlet build --progress plain "$@"
}

# refuses ARGS...: it must fail, by 125.
refuses() {
    refused rootlet build --progress plain "$@"
}

# image_sh REF SCRIPT: what a script in the image prints.
image_sh() {
    ok rootlet run "$1" sh -c "$2"
}

# cached N / no_cached: how many steps the last build took from the cache.
cached() {
    equal "$(grep -c CACHED <<<"$stderr" || :)" "$1"
}

# web_start [FOLDER]: an HTTP server (tests/support/web.py) for FOLDER (default ./www) on a loopback
# port; sets $WEB (http://HOST:PORT) and $WEB_LOG, a line for each request: METHOD PATH STATUS.
web_start() {
    WEB_LOG=$BATS_TEST_TMPDIR/web.log
    rm -f "$BATS_TEST_TMPDIR/web.port"
    python3 "${BASH_SOURCE[0]%/*}/web.py" "${1:-www}" "$BATS_TEST_TMPDIR/web.port" >"$WEB_LOG" 2>"$BATS_TEST_TMPDIR/web.err" 3>&- &
    WEB_PID=$!
    until [ -e "$BATS_TEST_TMPDIR/web.port" ]; do
        kill -0 "$WEB_PID" 2>/dev/null || { cat "$BATS_TEST_TMPDIR/web.err" >&2; return 1; }
        sleep 0.02
    done
    WEB=http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/web.port")
}

# free_port: one that nobody has just now, for programs that cannot choose one themselves.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

web_stop() {
    [ -z "${WEB_PID:-}" ] || kill "$WEB_PID" 2>/dev/null || :
    [ -z "${WEB_PID:-}" ] || wait "$WEB_PID" 2>/dev/null || :
    WEB_PID=
}
