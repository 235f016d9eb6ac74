# SPDX-License-Identifier: Apache-2.0
# df, gc and fsck: what the store takes, what goes, and whether it is sound.
load ../support/common

setup() {
    common_setup
    need jq
    import_tiny
}

teardown() {
    common_teardown
}

# bytes FILTER: a number of `df`.
bytes() {
    rootlet df --format json | jq "$1"
}

# a_build WORD: an image `WORD` on tiny, of one file.
a_build() {
    mkdir -p context
    printf 'FROM tiny\nCOPY word /word\n' >context/Dockerfile
    echo "$1" >context/word
    rootlet -q build -t "$1" context >/dev/null
}

# unneeded: how many blobs and layers nothing leads to.
unneeded() {
    bytes .Parts.Unneeded.Count
}

# at_work: the folder of a process that is at work in the store and lives as long as this test; it
# began an hour from now, by its clock, or at $1 seconds since 1970.
at_work() {
    local name
    name=$(cat /proc/sys/kernel/random/boot_id).$(stat -Lc %i /proc/self/ns/pid).$$
    name=$name.$(cut -d ' ' -f 22 /proc/$$/stat).0.${1:-$(($(date +%s) + 3600))}
    mkdir -p "$ROOTLET_STORE/tmp/$name"
    echo "$ROOTLET_STORE/tmp/$name"
}

sound() {
    ok rootlet fsck
    equal "$output" ""
    expect_stderr ": sound"
}

@test "df tells what images share and what each has alone" {
    a_build one
    a_build two
    rootlet tag two again
    sizes=$(rootlet df --format json)
    jq -e '.Images | length == 4' <<<"$sizes"
    jq -e '[.Images[] | select(.Image == "two:latest" or .Image == "again:latest") | del(.Image)] |
        length == 2 and .[0] == .[1] and .[0].Layers == 2' <<<"$sizes"
    jq -e '.Images[] | select(.Image == "one:latest") |
        .SharedBytes > 500000 and .UniqueBytes > 1000 and .UniqueBytes < 20000 and
        .SharedBytes + .UniqueBytes == .StoredBytes + .UnpackedBytes' <<<"$sizes"
    # the base's blobs are shared, but for its manifest and config
    jq -e '.Images[] | select(.Image == "tiny:latest") | .UniqueBytes < 5000' <<<"$sizes"
    jq -e '.Parts.Unneeded.Count == 0 and .TotalBytes == ([.Parts[].Bytes] | add)' <<<"$sizes"
    [ "$(bytes .Parts.Images.Bytes)" -lt $(("$(du -sb --apparent-size "$ROOTLET_STORE" | cut -f 1)" + 100000)) ]
    ok rootlet df
    expect_output "IMAGE "
    expect_output "cache mounts"
    refused rootlet df operand
}

@test "gc deletes what a killed build left, and nothing that something leads to" {
    a_build one
    printf 'FROM tiny\nRUN --mount=type=cache,target=/c echo >/c/x\n' >context/Dockerfile
    rootlet -q build -t mounted context >/dev/null
    sound
    before=$(cd "$ROOTLET_STORE" && ls blobs/sha256 layers owners)
    # as a build that was killed once it had published its layer
    digest=$(printf left | sha256sum | cut -d ' ' -f 1)
    printf left >"$ROOTLET_STORE/blobs/sha256/$digest"
    cp -a "$ROOTLET_STORE/layers/$(ls "$ROOTLET_STORE/layers" | head -1)" "$ROOTLET_STORE/layers/$digest"
    printf '#mtree\n# rootlet owners 1\n' >"$ROOTLET_STORE/owners/$digest"
    cp "$ROOTLET_STORE/owners/$digest" "$ROOTLET_STORE/owners/${digest/?/0}"
    [ "$(unneeded)" -eq 2 ]
    ok rootlet gc --dry-run
    expect_output "layer sha256:$digest"
    [ "$(unneeded)" -eq 2 ]
    ok rootlet gc
    expect_output "Deleted: layer sha256:$digest"
    expect_output "Deleted: blob sha256:$digest"
    equal "$(cd "$ROOTLET_STORE" && ls blobs/sha256 layers owners)" "$before"
    ok rootlet gc
    equal "$output" ""
    sound
    a_build one
}

@test "gc spares what is younger than a process at work, and what that one marked" {
    a_build one
    worker=$(at_work "$(date +%s)")
    rootlet rmi one >/dev/null
    rootlet cache prune -af >/dev/null # in use: stays
    rm -r "$ROOTLET_STORE/cache/steps"
    [ "$(unneeded)" -gt 0 ]
    ok rootlet gc
    equal "$output" ""
    # old enough, and no longer what a name has just been taken from
    find "$ROOTLET_STORE"/{blobs/sha256,owners} -type f -exec touch -d '2 hours ago' {} +
    spared=$(find "$ROOTLET_STORE/owners" -type f | head -1)
    touch "$spared"
    ok rootlet gc
    ok rootlet inspect tiny
    [ -d "$ROOTLET_STORE/layers/${spared##*/}" ]
    rmdir "$worker"
    ok rootlet gc
    [ "$(unneeded)" -eq 0 ]
    sound
}

