#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Root emulation that remembers: what commands in an image set is what later commands, later steps
# and the layer's archive say.
load ../support/common
load ../support/build
load ../support/registry
setup() {
    common_setup
    need_userns
    import_tiny
}
teardown() {
    registry_stop
    common_teardown
}

# owner_in TAR PATTERN: mode, owner and device numbers of the entries that match, as tar lists them.
owner_in() {
    tar --numeric-owner -tvf "$1" | awk -v pattern="$2" '$6 ~ pattern { print $1, $2 }'
}

@test "the script of SC21's Figure 7 says what it says under real root, with a static shell" {
    ok rootlet run tiny sh -c 'umask 0137; cd /tmp; touch test.file; chown nobody test.file
        mknod test.dev c 1 1; chmod 640 test.file test.dev; stat -c "%A %U %G %t %T %n" test.dev test.file'
    equal "$output" "crw-r----- root root 1 1 test.dev
-rw-r----- nobody root 0 0 test.file"
}

@test "the script of SC21's Figure 7 says the same with a dynamic shell" {
    import_debian
    ok rootlet run debian sh -c 'umask 0137; cd /tmp; touch test.file; chown nobody test.file
        mknod test.dev c 1 1; ls -l --time-style=+ test.dev test.file'
    [[ ${lines[0]} =~ ^crw-r-----\ +1\ root\ +root\ +1,\ +1\ +test.dev$ ]] || show_and_fail
    [[ ${lines[1]} =~ ^-rw-r-----\ +1\ nobody\ +root\ +0\ +test.file$ ]] || show_and_fail
}

show_and_fail() { show; false; }

@test "a lower file that was changed, and linked only then, is one file with one owner" {
    local mode
    for mode in patch trap; do
        ROOTLET_TAP=$mode ok rootlet run tiny sh -c 'cd /etc; chown 7:8 passwd; mv passwd one; ln one two
            stat -c %u:%g one two; chown 9 two; stat -c %u:%g one two; mv two three; chown 3 one; stat -c %u:%g one three'
        equal "$output" "7:8
7:8
9:8
9:8
3:8
3:8"
    done
}

@test "what belongs to others on the host looks root's inside" {
    local mode
    for mode in patch trap; do
        ROOTLET_TAP=$mode ok rootlet run -v /usr:/host tiny stat -c %u:%g /proc /sys /etc/hosts /host /host/bin
        equal "$(printf '%s\n' "${lines[@]}" | sort -u)" 0:0
    done
}

@test "owners, modes and devices last across steps and come out in the archive" {
    dockerfile <<'END'
FROM tiny
RUN mkdir -p /d/e && chown 5:6 /d /d/e && echo a >/d/f && chown 7:8 /d/f && chmod 4755 /d/f && mknod /d/null c 1 3
RUN stat -c %u:%g:%a /d /d/e /d/f >/seen && ln /d/f /d/g && mv /d/e /d/h
END
    builds -t made .
    image_sh made "cat /seen; stat -c '%u:%g:%a %n' /d /d/h /d/g; stat -c '%F %t,%T' /d/null"
    equal "$output" "5:6:755
5:6:755
7:8:4755
5:6:755 /d
5:6:755 /d/h
7:8:4755 /d/g
character special file 1,3"
    ok rootlet export made -o made.tar
    equal "$(owner_in made.tar '^(./)?d/h/?$')" "drwxr-xr-x 5/6"
    equal "$(owner_in made.tar '^(./)?d/f$')" "-rwsr-xr-x 7/8"
}

@test "a directory of a lower layer keeps its owner when something in it is made, changed or removed" {
    dockerfile <<'END'
FROM tiny
RUN for d in made changed removed moved below; do mkdir -p /$d/deep && echo x >/$d/file && chown -R 70:71 /$d; done
RUN touch /made/new && echo y >>/changed/file && rm /removed/file && mv /moved/file /moved/other && touch /below/deep/new
RUN stat -c "%u:%g %n" /made /changed /removed /moved /below /below/deep >/seen
END
    builds -t made .
    image_sh made "cat /seen"
    equal "$output" "70:71 /made
70:71 /changed
70:71 /removed
70:71 /moved
70:71 /below
70:71 /below/deep"
    image_sh made 'touch /made/newer; rm /changed/file; stat -c %u:%g /made /changed'
    equal "$output" $'70:71\n70:71'
    ok rootlet export made -o made.tar
    equal "$(owner_in made.tar '^(./)?(made|changed|removed|moved|below)/$' | sort -u)" "drwxr-xr-x 70/71"
}

