#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Packed programs and relocatable packs: run where nothing of rootlet is, with and without
# namespaces, and nothing stays behind.

load ../support/common
setup() {
    common_setup
    export TMPDIR=$BATS_TEST_TMPDIR/tmp
    mkdir "$TMPDIR" root && tiny_root root
    printf '#!/bin/sh\necho "greeted $* by $GREETER in $PWD"\n' >root/bin/greet
    chmod +x root/bin/greet
}
teardown() { common_teardown; }

# each_engine CMD...: with every engine that this user has here; $engine is its name.
each_engine() {
    for engine in userns tap ptrace; do
        [ $engine != userns ] || unshare -Ur true 2>/dev/null || continue
        ROOTLET_ENGINE=$engine "$@"
    done
}

@test "one file runs any of its programs, by name, by link and by entry point" {
    rootlet -q pack ./root -f run -e GREETER=pack -o tools.run
    expect_greeting() {
        attempt "$@"
        expect_status 0
        equal "$output" "greeted a b by pack in $PWD"
    }
    each_engine expect_greeting ./tools.run greet a b
    ln -s tools.run greet
    each_engine expect_greeting ./greet a b
    rootlet -q pack ./root -f run -e GREETER=pack --entry-point "/bin/greet a" -o greeter
    each_engine expect_greeting ./greeter b
    expect_empty_dir "$TMPDIR"
}

@test "what a pack lacks of a system is not the host's" {
    ls -d /usr/lib
    rm -rf root/usr
    rootlet -q pack ./root -f run -o bare.run
    sees_none() {
        attempt ./bare.run /bin/sh -c 'echo /usr/* /lib64/*'
        equal "$output" "/usr/* /lib64/*"
    }
    each_engine sees_none
}

@test "runs of a pack use what is unpacked at the same time, beside and (in namespaces) inside of each other" {
    mkfifo root/bin/pipe
    rootlet -q pack ./root -f run -o tools.run
    run_inside() {
        expect_status 0
        attempt timeout 120 ./tools.run "$PWD/tools.run" sh -c 'echo beside'
    }
    share_it() {
        local pid left
        rm -f up go
        mkfifo up go
        ./tools.run sh -c 'echo up >up; read -r word <go; exit 3' &
        pid=$!
        read -r _ <up
        attempt timeout 120 ./tools.run sh -c '[ -p /bin/pipe ] && echo beside'
        [ $engine != userns ] || ! is_alone || run_inside
        echo go >go
        expect_status 0
        equal "$output" beside
        left=0
        wait "$pid" || left=$?
        equal $left 3
        expect_empty_dir "$TMPDIR"
    }
    each_engine share_it
    ./tools.run --extract extracted
    [ -p extracted/bin/pipe ]
}

# Inside of it a sanitized launcher finds its libraries as well.
bring_libraries() {
    is_alone || ldd "$(dirname "$(command -v rootlet)")/rootlet-pack" | grep -o '/[^ ]*' | while read -r library; do
        mkdir -p "root$(dirname "$library")"
        cp -L "$library" "root$library"
    done
}

@test "without namespaces a run inside of a run is of the same root, and one of another pack says how it can be" {
    mkdir bin
    bring_libraries
    rootlet -q pack ./root -f run -e GREETER=pack -o tools.run
    echo other >root/other
    rootlet -q pack ./root -f run -o other.run
    for engine in tap ptrace; do
        attempt env ROOTLET_ENGINE=$engine ./tools.run sh -c "cd bin; ROOTLET_PACK_WHY=1 ../tools.run greet a"
        expect_status 0
        equal "$output" "greeted a by pack in $PWD/bin"
        expect_stderr "direct: chosen: the pack is the root here"
        attempt env ROOTLET_ENGINE=$engine ./tools.run sh -c "./tools.run sh -c 'kill -9 \$\$'"
        expect_status 137
        attempt env ROOTLET_ENGINE=$engine ./tools.run ./other.run cat /other
        expect_status 125
        expect_stderr "inside another rootlet*ROOTLET_ENGINE=userns"
    done
    expect_empty_dir "$TMPDIR"
}

