# SPDX-License-Identifier: Apache-2.0
# A Spack of its own for each test, as a user has one in the home: tests/support/fake-spack.

# spack_setup: $SPACK_ROOT, $HOME with what must not be seen, $MIRROR with the sources of the toys.
# What a host's administrator and user did to Spack is done: compilers were found, also one that is
# not there any more inside.
spack_setup() {
    unset SPACK_PYTHON SPACK_ENV ROOTLET_ENV ROOTLET_ACTIVE CPATH LIBRARY_PATH TMPDIR
    export TREE=$PWD/tree HOME=$PWD/home SPACK_ROOT=$PWD/home/spack MIRROR=$PWD/mirror
    mkdir -p "$HOME" "$MIRROR" tree work
    cp -r "$BATS_TEST_DIRNAME/../support/fake-spack" "$SPACK_ROOT"
    spack_pack_sources
    printf 'config:\n  install_tree:\n    root: %s\n  build_stage:\n  - %s/stage\n' "$TREE" "$PWD" \
        >"$SPACK_ROOT/etc/spack/config.yaml"
    spack_host mirror add local "file://$MIRROR"
    spack_host compiler find --scope site
    spack_host external find --scope site
    sed -i 's|f77:.*|f77: /usr/bin/rootlet-no-such-fortran|' "$SPACK_ROOT/etc/spack/compilers.yaml"
}

spack_pack_sources() {
    local name
    for name in toylib toyapp toyleak toygit toyprobe; do
        mkdir -p "$MIRROR/$name"
        tar -C "$SPACK_ROOT/sources" --transform "s|^$name|$name-1.0|" -czf "$MIRROR/$name/$name-1.0.tar.gz" "$name"
    done
}

# spack_host WORDS...: without any jail.
spack_host() {
    "$SPACK_ROOT/bin/spack" "$@" >/dev/null
}

# spack_bait: what a build on the host would find.
spack_bait() {
    printf '[user]\n\tname = bait\n[commit]\n\tgpgsign = true\n[gpg]\n\tprogram = /nonexistent/gpg\n' >"$HOME/.gitconfig"
    mkdir -p "$HOME/.ssh" "$HOME/.gnupg"
    touch "$HOME/.bashrc" "$HOME/.curlrc"
}

need_spack() {
    need python3 gcc make git tar
}
