# SPDX-License-Identifier: Apache-2.0
# rootlet root: programs that are hard to carry, the emulation of root on the host's own tree and in
# a user namespace with one id, with patched call sites and by traps alone.
load ../support/common

setup() {
    common_setup
    TORTURE=$ROOTLET_TEST_STAGE/build/tests/tap
}

teardown() {
    common_teardown
}

# torture NAME: every claim of the program, linked in every way, carried in every way.
torture() {
    local name=$1 way
    for way in "" -static -musl -musl-shared; do
        [ -e "$TORTURE/torture-$name$way" ] || continue
        carried env ROOTLET_TAP=patch TORTURE_PATCHED=1 rootlet root -- "$TORTURE/torture-$name$way"
        carried env TORTURE_PATCHED=0 ROOTLET_TAP=trap rootlet root -- "$TORTURE/torture-$name$way"
        if userns_works; then
            carried env ROOTLET_TAP=patch TORTURE_PATCHED=1 unshare -Ur rootlet root -- "$TORTURE/torture-$name$way"
        fi
    done
}

carried() {
    "$@" || {
        echo "status $?: $*" >&2
        return 1
    }
}

userns_works() {
    unshare -Ur true 2>/dev/null
}

@test "programs that block, ignore, handle and send SIGSYS" {
    torture signals
}

@test "programs that start programs" {
    torture exec
}

@test "programs that close and take every descriptor" {
    torture fds
}

@test "programs whose call sites are rewritten while they run" {
    torture patch
}

@test "threads that are cancelled, processes made in odd ways, other entries to the kernel" {
    torture threads
}

@test "a debugger and what it debugs" {
    torture trace
}

@test "gdb and strace work inside" {
    local mode
    for mode in patch trap; do
        export ROOTLET_TAP=$mode
        if command -v gdb >/dev/null; then
            attempt timeout 600 rootlet root -- gdb -q -batch -nx -ex "break main" -ex run -ex bt \
                -ex continue --args "$TORTURE/torture-trace" calls
            expect_output "Breakpoint 1, main"
            expect_output "exited with code 05"
            expect_no_output SIGSYS
        fi
        if command -v strace >/dev/null; then
            ok timeout 600 rootlet root -- strace -f -o log sh -c "ls -ld /"
            expect_output "root root"
            grep -q newfstatat log || grep -q statx log
        fi
    done
}

@test "after chroot, or in another mount namespace, what was said still holds" {
    userns_works || skip "user namespaces are refused here"
    tiny_root root
    ok unshare -Urm rootlet root -- sh -ec '
        touch root/f; chown 3:4 root/f
        chroot root /bin/sh -c "test \$(stat -c %u:%g /f) = 3:4; chown 5:6 /f; exec stat -c %u:%g /f"
        unshare -m stat -c %u:%g root/f'
    equal "$output" "5:6
5:6"
    need bwrap
    ok unshare -Urm rootlet root -- bwrap --ro-bind / / --dev-bind /dev /dev stat -c %u:%g "$PWD/root/f"
    [[ $output =~ ^[0-9]+:[0-9]+$ ]]
}

@test "programs that pass bad pointers" {
    torture memory
}

@test "programs that say in newer ways which file they mean" {
    torture paths
}

@test "programs that change who they are" {
    torture identity
}

@test "programs that gave up being root are refused what users are" {
    torture refused
}

@test "programs that give files away" {
    torture files
}

@test "programs that give files attributes and access lists" {
    torture attributes
}

@test "owners survive copy-up on an overlay" {
    userns_works || skip "user namespaces are refused here"
    mkdir lower
    for i in 1 2 3 4 5 6 7 9 10; do echo text >"lower/lower$i"; done
    ln lower/lower7 lower/lower8
    chmod 4755 lower/lower10
    for mode in patch trap; do
        mkdir "upper-$mode" "work-$mode" "merged-$mode"
        status=0
        unshare -Urm sh -ec '
            mount -t overlay overlay "merged-$1" \
                -o "userxattr,lowerdir=lower,upperdir=upper-$1,workdir=work-$1" || exit 77
            cd "merged-$1"
            ROOTLET_TAP=$1 TORTURE_LOWER=1 rootlet root -- "$2"' sh "$mode" "$TORTURE/torture-files" ||
            status=$?
        [ "$status" != 77 ] || skip "overlay is refused here"
        [ "$status" = 0 ]
    done
}

@test "owners survive on an overlay that was mounted under the tap" {
    userns_works || skip "no user namespaces here"
    mkdir low up work merged
    run -0 --separate-stderr unshare -Urm rootlet root -- sh -c '
        echo 1 >low/a && echo 2 >low/b && chown 7:8 low/b || exit
        mount -t overlay -o lowerdir=low,upperdir=up,workdir=work,userxattr overlay merged || exit
        chown 33:34 merged/a && stat -c %u:%g merged/a
        chown 35:36 merged/b && echo 3 >>merged/b && chmod 600 merged/b && stat -c %u:%g merged/b low/b'
    [ "$output" = $'33:34\n35:36\n7:8' ]
}

@test "the command's exit status is root's own" {
    attempt rootlet root -- sh -c 'exit 3'
    expect_status 3
    attempt rootlet root -- sh -c 'kill -TERM $$'
    expect_status 143
    attempt rootlet root -- no-such-command
    expect_status 127
    attempt rootlet root -- /etc/passwd
    expect_status 126
}

