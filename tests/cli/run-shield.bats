# SPDX-License-Identifier: Apache-2.0
# Shielding from the host and its user: variables, home, the host's own tree without a jail.
load ../support/common

setup() {
    common_setup
    need_userns
    tiny_root root
    mkdir home
    export HOME=$PWD/home
    echo mine >home/.config
}

teardown() {
    common_teardown
}

@test "variables of the host come in when asked for, by pattern" {
    export LC_A=1 LC_B=2 OTHER=3
    ok rootlet run --env-host 'LC_*' ./root env
    expect_output LC_A=1
    expect_output LC_B=2
    expect_no_output OTHER
    ok rootlet run --env-host '*' --unset-env 'LC_?' --pure ./root env
    expect_output OTHER=3
    expect_no_output LC_
}

@test "--empty-home and --home: what is at the user's home" {
    printf 'someone:x:%s:%s::/home/someone:/bin/sh\n' "$(id -u)" "$(id -g)" >>root/etc/passwd
    mkdir -p root/home/someone
    echo of-the-root >root/home/someone/file
    ok rootlet run --empty-home ./root sh -c 'pwd; ls -A $HOME; stat -c %a $HOME; touch $HOME/new && echo written'
    equal "$output" "$(printf '/\n700\nwritten')"
    equal "$(ls root/home/someone)" file
    ok rootlet run --home ./home ./root sh -c 'cat $HOME/.config; echo new >$HOME/new'
    equal "$output" mine
    equal "$(cat home/new)" new
    refused rootlet run --home ./home --empty-home ./root true
    refused rootlet run --home ./nowhere ./root true
}

@test "a user without a home inside gets one, not the root directory" {
    ok rootlet run --pure -u 1234 ./root sh -c 'echo $HOME; ls -A $HOME; ls -d /bin'
    equal "$output" "$(printf '/home/1234\n/bin')"
}

@test "--host-root is the host's tree, environment and working directory" {
    export SEEN=1
    ok rootlet run --host-root sh -c 'pwd; echo $SEEN $PPID; cat $HOME/.config; echo x >written'
    equal "$output" "$(printf '%s\n1 %s\nmine' "$PWD" "$(echo "$output" | sed -n 's/^1 //p')")"
    equal "$(cat written)" x
    ok rootlet run --host-root -- readlink /proc/self/ns/pid
    equal "$output" "$(readlink /proc/self/ns/pid)"
    lacks_mounts && return
    ok rootlet run --host-root --pid private -- sh -c 'echo $$'
    equal "$output" 2
    ok rootlet shell --host-root -- -c 'echo in the shell'
    expect_output "in the shell"
}

@test "--host-root --pure shields from variables and files of the user, and from nothing else" {
    export SEEN=1
    real_home=$(getent passwd "$(id -u)" | cut -d: -f6)
    [ -d "$real_home" ] || skip "this user has no home"
    ok rootlet run --host-root --pure -- sh -c 'echo "$SEEN$HOME"; ls -A ~; pwd'
    equal "$output" "$(printf '%s\n%s' "$real_home" "$PWD")"
    ok rootlet run --host-root --read-only sh -c 'touch /tmp/mine && ! touch written 2>/dev/null && echo held'
    equal "$output" held
    [ ! -e /tmp/mine ]
    refused rootlet run --host-root --write true
}

@test "a program of PATH that may not be executed is passed over" {
    mkdir -p root/first
    echo no >root/first/ls
    ok rootlet run -e PATH=/first:/bin ./root ls -d /bin
    equal "$output" /bin
    echo no >root/first/other
    attempt rootlet run -e PATH=/first:/bin ./root other
    expect_status 126
    expect_stderr "execute '/first/other'"
}
