# SPDX-License-Identifier: Apache-2.0
# What becomes of changes: kept in a folder (--overlay), or an image (--commit).
load ../support/common

setup() {
    common_setup
    need_userns
    need_mounts
}

teardown() {
    common_teardown
}

@test "--overlay keeps changes to a directory, which stays as it is" {
    tiny_root root
    before=$(cd root && find . | sort)
    ok rootlet run --overlay changes ./root sh -c 'echo kept >/etc/kept; rm /etc/os-release; mkdir /new'
    equal "$(cd root && find . | sort)" "$before"
    ok rootlet run --overlay ./changes ./root sh -c 'cat /etc/kept; ls -d /new; ls /etc/os-release || echo gone'
    equal "$output" "$(printf 'kept\n/new\ngone')"
    equal "$(ls changes)" upper
    [ ! -e changes/upper/proc ]
    rm -r changes
    refused rootlet run --engine subid --overlay changes ./root true
    local engine
    for engine in tap ptrace; do
        attempt rootlet run --engine $engine --overlay none ./root true
        expect_status 125
        [ ! -e none ]
    done
    ok rootlet run --dry-run --overlay none ./root true
    [ ! -e none ]
    mkdir none
    attempt rootlet run --engine tap --overlay none ./root true
    rmdir none/upper none
}

@test "--overlay on an image: owners, modes and names are known the next time" {
    import_tiny
    ok rootlet run --overlay changes tiny sh -c \
        'echo "svc:x:77:77::/srv:/bin/sh" >>/etc/passwd; mkdir /srv; chown 77:78 /srv; mknod /srv/null c 1 3; touch /srv/f; chmod 4755 /srv/f; chown 5 /etc'
    ok rootlet run --overlay changes tiny sh -c \
        'stat -c "%n %u %g" /srv /etc; stat -c "%F %t %T" /srv/null; stat -c "%a %u" /srv/f; chown 0 /etc; touch /srv/g'
    equal "$output" "$(printf '/srv 77 78\n/etc 5 0\ncharacter special file 1 3\n4755 0')"
    ok rootlet run --overlay changes tiny stat -c '%n %u' /srv /etc /srv/g
    equal "$output" "$(printf '/srv 77\n/etc 0\n/srv/g 0')"
    ok rootlet run --overlay changes -u svc tiny id -u
    equal "$output" 77
    ok rootlet run tiny sh -c 'ls /srv 2>/dev/null || echo none'
    equal "$output" none
}

@test "--overlay: one run at a time, and only where it makes sense" {
    tiny_root root
    mkdir io
    mkfifo io/go
    rootlet run --overlay changes -v ./io:/io ./root sh -c 'echo in >/io/started; read x </io/go' &
    pid=$!
    while_alive "$pid" test -s io/started
    refused rootlet run --overlay changes ./root true
    expect_stderr "changes in '*/changes': another run"
    echo >io/go
    wait $pid
    ok rootlet run --overlay changes ./root true
    refused rootlet run --overlay changes --write ./root true
    refused rootlet run --overlay changes --read-only ./root true
    refused rootlet run --overlay missing/changes ./root true
    expect_stderr "missing/changes"
}

@test "--commit makes an image of what the command changed, with its owners" {
    import_tiny
    ok rootlet run --commit new:1 tiny sh -c \
        'mkdir /srv; echo text >/srv/f; chown 12:34 /srv/f; chmod 2755 /srv/f; mknod /srv/dev b 7 1; rm /etc/os-release; echo said'
    equal "$output" said
    ok rootlet run new:1 sh -c 'cat /srv/f; stat -c "%u %g %a" /srv/f; stat -c %F /srv/dev; ls /etc/os-release 2>/dev/null || echo gone'
    equal "$output" "$(printf 'text\n12 34 2755\nblock special file\ngone')"
    ok rootlet history new:1
    expect_output "mkdir /srv"
    ok rootlet export new:1 -o tree.tar --format tar
    tar --numeric-owner -tvf tree.tar | grep -q '12/34.*srv/f'
    ok rootlet run tiny ls /etc/os-release
}

@test "--commit: nothing is committed of what failed, and the store keeps no leftovers" {
    import_tiny
    attempt rootlet run --commit no tiny sh -c 'touch /f; exit 3'
    expect_status 3
    expect_stderr "nothing is committed"
    refused rootlet inspect no
    refused rootlet run --commit Bad:Ref: tiny true
    tiny_root root
    refused rootlet run --commit x ./root true
    ok rootlet run --commit other -u 1000:1000 --tmpfs /scratch tiny sh -c 'echo a >/tmp/a'
    ok rootlet run other stat -c '%u %g' /tmp/a
    equal "$output" "1000 1000"
    fails rootlet run other ls -d /scratch
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

@test "--overlay: owners are known the next time, too, when rootlet was killed without mercy" {
    import_tiny
    rootlet run --overlay changes tiny sh -c 'mkdir /srv; touch /srv/f; chown 77:78 /srv; chown 5 /srv/f; chmod 4755 /srv/f
        mknod /srv/null c 1 3; echo ready; exec sleep 1000' >out 2>&1 3>&- &
    pid=$!
    while_alive "$pid" has_line ready out || { cat out >&2; return 1; }
    kill -KILL "$pid"
    wait "$pid" || :
    flock --timeout 600 changes true # its first process ends the others before it lets go
    ok rootlet run --overlay changes tiny stat -c '%n %u:%g %a %F' /srv /srv/f /srv/null
    equal "$output" "/srv 77:78 755 directory
/srv/f 5:0 4755 regular empty file
/srv/null 0:0 644 character special file"
    equal "$(ls changes)" "$(printf 'owners\nupper')"
}
