# SPDX-License-Identifier: Apache-2.0
# rootlet build --check: what is questionable in a Dockerfile is said, with place and rule.
load ../support/common
load ../support/build

setup() {
    common_setup
}

teardown() {
    common_teardown
}

# finds STATUS LINES: what --check says of ./Dockerfile, as "LINE RULE"s.
finds() {
    attempt rootlet build --check "${@:3}" .
    expect_status "$1"
    equal "$(sed -n 's/^Dockerfile:\([0-9]*\): \([A-Za-z]*\): .*/\1 \2/p' <<<"$output")" "$2"
}

@test "a finding has file, line, rule, message, the place with a caret, and where to read more" {
    printf 'FROM scratch AS Base\nCMD echo hello\n' | dockerfile
    attempt rootlet build --check .
    expect_status 1
    equal "$output" "Dockerfile:1: StageNameCasing: Stage name 'Base' should be lowercase
     1 | FROM scratch AS Base
       |                 ^~~~
       = https://docs.docker.com/go/dockerfile/rule/stage-name-casing/

Dockerfile:2: JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals
     2 | CMD echo hello
       | ^~~
       = https://docs.docker.com/go/dockerfile/rule/json-args-recommended/"
    equal "$stderr" "2 warnings found"
    ok rootlet images
    expect_no_output sha256
}

@test "nothing found is status 0, a file that would not build 125 after what was found" {
    printf 'FROM scratch\nCMD ["true"]\n' | dockerfile
    ok rootlet build --check .
    equal "$output$stderr" "0 warnings found"
    ok rootlet build -q --check .
    equal "$output$stderr" ""
    printf 'FROM scratch AS A\nCOPY x\n' | dockerfile
    finds 125 "1 StageNameCasing"
    expect_stderr "rootlet build: error: Dockerfile:2: COPY requires at least two arguments"
    printf '# check=skipp=all\nFROM scratch\n' | dockerfile
    finds 125 ""
    expect_stderr "Dockerfile:1: # check: invalid check option 'skipp' (there are skip, error and experimental)"
    refused rootlet build --check --call build,format=json .
    expect_stderr "--call 'build,format=json' is not one of build, check, outline, targets"
    refused rootlet build --call outline,format=xml .
    expect_stderr "--call 'outline,format=xml' is not one of build, check, outline, targets"
}

@test "JSON is that of buildx: warnings with places, the file, and why it would not build" {
    need python3
    printf 'FROM scratch\nENV TOKEN=1\n' | dockerfile
    attempt rootlet build --call check,format=json .
    expect_status 1
    python3 - "$output" <<'END'
import base64, json, sys
said = json.loads(sys.argv[1])
(warning,), (source,) = said["warnings"], said["sources"]
assert warning["ruleName"] == "SecretsUsedInArgOrEnv", warning
assert warning["detail"] == 'Do not use ARG or ENV instructions for sensitive data (ENV "TOKEN")', warning
assert warning["url"] == "https://docs.docker.com/go/dockerfile/rule/secrets-used-in-arg-or-env/"
assert warning["location"] == {"sourceIndex": 0, "ranges": [
    {"start": {"line": 2, "character": 4}, "end": {"line": 2, "character": 9}}]}, warning
assert source["filename"] == "Dockerfile"
assert base64.b64decode(source["data"]) == b"FROM scratch\nENV TOKEN=1\n"
assert "buildError" not in said
END
    printf 'FROM scratch\nWHAT x\n' | dockerfile
    refused rootlet build --call check,format=json .
    python3 - "$output" <<'END'
import json, sys
said = json.loads(sys.argv[1])
assert said["warnings"] == [], said
assert said["buildError"] == {"message": "Dockerfile:2: unknown instruction: WHAT"}, said
END
}

