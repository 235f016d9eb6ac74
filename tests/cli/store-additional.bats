# SPDX-License-Identifier: Apache-2.0
# Stores of others ($ROOTLET_ADDITIONAL_STORES): images are found and run from there, layers shared,
# and nothing is written.
load ../support/common
load ../support/build

setup() {
    common_setup
    need jq
    need_userns
    own=$ROOTLET_STORE site=$BATS_TEST_TMPDIR/site
    export ROOTLET_STORE=$site
    import_tiny
    printf 'FROM tiny\nRUN mkdir /opt && echo site >/opt/file && chown 5:6 /opt/file\n' >Dockerfile
    rootlet -q build -t site/lib .
    find "$site" -path "$site/layers/*/*" -prune -o -path "$site/layers/*" -o -exec chmod a-w {} +
    export ROOTLET_STORE=$own ROOTLET_ADDITIONAL_STORES=$BATS_TEST_TMPDIR/nowhere:$site
    before=$(everything)
}

teardown() {
    chmod -R u+w "$site"
    common_teardown
}

everything() {
    (cd "$site" && find . -printf '%p %s %T@ %C@ %m\n' | sort)
}

untouched() {
    equal "$(everything)" "$before"
}

@test "images of an additional store are listed, inspected, run and exported, and never changed" {
    ok rootlet images
    expect_output "SIZE *R/O"
    expect_output "site/lib * true"
    ok rootlet images --format json
    equal "$(jq -r .ReadOnlyStore <<<"$output" | sort -u)" "$site"
    ok rootlet run site/lib -- sh -c 'cat /opt/file; stat -c %u:%g /opt/file; rm -r /opt; ls /opt 2>&1 || echo gone'
    expect_output "site"
    expect_output "5:6"
    expect_output "gone"
    ok rootlet run --pull never "$(rootlet images -q site/lib)" -- true
    ok rootlet export site/lib -o lib.tar
    tar -tf lib.tar | grep -q opt/file
    ok rootlet inspect -f '{{.RepoTags}}' site/lib
    for id in site/lib "$(rootlet images -q tiny)"; do
        refused rootlet rmi "$id"
        expect_stderr "in the additional store '$site'"
    done
    expect_empty_dir "$own/layers"
    expect_empty_dir "$own/blobs/sha256"
    untouched
}

@test "what is made of such an image shares its layers, and the store stays sound" {
    printf 'FROM site/lib\nRUN echo own >>/opt/file\n' >Dockerfile
    ok rootlet -q build -t mine .
    equal "$(ls "$own/layers" | wc -l)" 1
    ok rootlet run mine -- sh -c 'cat /opt/file; stat -c %u:%g /opt/file'
    equal "$output" $'site\nown\n5:6'
    ok rootlet tag site/lib mine:again
    for n in 1 2; do
        ok rootlet fsck
        equal "$output" ""
        ok rootlet gc --until 0s
    done
    ok rootlet run mine:again -- test -f /opt/file
    ok rootlet rmi mine mine:again
    equal "$(ls "$own/layers")" ""
    # a name of one's own hides the other
    rootlet -q import -c 'CMD ["echo", "hidden"]' "$(tiny_tar)" site/lib
    ok rootlet run site/lib
    equal "$output" hidden
    ok rootlet rmi site/lib
    untouched
}

@test "without overlayfs the layers are taken from there, too" {
    need_deny
    for how in "" --read-only; do
        # shellcheck disable=SC2086 # none or one
        ok deny new-mount,mount rootlet run --engine tap $how site/lib -- cat /opt/file
        equal "$output" site
    done
    untouched
}

@test "what is no store is refused" {
    ROOTLET_ADDITIONAL_STORES=$PWD refused rootlet images
    expect_stderr "not a rootlet store"
}