@test "a packed program tells why, passes signals and statuses, and leaves nothing" {
    rootlet -q pack ./root -f run -o tools.run
    attempt ./tools.run --why --engine tap true
    expect_status 0
    expect_stderr "tap: chosen"
    attempt env ROOTLET_PACK_WHY=1 ROOTLET_ENGINE=ptrace ./tools.run true
    expect_stderr "image: unpacked in '$TMPDIR/"
    expect_stderr "ptrace: chosen"
    status_of() {
        attempt ./tools.run sh -c "$2"
        expect_status "$1"
    }
    each_engine status_of 7 'exit 7'
    each_engine status_of 137 'kill -9 $$'
    refused ./tools.run --engine nonsense true
    attempt ./tools.run no-such-program
    expect_status 127
    ok ./tools.run --extract out
    diff -r --no-dereference root/bin out/bin
    expect_empty_dir "$TMPDIR"
}

@test "an engine that is named among the words gets the image as it is mounted" {
    rootlet -q pack ./root -f run -e GREETER=pack -o tools.run
    for engine in tap ptrace; do
        attempt ./tools.run --engine $engine greet a
        expect_status 0
        equal "$output" "greeted a by pack in $PWD"
    done
    expect_empty_dir "$TMPDIR"
}

# The one who was asked asked again, and so on, until no process could be started.
@test "a getent that is the pack's own is not asked by itself who an unknown caller is" {
    need_userns
    need_alone
    rm -f root/etc/passwd
    printf '#!/bin/sh\nexit 2\n' >root/bin/getent
    chmod +x root/bin/getent
    rootlet -q pack ./root -R -f tar -e GREETER=pack -o packed.tar
    mkdir home && tar -C home -xf packed.tar && mkdir -p home/dev && : >home/dev/null
    attempt timeout -k 10 120 unshare -mrpf --kill-child chroot home /bin/sh -c \
        'PATH=/bin ROOTLET_ENGINE=landlock /bin/greet a 2>said || cat said'
    [[ $output != *"no Landlock"* ]] || skip "no Landlock here"
    expect_status 0
    equal "$output" "greeted a by  in /"
}

@test "a relocatable pack runs where it is unpacked, moved, and inside of itself" {
    rootlet -q pack ./root -R -f tar -e GREETER=pack -o packed.tar
    mkdir home && tar -C home -xf packed.tar
    greeting_of() {
        attempt "$@"
        expect_status 0
        equal "$output" "greeted x by pack in $PWD"
    }
    each_engine greeting_of home/bin/greet x
    mv home moved
    each_engine greeting_of moved/bin/greet x
    ln -s moved/bin/greet hello
    each_engine greeting_of ./hello x
    ! is_alone || each_engine greeting_of moved/bin/sh -c "moved/bin/sh -c 'moved/bin/greet x'"
    equal "$(readlink moved/bin/greet)" ../.rootlet/launch
    attempt env ROOTLET_PACK_WHY=1 ROOTLET_ENGINE=tap moved/bin/sh -c 'kill -TERM $$'
    expect_status 143
    expect_stderr "tap: chosen"
    expect_empty_dir "$TMPDIR"
}

# servers FILE: the processes whose program it is.
servers() {
    find /proc -maxdepth 2 -name exe -lname "$1" 2>/dev/null | cut -d/ -f3
}

