# SPDX-License-Identifier: Apache-2.0
# Engine tap: where neither user namespaces nor mounts are to be had.
load ../support/common
load ../support/build
load ../support/engine

setup() {
    common_setup
    export ROOTLET_ENGINE=tap
}

teardown() {
    common_teardown
}

# no CMD...: as on a machine that refuses both.
no() {
    "$DENY" userns,mount "$@"
}

tiny_root() {
    mkdir root
    tar -xf "$(tiny_tar)" -C root
}

@test "tap engine: a directory is the root, and nothing leads out of it" {
    tiny_root
    echo outside >outside
    ln -s "$PWD/outside" root/absolute
    ln -s ../../../../../../../../../../../..$PWD/outside root/relative
    ln -s /etc root/inside
    mkdir -p root/etc && echo within >root/etc/within
    ok no rootlet run ./root sh -c 'cat /inside/within ../../../etc/within; pwd; readlink /absolute
        for path in /absolute /relative /proc/self/root/absolute /proc/self/cwd/absolute; do
            cat "$path" 2>/dev/null && echo "leaked by $path"
        done; cd etc && pwd && cat ../inside/../etc/within'
    equal "$output" "within
within
/
$PWD/outside
/etc
within"
}

@test "tap engine: a link that leads up opens while others mount" {
    need_userns
    tiny_root
    mkdir -p root/w/d && echo x >root/w/f && ln -s d/../f root/w/up
    (while [ ! -e over ]; do ROOTLET_ENGINE=userns rootlet run ./root true; done) 3>&- &
    local others=$!
    attempt rootlet run -w /w ./root sh -c 'n=0; while [ $n -lt 30000 ]; do read -r x <up || exit; n=$((n + 1)); done'
    touch over
    wait "$others"
    expect_status 0
}

@test "tap engine: binds, private directories, read-only and hidden paths" {
    tiny_root
    mkdir -p data/sub root/etc && echo data >data/sub/file && echo conf >root/etc/conf && echo no >root/etc/secret
    ok no rootlet run --write -v "$PWD/data:/data" -v "$PWD/data:/deep/in/ro:ro" --tmpfs /scratch --hide /etc/secret ./root sh -c '
        cat /data/sub/file /deep/in/ro/sub/file
        echo new >/data/new; echo no >/deep/in/ro/new; mkdir /deep/in/ro/dir; rm /deep/in/ro/sub/file
        echo x >/scratch/x && cat /scratch/x
        cat /etc/secret || ls /etc | grep -e secret -e ^conf; ls / | grep -e data -e deep -e scratch; ls /deep
        mv /etc/conf /scratch/conf && cat /scratch/conf; rmdir /data; cd /data/sub && cd .. && pwd'
    equal "$output" "data
data
x
conf
data
deep
scratch
in
conf
/data"
    equal "$(cat data/new)" new
    [ -e data/sub/file ] && [ ! -e root/scratch ] && [ ! -e root/deep ]
}

@test "tap engine: a build gives the image that one id gives" {
    same_image
}

@test "tap: a privileged call that was refused is named, whatever emulates root" {
    refusals_are_seen
}

@test "tap engine: nothing escapes" {
    nothing_escapes
}

@test "tap engine: what a killed run left goes away" {
    killed_run_is_forgotten
}

@test "tap engine: what is only read is shared, what is written to is put back" {
    read_only_stays
    nothing_is_left_behind
}

@test "tap: paths that are to stay in a directory stay there, also above what is mounted" {
    newer_ways_lead_there
}

@test "tap engine: kill(-1) is for those inside" {
    signals_stay_inside
}

@test "tap engine: root mounts, and all see it" {
    mounts_are_emulated userns,mount
}
