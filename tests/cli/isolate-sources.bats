# SPDX-License-Identifier: Apache-2.0
# Environments: every source and option, every form they are given away in, engines, and what happens
# when something fails or is killed.
load ../support/common
load ../support/isolate

setup() {
    environments_setup
}

teardown() {
    common_teardown
}

@test "host: all of /usr but what was put beside the packages; no home, no settings" {
    echo bait >"$HOME/.bait"
    ok rootlet isolate create env --from host
    ok rootlet run -w / env -- sh -c 'ls -d /usr/bin /usr/lib; ls -d /usr/local /opt /etc/gitconfig /etc/profile.d /root/.[!.]* 2>&1; ls -A ~; command -v cat'
    expect_output "'/usr/local': No such file"
    expect_output "'/opt': No such file"
    expect_output "'/etc/gitconfig': No such file"
    expect_output "'/etc/profile.d': No such file"
    expect_no_output .bait
    expect_output /cat
    ok rootlet isolate status env
    expect_output "host"
    refused rootlet isolate create other --from host --with no-such-package
    [ ! -e other ]
}

@test "--with adds a package, --hide takes paths away, and the compiler notices both" {
    need_dpkg gcc libc6-dev zlib1g-dev
    printf '#include <zlib.h>\nint main(void) { return !zlibVersion()[0]; }\n' >z.c
    ok rootlet isolate create env --from dpkg:gcc,libc6-dev
    attempt rootlet run env -- cc -o z z.c -lz
    [ "$status" -ne 0 ]
    expect_stderr "zlib.h: No such file"
    ok rootlet isolate create env --from dpkg:gcc,libc6-dev --with zlib1g-dev
    ok rootlet run env -- sh -c 'cc -o z z.c -lz && ./z'
    ok rootlet isolate create env --from dpkg:gcc,libc6-dev,zlib1g-dev --hide '/usr/lib/*/libz.so' --hide '/usr/lib/*/libz.a'
    attempt rootlet run env -- cc -o z z.c -lz
    expect_stderr "cannot find -lz"
    ok rootlet isolate status env
    expect_output '/usr/lib/\*/libz.so'
    refused rootlet isolate create env --from dpkg:gcc --with no-such-package
    expect_stderr "no-such-package"
    refused rootlet isolate create env --from dpkg:gcc --hide relative
    ok rootlet run env -- sh -c : # the one before is still there
}

@test "lists: packages, programs, what may be missing, other lists, each with the file and line of a mistake" {
    need_dpkg make
    mkdir -p sub/deeper
    printf 'exe:cat\n?/nowhere/at/all\n?exe:no-such-program\n?pkg:no-such-package\n?include not-there\n' >sub/deeper/more
    printf 'include deeper/more # relative to this list\npkg:make\n' >sub/base
    printf 'exe:sh\ninclude sub/base\n' >list
    ok rootlet isolate create env --from files:list
    printf 'all:\n\t@cat Makefile | cat >copy; echo made\n' >Makefile
    ok rootlet run env -- make
    equal "$output" made
    cmp Makefile copy
    attempt rootlet run -w / env -- ls / # neither listed nor essential
    expect_status 127
    echo 'pkg:no-such-package' >>sub/deeper/more
    refused rootlet isolate create env --from files:list
    expect_stderr "list:2: *sub/base:1: *deeper/more:6: *no-such-package"
    printf 'exe:sh\ninclude list\n' >list
    refused rootlet isolate create env --from files:list
    expect_stderr "include 'list': more than 16 deep"
    printf '/bin/sh => relative\n' >list
    refused rootlet isolate create env --from files:list
    expect_stderr "list:1: 'relative' behind =>"
    printf '!!/x\n' >list
    refused rootlet isolate create env --from files:list
    expect_stderr "list:1: '!' twice"
}

