#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# git, gcc and python3 of this host as one file, on machines where there is nothing: a root of
# busybox alone, a root of musl; with namespaces, where a filter refuses them, without /dev/fuse.

load ../support/common

setup_file() {
    local package
    is_alone || return 0
    for package in git gcc python3; do
        dpkg -s $package >/dev/null 2>&1 || return 0
    done
    cd "$BATS_FILE_TMPDIR"
    mkdir given
    # certificates and keys of this host's administrator are its own business
    rootlet -q pack dpkg:git,gcc,python3 --allow-secret '*' -f run -o given/tools.run >/dev/null
    cat >given/job.sh <<-'EOF'
	set -e
	cd "$JOB"
	git init -q repo
	echo 'int main(void) { return 42; }' >repo/a.c
	git -C repo add a.c
	git -C repo -c user.name=a -c user.email=a@b commit -q -m one
	git clone -q repo copy
	gcc -O2 -o copy/a copy/a.c
	status=0
	copy/a || status=$?
	echo "status $status"
	python3 -c 'import ctypes, json, sqlite3, ssl, zlib; print("imports")'
	EOF
    # what a container engine's default profile refuses to processes without CAP_SYS_ADMIN
    cat >profile.json <<-'EOF'
	{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
	 {"names": ["mount", "umount2", "pivot_root", "open_tree", "move_mount", "fsopen", "fsmount", "mount_setattr",
	            "setns"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
	 {"names": ["unshare", "clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
	  "args": [{"index": 0, "value": 268435456, "valueTwo": 268435456, "op": "SCMP_CMP_MASKED_EQ"}]},
	 {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}
	EOF
}

setup() {
    common_setup
    need_alone
    [ -e "$BATS_FILE_TMPDIR/given/tools.run" ] || skip "git, gcc or python3 is not a package of this host"
    need_userns # another machine is a box here
}
teardown() { common_teardown; }

# elsewhere ROOT [RUN-OPTIONS] -- [PACK-OPTIONS]: the job, as an ordinary user on a machine whose
# root is ROOT; nothing may be left in TMPDIR.
elsewhere() {
    local root=$1 options=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    attempt rootlet run --tmpfs /scratch --tmpfs /job -e TMPDIR=/scratch -e JOB=/job -b "$BATS_FILE_TMPDIR/given:/given" \
        "${options[@]}" "$root" /bin/sh -c "/given/tools.run $* sh /given/job.sh && ls -A /scratch"
    expect_status 0
    equal "$output" "$(printf 'status 42\nimports')"
}

busybox_root() {
    local name
    mkdir -p busy/bin busy/etc busy/proc busy/dev busy/sys busy/tmp busy/given busy/scratch busy/job
    cp "$(command -v busybox)" busy/bin/busybox
    for name in sh ls cat; do ln -s busybox busy/bin/$name; done
}

@test "in a root of busybox alone: mounted, unpacked, and under a filter that refuses namespaces and mounts" {
    need busybox
    busybox_root
    if [ -r /dev/fuse ] && [ -w /dev/fuse ]; then
        elsewhere ./busy -b /dev/fuse -- --why
        expect_stderr "image: mounted by FUSE"
        expect_stderr "userns: chosen"
    fi
    elsewhere ./busy -- --why
    expect_stderr "image: not mounted: open '/dev/fuse': No such file"
    expect_stderr "userns: chosen"
    elsewhere ./busy --seccomp "$BATS_FILE_TMPDIR/profile.json" -- --why
    expect_stderr "userns: *not permitted"
    expect_stderr "tap: chosen"
}

@test "in a root of musl, called by a program of musl, by ptrace" {
    need busybox
    need musl-gcc
    local loader
    busybox_root
    cat >sh.c <<-'EOF'
	#include <unistd.h>
	int main(int argc, char **argv)
	{
	        argv[0] = "sh";
	        return argc > 1 ? execv("/bin/busybox", argv) : 9;
	}
	EOF
    rm busy/bin/sh && musl-gcc -o busy/bin/sh sh.c
    loader=$(readelf -l busy/bin/sh | sed -n 's/.*interpreter: \(.*\)]/\1/p')
    mkdir -p "busy/${loader%/*}" && cp -L "$loader" "busy$loader"
    elsewhere ./busy --seccomp "$BATS_FILE_TMPDIR/profile.json" -- --why --engine ptrace
    expect_stderr "ptrace: chosen"
}

@test "a relocatable pack of packages runs in the home directory, by chroot and by PRoot" {
    local package=tar program=tar # git would want a /dev
    dpkg -s hwloc >/dev/null 2>&1 && package=hwloc program=lstopo-no-graphics
    rootlet -q pack dpkg:$package --no-recommends --allow-secret '*' -S /bin=usr/bin -R -f tar -o packed.tar >/dev/null
    export HOME=$BATS_TEST_TMPDIR/home
    mkdir -p "$HOME/.local" && tar -C "$HOME/.local" -xf packed.tar && rm packed.tar
    ok "$HOME/.local/bin/$program" --version
    expect_output "$program *[0-9].[0-9]"
    ok unshare -mrf chroot "$HOME/.local" /bin/$program --version
    expect_output "$program *[0-9].[0-9]"
    need proot
    ok proot -r "$HOME/.local" /bin/$program --version
    expect_output "$program *[0-9].[0-9]"
}
