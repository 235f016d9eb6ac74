# SPDX-License-Identifier: Apache-2.0
# What a build shows while it runs: lines, a terminal's lines redrawn, JSON records.
load ../support/common

setup() {
    common_setup
    need_userns
    import_tiny
    cat >Dockerfile <<'END'
FROM tiny AS one
RUN echo from-one && echo 1 >/one
FROM tiny
COPY --from=one /one /two
RUN printf '\033[31mred\033[0m text\n' && echo 2 >/three
END
}

teardown() {
    common_teardown
}

@test "lines: steps by stage and number, output with its step, CACHED" {
    ok rootlet build .
    expect_stderr "[[]one 2/2[]] RUN echo from-one && echo 1 >/one"
    expect_stderr "[[]one 2/2[]] from-one"
    ok rootlet build .
    expect_stderr "[[]one 2/2[]] CACHED"
    expect_stderr "3 steps, 3 cached"
}

@test "a single stage has plain numbers and its output is indented" {
    ok rootlet build --target one .
    printf 'FROM tiny\nRUN echo said\n' >Dockerfile
    ok rootlet build .
    expect_stderr $'[[]2/2[]] RUN echo said\n  said'
}

@test "json: every line is an object; each step that begins ends once" {
    need python3
    ok rootlet build --progress json .
    printf '%s\n' "$stderr" >records
    python3 - <<'END'
import json
events = [json.loads(line) for line in open("records")]
begun = [e["step"] for e in events if e["event"] == "step"]
ended = {e["step"]: e["outcome"] for e in events if e["event"] == "end"}
assert sorted(begun) == sorted(ended) and set(ended.values()) == {"done"}, ended
assert [e["text"] for e in events if e["event"] == "output"].count("from-one") == 1
result = events[-1]
assert result["event"] == "result" and result["steps"] == 3 and result["cached"] == 0, result
END
    equal "$(tail -n 1 records | sed 's/.*"imageId":"\([^"]*\)".*/\1/')" "$output"
    printf 'FROM tiny\nRUN exit 3\n' >Dockerfile
    refused rootlet build --progress json .
    expect_stderr '"outcome":"failed"'
}

@test "a terminal's lines are redrawn, without the output's escape sequences, colourless with NO_COLOR" {
    TERM=xterm ok script -qec "rootlet build ." /dev/null
    expect_output $'\033[[]1m'
    expect_output "red text"
    expect_no_output $'\033[[]31m'
    expect_output $'\033[[]1A'
    rm -rf "$ROOTLET_STORE/cache/steps"
    NO_COLOR=1 TERM=xterm ok script -qec "rootlet build ." /dev/null
    expect_no_output $'\033[[]1m'
    rm -rf "$ROOTLET_STORE/cache/steps"
    TERM=dumb ok script -qec "rootlet build ." /dev/null
    expect_no_output $'\033[[]J'
}

@test "quiet and none show nothing but the id" {
    for words in -q "--progress none -q" ; do
        # shellcheck disable=SC2086
        ok rootlet build $words .
        equal "$stderr" ""
    done
    ok rootlet build --progress none .
    equal "$stderr" "3 steps, 3 cached"
    refused rootlet build --progress loud .
}

@test "a failed step shows its last lines and its place" {
    printf 'FROM tiny\nRUN echo last words; exit 7\n' >Dockerfile
    refused rootlet build .
    expect_stderr "FAILED"
    expect_stderr "2 | RUN echo last words"
    expect_stderr "> last words"
    expect_stderr "Dockerfile:2: RUN: the command ended with status 7"
}

@test "--no-cache runs all steps again, --no-cache=STAGE those of the stage" {
    rootlet build .
    ok rootlet build --no-cache .
    expect_stderr "3 steps, 0 cached"
    ok rootlet build --no-cache=one .
    expect_stderr "3 steps, 2 cached"
    ok rootlet build --no-cache-filter 1 .
    expect_stderr "3 steps, 1 cached"
    refused rootlet build --no-cache=nosuch .
    expect_stderr "nosuch"
}
