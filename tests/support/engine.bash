# SPDX-License-Identifier: Apache-2.0
# What every engine must do, as functions for *-engine.bats; after common.bash and build.bash. The
# engine is $ROOTLET_ENGINE. Whole suites take an engine, too: ROOTLET_TEST_ENGINE, see run-tests.

# owned_tar: a tar of files with many owners, modes and attributes, on stdout.
owned_tar() {
    python3 - <<'END'
import io, sys, tarfile

CAP = {"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x04\x00\x00" + "\x00" * 12}
out = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.PAX_FORMAT)

def add(name, kind=tarfile.REGTYPE, data=b"", **more):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mode, info.mtime = kind, len(data), 0o644, 1600000000
    for key, value in more.items():
        setattr(info, key, value)
    out.addfile(info, io.BytesIO(data))

add("own", tarfile.DIRTYPE, mode=0o755)
add("own/shadow", data=b"secret\n", mode=0o640, gid=42)
add("own/none", data=b"none\n", mode=0)
add("own/su", data=b"su\n", mode=0o6755, uid=7, gid=8)
add("own/su2", tarfile.LNKTYPE, linkname="own/su", mode=0o6755, uid=7, gid=8)
add("own/ping", data=b"ping\n", mode=0o755, pax_headers=CAP)
add("own/ping2", data=b"ping\n", mode=0o755, uid=3, pax_headers=CAP)
add("own/link", tarfile.SYMTYPE, linkname="shadow", mode=0o777, uid=7, gid=8)
add("own/pipe", tarfile.FIFOTYPE, mode=0o620, uid=3)
add("own/spool", tarfile.DIRTYPE, mode=0o2775, uid=33, gid=34)
add("own/spool/closed", tarfile.DIRTYPE, mode=0, uid=33)
add("own/spool/closed/file", data=b"inside\n", mode=0o400, uid=1000, gid=1000)
add("own/spool/gone", data=b"gone\n", uid=5)
out.close()
END
}

# same_image: a build that does all that can be done to owners gives the image that engine userns
# gives, byte for byte, and leaves nothing behind that is not the caller's.
same_image() {
    import_tiny
    owned_tar >owned.tar
    dockerfile <<'END'
FROM tiny
ADD owned.tar /
RUN ls -lnR /own && cat /own/none /own/spool/closed/file
RUN chmod g+w /own/shadow; touch /own/ping /own/ping2; rm /own/spool/gone; mv /own/spool /own/queue
RUN chown 12:13 /own/su && chmod 4711 /own/su; chgrp 99 /own/link -h; chown -R 60000:5 /own/queue
RUN mkdir -p /new/a && echo hi >/new/a/f && chown 65534:65534 /new/a/f && chmod 4750 /new/a/f && \
    ln /new/a/f /new/g && ln -s g /new/s && chown -h 9:9 /new/s && mkfifo /new/p && chown 8 /new/p && \
    chown 33:60 /new/a && chmod 000 /new/a && mkdir -m 1777 /new/t
RUN umask 027 && mknod /own/null c 1 3 && cd /own && mknod -m 640 disk b 7 200 && chown 0:6 disk && \
    ln disk disk2 && mv null nil && ! mknod disk c 1 3 && ! mknod /no/disk c 1 3 && mknod ../fifo p
RUN chmod 600 /own/nil && rm /own/disk
RUN --mount=type=cache,target=/cache echo x >/cache/f && chown -R 5:6 /cache
RUN --mount=type=cache,target=/cache cat /cache/f && chown -R 7:8 /cache
END
    builds --no-cache --source-date-epoch 1700000000 -t mine .
    ROOTLET_ENGINE='' builds --no-cache --source-date-epoch 1700000000 --engine userns -t theirs .
    equal "$(image_id mine)" "$(image_id theirs)"
    expect_empty_dir "$ROOTLET_STORE/tmp"
    equal "$(find "$ROOTLET_STORE" -path "$ROOTLET_STORE/cache/real" -prune -o ! -user "$(id -u)" -print)" ""
}