@test "rules are skipped for the file, for one instruction, and by a build argument" {
    printf '# check=skip=JSONArgsRecommended\nFROM scratch AS Base\nCMD x\n' | dockerfile
    finds 1 "2 StageNameCasing"
    finds 0 "" --build-arg BUILDKIT_DOCKERFILE_CHECK=skip=all
    finds 1 "3 JSONArgsRecommended" --build-arg BUILDKIT_DOCKERFILE_CHECK=skip=StageNameCasing
    printf 'FROM scratch\n# check=skip=MaintainerDeprecated\nMAINTAINER a\nMAINTAINER b\n' | dockerfile
    finds 1 "4 MaintainerDeprecated"
    printf '# check=experimental=all\nFROM scratch\nCOPY x.o /\n' | dockerfile
    echo '*.o' >.dockerignore
    finds 1 "3 CopyIgnoredFile"
}

@test "variables of a base image are known when it is in the store; it is never fetched" {
    printf 'FROM 127.0.0.1:1/tiny\nWORKDIR $HOME/$PATH/$MISSING\n' | dockerfile
    finds 0 ""
    import_tiny 127.0.0.1:1/tiny
    finds 1 "2 UndefinedVar
2 UndefinedVar"
    expect_output "undefined variable '\$MISSING'"
    expect_no_output "undefined variable '\$PATH'"
    # all stages are looked at, unless there is a target
    printf 'FROM scratch AS A\nFROM scratch AS b\nMAINTAINER x\nFROM scratch\n' | dockerfile
    finds 1 "1 StageNameCasing
3 MaintainerDeprecated"
}

@test "a build warns of the same at its end, and only then" {
    printf 'FROM scratch AS Base\nCOPY x /\nCMD echo hello\n' | dockerfile
    echo 1 >x
    builds -t a .
    equal "$(grep -c 'rootlet: warning:' <<<"$stderr")" 2
    expect_stderr "rootlet: warning: Dockerfile:1: StageNameCasing: Stage name 'Base' should be lowercase
rootlet: warning: Dockerfile:3: JSONArgsRecommended: *
1 steps, 0 cached"
    ok rootlet build -q .
    equal "$stderr" ""
    ok rootlet build --progress json .
    equal "$(tail -n 2 <<<"$stderr" | head -n 1)" '{"event":"warning","rule":"JSONArgsRecommended","url":"https://docs.docker.com/go/dockerfile/rule/json-args-recommended/","file":"Dockerfile","line":3,"text":"JSON arguments recommended for CMD to prevent unintended behavior related to OS signals"}'
    # also when it fails; its error comes last
    rm x
    refuses .
    equal "$(grep -c 'rootlet: warning:' <<<"$stderr")" 2
    equal "$(grep -v hint: <<<"$stderr" | tail -n 1 | cut -c 1-42)" "rootlet build: error: Dockerfile:2: COPY: "
    # the steps of a stage that is not built are not looked at
    printf 'FROM scratch\nENV TOKEN=1\nFROM scratch\nLABEL a=b\n' | dockerfile
    builds .
    fails grep warning <<<"$stderr"
}

@test "check=error=true fails before anything is built" {
    printf '# check=error=true;skip=StageNameCasing\nFROM scratch AS Base\nCOPY x /\nCMD echo hello\n' | dockerfile
    echo 1 >x
    refuses -t a .
    expect_stderr "     4 | CMD echo hello"
    expect_stderr "rootlet build: error: build checks failed: JSONArgsRecommended (Dockerfile:4)"
    expect_stderr "hint: *check=error=true"
    fails grep -F '[Base 1/3]' <<<"$stderr"
    refused rootlet build -q .
    refuses --build-arg BUILDKIT_DOCKERFILE_CHECK='error=true;skip=JSONArgsRecommended' .
    expect_stderr "build checks failed: StageNameCasing (Dockerfile:2)"
    builds --build-arg BUILDKIT_DOCKERFILE_CHECK=skip=all .
    builds --build-arg BUILDKIT_DOCKERFILE_CHECK=error=false .
    # an image that is missing is told as that, at its FROM
    printf '# check=error=true\nFROM 127.0.0.1:1/none\nCMD ["x"]\n' | dockerfile
    refuses --retry 0 .
    expect_stderr "error: Dockerfile:2: FROM: pull: "
    # with its image a variable of it is known
    import_tiny
    printf '# check=error=true\nFROM tiny\nWORKDIR $PATH\nCMD ["x"]\n' | dockerfile
    ok rootlet build --check .
}

