# SPDX-License-Identifier: Apache-2.0
# The build cache: what hits, what misses and why.
load ../support/common

setup() {
    common_setup
    need_userns
    import_tiny
}

teardown() {
    common_teardown
}

# two_files: a context with src/one and src/two, and a Dockerfile that copies src.
two_files() {
    mkdir -p src
    echo 1 >src/one
    echo 2 >src/two
    printf '%s\n' 'FROM tiny' 'ARG WORD=first' 'COPY src /src' 'RUN echo $WORD >/word' 'RUN echo last' >Dockerfile
}

@test "times of files do not matter, contents and modes do" {
    two_files
    rootlet build .
    touch -d 2001-01-01 src/one
    ok rootlet build .
    expect_stderr "3 steps, 3 cached"
    chmod 755 src/one
    ok rootlet build --why-miss .
    expect_stderr "file src/one: its mode is 100755, was 100644"
    expect_stderr "3 steps, 0 cached"
}

@test "--why-miss names what changed" {
    two_files
    ok rootlet build --why-miss .
    expect_stderr "nothing like it was built before"
    echo 3 >src/one
    rm src/two
    echo new >src/three
    ok rootlet build --why-miss --build-arg WORD=second .
    expect_stderr "file src/one: its content changed"
    expect_stderr "file src/three is new"
    expect_stderr "file src/two is gone"
    expect_stderr "variable WORD: 'first' became 'second'"
    expect_stderr "what is below it is not the same: [[]4/5[]] RUN"
    ok rootlet build --why-miss --build-arg WORD=second .
    [[ $stderr != *"not in the cache"* ]]
    ok rootlet build --why-miss --no-cache .
    expect_stderr "not in the cache: --no-cache"
}

@test "--why-miss finds a step again that moved, and says what its instruction was" {
    two_files
    rootlet build .
    sed -i 's/^RUN echo last/RUN echo other/; s/^ARG/LABEL a=b\nARG/' Dockerfile
    ok rootlet build --why-miss .
    expect_stderr "3 steps, 2 cached"
    expect_stderr "the instruction was 'RUN echo last'"
}

@test "--why-miss tells another base image, and a result that went" {
    two_files
    rootlet build .
    echo more >extra
    cp "$(tiny_tar)" extra.tar
    tar -rf extra.tar extra
    rootlet -q import extra.tar tiny
    ok rootlet build --why-miss .
    expect_stderr "what is below it is not the same: the base image of FROM tiny"
    rm "$ROOTLET_STORE"/cache/steps/*[0-9a-f]
    ok rootlet build --why-miss .
    expect_stderr "its result is no longer in the store"
}

@test "--why-miss compares with the same instruction of another Dockerfile when this one is new" {
    two_files
    rootlet build .
    mkdir ../elsewhere
    cp -r . ../elsewhere
    cd ../elsewhere
    echo 9 >src/one
    ok rootlet build --why-miss .
    expect_stderr "file src/one: its content changed"
}

@test "a step of another Dockerfile hits when its inputs are the same" {
    two_files
    rootlet build .
    printf '%s\n' 'FROM tiny AS other' 'COPY src /src' 'RUN echo different' >Other
    ok rootlet build -f Other .
    expect_stderr "2 steps, 1 cached"
}

@test "records that are damaged, or whose layer or blob is missing, are ignored" {
    two_files
    # never the same layer again, or the step after it would be found
    sed -i 's|^RUN echo $WORD|RUN cat /proc/sys/kernel/random/uuid|' Dockerfile
    ok rootlet build .
    first=$output
    for record in "$ROOTLET_STORE"/cache/steps/*[0-9a-f]; do
        head -c 20 "$record" >cut && cat cut >"$record"
    done
    ok rootlet build .
    expect_stderr "3 steps, 0 cached"
    rm -rf "$ROOTLET_STORE"/layers/*
    rootlet -q import "$(tiny_tar)" tiny
    ok rootlet build .
    expect_stderr "3 steps, 0 cached"
    ok rootlet build .
    expect_stderr "3 steps, 3 cached"
    [ -n "$first" ]
}

@test "a cache that was thrown away is made again" {
    two_files
    rootlet build .
    rm -rf "$ROOTLET_STORE/cache"
    ok rootlet build .
    expect_stderr "3 steps, 0 cached"
    ok rootlet build .
    expect_stderr "3 steps, 3 cached"
}

# A writer keeps changing a file of the context while it is built: whatever the image got, the cache
# must not hand it out for another content.
@test "a context that changes while it is copied does not poison the cache" {
    mkdir src
    for i in $(seq 300); do head -c 20000 /dev/zero | tr '\0' "$((i % 10))" >"src/$i"; done
    printf 'FROM tiny\nCOPY src /src\n' >Dockerfile
    (while [ ! -e stop ]; do for i in 100 200 300; do echo "$RANDOM" >>"src/$i"; done; done) 3>&- &
    writer=$!
    for _ in 1 2 3; do rootlet -q build .; done
    touch stop
    wait "$writer"
    ok rootlet build -t cached .
    ok rootlet --store "$BATS_TEST_TMPDIR/clean" import "$(tiny_tar)" tiny
    for image in cached; do
        ok rootlet run "$image" sh -c 'cd /src && cat *| md5sum'
        equal "$output" "$(cd src && cat -- * | md5sum)"
    done
}
