# SPDX-License-Identifier: Apache-2.0
# rootlet run on a directory.
load ../support/common

setup() {
    common_setup
    need_userns
    tiny_root root
}

teardown() {
    common_teardown
}

@test "the command's exit status is run's own" {
    attempt rootlet run ./root -- sh -c 'exit 3'
    expect_status 3
    ok rootlet run ./root true
}

@test "a signal is 128 and its number" {
    attempt rootlet run ./root -- sh -c 'kill -TERM $$'
    expect_status 143
    attempt rootlet run ./root -- sh -c 'kill -KILL $$'
    expect_status 137
}

@test "a signal to rootlet reaches the command" {
    mkfifo ready
    rootlet run -v ./ready:/ready ./root -- sh -c 'trap "exit 7" TERM; echo >/ready; while :; do sleep 0.05; done' &
    pid=$!
    read -r _ <ready
    kill -TERM "$pid"
    status=0
    wait "$pid" || status=$?
    expect_status 7
}

@test "what is not there is 127, what cannot be executed 126, both by name" {
    attempt rootlet run ./root nosuch
    expect_status 127
    expect_stderr "nosuch"
    echo text >root/file
    attempt rootlet run ./root /file
    expect_status 126
    expect_stderr "/file"
    attempt rootlet run ./root /tmp
    expect_status 126
}

@test "a root that is missing is refused by name" {
    refused rootlet run ./absent true
    expect_stderr "'./absent'"
    refused rootlet run
}

@test "the directory is read-only unless --write" {
    attempt rootlet run ./root touch /new
    [ "$status" -ne 0 ]
    expect_stderr "Read-only"
    [ ! -e root/new ]
    ok rootlet run --write ./root touch /new
    [ -e root/new ]
    equal "$(stat -c %u root/new)" "$(id -u)"
}

@test "running changes nothing in a read-only directory, mount points included" {
    before=$(find root | sort)
    ok rootlet run -v /etc:/some/where ./root ls /some/where/hostname /proc/self /dev/null
    equal "$(find root | sort)" "$before"
}

@test "a directory of somebody else can be the root" {
    mkdir other
    cp -r root/. other
    chmod -R a-w other
    ok rootlet run ./other cat /etc/os-release
    expect_output "ID=tiny"
    ok rootlet run -v "$PWD":/data ./other ls /data
    chmod -R u+w other
}

@test "the caller keeps their ids, and -u changes them" {
    ok rootlet run ./root id -u
    equal "$output" "$(id -u)"
    ok rootlet run -u 0 ./root sh -c 'id -u; id -g; id -un; echo $HOME'
    equal "$output" "0
0
root
/root"
    ok rootlet run -u 1000:50 ./root sh -c 'id -u; id -g'
    equal "$output" "1000
50"
    refused rootlet run -u nosuch ./root true
    expect_stderr "'nosuch'"
}

@test "user and root have names inside" {
    ok rootlet run ./root sh -c 'id -un; grep -c "^root:" /etc/passwd'
    equal "$output" "$(id -un)
1"
}

@test "processes are private and pid 1 reaps orphans" {
    need_mounts
    ok rootlet run ./root sh -c 'ps | wc -l'
    [ "$output" -lt 8 ]
    ok rootlet run ./root sh -c 'sh -c "true & exit 0"; n=0
        while ps -o stat,comm | grep true; do n=$((n + 1)); [ $n -lt 1000 ] || exit 9; done'

}

@test "nothing is left running when the command ends" {
    local word=98765$RANDOM$RANDOM
    ok rootlet run ./root sh -c "sleep $word & echo started"
    equal "$(processes_of "sleep $word")" ""
}

@test "/dev has the usual devices and nothing of the host" {
    ok rootlet run ./root sh -c 'echo x >/dev/null; head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; ls /dev; [ -w /dev/shm ] && [ -e /dev/ptmx ] && echo good'
    expect_output "good"
    expect_no_output "sda"
    expect_no_output "kmsg"
}

@test "/proc is the namespace's own and /sys read-only" {
    ok rootlet run ./root sh -c 'readlink /proc/self >/dev/null && cat /proc/1/comm; [ -d /sys/kernel ] && ! touch /sys/x 2>/dev/null && echo fine'
    expect_output "fine"
}