@test "the Dockerfiles of the conformance cases: what is to be found, and nothing else" {
    local list=$BATS_TEST_DIRNAME/../conformance/check.txt folder file
    for file in "${list%/*}"/dockerfile/*/Dockerfile "${list%/*}"/parser/*/*/Dockerfile; do
        folder=${file%/Dockerfile} folder=${folder#"${list%/*}/"}
        attempt rootlet build -q --check -f "$file" .
        [ "$status" -eq 0 ] ||
            sed -n 's/^Dockerfile:\([0-9]*\): \([A-Za-z]*\): .*/\2:\1/p' <<<"$output" | xargs echo "$status" "$folder"
    done >found
    LC_ALL=C sort -k 2 found >sorted
    equal "$(cat sorted)" "$(grep -v '^#' "$list" | LC_ALL=C sort -k 2)"
}

@test "the examples have nothing to be found" {
    local file
    for file in "$BATS_TEST_DIRNAME"/../../examples/*/*Dockerfile; do
        ok rootlet build -q --check -f "$file" "${file%/*}"
        equal "$output" ""
    done
}

@test "--call outline and targets: what can be asked for, with the comments that describe it" {
    dockerfile <<'END'
# BASE is what it stands on
ARG BASE=nowhere.invalid/base
ARG UNUSED=1
# build compiles it
FROM ${BASE} AS build
# CFLAGS for the compiler
ARG CFLAGS="-O2 -g"
ARG MORE=${NOT_KNOWN_HERE:?of-the-base}
RUN --mount=type=cache,target=/c --mount=type=secret,id=token,required --mount=type=ssh : $CFLAGS
FROM scratch AS other
ARG NEVER=${NEVER_SET:?is-missing}
FROM --platform=$TARGETPLATFORM build
ARG CFLAGS
END
    ok rootlet build --call targets .
    equal "$(sed 's/ *$//' <<<"$output")" $'TARGET      DESCRIPTION\nbuild       compiles it\nother\n(default)'
    ok rootlet build --call outline --target build --build-arg CFLAGS=-Os .
    equal "$(sed 's/ *$//' <<<"$output")" "TARGET:        build
DESCRIPTION:   compiles it

BUILD ARG   VALUE                  DESCRIPTION
BASE        nowhere.invalid/base   is what it stands on
CFLAGS      -Os                    for the compiler
MORE

SECRET   REQUIRED
token    true

SSH       REQUIRED
default

CACHE MOUNT
/c"
    ok rootlet build --call targets,format=json .
    equal "$(jq -c '[.targets[] | [.name, .default, .base, .platform, .location.ranges[0].start.line]]' <<<"$output")" \
        '[["build",null,"${BASE}",null,5],["other",null,"scratch",null,10],[null,true,"build","$TARGETPLATFORM",12]]'
    equal "$(jq -r '.sources[0]' <<<"$output" | base64 -d)" "$(cat Dockerfile)"
    ok rootlet build --call outline,format=json .
    equal "$(jq -c '[[.args[].name], [.secrets[] | [.name, .required]], [.cache[].ID]]' <<<"$output")" \
        '[["BASE","CFLAGS","MORE"],[["token",true]],["/c"]]'
    refused rootlet build --call outline --target other .
    expect_stderr "Dockerfile:11: ARG: "*"is-missing"
    refused rootlet build --call outline --target nothing .
}
