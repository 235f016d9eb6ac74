# SPDX-License-Identifier: Apache-2.0
# Environments: made of this host's packages and files, of images, archives and directories; what is
# seen inside, and what is not.
load ../support/common
load ../support/isolate

setup() {
    environments_setup
    export HOME=$PWD/home # so the working directory is not shown but for what is below it
    mkdir home work
}

teardown() {
    common_teardown
}

@test "an environment of packages sees their closure and nothing else; a second create is a lookup" {
    need_dpkg gcc libc6-dev make dash zlib1g-dev
    ok rootlet isolate create env --from dpkg:gcc,libc6-dev,make
    expect_stderr "paths of this host"
    [[ $stderr != *"C compiler"* && $stderr != *"missing: make"* ]]
    echo 'int main(void) { return 7; }' >work/a.c
    cd work
    attempt rootlet run ../env -- sh -c 'cc -o a a.c && ./a'
    expect_status 7
    [ -x a ]
    ok rootlet run ../env -- sh -c 'ls -d /usr/include/zlib.h /usr/local /opt /home/[!x]*/.ssh 2>&1; ls /proc | grep -c "^[0-9]"'
    expect_output "'/usr/include/zlib.h': No such file"
    expect_output "'/usr/local': No such file"
    expect_output "'/opt': No such file"
    ok rootlet run ../env -- dpkg -s make
    expect_output "Status: install ok installed"
    attempt rootlet run ../env -- dpkg -s zlib1g-dev
    expect_status 1
    ok rootlet run ../env -- readlink -f /usr/bin/cc
    expect_output /usr/bin/
    cd ..
    ok rootlet isolate create env --from dpkg:gcc,libc6-dev,make
    expect_stderr "nothing has changed"
    ok rootlet isolate status env
    expect_output "dpkg:gcc,libc6-dev,make"
    ok rootlet isolate status --format json env
    ok rootlet isolate remove env
    [ ! -e env ]
}