@test "--network: the host's, for the environment or for one run" {
    { small_list; echo exe:uname; } >list
    ok rootlet isolate create env --from files:list --network
    ok rootlet run env -- cat /proc/net/dev
    equal "$(cut -d: -f1 <<<"$output")" "$(cut -d: -f1 /proc/net/dev)"
    ok rootlet run env -- cat /etc/resolv.conf
    http_proxy=http://proxy ok rootlet run env -- sh -c 'echo $http_proxy'
    equal "$output" http://proxy
    ok rootlet run env -- uname -n
    equal "$output" "$(uname -n)"
    ok rootlet run --network none env -- cat /proc/net/dev
    equal "$(grep -c : <<<"$output")" 1
    ok rootlet isolate create env --from files:list
    http_proxy=http://proxy ok rootlet run env -- sh -c 'cat /proc/net/dev; echo $http_proxy'
    equal "$(grep -c : <<<"$output")" 1
    ok rootlet run env -- uname -n
    equal "$output" rootlet
    ok rootlet run env -- cat /etc/hosts
    expect_output rootlet
}

@test "given away as an archive, a squashfs, an OCI layout, for docker, as a directory: each runs" {
    local form
    mkdir data && echo one >data/one
    { small_list; echo "$PWD/data"; } >list
    ok rootlet isolate create env --from files:list
    for form in tar tar.gz tar.zst squashfs oci docker dir; do
        ok rootlet isolate export env -f "$form" -o "out.$form"
        case $form in
        dir | squashfs) ok rootlet run -w / "./out.$form" cat "$PWD/data/one" ;;
        *) ok rootlet import "out.$form" "from-${form/./-}"
            ok rootlet run -w / "from-${form/./-}" cat "$PWD/data/one" ;;
        esac
        equal "$output" one
    done
    refused rootlet isolate export env -f nonsense -o x
    refused rootlet isolate export env -o out.tar/x
    equal "$(ls -d ./*.tmp* 2>/dev/null)" ""
}

@test "what is given away is what is seen: other places, trees in hidden ones, what may not be read" {
    mkdir -p data/tree/in/deep data/closed
    touch data/one data/tree/in/not data/tree/in/deep/file data/tree/top data/closed/file
    ln -s in data/tree/link
    chmod 0 data/closed
    [ "$(id -u)" = 0 ] || fails ls data/closed
    { small_list; echo exe:find; echo exe:sort
        printf '%s\n' "$PWD/data" "!$PWD/data/tree/in" "$PWD/data/tree/in/deep" "$PWD/data/one => /nowhere/else/one" \
            "$PWD/data/tree => /nowhere/tree"; } >list
    ok rootlet isolate create env --from files:list
    look="find $PWD/data /nowhere /usr 2>/dev/null | sort"
    attempt rootlet -q run -w / env -- sh -c "$look"
    expect_output /nowhere/else/one
    expect_output "$PWD/data/tree/in/deep/file"
    expect_no_output "$PWD/data/tree/in/not"
    expect_output /nowhere/tree/in/not
    local seen=$output
    ok rootlet isolate export env -o out.tar
    equal "$(tar -tf out.tar | sort | uniq -d)" ""
    mkdir out && tar -C out -xf out.tar
    attempt rootlet -q run -w / ./out -- sh -c "$look"
    equal "$output" "$seen"
    chmod 700 data/closed
}

@test "links that a list names are in the home, /tmp and the like, too, for every engine" {
    local engine
    mkdir -p "$HOME/opt/tool/bin" "$HOME/bin"
    printf '#!/bin/sh\necho tool\n' >"$HOME/opt/tool/bin/tool"
    chmod +x "$HOME/opt/tool/bin/tool"
    ln -s ../opt/tool/bin/tool "$HOME/bin/tool"
    ln -s opt/tool "$HOME/current"
    { small_list; echo "$HOME/bin/tool"; echo "$HOME/current"; } >list
    ok rootlet isolate create env --from files:list
    for engine in userns tap ptrace; do
        ok rootlet -q run --engine "$engine" --network host -w / env -- sh -c "$HOME/bin/tool; $HOME/current/bin/tool; ls $HOME; touch $HOME/bin/mine && echo wrote"
        equal "$output" "$(printf 'tool\ntool\nbin\ncurrent\nopt\nwrote')"
        [ ! -e "$HOME/bin/mine" ]
    done
}