@test "names of one file have one owner, through steps, a shell and runs that keep changes" {
    local list="stat -c '%u:%g %a %h %n' /d/* /moved"
    dockerfile <<END
FROM tiny
RUN mkdir /d && cd /d && for i in 1 2 3 4 5; do echo \$i >a\$i; ln a\$i b\$i; done && echo 6 >c6 && chown 5:6 * && chown 7:8 a1
RUN $list >/seen1 2>/dev/null; cd /d && mv a2 /moved && ln b3 c3 && chown 9 a4 && echo more >>b5 && ln c6 d6
RUN $list >/seen2 && cd /d && chmod 4711 c3 && ln c3 d3 && rm b1
END
    builds -t made .
    image_sh made "cat /seen1 | cut -d ' ' -f 1,3,4"
    equal "$output" "7:8 2 /d/a1
5:6 2 /d/a2
5:6 2 /d/a3
5:6 2 /d/a4
5:6 2 /d/a5
7:8 2 /d/b1
5:6 2 /d/b2
5:6 2 /d/b3
5:6 2 /d/b4
5:6 2 /d/b5
5:6 1 /d/c6"
    image_sh made "cat /seen2; stat -c '%u:%g %a %h %n' /d/?3"
    grep -qx '9:6 644 1 /d/a4' <<<"$output"
    grep -qx '5:6 644 1 /moved' <<<"$output"
    grep -qx '5:6 644 2 /d/c6' <<<"$output"
    grep -qx '5:6 644 2 /d/d6' <<<"$output"
    grep -qx '5:6 4711 2 /d/d3' <<<"$output"
    ok rootlet run made sh -c "$list"
    equal "$(rootlet shell made <<<"$list")" "$output"
    ok rootlet run --commit kept made sh -c "cd /d; chown 41 a3; ln b5 e5; mv c6 f6; $list" # e5 has two names
    equal "$(rootlet run kept sh -c "$list")" "$output"
    ok rootlet run --overlay "$PWD/changes" made sh -c "cd /d; chown 41 a3; ln b5 e5; mknod n c 1 3; chown 4 n; $list" # again
    equal "$(rootlet run --overlay "$PWD/changes" made sh -c "$list")" "$output"
    ok rootlet run --overlay "$PWD/changes" made sh -c "cd /d; mv n m; ln m k; chown 50 e5; rm a3; touch b3; $list; stat -c %t,%T k"
    equal "$(rootlet run --overlay "$PWD/changes" made sh -c "$list; stat -c %t,%T /d/k")" "$output"
    grep -qx '50:6 644 2 /d/b5' <<<"$output"
    grep -qx '1,3' <<<"$output"
}

@test "a directory that only holds mount points can be given away" {
    dockerfile <<'END'
FROM tiny
RUN chown 5:6 /etc
RUN stat -c %u:%g /etc >/seen && mkdir /other && chown 7 /other
RUN --mount=type=cache,target=/other/cache chmod 2775 /other
RUN --mount=type=cache,target=/other/cache true
END
    builds -t made .
    image_sh made "cat /seen; stat -c '%u:%g %a %n' /etc /other"
    equal "$output" "5:6
5:6 755 /etc
7:0 2775 /other"
    ok rootlet run --overlay "$PWD/kept" made chown 8 /etc
    equal "$(rootlet run --overlay "$PWD/kept" made stat -c %u:%g /etc)" 8:6
    ok rootlet export made -o made.tar
    equal "$(owner_in made.tar '^(./)?etc/$')" "drwxr-xr-x 5/6"
}

@test "a new directory does not inherit the owner of a removed one" {
    ok rootlet run tiny sh -c 'cd /tmp; for i in 1 2 3 4 5 6 7 8; do
        mkdir a; chown 9:9 a; rmdir a; mkdir b; stat -c %u b; rmdir b
        mkdir a c; chown 9:9 a; mv -T c a; stat -c %u a; rmdir a; done | sort -u'
    equal "$output" 0
}

@test "tar, cp -a and install agree with what was set" {
    import_debian
    ok rootlet run debian bash -ec 'cd /tmp; mkdir t; echo x >t/a; ln -s a t/l; mkfifo t/p; mknod t/b b 7 1
        chown 11:12 t/a; chown -h 13:14 t/l; chmod 2711 t/a; chown 15:16 t; chmod 1777 t
        list() { (cd "$1" && stat -c "%n %F %u:%g %a %t,%T" . a b l p); }
        list t >wanted
        cp -a t copy; list copy | diff wanted -
        find t copy -type b | sort | diff <(echo copy/b; echo t/b) -
        tar -cf t.tar t; mkdir out; tar -xpf t.tar -C out; list out/t | diff wanted -
        tar --numeric-owner -tvf t.tar | grep -q "^-rwx--s--x 11/12 .* t/a"
        install -o nobody -g 50 -m 4750 t/a installed; stat -c "%U:%g %a" installed'
    equal "$output" "nobody:50 4750"
}

