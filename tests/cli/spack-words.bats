# SPDX-License-Identifier: Apache-2.0
# rootlet spack hands on what it is told and what comes of it, one test for each mistake of the code
# that came with the paper "Generate a Reproducible Environment for Spack"; and what Spack sees.
load ../support/common
load ../support/build
load ../support/spack

setup() {
    spack_setup
    rootlet -q isolate create env --from host
    jail=$PWD/env
    cd work # what is above a home is not seen inside
    cat >words.py <<'PYTHON'
import os, sys
print("|".join(sys.argv[1:]), os.getcwd(), sys.stdin.read())
PYTHON
    cat >exit.py <<'PYTHON'
import os, signal, sys
if sys.argv[1] == "status":
    sys.exit(int(sys.argv[2]))
os.kill(os.getpid(), int(sys.argv[2]))
PYTHON
    # says that it is there and waits to be ended
    waiter=wait-$RANDOM$RANDOM.py
    cat >"$waiter" <<'PYTHON'
import signal, sys
with open(sys.argv[1], "w") as ready:
    ready.write("ready\n")
signal.pause()
PYTHON
}

teardown() {
    web_stop
    spack_teardown
}

# start_waiting: a command inside that waits; $WAITING is rootlet.
start_waiting() {
    mkfifo ready
    rootlet spack "$jail" -- python "$waiter" ready 3>&- &
    WAITING=$!
    equal "$(cat ready)" ready
    rm ready
}

@test "the paper's exit status was always 0: it is the command's, with 128 and a signal's number" {
    attempt rootlet spack "$jail" -- python exit.py status 3
    expect_status 3
    attempt rootlet spack "$jail" -- python exit.py signal 9
    expect_status 137
    attempt rootlet spack "$jail" -- install no-such-package
    expect_status 1
    attempt rootlet spack "$jail" -- no-such-command
    expect_status 1
    refused rootlet spack nowhere -- install toyapp
    refused rootlet spack install toyapp
    expect_stderr "'install' is no environment"
    refused rootlet spack -- install toyapp
    expect_stderr "which environment"
    refused env -u SPACK_ROOT PATH="$(dirname "$(command -v rootlet)")" "$(command -v rootlet)" spack "$jail" -- find
    expect_stderr "no Spack"
}

@test "an option behind the environment is refused, instead of being taken for a word of Spack's" {
    refused rootlet spack "$jail" --cli -- sh -c 'exit 5'
    expect_stderr "'--cli' behind the environment"
    attempt rootlet spack --cli "$jail" -- sh -c 'exit 5'
    expect_status 5
    ok rootlet spack "$jail" -- --help
}

@test "the paper gave words to a shell: they arrive as they are, with input and directory; none are fine" {
    attempt rootlet spack "$jail" -- python words.py 'a b' "c'd" 'e"f' $'g\nh' '' '$x;y' '*' -- --env <<<input
    expect_status 0
    equal "$output" $'a b|c\'d|e"f|g\nh||$x;y|*|--|--env '"$PWD input"
    cp words.py "$HOME"
    cd "$HOME" # empty inside, and a fine place to be
    ok rootlet spack --bind "$PWD/words.py" "$jail" -- python words.py x </dev/null
    equal "$output" "x $PWD "
    cd ..
    ok rootlet spack "$jail" -- find
    expect_stderr "'$PWD' is not seen inside"
    ok rootlet spack "$jail" --
    expect_output "usage: spack"
    ok rootlet spack "$jail" -- --version
}

@test "the paper's parent was busy waiting: it is idle, passes signals on, and two run at once" {
    start_waiting
    eventually is_idle "$WAITING"
    ok rootlet spack "$jail" -- find # meanwhile
    kill -TERM "$WAITING"
    local status=0
    wait "$WAITING" || status=$?
    expect_status 143
    eventually none_left "$waiter"
}

@test "the terminal is the command's: it is one, and what is typed there interrupts" {
    printf 'import signal, sys\nsignal.signal(signal.SIGINT, signal.SIG_DFL)\nprint("tty", sys.stdin.isatty(), flush=True)\nsignal.pause()\n' >tty.py
    attempt "$ROOTLET_TEST_STAGE/tests/support/terminal" 'expect:tty True' 'send:\x03' -- rootlet spack "$jail" -- python tty.py
    expect_status 130
}

@test "the paper's jail was left after a kill and was in the way: the next one starts, nothing is left running" {
    local repository=$SPACK_ROOT/var/spack/repos/builtin/packages/toywait
    mkdir "$repository"
    mkfifo building
    printf 'from spack.package import *\n\n\nclass Toywait(Package):\n    has_code = False\n    version("1.0")\n\n    def install(self, spec, prefix):\n        open("%s/building", "w").write("yes")\n        which("sleep")("1000.%s")\n' "$PWD" "$$" >"$repository/package.py"
    rootlet spack "$jail" -- install toywait 3>&- >/dev/null 2>&1 &
    local runs=$!
    equal "$(cat building)" yes
    kill -9 "$runs"
    wait "$runs" || :
    eventually none_left "sleep 1000.$$"
    sed -i '/open(/d; /sleep/s/.*/        open(prefix + "\/done", "w")/' "$repository/package.py"
    ok rootlet spack "$jail" -- install toywait
    [ -e "$(prefix_of toywait)/done" ]
    rm building
    equal "$(find "$jail" -maxdepth 1 -name '*tmp*')" ""
}