image_id() {
    rootlet images --format json --no-trunc | python3 -c '
import json, sys
print([image["id"] for image in json.load(sys.stdin) if image["repository"].endswith(sys.argv[1])][0])' "$1"
}

# refusals_are_seen: whatever emulates root, a privileged call that was refused is named, though the
# command says nothing.
refusals_are_seen() {
    local mode call
    import_tiny
    for mode in tap none; do
        for call in 'swapon /etc/passwd' 'unshare -m true' 'mount -t ext4 /dev/null /tmp' 'chroot /etc /nowhere'; do
            printf 'FROM tiny\nRUN %s >/dev/null 2>&1\n' "$call" >Dockerfile
            refuses --root-emulation "$mode" .
            case $call in chroot*) fails grep -q 'chroot(2)' <<<"$stderr" ;; # not refused: there is no such program
                *) expect_stderr "${call%% *}(2) was refused to '${call%% *}': a build has no real privilege" ;;
            esac
        done
    done
}

# true_owners: what the layers record is what programs see and the kernel enforces, with no
# emulation around them.
true_owners() {
    import_tiny
    owned_tar >owned.tar
    dockerfile <<<$'FROM tiny\nADD owned.tar /'
    builds -t owned .
    ok rootlet run owned stat -c '%n %u:%g %a' /own/shadow /own/none /own/su /own/link /own/spool /own/spool/closed/file
    equal "$output" "/own/shadow 0:42 640
/own/none 0:0 0
/own/su 7:8 6755
/own/link 7:8 777
/own/spool 33:34 2775
/own/spool/closed/file 1000:1000 400"
    dockerfile <<<$'FROM tiny\nRUN chown 5:6 /etc\nRUN [ "$(stat -c %u:%g /etc)" = 5:6 ]' # with mount points in it
    builds -t etc .
    ok rootlet run owned sh -c 'grep NoNewPrivs: /proc/self/status; cat /own/none'
    expect_output $'NoNewPrivs:\t0'
    expect_output none
    ok rootlet run -u 1000:42 owned sh -c 'id; cat /own/shadow; echo x >/own/shadow || echo no; cat /own/none || echo no'
    expect_output "uid=1000"
    expect_output secret
    expect_output $'no\nno'
    attempt rootlet run -u 1000:1000 owned cat /own/shadow
    expect_status 1
    expect_stderr "ermission denied"
}

# changes_are_real: chown, set-id programs and other users work as on a machine of one's own.
changes_are_real() {
    import_tiny
    ok rootlet run tiny sh -c 'echo x >/f; chown 7:8 /f; chmod 600 /f; stat -c %u:%g:%a /f
        printf "root::0:0::/:/bin/sh\nu::7:8::/:/bin/sh\n" >/etc/passwd
        su u -c "id -u; cat /f; kill -0 1 2>/dev/null || echo not mine; su root -c id || echo no su"
        chmod 4755 /bin/busybox; su u -c "su root -c \"id -u\""'
    equal "$output" $'7:8:600\n7\nx\nnot mine\nno su\n0'
}

