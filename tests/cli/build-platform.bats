# SPDX-License-Identifier: Apache-2.0
# rootlet build --platform: what cannot run here is refused before anything is done.
load ../support/common
load ../support/build

setup() {
    common_setup
    need_userns
    import_tiny
    case $(uname -m) in
    x86_64) here=linux/amd64 there=linux/arm64 ;;
    aarch64) here=linux/arm64 there=linux/amd64 ;;
    *) skip "neither x86_64 nor aarch64" ;;
    esac
}

teardown() {
    common_teardown
}

@test "this machine's platform may be named" {
    dockerfile <<'END'
FROM tiny
ARG TARGETPLATFORM
RUN echo "for $TARGETPLATFORM"
END
    builds --platform "$here" .
    expect_stderr "for $here"
}

@test "RUN for another platform is refused by name, before the first step" {
    dockerfile <<'END'
FROM tiny
RUN echo should not run
END
    refuses --platform "$there" .
    expect_stderr "Dockerfile:2: RUN: a command for $there cannot run on this machine ($here)"
    [[ $stderr != *"should not run"$'\n'*"should not run"* ]]
    dockerfile <<END
FROM tiny AS first
RUN echo first
FROM --platform=$there tiny
COPY --from=first /etc/passwd /
RUN true
END
    refuses .
    expect_stderr "Dockerfile:5: RUN: a command for $there"
}

@test "a stage without RUN is built for another platform, from one that runs here" {
    dockerfile <<'END'
FROM --platform=$BUILDPLATFORM tiny AS make
ARG TARGETARCH
RUN echo "made for $TARGETARCH" >/out
FROM scratch
COPY --from=make /out /out
END
    builds --platform "$there" -t foreign .
    ok rootlet inspect foreign
    expect_output "\"Architecture\": \"${there#*/}\""
}

@test "several platforms at once are refused" {
    dockerfile <<'END'
FROM tiny
END
    refuses --platform "$here,$there" .
    expect_stderr "one platform at a time"
}
