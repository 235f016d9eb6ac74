#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images that say whether their files may all become root's: build --ownership and who honours it.
load ../support/common
load ../support/build
load ../support/registry
setup() {
    common_setup
    need_userns
    import_tiny
    dockerfile <<'END'
FROM tiny
RUN touch /kept /run-as && chown 7:8 /kept && chown 9:0 /run-as && chmod 6755 /run-as
END
}
teardown() {
    registry_stop
    common_teardown
}

# owners_of TAR: owner and mode of the two files in an archive of a root.
owners_of() {
    tar --numeric-owner -tvf "$1" | awk '$6 ~ /(kept|run-as)$/ { print $1, $2 }' | sort
}

kept_owners='-rw-r--r-- 7/8
-rwsr-sr-x 9/0'
# the set-user-id bit that would have become root's is gone, root's own set-group-id bit is not
flat_owners='-rw-r--r-- 0/0
-rwxr-sr-x 0/0'

@test "an image that is not marked keeps its owners, or not, as asked" {
    builds -t made .
    ok rootlet export made -o kept.tar
    equal "$(owners_of kept.tar)" "$kept_owners"
    ok rootlet export --ownership flatten made -o flat.tar
    equal "$(owners_of flat.tar)" "$flat_owners"
    ok rootlet run --ownership flatten made stat -c %u:%g:%a /kept /run-as
    equal "$output" $'0:0:644\n0:0:2755'
    ok rootlet run made stat -c %u:%g:%a /kept /run-as
    equal "$output" $'7:8:644\n9:0:6755'
}

@test "the mark is a label of the config and an annotation of the manifest" {
    need skopeo python3
    builds --ownership disallow -t made .
    ok rootlet save --format oci -o layout made
    ok skopeo inspect --config oci:layout
    expect_output '"org.rootlet.ownership-flatten": "disallow"'
    ok skopeo inspect --raw oci:layout
    expect_output '"org.rootlet.ownership-flatten":"disallow"'
}

@test "require: export, save and run make everything root's, and refuse to keep owners" {
    builds --ownership require -t made .
    ok rootlet export made -o flat.tar
    equal "$(owners_of flat.tar)" "$flat_owners"
    ok rootlet run made stat -c %u:%g /kept
    equal "$output" 0:0
    refused rootlet export --ownership keep made -o kept.tar
    expect_stderr "org.rootlet.ownership-flatten=require"
    [ ! -e kept.tar ]
    refused rootlet run --ownership keep made true
    ok rootlet save --format oci -o layout made
    ok rootlet --store "$PWD/other" import ./layout again
    ok rootlet --store "$PWD/other" export again -o again.tar
    equal "$(owners_of again.tar)" "$flat_owners"
}

@test "disallow: nobody makes everything root's" {
    builds --ownership disallow -t made .
    refused rootlet export --ownership flatten made -o flat.tar
    refused rootlet push --ownership flatten made 127.0.0.1:9/x
    refused rootlet run --ownership flatten made true
    refused rootlet run --root-emulation none made true
    ok rootlet export made -o kept.tar
    equal "$(owners_of kept.tar)" "$kept_owners"
}

@test "push sends what the mark requires, and shares the layers that name no other owner" {
    need docker-registry
    registry_start
    builds --ownership require -t made .
    ok rootlet push made "$REGISTRY/made"
    ok rootlet push --ownership flatten tiny "$REGISTRY/tiny"
    ok rootlet --store "$PWD/other" pull "$REGISTRY/made"
    ok rootlet --store "$PWD/other" export "$REGISTRY/made" -o flat.tar
    equal "$(owners_of flat.tar)" "$flat_owners"
    ok rootlet inspect tiny --format '{{json .RootFS.Layers}}'
    base=$output
    ok rootlet --store "$PWD/other" inspect "$REGISTRY/made" --format '{{json .RootFS.Layers}}'
    [[ $output == "${base%]}"* ]]
}

@test "an image from a marked one is marked alike, unless it says otherwise" {
    builds --ownership require -t made .
    dockerfile <<'END'
FROM made
RUN touch /more && chown 5:5 /more
END
    builds -t child .
    refused rootlet run --ownership keep child true
    builds --ownership allow -t free .
    ok rootlet run free stat -c %u:%g /more
    equal "$output" 5:5
}

@test "a mark that is no word of ours is an error, not a guess" {
    builds --label org.rootlet.ownership-flatten=perhaps -t made .
    refused rootlet export made -o out.tar
    expect_stderr "perhaps"
    refused rootlet build --ownership maybe -t made .
}