# copied_root: where layers cannot be stacked, a copy of them has the same owners and goes away.
copied_root() {
    import_tiny
    owned_tar >owned.tar
    dockerfile <<<$'FROM tiny\nADD owned.tar /'
    builds -t owned .
    sed -i '/^# overlay ready/d' "$ROOTLET_STORE"/owners/*
    ok rootlet run owned sh -c 'stat -c %u:%g:%a /own/su; touch /own/spool/closed/new'
    expect_output 7:8:6755
    ok rootlet run --dry-run owned true
    expect_output '"type": "directory"'
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

# cleans_up: images with foreign owners go away altogether, also what a killed build left.
cleans_up() {
    local word=600$RANDOM$RANDOM # of one of many processes like it
    import_tiny
    owned_tar >owned.tar
    dockerfile <<<$'FROM tiny\nADD owned.tar /\nRUN mkdir -m 700 /own/dir && touch /own/dir/file && chown -R 7:8 /own/dir && chmod 0 /own/dir'
    builds -t owned .
    [ -n "$(find "$ROOTLET_STORE/cache/real" -name su)" ]
    dockerfile D2 <<<$'FROM owned\nRUN mkdir -m 700 /d && touch /d/f && chown -R 7:8 /d && echo ready && sleep '$word
    rootlet build --progress plain -f D2 . >out 2>&1 3>&- &
    local pid=$!
    while_alive "$pid" has_line '^ *ready' out || { cat out >&2; return 1; }
    kill -KILL "$pid"
    wait "$pid" || :
    eventually none_left "sleep $word"
    [ -n "$(find "$ROOTLET_STORE/tmp" -name d 2>/dev/null)" ]
    eventually all_is_mine "$ROOTLET_STORE/tmp" # its first process gives it back
    ok rootlet rmi -f owned tiny
    ok rootlet cache prune -af
    expect_empty_dir "$ROOTLET_STORE/tmp"
    expect_empty_dir "$ROOTLET_STORE/layers"
    equal "$(find "$ROOTLET_STORE" ! -user "$(id -u)")" ""
}

all_is_mine() {
    [ -z "$(find "$1" ! -user "$(id -u)" 2>/dev/null)" ]
}

# changes_are_kept: --overlay and --commit know true owners, and so does another engine.
changes_are_kept() {
    import_tiny
    ok rootlet run --overlay changes tiny sh -c 'mkdir /srv; touch /srv/f /srv/gone; chown -R 77:78 /srv; chown 5 /srv/f
        chmod 4755 /srv/f; mknod /srv/null c 1 3; chown 6 /etc; chmod 0 /srv/gone'
    equal "$(find changes ! -user "$(id -u)")" ""
    rm changes/upper/srv/gone
    ok rootlet run --overlay changes -u 77 tiny sh -c 'stat -c "%n %u:%g %a" /srv /etc /srv/f; touch /srv/g'
    equal "$output" $'/srv 77:78 755\n/etc 6:0 755\n/srv/f 5:78 4755'
    ok rootlet run --engine userns --overlay changes tiny stat -c '%n %u:%g %F' /srv /srv/g /srv/f /srv/null
    equal "$output" "/srv 77:78 directory
/srv/g 77:0 regular empty file
/srv/f 5:78 regular empty file
/srv/null 0:0 character special file"
    ok rootlet run --commit new:1 tiny sh -c 'touch /f; chown 12:34 /f'
    ok rootlet run --engine userns new:1 stat -c %u:%g /f
    equal "$output" 12:34
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

# nothing_escapes: the battery of `rootlet verify engine` fails nowhere, and all of it was tried.
nothing_escapes() {
    attempt rootlet verify engine
    [[ $output != *FAIL* ]] || { show; return 1; }
    expect_status 0
    expect_output "$ROOTLET_ENGINE: "
    expect_output " 0 failed"
}

# killed_run_is_forgotten: the private folder of a run that was killed goes away with the next one,
# that of one which goes on does not.
killed_run_is_forgotten() {
    mkdir -p root private
    tar -xf "$(tiny_tar)" -C root
    local pid word=611$RANDOM$RANDOM
    TMPDIR=$PWD/private rootlet run ./root sh -c "echo ready; exec sleep $word" >out 3>&- &
    pid=$!
    while_alive "$pid" has_line ready out
    ok env TMPDIR="$PWD/private" rootlet run ./root true
    [ -n "$(ls private)" ]
    kill -KILL "$pid"
    wait "$pid" || :
    eventually none_left "sleep $word"
    eventually run_empties private
}

run_empties() {
    ok env TMPDIR="$PWD/$1" rootlet run ./root true && [ -z "$(ls "$1")" ]
}

# read_only_stays: what is only read is one copy for all runs, and no way of changing a file changes it.
read_only_stays() {
    local emulation
    import_debian
    cat >change <<'END'
open(F, "<", "/etc/passwd") or die;
my $link = "/proc/self/fd/" . fileno(F);
sub outcome { print shift() ? "changed\n" : "$!\n" }
outcome(chmod(0600, *F));
outcome(utime(1, 1, *F));
outcome(chown(1, 1, *F));
outcome(chmod(0600, $link));
outcome(utime(1, 1, $link));
outcome(truncate($link, 0));
outcome(open(T, "+<", "/dev/fd/" . fileno(F)));
outcome(open(T, ">", $link));
outcome(open(T, ">", "/etc/new"));
END
    for emulation in tap none; do
        ok "$DENY" userns,mount rootlet run --read-only --root-emulation $emulation -v "$PWD/change:/change" debian perl /change
        equal "$(sort <<<"$output" | uniq -c | sed 's/^ *//')" "9 Read-only file system"
    done
    equal "$(ls "$ROOTLET_STORE/cache/roots" | wc -l)" 1
    ok "$DENY" userns,mount rootlet run debian sh -c 'stat -c %a:%s /etc/passwd; chmod 600 /etc/passwd; echo more >>/etc/passwd'
    equal "$("$DENY" userns,mount rootlet run --read-only debian stat -c %a:%s /etc/passwd)" "$output"
}