# perl calls setxattr and getxattr by number, for the smallest Debian has no setcap
@test "file capabilities are kept by the layer and written into the archive" {
    [ "$(uname -m)" = x86_64 ] || skip "the numbers are those of x86_64"
    import_debian
    dockerfile <<'END'
FROM debian
RUN cp /bin/true /bin/capable && perl -e '$f = "/bin/capable"; $n = "security.capability"; $v = pack("V5", 0x02000001, 0x2000, 0, 0, 0); syscall(188, $f, $n, $v, 20, 0) == 0 or die $!'
RUN perl -e '$f = "/bin/capable"; $n = "security.capability"; $v = "\0" x 64; syscall(191, $f, $n, $v, 64) == 20 or die $!; print unpack("H*", substr($v, 0, 8)), "\n"' >/seen
RUN perl -e '$f = "/bin/false"; $n = "security.capability"; $v = pack("V5", 0x02000001, 0x2000, 0, 0, 0); syscall(188, $f, $n, $v, 20, 0) == 0 or die $!'
RUN cp /bin/true /bin/passing && perl -e '$f = "/bin/passing"; $n = "security.capability"; $v = pack("V5", 0x02000001, 0x2000, 0, 0, 0); syscall(188, $f, $n, $v, 20, 0) == 0 or die $!'
RUN perl -e '$f = "/bin/passing"; $n = "security.capability"; syscall(197, $f, $n) == 0 or die $!'
RUN perl -e '$n = "security.capability"; $v = "\0" x 64; for (0, 1) { $f = $_ ? "/bin/passing" : "/bin/false"; print syscall(191, $f, $n, $v, 64), "\n" }' >>/seen
END
    builds -t made .
    image_sh made "cat /seen"
    equal "$output" $'0100000200200000\n20\n-1' # also of files of the layers below
    ok rootlet export made -o made.tar
    grep -aq "SCHILY.xattr.security.capability=" made.tar
}

@test "ownership that a build lost would be seen: seccomp forgets what the tap remembers" {
    ok rootlet run --root-emulation seccomp tiny sh -c 'touch /f; chown 7:8 /f; stat -c %u:%g /f'
    equal "$output" 0:0
    ok rootlet run --root-emulation tap tiny sh -c 'touch /f; chown 7:8 /f; stat -c %u:%g /f'
    equal "$output" 7:8
}

@test "what a step chowned is there in a shell, and in what other tools take from a registry" {
    need docker-registry skopeo umoci python3
    registry_start
    dockerfile <<'END'
FROM tiny
RUN echo x >/given && chown 11:12 /given && chmod 2750 /given && mkdir -p /d/e && chown -R 13:14 /d
RUN ln -s given /link && chown -h 15:16 /link && mknod /disk b 8 1 && chown 17:6 /disk && chmod 660 /disk
END
    builds -t made .
    equal "$(rootlet shell made <<<'stat -c "%u:%g %a %n" /given /d/e /link /disk')" "11:12 2750 /given
13:14 755 /d/e
15:16 777 /link
17:6 660 /disk"
    ok rootlet push made "$REGISTRY/made"
    skopeo --insecure-policy copy -q --src-tls-verify=false "docker://$REGISTRY/made" oci:copy:x
    registry_stop
    equal "$(python3 "$ROOTLET_TEST_STAGE/tests/support/imagetree.py" copy | grep -E '^/(d|disk|given|link)( |/)')" \
        "/d directory 13:14 0755
/d/e directory 13:14 0755
/disk block 17:6 0660 8,1
/given file 11:12 2750
/link symlink 15:16 0777"
    umoci unpack --rootless --image copy:x bundle 2>/dev/null
    [ -f bundle/rootfs/given ]
}

@test "what a run chowned is in the image it commits, for root and for another user" {
    ok rootlet run --commit first tiny sh -c 'echo x >/given && chmod 666 /given && chown 11:12 /given && mknod /null c 1 3 && mkdir -m 777 /d && chown 13 /d'
    ok rootlet run --commit second --root-emulation tap -u 7:8 first sh -c 'echo y >>/given && mkdir /d/new'
    equal "$(rootlet run second stat -c '%u:%g %t,%T %n' /given /null /d /d/new)" "11:12 0,0 /given
0:0 1,3 /null
13:0 0,0 /d
7:8 0,0 /d/new"
}

