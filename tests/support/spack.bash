# SPDX-License-Identifier: Apache-2.0
# A Spack of its own for each test, as a user has one in the home: tests/support/fake-spack. After
# common.bash.

# spack_setup: $SPACK_ROOT, $HOME with what must not be seen, $MIRROR with the sources of the toys.
# What a host's administrator and user did to Spack is done: compilers were found, also one that is
# not there any more inside.
spack_setup() {
    common_setup
    need_userns
    need python3 gcc make git tar
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

# What the toys are built with.
PACKAGES=(gcc libc6-dev make python3 tar gzip git)

# spack_bait: what a build on the host would find: settings, a variable, a process, a file.
spack_bait() {
    printf '[user]\n\tname = bait\n[commit]\n\tgpgsign = true\n[gpg]\n\tprogram = /nonexistent/gpg\n' >"$HOME/.gitconfig"
    mkdir -p "$HOME/.ssh" "$HOME/.gnupg"
    touch "$HOME/.bashrc" "$HOME/.curlrc"
    export BAIT_VARIABLE=1
    if [ -z "${BAIT:-}" ]; then
        bash -c 'exec -a bait-process sleep 100000' 3>&- >/dev/null 2>&1 &
        BAIT=$!
    fi
}

# spack_list: what the toys are built with, as a list of files, small and without git.
spack_list() {
    printf 'pkg:%s\n' gcc libc6-dev make python3-minimal libpython3-stdlib tar gzip
    printf 'exe:%s\n' sh sed grep cat cp mkdir tr env
    printf '!%s\n' /usr/share '/usr/lib/*/*.a' '/usr/lib/gcc/*/*/*.a' '/usr/lib/gcc/*/*/lto1' '/usr/bin/*-lto-dump*' '/usr/lib/*/lib*san.so.*'
    printf '%s\n' '/usr/lib/gcc/*/*/libgcc*.a' '/usr/lib/*/libc_nonshared.a'
}

spack_teardown() {
    [ -z "${BAIT:-}" ] || kill "$BAIT" || :
    common_teardown
}

# spack_root_tar FILE: a root made of it, once for each file of tests.
spack_root_tar() {
    local made=$BATS_FILE_TMPDIR/root.tar
    if [ ! -e "$made" ]; then
        spack_list >"$BATS_TEST_TMPDIR/root.list"
        rootlet -q isolate create "$BATS_TEST_TMPDIR/files" --from "files:$BATS_TEST_TMPDIR/root.list"
        rootlet -q isolate export "$BATS_TEST_TMPDIR/files" -o "$made.part"
        mv "$made.part" "$made"
    fi
    ln -s "$made" "$1"
}

# prefix_of PACKAGE: where it is installed.
prefix_of() {
    echo "$TREE/$1-1.0-k3zq4fnd"
}