# nothing_is_left_behind: (after read_only_stays) the copy that a run writes to is kept for the next one, which finds nothing of the first in it.
nothing_is_left_behind() {
    local first list='find / -xdev \( -path /proc -o -path /dev \) -prune -o -printf "%p %m %s %T@ %n\n"'
    ok "$DENY" userns,mount rootlet run debian sh -c "$list"
    first=$output
    ok "$DENY" userns,mount rootlet run debian sh -c 'echo more >>/etc/passwd; rm -r /usr/share/doc; mv /usr/bin/env /usr/bin/e
        ln /etc/group /etc/g; chmod 700 /var; mkdir -p /new/a; chmod 0 /new; touch -d @1 /etc/hostname /etc'
    ok "$DENY" userns,mount rootlet run debian sh -c "$list"
    diff <(sort <<<"$first") <(sort <<<"$output")
    ok rootlet gc
    [ "$(ls "$ROOTLET_STORE/cache/roots" | grep -c own)" = 0 ]
}

# newer_ways_lead_there: openat2(2) with RESOLVE_*, and attributes by directory and name; as somebody and as root.
newer_ways_lead_there() {
    local who
    [ -d tiny ] || { mkdir tiny && tar -xf "$(tiny_tar)" -C tiny --exclude=./dev/*; }
    for who in "" --user=0; do
        ok "$DENY" userns,mount rootlet run --write --tmpfs /tmp ${who:+"$who"} -v "$ROOTLET_TEST_STAGE/build/tests/tap:/torture" ./tiny \
            /torture/torture-paths-static
    done
}

# signals_stay_inside: to the kernel all processes are the user's, and may be signalled by one another.
signals_stay_inside() {
    local host mode
    [ -d tiny ] || { mkdir tiny && tar -xf "$(tiny_tar)" -C tiny --exclude=./dev/*; }
    sleep 1000 3>&- &
    host=$!
    for mode in patch trap; do
        ok env ROOTLET_TAP=$mode "$DENY" userns,mount rootlet run ./tiny sh -c \
            'sleep 1000 & sleep 1000 & trap "" TERM; kill -TERM -1; wait; echo over'
        equal "$output" over
    done
    kill -0 "$host"
    if [ "$(landlock_version)" -ge 6 ]; then # the kernel keeps them, too
        attempt "$DENY" userns,mount rootlet run ./tiny kill "$host"
        [ "$status" != 0 ]
        kill -0 "$host"
    fi
    kill "$host"
}

# mounts_are_emulated WHAT: where WHAT is refused root mounts, and all see it; what was hidden, read-only or
# covered stays so.
mounts_are_emulated() {
    rm -rf tiny && mkdir tiny && tar -xf "$(tiny_tar)" -C tiny --exclude=./dev/*
    mkdir -p tiny/{src/d,dst/under,top/point,hidden,memory,jail/{bin,proc,dev}} secret
    echo one >tiny/src/f && echo two >tiny/src/d/g && echo no >tiny/hidden/f && echo ro >secret/f && touch tiny/file
    cp tiny/bin/busybox tiny/jail/bin/sh
    local root=(rootlet run --write -u 0 --hide /hidden -v "$PWD/secret:/secret:ro" ./tiny)
    ok "$DENY" "$1" "${root[@]}" sh -ec '
        (while [ ! -f /dst/go ]; do :; done; cat /dst/d/g >/src/seen) & # is there before
        mount --bind /src /dst; touch /dst/go; wait; cat /dst/f /src/seen /src/../dst/f
        cd /dst/d; pwd -P; cat ../f; cd /
        ! rmdir /dst 2>/dev/null; ! mkdir /dst 2>/dev/null; ! mv /dst /other 2>/dev/null
        grep " /dst " /proc/mounts; grep -c " /dst " /proc/self/mountinfo
        mount -o remount,bind,ro /dst; ! echo x 2>/dev/null >/dst/f; echo three >/src/f; cat /dst/f
        umount /dst; ls /dst; ! umount /dst 2>/dev/null; ! umount /proc 2>/dev/null'
    equal "$output" "one
two
one
/dst/d
one
rootlet /dst rootlet rw 0 0
1
three
under"
    [ ! -e tiny/dst/f ] && [ "$(cat tiny/src/f)" = three ]
    ok "$DENY" "$1" "${root[@]}" sh -ec '
        mount --bind / /top/point; ! cat /top/point/hidden/f 2>/dev/null; ls /top/point/dev/null
        ! echo x 2>/dev/null >/top/point/secret/f; cat /top/point/secret/f; ! umount /top/point/secret 2>/dev/null
        ! mount -o remount,bind,rw /top/point/secret 2>/dev/null; ! rmdir /top 2>/dev/null; umount /top/point; ls -A /top/point
        exec 5</secret; mount --bind /proc/self/fd/5 /dst; ! mount -o remount,bind,rw /dst 2>/dev/null; ! touch /dst/x 2>/dev/null; umount /dst
        mount -t tmpfs -o mode=710 none /memory; echo in >/memory/f; stat -c %a /memory; cat /memory/f; umount /memory; ls -A /memory
        mount --bind /src/f /file; cat /file; ! mount --bind /src /file 2>/dev/null; umount /file
        ! mount -t ext4 /dev/null /dst 2>/dev/null; mount --make-rprivate /
        mount -t proc proc /jail/proc; mount --bind /dev /jail/dev; mount -t devpts devpts /jail/dev/pts
        chroot /jail /bin/sh -c "cd /proc && pwd -P; echo x >/dev/null; cd ../dev && pwd -P; [ ! -e ../src ] && echo kept; while read -r x at rest; do echo \$at; done </proc/mounts" |
            grep -v "/dev/."'
    equal "$output" "/top/point/dev/null
ro
710
in
three
/proc
/dev
kept
/dev
/proc"
    mkdir -p tiny/new
    ok "$DENY" "$1" "${root[@]}" sh -ec '
        mount --bind /jail /new; mkdir -p /new/old; rm /new/bin/sh; cp -r /bin /new/; pivot_root /new /new/old; cd /; ls; cat /old/src/f
        umount -l /old; ls -A /old'
    equal "$output" "bin
dev
old
proc
three"
    attempt "$DENY" "$1" rootlet run --write ./tiny mount --bind /src /dst
    expect_status 1
    attempt "$DENY" "$1" "${root[@]}" setpriv --reuid 7 mount --bind /src /dst
    [ "$status" != 0 ]
}

# landlock_version: of the kernel's interface; 0 where there is none
landlock_version() {
    python3 -c 'import ctypes; print(max(0, ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1)))'
}