@test "engines tap and ptrace show what namespaces show" {
    shows_alike tap ptrace
}

# look_around PID: what must not be found has "bait" in its line, what must be "own".
look_around() {
    cat <<'END'
bait=$1
for path in /proc/$bait /proc/$bait/cmdline /proc/$bait/net; do [ ! -e $path ] || echo bait $path; done
ls -d /proc/$bait /proc/$bait/task 2>/dev/null
ls /proc | grep -x $bait
cd /proc
ls -d $bait ./$bait 2>/dev/null
cat $bait/cmdline 2>/dev/null
cd $bait 2>/dev/null && echo bait as the working directory
ls /proc | grep -x $$ >/dev/null && [ -e $$/stat ] && [ -e ./self/status ] && echo own
# who waits for nobody; a shell might have, so that the child ends when its parent is none any more
sh -c '(until read name </proc/$$/comm && [ "$name" = sleep ]; do :; done) & echo $! >/tmp/ended; exec sleep 100000' &
until [ -s /tmp/ended ]; do [ -e /proc/$! ] || exit 1; done
read ended </tmp/ended
until grep -q '^State:.*Z' /proc/$ended/status; do [ -e /proc/$ended ] || exit 1; done
ls /proc | grep -x $ended >/dev/null && echo own, ended
kill $!
wait
cd /proc/self
for file in /proc/net/route /proc/self/net/route /proc/$$/task/$$/net/route /proc/thread-self/net/route net/route; do
    echo "$file: $(wc -l <$file)"
done
cd net
ls "${HOME%/*}" | grep -x "${HOME##*/}" >/dev/null && echo own home
cut -d: -f1 dev
ls /sys/class/net
cat /sys/class/net/lo/address
END
}

@test "engines tap and ptrace show no processes of the host's, and no network where there is none" {
    { small_list; printf 'exe:%s\n' grep cut wc; } >list
    ok rootlet isolate create env --from files:list
    sleep 100000 3>&- &
    local host=$! engine
    look_around >look
    for engine in tap ptrace; do
        attempt rootlet -q run --engine "$engine" env -- sh "$PWD/look" "$host"
        echo "$output" >"$engine.out"
    done
    kill "$host"
    wait "$host" || :
    for engine in tap ptrace; do
        equal "$(sed "s|/proc/[0-9]*/task/[0-9]*|TASK|" "$engine.out")" "$(cat <<'END'
own
own, ended
/proc/net/route: 1
/proc/self/net/route: 1
TASK/net/route: 1
/proc/thread-self/net/route: 1
net/route: 1
own home
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo
lo
00:00:00:00:00:00
END
)"
    done
}

@test "the kernel's access rules are a wall of their own, with and without namespaces" {
    need setpriv
    deny landlock true || skip "no filters here"
    [ "$(rootlet doctor --json | python3 -c 'import json, sys; print([f["usable"] for f in json.load(sys.stdin)["facts"] if f["name"] == "landlock"])')" = "[True]" ] ||
        skip "this kernel has no Landlock"
    { small_list; printf 'exe:%s\n' unshare mount; } >list
    ok rootlet isolate create env --from files:list
    # in a user namespace of its own a command may mount, says the first wall; the second forbids it
    local inner='mount -t tmpfs none /tmp && echo mounted'
    attempt rootlet -q run env -- unshare -Urm --propagation unchanged sh -c "$inner"
    [ "$status" -ne 0 ]
    expect_no_output mounted
    ok deny landlock rootlet -q run env -- unshare -Urm --propagation unchanged sh -c "$inner"
    expect_output mounted
    # without namespaces processes of the host can be there; their memory and variables are not
    local host engine
    BAIT=seen sleep 10000 3>&- &
    host=$!
    while_alive "$host" grep -q BAIT=seen "/proc/$host/environ" # it is no shell any more
    for engine in tap ptrace; do
        rootlet -q run --engine "$engine" --pid host --network host env -- cat "/proc/$host/environ" >"$engine" || :
        deny landlock rootlet -q run --engine "$engine" --pid host --network host env -- cat "/proc/$host/environ" >"$engine.open" || :
    done
    kill "$host"
    wait "$host" || :
    for engine in tap ptrace; do
        fails grep -q BAIT=seen "$engine"
        grep -q BAIT=seen "$engine.open"
    done
}

