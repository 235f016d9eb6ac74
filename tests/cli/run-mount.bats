# SPDX-License-Identifier: Apache-2.0
# Where rootlet run puts mounts, and what is out of reach from inside.
load ../support/common

setup() {
    common_setup
    need_userns
    tiny_root root
}

teardown() {
    common_teardown
}

@test "mount points are made without touching a root of somebody else" {
    [ -x /usr/bin/busybox ] || skip "no /usr/bin/busybox"
    [ "$(stat -c %u /usr)" != "$(id -u)" ] || skip "/usr is ours"
    echo data >file
    before=$(ls -la --time-style=full-iso /usr /usr/share)
    ok rootlet run -b ./file:/share/deep/er/file -b ./file:/other /usr /bin/busybox sh -c \
        'cat /share/deep/er/file /other; ls /share/common-licenses >/dev/null && ls -d /proc/self/fd /dev/null'
    equal "$output" "data
data
/dev/null
/proc/self/fd"
    attempt rootlet run -b ./file:/share/deep/file /usr /bin/busybox touch /x /share/x /share/deep/x
    [ "$status" -ne 0 ]
    expect_stderr "/x: Read-only file system"
    expect_stderr "/share/x: Read-only file system"
    expect_stderr "/share/deep/x: Read-only file system"
    equal "$(ls -la --time-style=full-iso /usr /usr/share)" "$before"
}

@test "what is covered for a mount point still looks as it did" {
    mkdir -p root/srv/dir data
    chmod 2751 root/srv
    echo file >root/srv/file
    ln -s file root/srv/link
    ok rootlet run -v ./data:/srv/new ./root sh -c 'stat -c %a /srv; cat /srv/link; ls /srv; ls -d /srv/dir'
    equal "$output" "2751
file
dir
file
link
new
/srv/dir"
}

@test "a mount in a mount, and a file in a mount" {
    mkdir -p one/sub two
    echo 2 >two/file
    echo 1 >one/file
    ok rootlet run -v ./one:/data -v ./two:/data/sub -b ./two/file:/data/copy ./root cat /data/file /data/sub/file /data/copy
    equal "$output" "1
2
2"
    ok rootlet run --tmpfs /t -v ./two:/t/a/b ./root cat /t/a/b/file
    equal "$output" 2
}

@test "a dangling link as a target is followed inside the root" {
    mkdir data
    echo hello >data/file
    ln -s ../not/there root/link
    ok rootlet run -v ./data:/link/deep ./root cat /not/there/deep/file
    equal "$output" hello
    [ ! -e root/not ]
    ln -s ../run/resolve/stub root/etc/resolv.conf
    ok rootlet run ./root ls -L /etc/resolv.conf
}

@test "a target that cannot be is refused by name" {
    mkdir data
    ln -s loop root/loop
    refused rootlet run -v ./data:/loop ./root true
    expect_stderr "'/loop'"
    refused rootlet run -v ./data:/etc/passwd/below ./root true
    expect_stderr "'/etc/passwd/below'"
    refused rootlet run -v ./data:/etc/passwd ./root true
    expect_stderr "/etc/passwd"
}

# The names in this root's top directory, and nothing else.
expect_only_root() {
    local word
    for word in $output; do
        [[ " bin dev etc home proc root sys tmp usr var " == *" $word "* ]] ||
            { echo "not of the root: $word" >&2; show; return 1; }
    done
}

@test "above the root there is only the root" {
    need_mounts
    ok rootlet run -u 0 ./root sh -c 'ls /..; ls /../..; cd /proc/1/root; ls ../../..; ls /proc/self/root/..; cd /proc/1/cwd && ls ../..'
    expect_output "bin"
    expect_only_root
}

@test "the host's root is gone for one who is root inside and has all capabilities there" {
    cat >root/out.sh <<'END'
umount /proc /sys /tmp /dev/pts /dev/null /dev /dev / /.. 2>/dev/null
umount -l / 2>/dev/null; umount -l /.. 2>/dev/null
ls / /.. /../..
mkdir -p /jail && chroot /jail /bin/true 2>/dev/null
mount -t tmpfs none /jail && cd /jail && mkdir old && pivot_root . old 2>/dev/null
ls /old/.. 2>/dev/null
exit 0
END
    ok rootlet run -u 0 --write ./root sh /out.sh
    output=${output//old/} output=${output//out.sh/} output=${output//jail/} output=${output//:/}
    output=${output//\/../} output=${output//\//}
    output=${output//../}
    expect_only_root
}

@test "binding the host's / shows the host, in a directory and again in it" {
    ok rootlet run -v /:/host:ro ./root sh -c "ls -d /host$PWD/root/bin/busybox; ! touch /host$PWD/x 2>/dev/null && echo kept"
    expect_output "/bin/busybox"
    expect_output "kept"
}

@test "read-only is read-only for every mount below, and for /sys" {
    ok rootlet run -u 0 -v /proc:/p:ro ./root sh -c '! echo 1 2>/dev/null >/p/sys/kernel/hostname; ! mkdir /sys/fs/cgroup/x 2>/dev/null && echo fine'
    equal "$output" fine
}

@test "/tmp of a read-only root is a place of its own" {
    echo kept >root/tmp/file
    ok rootlet run ./root sh -c 'ls /tmp; touch /tmp/x && stat -c %a /tmp'
    equal "$output" 1777
    rm -r root/tmp
    ok rootlet run ./root sh -c '[ ! -e /tmp ] && echo none'
    equal "$output" none
}

@test "--shm-size makes /dev/shm as large as asked" {
    need_mounts
    ok rootlet run --shm-size 3m ./root sh -c 'df -k /dev/shm | tail -n 1'
    expect_output " 3072 "
    ok rootlet run ./root sh -c 'stat -c %a /dev/shm && touch /dev/shm/x'
    equal "$output" 1777
}

@test "names with colons, commas, blanks and backslashes" {
    odd='o:d,d \1 x'
    mkdir "$odd"
    mv root "$odd/r:o,o t"
    mkdir root
    echo hello >"$odd/file"
    ok rootlet run --mount "type=bind,\"source=$PWD/$odd\",target=/in side" "./$odd/r:o,o t" cat "/in side/file"
    attempt deny new-mount,mount-setattr rootlet run --mount "type=bind,\"source=$PWD/$odd\",target=/in side" "./$odd/r:o,o t" cat "/in side/file"
    expect_status 0
}

@test "--write leaves no mount points behind, but what the command put there" {
    mkdir -p src root/there
    before=$(find root | sort)
    ok rootlet run --write -v ./src:/there/is/none -v ./src:/new/deep/point --tmpfs /kept/scratch ./root \
        sh -c 'touch /kept/mine /there/is/none/through && ls /new/deep'
    equal "$output" point
    [ -e src/through ]
    equal "$(find root | sort)" "$(printf '%s\n' "$before" root/kept root/kept/mine | sort)"
    rm -r root/kept
    attempt rootlet run --write -v ./src:/new ./root nosuch
    expect_status 127
    equal "$(find root | sort)" "$before"
}

@test "--write leaves mount points that another run in the same directory uses" {
    mkdir src fifo
    mkfifo fifo/go
    rootlet run --write -v ./fifo:/fifo ./root sh -c 'echo in >/fifo/started; read x </fifo/go; ls /fifo' >first &
    pid=$!
    while_alive "$pid" test -s fifo/started
    ok rootlet run --write -v ./src:/second ./root true
    echo >fifo/go
    wait $pid
    equal "$(cat first)" "$(printf 'go\nstarted')"
    [ ! -e root/fifo ] && { lacks_mounts || [ -e root/second ]; }
}
