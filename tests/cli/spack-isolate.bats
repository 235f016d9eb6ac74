# SPDX-License-Identifier: Apache-2.0
# spack isolate: the extension with the words of the paper "Generate a Reproducible Environment for
# Spack", the redirections of Spack itself, and the recipe for user-chroot.
load ../support/common
load ../support/spack

setup() {
    spack_setup
    PLUGINS=$ROOTLET_TEST_STAGE/plugins/spack
    printf '  extensions:\n  - %s\n' "$PLUGINS/spack-isolate" >>"$SPACK_ROOT/etc/spack/config.yaml"
    CHOICE=$SPACK_ROOT/etc/spack/rootlet-environment
    spack=$SPACK_ROOT/bin/spack
}

teardown() {
    spack_teardown
}

@test "an environment is made, used when none is named, shown and removed; what was installed stays" {
    ok "$spack" isolate --build-environment env --permanent --from host --hide /usr/include/zlib.h
    expect_output "source *host"
    equal "$(cat "$CHOICE")" "$PWD/env"
    ok rootlet spack -- install toyapp
    ok "$spack" isolate --status
    expect_output "/usr/include/zlib.h"
    ok "$spack" rootlet --status # where Spack has an `isolate` of its own
    attempt "$spack" isolate --cli -- sh -c 'exit 7'
    expect_status 7
    ok "$spack" isolate --cli -- printf '%s|' 'a b' '' "c'd" --force
    equal "$output" "a b||c'd|--force|"
    attempt "$ROOTLET_TEST_STAGE/tests/support/terminal" 'expect:(env) $' 'send:spack find; exit 7\n' -- "$spack" isolate --cli
    expect_status 7
    expect_output toylib
    ok "$spack" isolate --remove-environment
    [ ! -e env ]
    [ ! -e "$CHOICE" ]
    equal "$("$(prefix_of toyapp)/bin/app")" toy
    attempt "$spack" isolate --status
    expect_status 125
    expect_stderr "has no environment"
}

@test "what cannot be made leaves nothing behind, and what is somebody's is not touched" {
    attempt "$spack" isolate --build-environment env --from files:missing
    expect_status 125
    printf 'exe:sh\n' >list # no python: Spack does not run in it
    attempt "$spack" isolate --build-environment env --from files:list
    expect_status 125
    expect_stderr "compilers of"
    equal "$(ls -d env* 2>/dev/null)" ""
    attempt "$spack" isolate --build-environment "$SPACK_ROOT/jail" --from host
    expect_status 125
    expect_stderr "in Spack's own folder"
    [ ! -e "$SPACK_ROOT/jail" ]
    attempt "$spack" isolate --build-environment work --from host --tarball x
    expect_status 125
    touch work/mine
    attempt "$spack" isolate --build-environment work --from host
    expect_status 125
    equal "$(ls work)" mine
    attempt "$spack" isolate
    expect_status 125
    local word
    for word in --start-daemon --stop-daemon -f '-r remote' --permanent; do
        attempt "$spack" isolate $word
        expect_status 125
        expect_stderr "spack isolate: error: ${word% *}"
    done
    attempt env PATH=/usr/bin:/bin "$spack" isolate --build-environment env
    expect_status 125
    expect_stderr "rootlet is not on PATH"
    [ ! -e "$CHOICE" ]
}

@test "activate sends Spack inside, called by a path or by its name, and its settings stay outside" {
    spack_bait
    ok rootlet isolate create env --from host --hide /usr/include/zlib.h
    ok sh -c '. ./env/activate && "$SPACK_ROOT/bin/spack" install toyprobe && deactivate && echo "left ${SPACK_PYTHON:-}"'
    expect_output "left "
    equal "$(cat "$(prefix_of toyprobe)/share/seen")" ""
    attempt sh -c '. ./env/activate && unset SPACK_PYTHON && spack install toyleak'
    expect_status 1
    expect_stderr "zlib not found"
    ok sh -c '. ./env/activate && spack mirror add other file:///other && spack config add config:debug:true && spack-python -c "print(6 * 7)"'
    expect_output 42
    grep -q 'other: file:///other' "$HOME/.spack/mirrors.yaml"
    grep -q 'debug: true' "$HOME/.spack/config.yaml"
    ok rootlet spack env -- config get mirrors
    expect_output "other: file:///other"
}

@test "a recipe that depends on user-chroot gets rootlet, and shields one tool in one phase" {
    local repository=$SPACK_ROOT/var/spack/repos/builtin
    spack_bait
    mkdir -p installed/share/rootlet installed/bin installed/libexec/rootlet
    cp -r "$PLUGINS" installed/share/rootlet
    cp "$(command -v rootlet)" installed/bin
    cp "$(dirname "$(command -v rootlet)")/rootlet-image" installed/libexec/rootlet
    printf 'repos:\n- %s\n' "$PWD/installed/share/rootlet/spack/repository" >"$SPACK_ROOT/etc/spack/repos.yaml"
    mkdir "$repository/packages/toyshield"
    cat >"$repository/packages/toyshield/package.py" <<'RECIPE'
from spack.package import *


class Toyshield(Package):
    has_code = False
    version("1.0")
    depends_on("user-chroot", type="build")

    def install(self, spec, prefix):
        which("git")("init", "-q", "repository")
        shielded = which("rootlet")
        shielded("run", "--host-root", "--pure", "--", "git", "-C", "repository", "-c", "user.name=toy", "-c",
                 "user.email=toy@localhost", "commit", "-q", "--allow-empty", "-m", "toy")
        which("git")("clone", "-q", "repository", prefix + "/repository")
RECIPE
    sed -i '/f77/d' "$SPACK_ROOT/etc/spack/compilers.yaml"
    ok "$spack" install toyshield
    [ -L "$(prefix_of rootlet)/bin/user-chroot" ]
    equal "$(git -C "$(prefix_of toyshield)/repository" log --format=%s)" toy
}
