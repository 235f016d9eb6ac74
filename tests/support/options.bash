# SPDX-License-Identifier: Apache-2.0
# Each option of `rootlet run` and each engine: its effect, or a refusal that names both. For
# *options.bats; after common.bash.

# row REFUSED_BY NAMED EXPECTED ARGUMENTS...: `run --engine $ENGINE ARGUMENTS` prints EXPECTED (a glob);
# or, if $ENGINE is one of REFUSED_BY (a comma after each), ends with 125 and says NAMED and the engine.
row() {
    local refused_by=$1 named=$2 expected=$3
    shift 3
    if [[ ,$refused_by == *,$ENGINE,* ]]; then
        refused rootlet run --engine "$ENGINE" "$@"
        expect_stderr "$named"
        expect_stderr "engine '$ENGINE'"
        expect_stderr "hint: "
    else
        attempt rootlet run --engine "$ENGINE" "$@"
        expect_status 0 || { echo "engine $ENGINE: run $*" >&2; return 1; }
        expect_output "$expected" || { echo "engine $ENGINE: run $*" >&2; return 1; }
    fi
}

# options_of ENGINE: the table.
options_of() {
    ENGINE=$1
    local none="" mounts="tap,ptrace," kernel="userns,subid,root,"
    export HOST_WORD=seen OTHER_WORD=seen
    printf '%s\n' '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [ { "names": ["sethostname"],
        "action": "SCMP_ACT_ERRNO", "errnoRet": 28 } ] }' >profile.json
    mkdir -p data "changes-$ENGINE" && echo data >data/file && echo three >three
    row "$none" --env-host "*HOST_WORD=seen*" --env-host 'HOST_*' ./root env
    expect_no_output OTHER_WORD
    row "$none" --unset-env "end" --env-host '*_WORD' --unset-env 'OTHER*' ./root sh -c 'env | grep OTHER; echo end'
    equal "$output" end
    row "$none" --env "A=1*" -e A=1 --env-file <(echo B=2) ./root sh -c 'echo A=$A B=$B'
    row "$none" --init "first" --init ./root echo first
    row "$none" --network "host" --network host ./root echo host
    row "$mounts" --network "1" --network none ./root sh -c 'grep -c : /proc/net/dev'
    row "$none" --seccomp "No space left" --seccomp profile.json ./root sh -c 'hostname other 2>&1 || :'
    row "$mounts" --cap-drop "0000000000000000" -u 0 --cap-drop all --root-emulation none ./root \
        sed -n 's/CapBnd://p' /proc/self/status
    row "$none" --ulimit "77" --ulimit nofile=77:88 ./root sh -c 'ulimit -Sn'
    row "$none" --preserve-fds "three" --preserve-fds 1 ./root sh -c 'cat <&3' 3<three
    row "$none" --timeout "soon" --timeout 1000 ./root echo soon
    row "$kernel" --kernel-release "9.9.9" --kernel-release 9.9.9 ./root uname -r
    row "$mounts" --overlay "kept" --overlay "changes-$ENGINE" "$(tiny_tar)" sh -c 'echo kept >/f; cat /f'
    row "$mounts" --commit "made" --commit "made-$ENGINE:1" tiny sh -c 'echo made >/f; cat /f'
    row "$none" --hide "none" --hide /etc/os-release ./root sh -c 'ls /etc/os-release 2>/dev/null || echo none'
    row "$none" --empty-home "0" --empty-home ./root sh -c 'ls -A $HOME | wc -l'
    row "$none" --home "data" --home data ./root sh -c 'cat $HOME/file'
    row "$none" --pure "0" --pure --host-root sh -c 'env | grep -c _WORD || :'
    row "$none" --host-root "$PWD" --host-root pwd
    row "$none" --tmpfs "x" --tmpfs /t ./root sh -c 'touch /t/x; ls /t'
    row "$mounts" --tmpfs "1024" --tmpfs /t:size=1m ./root sh -c 'df -k /t | tail -n 1'
    row "$mounts" --shm-size "3072" --shm-size 3m ./root sh -c 'df -k /dev/shm | tail -n 1'
    row "$none" --mount "data" --mount type=bind,source="$PWD/data",target=/m,readonly ./root \
        sh -c 'cat /m/file; echo x 2>/dev/null >/m/new && echo wrong || :'
    [ ! -e data/new ] && expect_no_output wrong
    row "$none" --volume "data" -v ./data:/deep/er ./root cat /deep/er/file
    row "$none" --read-only "kept" --read-only "$(tiny_tar)" sh -c 'echo x 2>/dev/null >/x || echo kept'
    row "$none" --write "written" --write ./root sh -c 'echo written >/new; cat /new; rm /new'
    row "$none" --user "1234 56" -u 1234:56 ./root sh -c 'echo $(id -u) $(id -g)'
    row "$none" --hostname "inside" --hostname inside ./root hostname
    row "$none" --workdir "/etc" -w /etc ./root pwd
    row "$none" --entrypoint "word" --entrypoint echo tiny word
    row "$none" --tty "/dev/pts/" -t ./root sh -c '[ -t 1 ] && tty <&1'
    row "$mounts" "--pid private" "2" --pid private ./root sh -c 'echo $$'
    row "$none" --pid "$(stat -Lc %i /proc/self/ns/pid)" --pid host ./root readlink /proc/self/ns/pid
    row "$mounts" "--ipc private" "ipc" --ipc private ./root readlink /proc/self/ns/ipc
    row "$mounts" "--uts private" "uts" --uts private ./root readlink /proc/self/ns/uts
    row "$mounts" "--root-emulation seccomp" "fine" -u 0 --root-emulation seccomp ./root \
        sh -c 'touch /tmp/f; chown 5 /tmp/f && echo fine'
    row "$none" --root-emulation "5" -u 0 --root-emulation tap ./root sh -c 'touch /tmp/f; chown 5 /tmp/f; stat -c %u /tmp/f'
    ended_by_timeout
}

# What runs too long ends by SIGTERM, by every engine.
ended_by_timeout() {
    attempt rootlet run --engine "$ENGINE" --timeout 1 ./root sleep 1000
    expect_status 143
}

options_setup() {
    common_setup
    need_userns
    tiny_root root
    import_tiny
}
