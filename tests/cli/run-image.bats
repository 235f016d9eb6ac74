# SPDX-License-Identifier: Apache-2.0
# rootlet run on images. They are put into the store by hand (tests/support/make-image), so that a
# failure here is run's and not import's.
load ../support/common

setup() {
    common_setup
    need_userns
    tiny_root tiny
}

teardown() {
    common_teardown
}

# image [--record] [--config JSON] REF LAYER...
image() {
    local options=()
    while [[ $1 == --* ]]; do
        case $1 in
        --config) options+=("$1" "$2"); shift 2 ;;
        *) options+=("$1"); shift ;;
        esac
    done
    "$ROOTLET_TEST_STAGE/tests/support/make-image" "${options[@]}" "$ROOTLET_STORE" "$@" >ids
}

whiteout() {
    python3 -c 'import os, stat, sys; os.mknod(sys.argv[1], stat.S_IFCHR, 0)' "$1"
}

opaque() {
    mkdir -p "$1" && python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.overlay.opaque", b"y")' "$1"
}

# Everything in the store, with times of what must not change.
store_state() {
    find "$ROOTLET_STORE" ! -path "$ROOTLET_STORE/tmp*" -printf '%p %y %m %T@\n' | sort
}

@test "an image runs as root, its changes are gone afterwards and the store is untouched" {
    image it tiny
    before=$(store_state)
    ok rootlet run it sh -c 'id -u; touch /new /etc/passwd && rm /bin/sh && mv /root /gone && ls -d /gone /new'
    equal "$output" "0
/gone
/new"
    equal "$(store_state)" "$before"
    ok rootlet run it ls -d /root
    attempt rootlet run it ls /new
    [ "$status" -ne 0 ]
}

@test "command, entry point, environment, directory and user come from the image" {
    image --config '{"Entrypoint": ["echo", "entry"], "Cmd": ["cmd"], "Env": ["A=image", "PATH=/bin"],
        "WorkingDir": "/made/for/it", "User": "nobody"}' it tiny
    ok rootlet run it
    equal "$output" "entry cmd"
    ok rootlet run it mine
    equal "$output" "entry mine"
    ok rootlet run --entrypoint /bin/sh it -c 'echo $A $PATH; pwd; id -un; id -u; echo $HOME'
    equal "$output" "image /bin
/made/for/it
nobody
65534
/"
    ok rootlet run --entrypoint "" -e A=mine -w /tmp -u 0 it sh -c 'echo $A; pwd; id -u'
    equal "$output" "mine
/tmp
0"
    refused rootlet run --entrypoint "" it
    expect_stderr "no command"
}

@test "layers stack: the topmost wins, whiteouts and opaque directories hide" {
    mkdir -p one/etc one/gone/deep one/opaque two/etc three/etc
    echo low >one/etc/file
    echo low >one/etc/kept
    echo low >one/gone/deep/file
    echo low >one/opaque/file
    echo high >two/etc/file
    whiteout two/gone
    opaque two/opaque
    echo high >two/opaque/other
    ln -s ../opaque/other three/etc/link
    image plain tiny one two three
    image --record recorded tiny one two three # as on a file system that cannot hold the marks
    for ref in plain recorded; do
        ok rootlet run $ref sh -c 'cat /etc/file /etc/kept /etc/link; ls /opaque; cat /etc/os-release; ls -d /gone || :'
        equal "$output" "high
low
high
other
ID=tiny
PRETTY_NAME=\"busybox and nothing else\""
        expect_stderr "/gone"
    done
}

@test "names in passwd and group are those the stack shows" {
    mkdir -p one/etc two/etc three/usr/lib three/etc
    printf 'app:x:1234:1235::/home/app:/bin/sh\n' >one/etc/passwd
    printf 'app:x:1235:\nmore:x:77:\n' >one/etc/group
    image it tiny one
    ok rootlet run -u app it sh -c 'id -u; id -g; echo $HOME $USER'
    equal "$output" "1234
1235
/home/app app"
    ok rootlet run -u app:more it id -g
    equal "$output" "77"
    whiteout two/etc/passwd
    image gone tiny one two
    refused rootlet run -u app gone true
    expect_stderr "'app' is not in"
    ok rootlet run -u 1234 gone id -u
    # a link, in the upper layer, to what only the lower one has
    ln -s ../../etc/passwd three/usr/lib/names
    ln -s ../usr/lib/real three/etc/group
    image linked tiny one three
    ok rootlet run -u app linked id -u
    mkdir four && mkdir four/etc && ln -s /usr/lib/names2 four/etc/passwd
    mkdir -p five/usr/lib && printf 'other:x:9:9::/:/bin/sh\n' >five/usr/lib/names2
    image across tiny one five four
    ok rootlet run -u other across id -u
    equal "$output" 9
}

@test "an image cannot lead the reading of its names out of itself" {
    mkdir -p one/etc
    printf 'mallory:x:1:1::/:/bin/sh\n' >outside
    ln -s "$PWD/outside" one/etc/passwd
    image it tiny one
    refused rootlet run -u mallory it true
    rm one/etc/passwd
    ln -s ../../../../../../../../../../../../"$PWD/outside" one/etc/passwd
    image it:two tiny one
    refused rootlet run -u mallory it:two true
}

