# SPDX-License-Identifier: Apache-2.0
# rootlet build: images that the Dockerfile names are fetched when the store lacks them.
load ../support/common
load ../support/registry
load ../support/build

setup() {
    common_setup
    need docker-registry
    need_userns
    export HOME=$BATS_TEST_TMPDIR/home
    mkdir "$HOME"
    registry_start
    import_tiny
}

teardown() {
    registry_stop
    common_teardown
}

# publish TEXT [REF]: an image in the registry whose /word says TEXT, and none of it in the store.
publish() {
    local ROOTLET_STORE=$BATS_TEST_TMPDIR/publisher
    import_tiny
    printf 'FROM tiny\nRUN echo %s >/word\n' "$1" >publish.Dockerfile
    rootlet build --progress none -f publish.Dockerfile -t "${2:-$REGISTRY/base:1}" . >/dev/null
    rootlet -q push "${2:-$REGISTRY/base:1}" >/dev/null
}

@test "FROM an image that is not here pulls it, and the second build asks nobody" {
    publish one
    dockerfile <<END
FROM $REGISTRY/base:1
RUN cat /word
END
    builds .
    expect_stderr "pulling $REGISTRY/base:1"
    expect_stderr "one"
    registry_stop
    builds .
    cached 1
}

@test "without --pull an image that is here stays as it is, with --pull it is refreshed" {
    publish one
    dockerfile <<END
FROM $REGISTRY/base:1
RUN cat /word
END
    builds .
    publish two
    builds --no-cache .
    expect_stderr "one"
    builds --pull .
    expect_stderr "two"
}

@test "COPY --from and RUN --mount from= fetch images" {
    publish one
    dockerfile <<END
FROM tiny
COPY --from=$REGISTRY/base:1 /word /copied
RUN --mount=type=bind,from=$REGISTRY/base:1,target=/other cat /copied /other/word
END
    builds -t got .
    equal "$(grep -c '^ *one$' <<<"$stderr")" 2
    # once, not once for each step
    equal "$(grep -c pulling <<<"$stderr")" 1
}

@test "a named context that is an image is fetched" {
    publish one
    dockerfile <<'END'
FROM base
RUN cat /word
END
    builds --build-context "base=docker-image://$REGISTRY/base:1" .
    expect_stderr "one"
}

@test "stages that need the same image fetch it once" {
    publish one
    dockerfile <<END
FROM $REGISTRY/base:1 AS a
RUN cp /word /a
FROM $REGISTRY/base:1 AS b
RUN cp /word /b
FROM tiny
COPY --from=a /a /
COPY --from=b /b /
RUN cat /a /b
END
    builds .
    equal "$(grep -c pulling <<<"$stderr")" 1
}

@test "a short name is looked up as registries.conf says" {
    publish one
    mkdir -p "$HOME/.config/containers"
    cat >"$HOME/.config/containers/registries.conf" <<END
[aliases]
"thebase" = "$REGISTRY/base"
END
    dockerfile <<'END'
FROM thebase:1
RUN cat /word
END
    builds .
    expect_stderr "one"
    registry_stop
    builds .
    cached 1
}

@test "an image that is nowhere is named, with the line that asks for it" {
    dockerfile <<END
FROM tiny
RUN true
FROM $REGISTRY/nothing:7
RUN true
END
    refuses .
    expect_stderr "Dockerfile:3: FROM"
    expect_stderr "$REGISTRY/nothing:7"
    expect_stderr "not found"
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

@test "--pull of a digest or an image id needs no registry" {
    publish one
    dockerfile <<END
FROM $REGISTRY/base:1
RUN cat /word
END
    id=$(rootlet build --progress none -t kept .)
    registry_stop
    dockerfile <<END
FROM $id
RUN cat /word # by id
END
    builds --pull .
    expect_stderr "one"
}

@test "a program in the build does not inherit an ignored SIGPIPE" {
    dockerfile <<'END'
FROM tiny
RUN [ $((0x$(sed -n 's/^SigIgn:\t//p' /proc/self/status) & 0x1000)) -eq 0 ]
END
    builds .
}