@test "files: what a list says is there, the rest of the host is not" {
    mkdir -p host/data/deep host/more
    echo one >host/data/one
    echo two >host/data/two
    echo three >host/data/deep/three
    echo four >host/more/four.h
    echo five >host/more/five.c
    small_list >base.list
    cat >list <<LIST
include base.list
$PWD/host/data
!$PWD/host/data/t*     # hidden again
$PWD/host/more/*.h
?/nowhere/at/all
$PWD/host/more/five.c => /elsewhere/5
LIST
    ok rootlet isolate create env --from files:list
    ok rootlet run env -- cat "$PWD/host/data/one" "$PWD/host/data/deep/three" "$PWD/host/more/four.h" /elsewhere/5
    equal "$output" "$(printf 'one\nthree\nfour\nfive')"
    attempt rootlet run -w / env -- ls "$PWD/host/data/two" "$PWD/host/more/five.c" /usr/bin/make
    [ "$status" -ne 0 ]
    [[ $stderr == *"data/two': No such file"* && $stderr == *"five.c': No such file"* ]]
    [[ $stderr == *"/usr/bin/make': No such file"* ]]
}

@test "what appears on the host later is not seen, and a package that changes is taken anew" {
    mkdir -p host/data
    echo one >host/data/one
    { small_list; echo "$PWD/host/data/o*"; } >list
    ok rootlet isolate create env --from files:list
    touch beside # directories on the way do not matter
    ok rootlet isolate create env --from files:list
    expect_stderr "nothing has changed"
    echo secret >host/data/two
    attempt rootlet run -w /tmp env -- cat "$PWD/host/data/two"
    expect_status 1
    rm host/data/one
    echo again >host/data/one
    ok rootlet run -w /tmp env -- cat "$PWD/host/data/one"
    equal "$output" again
    # directories shown in part are overlaid; of big ones little is copied
    mkdir host/some host/big
    touch host/some/o{1..9} host/big/{1..200} host/big/o{1..6}
    { small_list; echo "$PWD/host/some/o*"; echo "$PWD/host/big/o*"; } >list
    ok rootlet run -w /tmp env -- ls "$PWD/host/some" "$PWD/host/big" # an edited list
    expect_output o9
    expect_output o6
    expect_no_output 100
    touch host/some/secret host/big/secret
    ok rootlet run -w /tmp env -- ls "$PWD/host/some" "$PWD/host/big"
    expect_output o9
    expect_no_output secret
    echo written >>host/big/o1
    echo written >>host/some/o1
    ok rootlet run -w /tmp env -- cat "$PWD/host/some/o1" "$PWD/host/big/o1"
    equal "$output" "$(printf 'written\nwritten')"
}

@test "what is gone from the host is named, with its line, by the next run" {
    echo one >one
    echo two >two
    { echo "$PWD/one"; echo "$PWD/two"; small_list; } >list
    ok rootlet isolate create env --from files:list
    rm two
    refused rootlet run -w / env -- cat "$PWD/one"
    expect_stderr "list:2: '$PWD/two' is not there"
    ok rootlet isolate status env
    expect_output "the host has changed"
    echo again >two
    ok rootlet run -w / env -- cat "$PWD/one" "$PWD/two"
    equal "$output" "$(printf 'one\nagain')"
}

@test "mistakes in a list are named by file and line, and nothing is left" {
    local name
    printf 'exe:sh\n\nrelative/path\n' >list
    refused rootlet isolate create env --from files:list
    expect_stderr "list:3: 'relative/path'"
    for name in / /.. /proc/x /sys; do
        printf 'exe:sh\n/bin/sh => %s\n' "$name" >list
        refused rootlet isolate create env --from files:list
        expect_stderr "list:2: "
    done
    printf '/nowhere/at/all\n' >list
    refused rootlet isolate create env --from files:list
    expect_stderr "list:1: '/nowhere/at/all' is not there"
    printf 'include other\n' >list
    printf 'exe:no-such-program\n' >other
    refused rootlet isolate create env --from files:list
    expect_stderr "list:1: *other:1: *no-such-program"
    refused rootlet isolate create env --from files:missing
    for name in '' . .. ./ /; do
        refused rootlet isolate create "$name" --from host
        expect_stderr "needs a name of its own"
    done
    refused rootlet isolate create env --from nonsense
    refused rootlet isolate create env --from dir:/etc --with make
    refused rootlet isolate create env --from dpkg:no-such-package
    equal "$(ls)" "$(printf 'home\nlist\nother\nwork')"
    mkdir taken && touch taken/file
    small_list >list
    refused rootlet isolate create taken --from files:list
    expect_stderr "'taken' exists and is no environment"
    equal "$(ls)" "$(printf 'home\nlist\nother\ntaken\nwork')"
}

@test "rootlet.yaml says it all: what is visible, binds, variables" {
    mkdir -p host/data host/shared host/out sub
    echo one >host/data/one
    echo two >host/data/two
    echo shared >host/shared/file
    small_list >sub/base.list
    cat >sub/rootlet.yaml <<YAML
# an environment written down
from: files:base.list
files:
  - $PWD/host/data
  - "?/nowhere/at/all"
hide: $PWD/host/data/two
bind:
  - $PWD/host/shared
  - path: ../host/out
    at: /out
    write: true
env: {GREETING: "hello there", LANG: de_DE.UTF-8, PATH: /usr/bin}
pass: ["PASSED_*"]
YAML
    PASSED_ON=yes ok rootlet isolate create env --file sub/rootlet.yaml
    PASSED_ON=yes OTHER=no ok rootlet run env -- sh -c "cat $PWD/host/data/one $PWD/host/shared/file; ls $PWD/host/data; echo \$GREETING \$PASSED_ON \$OTHER \$LANG; touch /out/made; ! touch $PWD/host/shared/made && echo held"
    equal "$output" "$(printf 'one\nshared\none\nhello there yes de_DE.UTF-8\nheld')"
    [ -e host/out/made ]
    ok rootlet run -e GREETING=mine env -- sh -c 'echo $GREETING; cat /proc/net/dev'
    equal "$(echo "$output" | grep -c :)" 1
    expect_output mine
    ok rootlet isolate create env --file sub/rootlet.yaml
    expect_stderr "nothing has changed"
    ok rootlet isolate status env
    expect_output "$PWD/sub/rootlet.yaml"
    # what is told besides is added; a changed file makes it again
    echo 'network: true' >>sub/rootlet.yaml
    ok rootlet isolate create env --file sub/rootlet.yaml --hide "$PWD/host/data/one"
    ok rootlet isolate status --format json env
    expect_output '"network": true'
    attempt rootlet run env -- ls "$PWD/host/data/one"
    [ "$status" -ne 0 ]
    # without 'from' it is the files alone; engines without mounts keep the binds
    { echo 'files:'; small_list | sed 's/^/  - /'; echo "bind: [$PWD/host/shared]"; } >own.yaml
    ok rootlet isolate create own --file own.yaml
    ok rootlet run --engine ptrace own -- cat "$PWD/host/shared/file"
    equal "$output" shared
    # the host changes: it is made again as it was written
    rm host/data/one && echo again >host/data/one
    ok rootlet isolate create env --file sub/rootlet.yaml
    ok rootlet run env -- cat "$PWD/host/data/one"
    equal "$output" again
}

@test "mistakes in rootlet.yaml are named by file and line, and nothing is left" {
    wrong() { # TEXT WHAT
        printf '%b' "$1" >rootlet.yaml
        refused rootlet isolate create env --file rootlet.yaml
        expect_stderr "$PWD/rootlet.yaml:$2"
    }
    wrong 'from: host\nfiels: [/x]\n' "2: 'fiels' is none of from, with, files"
    wrong 'from: host\nfrom: host\n' "2: 'from' a second time (line 1)"
    wrong 'from: host\nnetwork: yes\n' "2: network is true"
    wrong 'from:\n' "1: 'from' lacks its value"
    wrong 'words\n' "1: a mapping is expected"
    wrong 'with: [\n' "2: "
    wrong 'from: host\nbind:\n  - path: /x\n    readonly: true\n' "4: 'readonly' is none of path, at, write"
    wrong 'from: host\nbind:\n  - at: /x\n' "3: a bind lacks its path"
    wrong 'from: host\nenv: [A]\n' "2: env is a mapping"
    wrong 'from: &a host\npass: *a\n' "1: anchors"
    wrong 'from: nonsense\n' "1: --from 'nonsense' is no source"
    wrong 'from: dir:/etc\nwith: make\n' "2: 'with' is for files of this host"
    wrong 'files:\n  - exe:sh\n  - /nowhere/at/all\n' "3: '/nowhere/at/all' is not there"
    wrong 'files:\n  - exe:sh\n  - relative/path\n' "3: 'relative/path' is no absolute path"
    wrong 'files: [exe:sh]\nhide: [relative]\n' "2: "
    wrong 'network: false\n' " says neither 'from' nor 'files'"
    refused rootlet isolate create env --file nowhere.yaml
    expect_stderr "'nowhere.yaml'"
    refused rootlet isolate status --file rootlet.yaml env
    equal "$(ls)" "$(printf 'home\nrootlet.yaml\nwork')"
}

@test "the caller's uid, a private home, and the working directory at its own path" {
    small_list >list
    echo bait >home/.gitconfig
    ok rootlet isolate create env --from files:list
    cd work
    ok rootlet run ../env -- sh -c 'id -u; echo $PWD; touch made; ls -A "$HOME"; touch "$HOME/x"; cat /etc/passwd'
    expect_output "$(id -u)
$PWD"
    expect_output ":$(id -u):$(id -g):"
    expect_no_output .gitconfig
    [ -e made ]
    [ ! -e ../home/x ]
    attempt rootlet run ../env -- touch /usr/x
    [ "$status" -ne 0 ]
    cd ../home
    attempt rootlet run ../env -- cat .gitconfig
    [ "$status" -ne 0 ]
}

@test "harmful variables stay outside and are named; there is no network unless asked for" {
    small_list >list
    ok rootlet isolate create env --from files:list
    CPATH=/x SPACK_ROOT=/spack SECRET=1 attempt rootlet run env -- env
    expect_status 0
    expect_no_output CPATH
    expect_no_output SECRET
    expect_output SPACK_ROOT=/spack
    expect_stderr "not passed on: *CPATH"
    ok rootlet run env -- cat /proc/net/dev
    equal "$(echo "$output" | grep -c :)" 1
    ok rootlet run --network host env -- cat /proc/net/dev
    equal "$output" "$(cat /proc/net/dev)" || [ "$(echo "$output" | grep -c :)" -ge 1 ]
    refused rootlet run --write env -- sh -c :
}

@test "exit status, words and signals are the command's own" {
    small_list >list
    ok rootlet isolate create env --from files:list
    attempt rootlet run env -- sh -c 'exit 3'
    expect_status 3
    attempt rootlet run env -- sh -c 'kill -9 $$'
    expect_status 137
    attempt rootlet run env -- no-such-command
    expect_status 127
    ok rootlet run env -- sh -c 'printf "%s|" "$@"' sh 'a b' "c'd" 'e"f' $'g\nh' '' '$x;y'
    equal "$output" $'a b|c\'d|e"f|g\nh||$x;y|'
    equal "$(echo in | rootlet run env -- cat)" in
}

@test "two runs at once; an environment in use is not removed; what was killed leaves nothing behind" {
    small_list >list
    ok rootlet isolate create env --from files:list
    cd work
    mkfifo go ready
    rootlet run ../env -- sh -c 'echo >ready; cat go' &
    local runs=$!
    cat ready >/dev/null
    ok rootlet run ../env -- sh -c :
    refused rootlet isolate remove ../env
    expect_stderr "a command runs in"
    kill -9 "$runs"
    wait "$runs" || :
    ok rootlet run ../env -- sh -c :
    cd ..
    eventually ok rootlet isolate remove env # the kernel ends what was killed with it soon after
    equal "$(ls)" "$(printf 'home\nlist\nwork')"
}

@test "an image, an archive with a folder around it, and a directory" {
    local form
    import_tiny
    ok rootlet isolate create image --from image:tiny
    ok rootlet run image -- sh -c 'id -u; ls -d /bin'
    equal "$output" "$(printf '%s\n/bin' "$(id -u)")"
    tiny_root wrapped/rootfs
    tar -C wrapped -czf root.tar.gz rootfs
    ok rootlet isolate create archive --from tar:root.tar.gz
    ok rootlet run archive -- ls -d /bin
    # again, it is a look, unless the archive or the image of that name is another
    ok rootlet isolate create archive --from tar:root.tar.gz
    expect_stderr "nothing has changed"
    ok rootlet isolate create image --from image:tiny
    expect_stderr "nothing has changed"
    touch wrapped/rootfs/another
    tar -C wrapped -czf new.tar.gz rootfs
    mv new.tar.gz root.tar.gz
    ok rootlet isolate create archive --from tar:root.tar.gz
    ok rootlet run archive -- ls -d /another
    # images by their paths
    for form in oci docker-archive; do
        ok rootlet save --format "$form" tiny -o "tiny.$form"
        ok rootlet isolate create "by-$form" --from "image:./tiny.$form"
        ok rootlet run "by-$form" -- ls -d /bin
        ok rootlet isolate create "by-$form" --from "image:$PWD/tiny.$form"
        expect_stderr "nothing has changed"
    done
    refused rootlet isolate create x --from image:./root.tar.gz
    refused rootlet isolate create x --from image:./nowhere
    ok rootlet -q import wrapped/rootfs tiny
    ok rootlet isolate create image --from image:tiny
    ok rootlet run image -- ls -d /another
    ok rootlet isolate create folder --from dir:wrapped/rootfs
    ok rootlet run folder -- ls -d /bin
    attempt rootlet run folder -- touch /bin/x
    [ "$status" -ne 0 ]
    ok rootlet isolate export folder -o folder.tar
    tar -tf folder.tar | grep -q '^bin/\|^\./bin/'
}

@test "a directory of somebody else's takes what a run mounts" {
    [ -L /bin ] && [ ! -w /usr/share ] || skip "/usr is no root that is somebody else's"
    ok rootlet -q isolate create env --from dir:/usr
    echo one >one
    ok rootlet -q run -w / -v "$PWD:/share/rootlet-no-such" env -- cat /share/rootlet-no-such/one
    equal "$output" one
    attempt rootlet -q run -w / -v "$PWD:/share/rootlet-no-such" env -- touch /share/x /x
    expect_stderr "'/share/x': Read-only"
    expect_stderr "'/x': Read-only"
}

@test "a newer C library, another system and unmapped groups are warned of before any harm" {
    command -v gcc >/dev/null || skip "no gcc"
    ldd --version 2>&1 | grep -qi 'glibc\|gnu' || skip "the host has no glibc"
    tiny_root root
    mkdir -p root/usr/lib root/lib
    echo 'int new_one; int old_one;' >libc.c
    printf 'GLIBC_2.2.5 { global: old_one; local: *; };\nGLIBC_9.87 { global: new_one; } GLIBC_2.2.5;\n' >libc.map
    ok gcc -shared -fPIC -nostdlib -Wl,--version-script=libc.map -Wl,-soname,libc.so.6 -o root/lib/libc.so.6 libc.c
    printf 'NAME="Rocky Linux"\nID="rocky"\nVERSION_ID="9.3"\n' >root/etc/os-release
    ok rootlet isolate create env --from "dir:$PWD/root"
    expect_stderr "runs only inside: GLIBC_9.87"
    [[ $stderr != *GLIBC_2.2.5* ]]
    expect_stderr "inside is 'rocky 9.3', this host is"
    ok rootlet isolate status env
    expect_output "GLIBC_9.87"
    # the host's own files warn of neither, and of groups only who is in some
    small_list >list
    ok rootlet isolate create own --from files:list
    [[ $stderr != *GLIBC_* && $stderr != *"this host is"* ]]
    if [ "$(id -G)" = "$(id -g)" ]; then
        [[ $stderr != *"these groups of yours"* ]]
    else
        expect_stderr "these groups of yours"
    fi
}

@test "an environment is given away as an archive or a squashfs file" {
    { small_list; echo "/etc/os-release"; } >list
    ok rootlet isolate create env --from files:list
    ok rootlet isolate export env -o env.tar
    mkdir out && tar -C out -xf env.tar
    ok rootlet run ./out -- ls /
    expect_output usr
    ok rootlet isolate export env -o env.squashfs
    [ -s env.squashfs ]
    refused rootlet isolate export env
    equal "$(ls -d env.tmp* 2>/dev/null)" ""
}

@test "an engine without mounts has a copy of the files" {
    mkdir -p host/data
    echo one >host/data/one
    echo two >host/data/two
    { small_list; echo "$PWD/host/data"; echo "!$PWD/host/data/two"; } >list
    ok rootlet isolate create env --from files:list
    ok rootlet run --engine tap --network host env -- sh -c "ls /; ls $PWD/host/data; id -u"
    expect_output usr
    expect_output one
    expect_no_output two
    expect_no_output opt
    expect_output "$(id -u)"
    [ -d env/copy ]
    attempt rootlet run --engine tap env -- sh -c 'exec 3<>/dev/tcp/127.0.0.1/9' # no network, and no shell that has it
    [ "$status" -ne 0 ]
    ok rootlet run --engine ptrace env -- ls /
    expect_no_output opt
}

@test "activate puts programs of the environment first, and deactivate takes them away" {
    small_list >list
    echo exe:make >>list
    command -v make >/dev/null || skip "no make"
    ok rootlet isolate create env --from files:list
    ok sh -c '. ./env/activate; command -v make; cd work; printf "all:\n\t@ls -d /usr/local /opt 2>&1; echo made\n" >Makefile; make; deactivate; command -v make'
    expect_output "$PWD/env/bin/make"
    expect_output made
    expect_output "No such file"
    equal "${output##*$'\n'}" "$(command -v make)"
    # what is beside the working directory is seen where it is below the directory of activate
    mkdir -p project/build
    echo beside >project/source
    printf 'all:\n\t@cat ../source\n' >project/build/Makefile
    local shell
    for shell in sh bash dash zsh; do
        command -v "$shell" >/dev/null || continue
        ok "$shell" -c 'cd project && . ../env/activate && cd build && make && cd ../../work && ! make -f ../project/build/Makefile 2>/dev/null && deactivate && echo ${ROOTLET_TREE:-none} ${ROOTLET_ACTIVE:-none}'
        equal "$output" "$(printf 'beside\nnone none')"
    done
    # shells that say which file they read find a place it was moved to
    mv env moved
    for shell in bash zsh; do
        command -v "$shell" >/dev/null || continue
        ok "$shell" -c '. ./moved/activate && command -v make'
        equal "$output" "$PWD/moved/bin/make"
    done
}
