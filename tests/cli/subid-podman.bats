# SPDX-License-Identifier: Apache-2.0
# rootlet in a container of podman's, under its default profile (doc/why/0022).
load ../support/common

setup() {
    common_setup
    need podman newuidmap
    readelf -l "$(command -v rootlet)" | grep -q INTERP && skip "this rootlet is not static"
    runroot=$(mktemp -d /tmp/rootlet-XXXXXX) # its path may have 50 characters
    podman=(timeout 600 podman --root "$PWD/storage" --runroot "$runroot" --storage-driver vfs
        --cgroup-manager cgroupfs --events-backend none run --rm --cgroups disabled --network host)
    mkdir n && tiny_root n/root && mkdir -p n/root/{dev,proc,sys,n}
    cp "$(command -v rootlet)" n/program
    attempt "${podman[@]}" --rootfs "$PWD/n/root" /bin/true
    [ "$status" -eq 0 ] || skip "podman cannot run here: $(tail -n 1 <<<"$stderr")"
}

teardown() {
    podman unshare rm -rf "$BATS_TEST_TMPDIR/work" "${runroot:-$BATS_TEST_TMPDIR/none}" 2>/dev/null || :
    common_teardown
}

@test "nested: in podman" {
    for inner in auto userns tap ptrace; do
        ok "${podman[@]}" -v "$PWD/n:/n" --rootfs "$PWD/n/root" /n/program run --engine "$inner" /n/root cat /etc/os-release
        expect_output "ID=tiny"
    done
}