has_work() {
    compgen -G 'env.tmp-*' >/dev/null
}

@test "kill -9 while it is made: the next one cleans up; a failure leaves nothing, and what was there stays" {
    mkdir "$BATS_TEST_TMPDIR/mine"
    cd "$BATS_TEST_TMPDIR/mine"
    mkdir env.tmp-mine
    small_environment
    ok rootlet isolate remove env
    equal "$(ls)" "$(printf 'env.tmp-mine\nlist')" # which is somebody's
    rmdir env.tmp-mine
    rm list
    mkfifo list
    rootlet isolate create env --from files:list 3>&- &
    local maker=$!
    while_alive "$maker" has_work # it waits for somebody to write the list
    rootlet isolate create env --from files:list 3>&- & # another one does not take that for left over
    local other=$!
    while_alive "$other" sh -c '[ "$(ls -d env.tmp-* | wc -l)" = 2 ]'
    kill -9 "$maker" "$other"
    wait "$maker" || :
    wait "$other" || :
    [ ! -e env ]
    has_work
    refused rootlet isolate remove env
    fails has_work
    mkfifo again
    rootlet isolate create env --from files:again 3>&- &
    maker=$!
    while_alive "$maker" has_work
    kill -9 "$maker"
    wait "$maker" || :
    has_work
    rm again
    small_list >good
    ok rootlet isolate create env --from files:good
    fails has_work
    ok rootlet run env -- sh -c :
    echo exe:no-such-program >bad
    refused rootlet isolate create env --from files:bad
    fails has_work
    ok rootlet run env -- sh -c 'echo still there'
    equal "$(ls)" "$(printf 'bad\nenv\ngood\nlist')"
}

@test "two makers and two runs at once do not disturb each other" {
    local pids=() pid i
    small_list >list
    for i in 1 2 3; do
        rootlet -q isolate create env --from files:list 2>"log$i" 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid" || { cat log?; return 1; }
    done
    fails has_work
    pids=()
    for i in 1 2 3; do
        rootlet -q run env -- sh -c "echo $i >\$HOME/mine; echo $i >/tmp/mine; cat \$HOME/mine /tmp/mine" >"out$i" 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid"
    done
    equal "$(cat out?)" "$(printf '1\n1\n2\n2\n3\n3')"
}

@test "who waits for the command uses no processor meanwhile" {
    local waits
    small_environment
    mkfifo ready go
    rootlet -q run env -- sh -c 'echo >ready; cat go' 3>&- &
    waits=$!
    cat ready >/dev/null
    eventually is_idle "$waits" # once it has done what it had to
    echo >go
    wait "$waits"
}

@test "signals for whoever waits reach the command" {
    small_environment
    mkfifo ready
    rootlet -q run env -- sh -c 'trap "echo got it; exit 5" TERM; echo >ready; while :; do sleep 0.1; done' >out 3>&- &
    local runs=$!
    cat ready >/dev/null
    kill -TERM "$runs"
    local ended=0
    wait "$runs" || ended=$?
    equal "$ended" 5
    equal "$(cat out)" "got it"
}
