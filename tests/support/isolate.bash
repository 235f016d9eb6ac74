# SPDX-License-Identifier: Apache-2.0
# Environments for *isolate*.bats; after common.bash.

# environments_setup: a home beside the working directory, which would not be shown else.
environments_setup() {
    common_setup
    need_userns
    unset CPATH LIBRARY_PATH
    export HOME=$BATS_TEST_TMPDIR/home
    mkdir "$HOME"
}

# small_list: a list with a shell, and what these tests use.
small_list() {
    printf 'exe:%s\n' sh ls cat env touch id mkdir rm sleep
}

small_environment() {
    small_list >list
    ok rootlet isolate create "${1:-env}" --from files:list
}

# shows_alike ENGINE...: each shows what engine userns shows of an environment: the files that are
# visible, the caller, a working directory that can be written to and nothing else that can.
shows_alike() {
    mkdir data work && echo one >data/one && echo two >data/two && echo bait >"$HOME/.bait"
    { small_list; echo "$PWD/data"; echo "!$PWD/data/two"; } >list
    ok rootlet isolate create env --from files:list
    local engine expected
    local inside="ls -A /; ls $PWD/data /usr 2>&1; cat $PWD/data/one; ls /usr/local /opt $HOME/.bait 2>&1; id -u; id -g
        pwd; cat /etc/passwd; ls -A ~; touch /usr/x 2>&1; touch made && rm made && echo wrote"
    cd work
    ok rootlet -q run --engine userns --network host ../env -- sh -c "$inside"
    expected=$output
    expect_output "wrote"
    expect_output "/usr/x': Read-only"
    expect_no_output two
    for engine; do
        ok rootlet -q run --engine "$engine" --network host ../env -- sh -c "$inside"
        equal "$output" "$expected"
    done
    cd ..
}

# environments_by ENGINE: a setup for the tests of one.
environments_by() {
    environments_setup
    rootlet doctor | grep -Eq "^  $1 +usable" || skip "engine $1 cannot run here"
}

# is_a_jail ENGINE: no network of the host's, and what a run says of its end.
is_a_jail() {
    small_environment
    ok rootlet -q run --engine "$1" env -- cat /proc/net/dev
    equal "$(grep -c : <<<"$output")" 1
    attempt rootlet -q run --engine "$1" env -- sh -c 'exit 3'
    expect_status 3
    ok rootlet isolate remove env
    [ ! -e env ]
}