@test "a compiler, git and a runtime say the same with patched call sites and by traps alone" {
    local mode programs="gcc git node"
    for mode in patch trap; do
        mkdir "$mode"
        (cd "$mode" && ROOTLET_TAP=$mode rootlet root -- \
            sh "$ROOTLET_TEST_STAGE/tests/acceptance/programs.sh" $programs) >"said-$mode"
    done
    diff said-patch said-trap
    grep -qx 'hello from 0, file of 0' said-patch
    grep -qx '3 4 640 0 0' said-patch || ! command -v node
}

@test "what was chowned is saved, loaded, and understood by fakeroot" {
    rootlet root -s saved -- sh -c 'touch f; chown 3:4 f; chmod 4755 f; mknod null c 1 3'
    grep -q '^dev=[0-9a-f]*,ino=[0-9]*,mode=104755,uid=3,gid=4,nlink=1,rdev=0$' saved
    attempt rootlet root -i saved -- stat -c '%u:%g %a %F' f null
    [ "${lines[0]}" = "3:4 4755 regular empty file" ]
    [ "${lines[1]}" = "0:0 644 character special file" ]
    if command -v fakeroot >/dev/null; then
        attempt fakeroot -i saved -- stat -c '%u:%g %F' f null
        [ "${lines[0]}" = "3:4 regular empty file" ]
        [ "${lines[1]}" = "0:0 character special file" ]
        fakeroot -s theirs -- sh -c 'touch g; chown 5:6 g'
        attempt rootlet root -i theirs -- stat -c %u:%g g
        [ "$output" = 5:6 ]
    fi
    echo "uid=3" >broken
    attempt rootlet root -i broken -- true
    expect_status 125
    [[ "$stderr" == *"line 1"* ]]
}

@test "called fakeroot it takes that program's options and place" {
    mkdir bin && ln -s "$(command -v rootlet)" bin/fakeroot
    ok bin/fakeroot -v
    [[ "$output" == "fakeroot of rootlet "* ]]
    ok bin/fakeroot -i none -s saved -- sh -c 'touch f; chown 3:4 f; [ -n "$FAKEROOTKEY" ]'
    [[ "$stderr" == *"warning: open 'none': No such file"* ]]
    ok bin/fakeroot -u -i saved stat -c %u:%g f .
    [ "$output" = "3:4
$(id -u):$(id -g)" ]
    refused bin/fakeroot --lib x true
}

@test "inside of root emulation a second one is the first" {
    ok rootlet root -- rootlet root -- sh -c 'touch f; chown 3:4 f; rootlet root stat -c %u:%g f'
    equal "$output" 3:4
    refused rootlet root -- rootlet root -s saved true
    [[ "$stderr" == *"there can be only one: -s and -i"* ]]
    attempt rootlet root -- sh -c 'cp "$(command -v rootlet)" r; exec perl -e "\$< = \$> = 7; exec qw(./r root id -u)"'
    [[ "$stderr" == *"this user is not root in it"* ]] || { show; false; }
    attempt rootlet root -- rootlet root no-such-command
    expect_status 127
    if command -v fakeroot >/dev/null; then
        ok rootlet root -- fakeroot -- sh -c 'chown 5:6 f; stat -c %u:%g f'
        equal "$output" 5:6
    fi
}

@test "--engine userns: the command may mount, and is told the same of files" {
    userns_works || skip "user namespaces are refused here"
    mkdir m
    ok rootlet root --engine userns -s saved -- sh -ec 'touch f; chown 3:4 f; unshare -m sh -ec "
        mount -t tmpfs none m; touch m/g; chown 5:6 m/g; stat -c %u:%g f m/g /etc/passwd"'
    equal "$output" "3:4
5:6
0:0"
    grep -q 'uid=3,gid=4' saved
    for mode in patch trap; do
        ok env ROOTLET_TAP=$mode rootlet root --engine userns -- "$TORTURE/torture-files"
        ok env ROOTLET_TAP=$mode TORTURE_LISTS=1 rootlet root --engine userns -- "$TORTURE/torture-attributes"
    done
    refused rootlet root --engine vm true
    expect_stderr "auto, tap, userns, subid or ptrace"
}

@test "nobody on the host gets anything from a set-id bit" {
    rootlet root -- sh -c 'cp /bin/true t; chmod 4755 t; test "$(stat -c %a t)" = 4755'
    [ "$(stat -c %a t)" = 755 ]
}

@test "unknown files are root's, or with -u whose they are" {
    attempt rootlet root -- stat -c %u:%g .
    [ "$output" = 0:0 ]
    attempt rootlet root -u -- stat -c %u:%g .
    [ "$output" = "$(id -u):$(id -g)" ]
}

@test "tar and cp carry owners through" {
    rootlet root -- sh -ec 'mkdir d; for i in 1 2 3; do echo $i >d/$i; chown $i:$i d/$i; done
        chmod 4711 d/1; mknod d/null c 1 3; tar cf t.tar d; cp -a d e; mkdir x; tar xpf t.tar -C x
        find d x/d e -mindepth 1 -printf "%P %U:%G %m %y\n" | sort >list'
    [ "$(uniq list | wc -l)" -eq 4 ]
    [ "$(tar tvf t.tar --numeric-owner | grep -c ' [123]/[123] ')" -eq 3 ]
    tar tvf t.tar | grep -q '^-rws--x--x.* d/1$'
    tar tvf t.tar | grep -q '^crw.* 1,3 .*d/null$'
}