@test "what is fetched is fetched with the network, what is built has none" {
    web_start "$MIRROR"
    printf 'mirrors:\n  web: %s\n' "$WEB" >"$HOME/.spack/mirrors.yaml"
    ok rootlet spack "$jail" -- install toyprobe
    equal "$(cat "$(prefix_of toyprobe)/share/seen")" ""
    grep -q 'GET /toyprobe/toyprobe-1.0.tar.gz 200' "$WEB_LOG"
    attempt rootlet spack --network none "$jail" -- install toylib
    expect_status 1
    expect_stderr "All fetchers failed"
    fails grep -q toylib "$WEB_LOG"
    # what cannot be fetched and is not needed is no failure
    web_stop
    ok rootlet spack "$jail" -- install toyprobe
}

@test "compilers and external packages are those inside, the user's other settings stay" {
    printf 'packages:\n  all:\n    target: here\n  openssl:\n    externals:\n    - spec: openssl@3\n      prefix: /opt/ssl\n' >"$HOME/.spack/packages.yaml"
    ok rootlet spack "$jail" -- config get compilers
    expect_no_output no-such-fortran
    ok rootlet spack "$jail" -- config get packages
    expect_output "target: here"
    expect_no_output /opt/ssl
    expect_output "openssl"
    ok "$SPACK_ROOT/bin/spack" config get packages
    expect_output /opt/ssl
    [ -e "$jail/spack/packages.yaml" ]
    local before
    before=$(stat -c %i "$jail/spack/compilers.yaml")
    ok rootlet spack "$jail" -- external find # rewrites them
    ok rootlet spack "$jail" -- config get packages
    expect_no_output /opt/ssl
    ok rootlet spack --find "$jail"
    [ "$before" != "$(stat -c %i "$jail/spack/compilers.yaml")" ]
    ok rootlet spack "$jail" -- install toyapp
}

@test "what was found is kept when the environment is made again; looked for again when other things are visible" {
    ok rootlet spack "$jail" -- config get compilers
    touch "$jail/spack/mine"
    ok rootlet isolate create "$jail" --from host --hide /usr/include/zlib.h
    ok rootlet spack "$jail" -- config get compilers
    expect_stderr "looking for compilers"
    expect_output "compilers"
    [ -e "$jail/spack/mine" ]
    ok rootlet spack "$jail" -- config get compilers
    [[ $stderr != *"looking for compilers"* ]]
    # what somebody has edited stays
    sed -i 's|/usr/bin/gcc|/usr/bin/cc|' "$jail/spack/compilers.yaml"
    ok rootlet isolate create "$jail" --from host
    ok rootlet spack "$jail" -- config get compilers
    expect_stderr "edited since: --find looks again"
    expect_output /usr/bin/cc
    ok rootlet spack --find "$jail" -- config get compilers
    expect_output /usr/bin/gcc
}

@test "Spack's folder is read-only but for what it keeps there; trees that are links are followed" {
    local other=$BATS_TEST_TMPDIR/other
    mkdir "$other"
    rmdir "$TREE"
    ln -s "$other" "$TREE"
    mv "$SPACK_ROOT/var" "$BATS_TEST_TMPDIR/var"
    ln -s "$BATS_TEST_TMPDIR/var" "$SPACK_ROOT/var"
    ok rootlet spack "$jail" -- install toyapp
    equal "$("$(prefix_of toyapp)/bin/app")" toy
    [ -x "$other/toyapp-1.0-k3zq4fnd/bin/app" ]
    [ -e "$BATS_TEST_TMPDIR/var/spack/cache/toyapp" ]
    echo 'import spack.paths; open(spack.paths.prefix + "/bin/x", "w")' >write.py
    attempt rootlet spack "$jail" -- python write.py
    [ "$status" -ne 0 ]
    [ ! -e "$SPACK_ROOT/bin/x" ]
}

@test "an environment of Spack's is concretized, fetched and built as a whole" {
    local place=$SPACK_ROOT/var/spack/environments/both
    mkdir -p "$place"
    printf 'spack:\n  specs:\n  - toyapp\n  - toyprobe\n' >"$place/spack.yaml"
    ok rootlet spack "$jail" -- -e both install
    [ -e "$place/spack.lock" ]
    [ -e "$(prefix_of toyapp)" ]
    [ -e "$(prefix_of toyprobe)" ]
}