is_stopped() { ! grep -q '^State:[^T]*$' /proc/"$1"/task/*/status; }
has_one_server() { [ "$(servers "$1" | wc -l)" = 1 ]; } # the one before may be about to end
has_no_server() { [ -z "$(servers "$1")" ]; }
# Of whom a new run could ask for its root.
has_no_listener() {
    ! grep -qE "@rootlet-[0-9]-$(printf %x "$(id -u)")-.*-$(printf %x "$(stat -c '%i' "$1")")-" /proc/net/unix
}

@test "one process makes the root that all runs enter; stopped it holds up nobody, and what outlives it goes on" {
    need_userns
    local pack program file server run
    rootlet -q pack ./root -R -f tar -e GREETER=pack -o packed.tar
    rootlet -q pack ./root -f run -e GREETER=pack -o tools.run
    mkdir home && tar -C home -xf packed.tar
    mkfifo hold
    for pack in home/.rootlet/launch tools.run; do
        file=$(realpath $pack)
        program="$file sh"
        [ $pack = tools.run ] || program=$PWD/home/bin/sh
        attempt env ROOTLET_PACK_WHY=1 $program -c 'exit 7'
        expect_status 7
        [[ $pack != tools.run || $stderr != *"not mounted"* ]] || continue # no FUSE for this user here
        expect_stderr "userns: chosen: its root is there already"
        $program -c 'echo runs >held; read word <hold' 3>&- &
        run=$!
        eventually test -s held
        eventually has_one_server "$file"
        server=$(servers "$file")
        kill -STOP $server
        eventually is_stopped $server
        attempt timeout 600 $program -c 'kill -9 $$'
        expect_status 137
        kill -KILL $server
        : >hold
        wait $run || :
        ok $program -c '(exec >/dev/null 2>&1 3>&-; until [ -e go ]; do sleep 0.1; done; greet late >said) &'
        eventually has_no_listener "$file"
        touch go
        eventually test -s said
        equal "$(cat said)" "greeted late by pack in $PWD"
        eventually has_no_server "$file"
        rm go said held
    done
    expect_empty_dir "$TMPDIR"
}

@test "folders in which nothing is mounted are the image's own, others have what is asked for" {
    need_userns
    mkdir root/data root/programs && echo data >root/data/file
    ln -s ../programs/env root/data/env && : >root/programs/env
    rm -rf root/usr && ln -s data root/usr
    mkdir root/data/bin && ln -s ../env root/data/bin/env # /usr/bin/env is /programs/env
    rootlet -q pack ./root -f run --expose /usr/bin/env -o tools.run
    attempt env ROOTLET_PACK_WHY=1 ./tools.run sh -c 'cat /proc/self/mountinfo'
    expect_status 0
    [[ $stderr != *"not mounted"* ]] || skip "no FUSE for this user here"
    expect_output " /data /data ro,"
    expect_output " /programs/env ro,"
    expect_no_output " /programs /programs "
    equal "$(./tools.run sh -c 'cat /usr/bin/env' | cksum)" "$(cksum </usr/bin/env)"
    equal "$(./tools.run cat /usr/file)" data
}

# Where file servers have gone: ROOT and home/stale are mounts whose process was killed, and so answer
# nothing but ENOTCONN. CMD is run beside them.
write_stale_script() {
    cat >stale.sh <<-'EOF'
	root=$1
	shift
	for point in "$root" home/stale; do
	    squashfuse_ll -f small.sqfs "$point" &
	    server=$!
	    tries=0
	    until [ -e "$point/file" ]; do
	        [ $((tries += 1)) -lt 1200 ] && kill -0 $server || exit 77
	        sleep 0.1
	    done
	    kill -KILL $server
	    wait $server
	    ! ls "$point" || exit 78
	done 2>/dev/null
	cd home && HOME=$PWD/stale PATH=$PWD/stale:$root:$PATH exec "$@"
	EOF
}

@test "stale mounts of the host are left out: below its root, beside the pack, as home and in PATH" {
    need_userns
    need squashfuse_ll
    [ -w /dev/fuse ] || skip "no FUSE for this user here"
    [ -d /srv ] || skip "no /srv to cover"
    mkdir -p small home/pack home/stale && : >small/file
    rootlet -q pack ./small -f squashfs -o small.sqfs
    rootlet -q pack ./root -f run -e GREETER=pack -o home/tools.run
    rootlet -q pack ./root -R -f tar -e GREETER=pack -o packed.tar
    tar -C home/pack -xf packed.tar
    write_stale_script
    expect_greeting() {
        local program
        for program in "./tools.run greet" pack/bin/greet; do
            # shellcheck disable=SC2086 # words
            attempt unshare -Urm sh stale.sh /srv $program a
            expect_status 0
            equal "$output" "greeted a by pack in $PWD/home"
        done
    }
    each_engine expect_greeting
    expect_empty_dir "$TMPDIR"
}

@test "a relocatable pack is a root for unshare, chroot and PRoot" {
    need_userns
    need_alone
    rootlet -q pack ./root -R -f dir -e GREETER=pack -o packed
    ok unshare -mrf chroot packed /bin/greet x
    expect_output "greeted x by "
    ok unshare -mrf chroot packed /bin/sh -c '/bin/greet y'
    expect_output "greeted y by "
    attempt env ROOTLET_ENGINE=landlock ROOTLET_PACK_WHY=1 unshare -mrf chroot packed /bin/sh -c \
        'echo here >/tmp/x; cat /tmp/x; echo there >/bin/y'
    if [[ $stderr != *"no Landlock"* ]]; then
        expect_stderr "landlock: chosen"
        expect_stderr "can't create /bin/y"
        equal "$output" here
        [ ! -e packed/bin/y ]
    fi
    refused env ROOTLET_ENGINE=landlock packed/bin/greet x
    expect_stderr "the pack's paths are right only where it is the root"
    if command -v ch-run >/dev/null; then
        ok ch-run "$PWD/packed" -- /bin/greet x
        expect_output "greeted x by "
    fi
    need proot
    ok proot -r packed /bin/greet x
    expect_output "greeted x by "
}

@test "a folder of programs is packed with what they need, say they open, and with what is asked for" {
    command -v cc >/dev/null || skip "there is no C compiler"
    mkdir -p tool/bin tool/lib beside
    printf 'int answer(void) { return 40; }\n' >answer.c
    printf 'int hint(void) { return 2; }\n' >hint.c
    # ELF dlopen metadata: a library that nothing is linked with
    cat >main.c <<-'EOF'
	#include <dlfcn.h>
	__asm__(".pushsection .note.dlopen, \"a\", @note\n.balign 4\n.long 4\n.long 2f-1f\n.long 0x407c0c0a\n"
	        ".asciz \"FDO\"\n1: .asciz \"[{\\\"soname\\\":[\\\"libnone.so\\\",\\\"libhint.so\\\"]}]\"\n2: .balign 4\n"
	        ".popsection\n");
	int answer(void);
	int main(void)
	{
	        void *library = dlopen("libhint.so", RTLD_NOW);
	        int (*hint)(void) = library ? (int (*)(void))dlsym(library, "hint") : 0;

	        return answer() + (hint ? hint() : 0);
	}
	EOF
    cc -shared -fPIC -o tool/lib/libanswer.so answer.c
    cc -shared -fPIC -o beside/libhint.so hint.c
    cc -o tool/bin/answer main.c -Ltool/lib -lanswer -Wl,-rpath,"\$ORIGIN/../lib:$PWD/beside" -ldl
    echo asked >asked.txt
    printf '%s\n' "$PWD/asked.txt" >list
    rootlet -q pack prefix:"$PWD/tool" --with-file list --with exe:cat -f run -o tool.run
    mkdir away && mv tool beside asked.txt away
    attempt ./tool.run answer
    expect_status 42
    attempt env ROOTLET_ENGINE=tap ./tool.run answer
    expect_status 42
    attempt ./tool.run cat "$PWD/asked.txt"
    equal "$output" asked
    mv away/* .
    rootlet -q pack prefix:"$PWD/tool" -R -f dir -o packed
    mv tool beside away
    attempt "packed$PWD/tool/bin/answer"
    expect_status 42
    mv away/* .
    refused rootlet pack ./tool --with exe:cat -o out
    expect_stderr "--with and --with-file add files of this host to dpkg: and prefix: only"
}

@test "an interpreter brings its modules along, a link the file that it leads to" {
    need perl
    mkdir -p tool/bin beside/folder
    printf '#!/usr/bin/env perl\nuse strict; use List::Util qw(sum);\nopen(my $f, "<", "%s/tool/linked") or die; print <$f>, sum(40, 2), "\\n";\n' \
        "$PWD" >beside/script
    chmod +x beside/script
    echo linked >beside/text
    ln -s "$PWD/beside/script" tool/bin/answer
    ln -s ../beside/text tool/linked
    ln -s ../beside/folder tool/folder
    ln -s bin tool/programs
    ln -s nowhere tool/dangling
    ok rootlet pack prefix:"$PWD/tool" -f run -o tool.run
    expect_stderr "/tool/folder leads to */beside/folder, a folder that --with adds"
    [[ $stderr != *programs* ]]
    mkdir away && mv tool beside away
    attempt ./tool.run answer
    equal "$output" "$(printf 'linked\n42')"
    expect_status 0
}