@test "volumes: read, write, read-only, and where they are made" {
    mkdir data
    echo hello >data/file
    ok rootlet run -v ./data:/mnt/here ./root cat /mnt/here/file
    equal "$output" hello
    ok rootlet run -v ./data:/mnt/here ./root touch /mnt/here/made
    [ -e data/made ]
    attempt rootlet run -v ./data:/mnt/here:ro ./root touch /mnt/here/no
    [ "$status" -ne 0 ]
    [ ! -e data/no ]
    ok rootlet run -b ./data/file:/etc/motd ./root cat /etc/motd
    equal "$output" hello
    ok rootlet run --mount type=bind,source=./data,target=/x,readonly ./root cat /x/file
    equal "$output" hello
}

@test "symlinks in a volume's target resolve inside the root" {
    mkdir data root/inner
    echo hello >data/file
    ln -s /inner root/link
    ln -s ../../../../../../../../inner root/up
    ok rootlet run -v ./data:/link ./root cat /inner/file
    equal "$output" hello
    ok rootlet run -v ./data:/up ./root cat /inner/file
    equal "$output" hello
}

@test "bad volumes are refused by name" {
    refused rootlet run -v ./absent:/x ./root true
    expect_stderr "'./absent'"
    refused rootlet run -v name:/x ./root true
    expect_stderr "'name'"
    refused rootlet run -v .:relative ./root true
    expect_stderr "relative"
    refused rootlet run -v .:/x:sideways ./root true
    expect_stderr "'sideways'"
    refused rootlet run --mount type=nfs,target=/x ./root true
}

@test "tmpfs is empty, writable, sized and private" {
    need_mounts
    ok rootlet run --tmpfs /scratch:size=1m ./root sh -c 'ls /scratch | wc -l; touch /scratch/x && df /scratch | tail -n 1'
    expect_output "1024"
    attempt rootlet run --tmpfs /scratch:size=1m ./root dd if=/dev/zero of=/scratch/big bs=1M count=2
    [ "$status" -ne 0 ]
}

@test "the environment is clean but for what was asked" {
    export SECRET=1 LC_PAPER=x WANTED=yes
    ok rootlet run ./root env
    expect_no_output "SECRET"
    expect_output "PATH="
    expect_output "HOME="
    ok rootlet run -e A=b -e WANTED --env-host 'LC_*' ./root env
    expect_output "A=b"
    expect_output "WANTED=yes"
    expect_output "LC_PAPER=x"
    printf 'ONE=1\n# comment\nTWO=2 words\n' >vars
    ok rootlet run --env-file vars --unset-env 'ON*' ./root env
    expect_output "TWO=2 words"
    expect_no_output "ONE="
    refused rootlet run --env-file absent ./root true
    expect_stderr "'absent'"
}

@test "working directory" {
    ok rootlet run -w /usr/bin ./root pwd
    equal "$output" /usr/bin
    refused rootlet run -w /no/such ./root pwd
    expect_stderr "/no/such"
    expect_stderr "-w DIR names another"
    refused rootlet run -w relative ./root pwd
}

@test "host name is the one given and does not reach the host" {
    before=$(hostname)
    ok rootlet run --hostname inside ./root hostname
    equal "$output" inside
    equal "$(hostname)" "$before"
}

@test "--network none has loopback only" {
    need_mounts
    ok rootlet run --network none ./root sh -c 'ls /sys/class/net; ping -c 1 -W 1 127.0.0.1 >/dev/null 2>&1; cat /proc/net/dev | grep -c :'
    expect_output "1"
}