@test "another USER is refused what is not his" {
    import_debian
    dockerfile <<'END'
FROM debian
RUN useradd -m app && install -d -o app /srv/app && echo secret >/root/secret && su app -c 'echo >/srv/app/made'
RUN if su app -c 'cat /etc/shadow' 2>/said; then exit 1; fi; grep -q 'Permission denied' /said
USER app
RUN if echo x >/root/file; then exit 1; fi; if cat /root/secret; then exit 1; fi; if rm /bin/true; then exit 1; fi; if kill 1; then exit 1; fi
RUN echo x >>/srv/app/made && echo y >/tmp/y && rm /srv/app/made && mkdir -p ~/a/b && cd ~/a/b && echo z >z
END
    builds -t made .
    image_sh made 'ls /root; stat -c "%U %n" /tmp/y /home/app/a/b/z'
    equal "$output" "secret
app /tmp/y
app /home/app/a/b/z"
}

@test "another USER sees whose things are, makes its own, and has its groups" {
    dockerfile <<'END'
FROM tiny
RUN echo app:x:7:8::/home/app:/bin/sh >>/etc/passwd && printf 'app:x:8:\nmore:x:9:root,app\n' >>/etc/group && mkdir -p /home/app && chown app:app /home/app && echo x >/etc/secret && chmod 600 /etc/secret
USER app
RUN id >/home/app/id; stat -c '%u:%g %a %n' /bin /etc/secret /home/app >/home/app/seen
RUN if chown 0 /home/app/id 2>/dev/null || [ -w /etc ]; then exit 1; fi
USER app:more
RUN mkdir /home/app/d && id -G >/home/app/d/groups
USER 0
END
    builds -t made .
    image_sh made "cat /home/app/id /home/app/seen /home/app/d/groups; stat -c '%u:%g %n' /home/app/id /home/app/d"
    equal "$output" "uid=7(app) gid=8(app) groups=8(app),9(more)
0:0 755 /bin
0:0 600 /etc/secret
7:8 755 /home/app
9
7:8 /home/app/id
7:9 /home/app/d"
    equal "$(rootlet run --root-emulation tap -u app made stat -c %u:%g /bin /home/app)" $'0:0\n7:8'
    equal "$(rootlet run --dry-run --root-emulation tap -u app made true | tr -d ' \n' | grep -o '"groups":.9.')" '"groups":[9]'
}

@test "who asks about another process is told whose it is, without a list of them" {
    local mode
    import_debian
    for mode in patch trap; do
        ok env ROOTLET_TAP=$mode timeout 600 rootlet run debian sh -c '
            mkfifo -m 666 /told
            setpriv --reuid 33 --regid 34 --groups 5,6 sh -c "echo >/told; exec sleep 3000" &
            read -r line </told
            grep -E "^(Uid|Gid|Groups|CapEff):" /proc/$!/status /proc/self/status | tr "\t" " "
            stat -c %u:%g /proc/$! /proc/self
            setpriv --reuid 33 grep Uid: /proc/self/status; kill $!'
        equal "$(sed 's,^/proc/[0-9]*/,/proc/N/,; s/ *$//; s/\t/ /g' <<<"$output")" "/proc/N/status:Uid: 33 33 33 33
/proc/N/status:Gid: 34 34 34 34
/proc/N/status:Groups: 5 6
/proc/N/status:CapEff: 0000000000000000
/proc/self/status:Uid: 0 0 0 0
/proc/self/status:Gid: 0 0 0 0
/proc/self/status:Groups: 0
/proc/self/status:CapEff: 000001ffffffffff
33:34
0:0
Uid: 33 33 33 33"
    done
}

@test "who lists processes is told whose they are, as ps is" {
    local mode
    import_debian
    cat >list <<'END'
opendir(D, "/proc");
for my $pid (grep { /^\d+$/ } readdir D) {
    my %has;
    open(F, "/proc/$pid/status") or next;
    while (<F>) { $has{$1} = $2 if /^(Uid|Gid|Groups):\s*(.*\S)/ }
    print join(" ", map { split /\s+/ } @has{"Uid", "Gid", "Groups"}), "\n";
}
END
    for mode in patch trap; do
        ok env ROOTLET_TAP=$mode timeout 600 rootlet run -v "$PWD/list:/list" debian sh -c '
            mkfifo -m 666 /told
            setpriv --reuid 33 --regid 34 --groups 5,6 sh -c "echo >/told; exec sleep 3000" &
            read -r line </told; perl /list; kill $!'
        expect_output "33 33 33 33 34 34 34 34 5 6"
        expect_output "0 0 0 0 0 0 0 0 0"
    done
}