@test "gc gives back what builds keep, by age and by size, and keeps every image" {
    a_build one
    a_build two
    rootlet rmi two >/dev/null
    steps=$(rootlet cache ls -q | wc -l)
    ok rootlet gc --until 1h
    equal "$(rootlet cache ls -q | wc -l)" "$steps"
    find "$ROOTLET_STORE/cache/steps" -type f -exec touch -d '2 hours ago' {} +
    ok rootlet gc --older-than 1h
    equal "$(rootlet cache ls -q)" ""
    expect_output "cache step"
    [ "$(unneeded)" -eq 0 ]
    a_build three
    a_build four
    rootlet rmi three >/dev/null
    images=$(bytes .Parts.Images.Bytes)
    ok rootlet gc --keep-storage 1k
    expect_stderr "the rest is images"
    equal "$(bytes .Parts.Images.Bytes)" "$images"
    [ "$(bytes .Parts.BuildCache.Bytes)" -eq 0 ]
    ok rootlet run one -- cat /word
    equal "$output" one
    refused rootlet gc --until never
}

@test "builds and gc at the same time are in nobody's way" {
    need_userns
    a_build base
    for n in 1 2 3; do
        mkdir "$n"
        printf 'FROM tiny\nRUN echo %s >/n\nFROM base\nCOPY --from=0 /n /n\nRUN cat /n /word >/both\n' $n >"$n/Dockerfile"
        rootlet -q build -t "image$n" "$n" >"said$n" 2>&1 3>&- &
        pids+=($!)
    done
    for n in 1 2 3 4 5 6; do ok rootlet gc --until 0s; done
    for n in 0 1 2; do wait "${pids[n]}" || { cat said*; return 1; }; done
    for n in 1 2 3; do
        ok rootlet run "image$n" cat /both
        equal "$output" "$n"$'\nbase'
    done
    sound
}

@test "fsck finds what is damaged, and repairs what can be" {
    a_build one
    cd "$ROOTLET_STORE"
    sound
    # a layer's file, its record, the index, a name, a step; and files that are nobody's
    chmod u+w layers/*/word && echo wrong >"$(echo layers/*/word)"
    echo >>index.json
    mkdir -p refs/docker.io/library/half/_tags && : >refs/docker.io/library/half/_tags/1
    echo '{' >"$(find cache/steps -type f ! -name '*.*' | head -1)"
    touch blobs/sha256/nonsense layers/nonsense
    attempt rootlet fsck
    expect_status 1
    for finding in "layer sha256:*word" "name refs/docker.io/library/half/_tags/1" "step cache/steps/" \
        "stray blobs/sha256/nonsense" "stray layers/nonsense"; do
        expect_output "repairable: $finding"
    done
    expect_stderr "not sound"
    attempt rootlet verify store --format json
    expect_status 1
    jq -se 'length >= 5 and all(.Verdict == "repairable")' <<<"$output"
    refused rootlet verify store --by program
    ok rootlet verify store --repair --format json
    jq -se 'length >= 5 and all(.Verdict == "repaired")' <<<"$output"
    sound
    ok rootlet run one -- cat /word
    equal "$output" one
    rm "$(echo owners/* | cut -d ' ' -f 1)"
    ok rootlet fsck --repair
    expect_output "unpacked again"
    echo x >>index.json
    ok rootlet fsck --repair --quick
    expect_output "index.json"
    # what NFS keeps of files that were replaced or deleted while somebody read them
    touch blobs/sha256/.nfs01 refs/docker.io/library/one/_tags/.nfs02 owners/.nfs03
    sound
}

@test "fsck says what is lost, and which image needs it" {
    a_build one
    big=$(find "$ROOTLET_STORE/blobs" -size +100k)
    chmod u+w "$big" && printf damage | dd of="$big" bs=1 seek=5000 conv=notrunc status=none
    attempt rootlet fsck --quick
    expect_status 0
    attempt rootlet fsck
    expect_status 1
    expect_output "repairable: blob sha256:${big##*/}: its bytes have another digest"
    attempt rootlet fsck --repair
    expect_status 1
    expect_output "repaired: blob sha256:${big##*/}"
    expect_output "lost: image docker.io/library/tiny:latest: its layer sha256:${big##*/} is not in the store"
    expect_output "lost: image docker.io/library/one:latest"
    # what it was made from makes it whole again
    rootlet -q import "$(tiny_tar)" tiny
    sound
}
