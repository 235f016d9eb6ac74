# SPDX-License-Identifier: Apache-2.0
# rootlet inside rootlet. An overlay on an overlay on an overlay is more than the kernel stacks, and an
# overlay is no upper directory for another: so these are also the tests of running and building
# without overlayfs.
load ../support/common

# The tiny image has no libraries: rootlet-image runs by the host's loader, the host is at /host.
LIBRARIES=/host/usr/lib/x86_64-linux-gnu:/host/lib/x86_64-linux-gnu:/host/usr/lib64:/host/lib64

setup() {
    common_setup
    need_userns
    readelf -l "$(command -v rootlet)" | grep -q INTERP && skip "this rootlet is not static"
    program=$(dirname "$(command -v rootlet)")/rootlet-image
    loader=$(readlink -f "$(readelf -l "$program" | sed -n 's/.*interpreter: \(.*\)]/\1/p')")
    BUILDER="/host$loader --library-path $LIBRARIES /host$program"
    import_tiny
    mkdir context
    cat >context/Dockerfile <<'D'
FROM tiny
RUN chown 12:34 /etc/passwd && mkdir /made && chown 3:4 /made && echo text >/made/file && rm -rf /root
RUN rm /made/file && mknod /null c 1 3 && echo more >/made/other
D
}

teardown() {
    common_teardown
}


owners() {
    echo 'stat -c "%n %u %g %a %F" /etc/passwd /made /null /made/other; ls /root /made/file 2>&1 | wc -l'
}

@test "'/' of the host can be bound into an image" {
    ok rootlet run -v /:/host:ro tiny sh -c 'cat /host/etc/os-release; touch /host/x 2>&1 || echo refused'
    expect_output "ID="
    expect_output "refused"
}

@test "layers that cannot be stacked are copied, with the owners that show through" {
    # Whiteouts could not be copied onto an overlay: this image has none.
    printf 'FROM tiny\nRUN mkdir /made && chown 3:4 /made\n' | rootlet build -q -t owned -f /dev/stdin context
    cp "$(command -v rootlet)" program
    script='cp -a /outer/. /store/ && /program run --root-emulation none -v /program:/program -v /store:/outer --store /store owned \
        sh -c "cp -a /outer/. /store/ && /program -v run --store /store owned sh -c '"'"'stat -c %u:%g /made; echo deep >/x; cat /x'"'"'"'
    mkdir store
    ok rootlet run --root-emulation none -v "$PWD/program:/program" -v "$ROOTLET_STORE:/outer" owned \
        sh -c "mkdir -p /store && $script"
    expect_stderr "using a copy of the layers"
    expect_output "3:4"
    expect_output "deep"
}

@test "a build goes on without overlayfs and makes the same tree" {
    sed -i '1i FROM tiny AS other\nRUN mkdir /o && echo o >/o/f && chown 7:8 /o/f && ln -s /o /link' context/Dockerfile
    cat >>context/Dockerfile <<'D'
RUN --mount=from=other,source=/link,target=/mnt --mount=target=/ctx,rw --mount=from=tiny,target=/all \
    { stat -c '%n %u:%g' /mnt/f; cat /mnt/f; ls /ctx /all/bin/sh; echo x >/ctx/new; touch /mnt/no 2>&1 || echo refused; } >/made/seen
D
    owners() { echo 'stat -c "%n %u %g %a %F" /etc/passwd /made /null /made/other; ls /root /made/file 2>&1 | wc -l; cat /made/seen'; }
    cp -a "$ROOTLET_STORE" before
    rootlet build -q -t stacked context
    ok rootlet run stacked sh -c "$(owners)"
    expect_output "/mnt/f 7:8"
    with_overlay=$output
    ok rootlet run --root-emulation none -v /:/host -v "$PWD/before:/outer" -v "$PWD/context:/context" tiny sh -c "
        mkdir /store && cp -a /outer/. /store/ &&
        $BUILDER -v --store /store build -t copied /context &&
        /host$(command -v rootlet) --store /store run copied sh -c '$(owners)'"
    expect_stderr "using a copy of the layers"
    equal "$(echo "$output" | tail -n "$(echo "$with_overlay" | wc -l)")" "$with_overlay"
}

@test "under one tap there is no second: a run uses the outer one, a build says what to do" {
    cp "$(command -v rootlet)" program
    tiny_root root
    ok rootlet run -v "$PWD/program:/program" -v "$PWD/root:/root" tiny /program run -u 0 /root sh -c 'id -u; cat /etc/passwd | head -n 1'
    expect_output "0"
    attempt rootlet run -v /:/host -v "$PWD/context:/context" tiny sh -c "
        $BUILDER --store /tmp/store build /context"
    expect_status 125
    expect_stderr "there can be only one"
    expect_stderr "--root-emulation none"
}
