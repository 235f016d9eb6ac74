# SPDX-License-Identifier: Apache-2.0
# rootlet verify: the escape battery, and that it finds what there is to find. What it says of each
# engine is in engine.bash and *-engine.bats.
load ../support/common
load ../support/engine

setup() {
    common_setup
    export TMPDIR=$BATS_TEST_TMPDIR # a socket's path must be short
}

teardown() {
    common_teardown
}

# failed: the attempts that failed, one a line.
failed() {
    grep '^FAIL' <<<"$output" | sed -E 's/^FAIL +[a-z]+ +//; s/ {3,}.*//'
}

@test "userns: the battery reaches nothing" {
    need_one_id
    need_userns
    ROOTLET_ENGINE=userns nothing_escapes
}

@test "tap, ptrace: no leak, and what is no boundary says so" {
    need_one_id
    for engine in tap ptrace; do
        rootlet doctor | grep -Eq "^  $engine +usable" || continue
        ROOTLET_ENGINE=$engine nothing_escapes
        expect_output "no boundary: "
        expect_output "it is no boundary for programs that are out to break it"
    done
}

@test "the same battery finds what proot does not translate" {
    need proot
    attempt rootlet verify engine --by "proot -r %r -b %b:/bind -b /proc -b /dev"
    expect_status 1
    for leak in openat2 io_uring "execveat of the host's program" statx faccessat2; do
        grep -qFx "$leak" <<<"$(failed)" || { show; return 1; }
    done
    fails grep -qFx openat <<<"$(failed)"
}

@test "the same battery finds that fakechroot is nothing to a static program" {
    need fakechroot
    attempt rootlet verify engine --by "fakechroot chroot %r"
    expect_status 1
    for leak in open openat "stat, lstat" "execve of the host's program" "a call from memory of its own"; do
        grep -qFx "$leak" <<<"$(failed)" || { show; return 1; }
    done
}

@test "a command that cannot run the battery is an error, not a success" {
    refused rootlet verify engine --by "env --chdir=%r" # there is no /program
    expect_stderr "the battery under 'env --chdir=%r'"
    refused rootlet verify engine --by true
    expect_stderr "ended before its end"
}

@test "verify tells as JSON what it tells as a table" {
    need_userns
    attempt rootlet verify engine --format json
    jq -e '.boundary == true and .failed == 0 and (.attempts | length) > 80 and
        all(.attempts[]; .passed and (.kind == "leak" or .kind == "hostile") and .user != "")' <<<"$output"
}

@test "what cannot be verified is refused by name" {
    refused rootlet verify
    expect_stderr "one of "
    refused rootlet verify nonsense
    expect_stderr "'nonsense'"
    refused rootlet verify engine --engine nonsense
    expect_stderr "'nonsense' is not available"
    refused rootlet verify engine --by x --engine userns
    refused deny userns rootlet verify engine --engine userns
    expect_stderr "namespaces: Operation not permitted"
}

@test "nothing is left behind" {
    attempt rootlet verify engine
    equal "$(find "$TMPDIR" -maxdepth 1 -name 'rootlet-verify-*')" ""
    eventually none_left "$TMPDIR/rootlet-verify-" # what was killed takes its time
}