@test "a network of its own is the one that /sys shows" {
    need_mounts
    unshare -Urnm mount -t sysfs fresh /sys 2>/dev/null || skip "the kernel refuses a fresh /sys here"
    ok rootlet run --network none ./root sh -c '
        for device in /sys/class/net/*/ifindex; do echo "$device"; done | wc -l; grep -c : /proc/net/dev
        [ ! -e /sys/fs/cgroup ] || ls -A /sys/fs/cgroup | wc -l'
    equal "$(echo "$output" | sed -n 1p)" "$(echo "$output" | sed -n 2p)"
    [ "$(echo "$output" | sed -n 3p)" != 0 ] || [ -z "$(ls -A /sys/fs/cgroup)" ]
}

@test "standard input and output pass through untouched" {
    head -c 300000 /dev/urandom >in
    rootlet run ./root cat <in >out
    cmp in out
}

@test "-t gives a terminal" {
    need script
    attempt script -qec 'rootlet run -t ./root sh -c "tty; stty size >/dev/null && echo sized"' /dev/null
    expect_output "/dev/pts/"
    expect_output "sized"
}

@test "options after the root belong to the command" {
    ok rootlet run ./root echo --hostname -v
    equal "$output" "--hostname -v"
    ok rootlet run ./root -- echo -- x
    equal "$output" "-- x"
}

@test "unsupported options of docker are errors that say why" {
    refused rootlet run -d ./root true
    expect_stderr "--detach is not supported"
    refused rootlet run -p 80:80 ./root true
    refused rootlet run --privileged ./root true
}

@test "--dry-run prints the box as JSON and runs nothing" {
    ok rootlet run --dry-run --write -v .:/data -e A=b ./root touch /ran
    printf '%s' "$output" | python3 -c '
import json, sys
text = json.dumps(json.load(sys.stdin))
assert "/data" in text and "A=b" in text and "touch" in text'
    [ ! -e root/ran ]
}

@test "--why names the engine" {
    need_one_id
    ok rootlet run --why ./root true
    expect_stderr "userns: chosen"
}

@test "an engine that does not exist is refused with those that do" {
    refused rootlet run --engine nonsense ./root true
    expect_stderr "nonsense"
    expect_stderr "userns"
}

@test "--root-emulation seccomp pretends, none does not" {
    need_one_id
    attempt rootlet run -u 0 --write --root-emulation none ./root sh -c 'touch /f && chown 12:34 /f'
    [ "$status" -ne 0 ]
    ok rootlet run -u 0 --write --root-emulation seccomp ./root sh -c 'chown 12:34 /f && mknod /tmp/null c 1 3'
}

@test "where user namespaces are refused, the message says what refuses them and status is 125" {
    refused deny userns rootlet run --engine userns ./root true
    expect_stderr "hint: a seccomp filter refuses user namespaces"
}

@test "older kernels: each missing call alone has its fallback" {
    need_deny
    for group in new-mount mount-setattr openat2 clone3 close-range pidfd statx faccessat2 landlock copy; do
        case ${ROOTLET_ENGINE:-}:$group in
        tap:openat2 | tap:statx | ptrace:openat2) # needs it, and says so
            refused deny "$group" rootlet run ./root true
            expect_stderr "$group: "
            expect_stderr "Function not implemented"
            continue
            ;;
        esac
        attempt deny "$group" rootlet run -v .:/data --tmpfs /scratch ./root sh -c 'ls /data/root && echo fine'
        [ "$status" -eq 0 ] || { echo "without $group:"; show; return 1; }
    done
}

@test "an old kernel, all of them missing" {
    need_mounts
    need_deny
    attempt deny new-mount,mount-setattr,openat2,clone3,close-range,pidfd,statx,faccessat2,landlock,copy \
        rootlet run -v .:/data:ro --tmpfs /scratch ./root sh -c 'touch /scratch/x && ! touch /data/x 2>/dev/null && echo fine'
    expect_status 0
    equal "$output" fine
}

@test "an old kernel, a complete root that lacks mount points at its top and further down" {
    need_mounts
    need_deny
    tiny_root complete
    mkdir complete/{proc,sys,dev,mnt} vol
    echo there >vol/file
    for groups in mount-setattr new-mount,mount-setattr; do
        attempt deny "$groups" rootlet run -v ./vol:/mnt/in/it --tmpfs /scratch ./complete \
            sh -c 'cat /mnt/in/it/file; touch /scratch/x; cat /etc/hosts >/dev/null; touch /mnt/x /etc/x /x 2>&1'
        expect_status 1
        equal "$output" "there
touch: /mnt/x: Read-only file system
touch: /etc/x: Read-only file system
touch: /x: Read-only file system"
    done
    [ ! -e complete/etc/hosts ]
}

@test "twenty runs at once" {
    pids=
    for i in $(seq 20); do
        rootlet run ./root sh -c "echo $i" >"out$i" 2>&1 &
        pids="$pids $!"
    done
    wait $pids
    for i in $(seq 20); do
        equal "$(cat "out$i")" "$i"
    done
}

@test "shell starts the user's shell" {
    ok rootlet shell ./root -c 'echo in $0'
    expect_output "in "
}
