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

# The table of doc/why/0022: rootlet in what is around it.

# inner ENGINE OUTER...: what `run --engine ENGINE` says inside of it, in a root of its own below $PWD/n, which
# is at /n there, with a directory bound.
inner() {
    local engine=$1
    shift
    attempt "$@" /n/program run --engine "$engine" -v /n/bound:/bound /n/root sh -c 'cat /etc/os-release /bound/file && id -u'
}

# works ENGINE OUTER... / explained ENGINE REASON OUTER...
works() {
    inner "$@"
    expect_status 0 || { echo "$*" >&2; return 1; }
    equal "$output" "$(tar -xOf "$(tiny_tar)" ./etc/os-release)
bound
$(id -u)"
}

explained() {
    local engine=$1 reason=$2
    shift 2
    inner "$engine" "$@"
    expect_status 125 || { echo "$*" >&2; return 1; }
    expect_stderr "$reason"
    expect_stderr "hint: "
}

nest() {
    mkdir -p n/bound && tiny_root n/root && mkdir -p n/root/{dev,proc,sys,mnt,n}
    echo bound >n/bound/file
    cp "$(command -v rootlet)" n/program
}

@test "nested: in userns everything, in tap and ptrace the reason is told" {
    local outer inner
    nest
    for inner in auto userns tap ptrace; do
        works "$inner" rootlet run --engine userns --write -v "$PWD/n:/n" ./n/root
        for outer in tap ptrace; do
            explained "$inner" "another rootlet, whose $outer refuses" rootlet run --engine "$outer" --write -v "$PWD/n:/n" ./n/root
        done
    done
    attempt rootlet run --engine tap --write -v "$PWD/n:/n" ./n/root /n/program doctor
    expect_output "hint: this runs inside another rootlet, whose tap refuses"
    attempt rootlet run --engine ptrace --write -v "$PWD/n:/n" ./n/root /n/program doctor
    expect_output "hint: this runs inside another rootlet, whose ptrace refuses"
}

@test "nested: where a container's filter refuses namespaces and mounts, tap and ptrace remain" {
    nest
    for inner in tap ptrace auto; do
        attempt env container=docker "$DENY" userns,mount rootlet run --engine "$inner" -v ./n/bound:/bound ./n/root cat /bound/file
        expect_status 0
        equal "$output" bound
    done
    attempt env container=docker "$DENY" userns,mount rootlet run --engine userns ./n/root true
    expect_status 125
    expect_stderr "a seccomp filter refuses user namespaces (this is a container: docker)"
}

@test "nested: in bubblewrap, and bubblewrap in us" {
    need bwrap
    nest
    bwrap --ro-bind / / --unshare-user true || skip "bwrap cannot run here"
    for inner in auto userns tap ptrace; do
        works "$inner" bwrap --bind n/root / --bind n /n --dev /dev --proc /proc --tmpfs /tmp --unsetenv TMPDIR --unshare-user --unshare-pid
    done
    ok rootlet run --engine userns --host-root bwrap --ro-bind / / --dev /dev echo fine
    equal "$output" fine
    for outer in tap ptrace; do
        attempt rootlet run --engine $outer --host-root bwrap --ro-bind / / --dev /dev echo fine
        [ "$status" -ne 0 ]
        expect_stderr bwrap
    done
}

@test "nested: in charliecloud, and charliecloud in us" {
    need ch-run
    nest
    ch-run n/root -- true || skip "ch-run cannot run here"
    for inner in auto userns tap ptrace; do
        works "$inner" ch-run --unset-env='*' -b n:/n n/root --
    done
    ok rootlet run --engine userns --host-root ch-run n/root -- echo fine
    equal "$output" fine
}