@test "a user the image does not know gets a name, root a home" {
    rm tiny/etc/passwd tiny/etc/group
    image it tiny
    ok rootlet run -u 1000:50 it sh -c 'id -un; grep -c . /etc/passwd'
    equal "$output" "1000
1"
    ok rootlet run it sh -c 'id -un; echo $HOME'
    equal "$output" "root
/root"
}

@test "a layer that is missing is named" {
    image it tiny
    id=$(cat ids)
    mv "$ROOTLET_STORE/layers/${id#sha256:}" .
    refused rootlet run it true
    expect_stderr "$id"
    expect_stderr "hint: pull or import the image again"
}

@test "an image that is not there is named, with what would fetch it" {
    image it tiny
    refused rootlet run --pull never nosuch true
    expect_stderr "nosuch"
    expect_stderr "rootlet pull"
    # a port that nobody listens on
    refused rootlet run 127.0.0.1:1/nosuch true
    expect_stderr "pull '127.0.0.1:1/nosuch'"
    refused rootlet run "sha256:$(printf '%064d' 7)" true
    expect_stderr "no image has the name or id"
    mkdir nosuch
    refused rootlet run nosuch true
    expect_stderr "hint: *./nosuch"
    refused rootlet run tiny/ true
    refused rootlet run UPPER true
    expect_stderr "UPPER"
}

@test "120 layers" {
    need_deny
    mkdir layer layer/d
    layers=()
    for i in $(seq 120); do
        mkdir -p "l$i/d"
        echo "$i" >"l$i/d/f$i"
        echo "$i" >"l$i/d/same"
        layers+=("l$i")
    done
    image deep tiny "${layers[@]}"
    ok rootlet run deep sh -c 'ls /d | wc -l; cat /d/same /d/f1 /d/f77'
    equal "$output" "121
120
1
77"
    attempt deny new-mount,mount-setattr rootlet run deep sh -c 'cat /d/same /d/f1'
    expect_status 0
    equal "$output" "120
1"
}

@test "--read-only makes an image's root read-only, with a /tmp to write to" {
    image it tiny
    ok rootlet run --read-only it sh -c '! touch /x 2>/dev/null; touch /tmp/x && echo written'
    equal "$output" written
    ok rootlet run --read-only -v "$PWD":/made/up it ls /made/up/tiny
    refused rootlet run --write it true
    expect_stderr "an image never changes"
    refused rootlet run --write --read-only ./tiny true
}

@test "files that name the user can be replaced inside" {
    need_one_id
    image it tiny
    ok rootlet run -u 1000 it sh -c 'cp /etc/passwd /etc/new && mv /etc/new /etc/passwd && grep -c "^1000:" /etc/passwd'
    equal "$output" 1
}

@test "twenty runs of one image at once" {
    image it tiny
    pids=
    for i in $(seq 20); do
        rootlet run it sh -c "echo $i >/f; cat /f" >"out$i" 2>&1 &
        pids="$pids $!"
    done
    wait $pids
    for i in $(seq 20); do
        equal "$(cat "out$i")" "$i"
    done
}

@test "an image runs with no home, no user name and nothing else in the environment" {
    image it tiny
    ok env -i "$(command -v rootlet)" run --store "$ROOTLET_STORE" it sh -c 'echo $HOME $USER; env | grep -c .'
    expect_output "/root root"
}

@test "an image's id runs it, too" {
    image it tiny
    id=$(rootlet run --dry-run it true | grep -c lower)
    equal "$id" 1
    config=$(grep -l diff_ids "$ROOTLET_STORE"/blobs/sha256/*)
    ok rootlet run "sha256:$(basename "$config")" echo found
    equal "$output" found
    ok rootlet run "$(basename "$config" | cut -c 1-12)" echo found
    equal "$output" found
}

@test "a cache mount keeps files from run to run, and is the one that builds have" {
    import_tiny
    ok rootlet run --mount type=cache,dst=/c tiny sh -c 'echo from a run >/c/file'
    attempt rootlet run --mount type=cache,target=/elsewhere,id=/c,ro tiny sh -c 'cat /elsewhere/file; touch /elsewhere/x'
    expect_status 1
    equal "$output" "from a run"
    mkdir context
    printf 'FROM tiny\nRUN --mount=type=cache,target=/c cp /c/file /kept && echo from a build >/c/file\n' >context/Dockerfile
    ok rootlet build -q -t built context
    ok rootlet run --mount type=cache,dst=/c --mount type=cache,dst=/d,id=/c,sharing=locked built cat /kept /c/file /d/file
    equal "$output" "from a run
from a build
from a build"
    ok rootlet cache ls
    expect_output "/c"
    refused rootlet run --mount type=cache,dst=/c,sharing=never tiny true
    expect_stderr "sharing=never"
    # also where the root is no image
    ok rootlet run --mount type=cache,dst=/mnt,id=/c --write ./tiny cat /mnt/file
    equal "$output" "from a build"
}

@test "a private cache that is in use is given to nobody else" {
    local mount=type=cache,dst=/c,sharing=private
    import_tiny
    mkfifo go
    rootlet run --mount "$mount" -i tiny sh -c 'echo mine >/c/file; echo ready; read -r line' <go >said 3>&- &
    local pid=$!
    exec 5>go
    while_alive "$pid" test -s said
    ok rootlet run --mount "$mount" tiny ls /c
    equal "$output" ""
    echo end >&5
    exec 5>&-
    wait "$pid"
    ok rootlet run --mount "$mount" tiny cat /c/file
    equal "$output" mine
}
