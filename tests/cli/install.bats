# SPDX-License-Identifier: Apache-2.0
# What is installed works from where it is installed, below a DESTDIR as well.
load ../support/common

setup() {
    common_setup
    INSTALLED=$ROOTLET_TEST_STAGE/installed
    bin=$(find "$INSTALLED" -path '*/bin/rootlet')
    share=${bin%/bin/rootlet}/share
    # nothing of the build is found
    PATH=${bin%/rootlet}:/usr/local/bin:/usr/bin:/bin
}

teardown() {
    common_teardown
}

@test "the installed program imports, runs and builds, by way of the installed other" {
    need_userns
    [ "$(command -v rootlet)" = "$bin" ]
    ok rootlet import "$(tiny_tar)" tiny
    ok rootlet run tiny echo ran
    equal "$output" ran
    printf 'FROM tiny\nRUN chown 3:4 /etc/passwd && stat -c %%u:%%g /etc/passwd\n' >Dockerfile
    ok rootlet build --progress plain .
    expect_stderr "3:4"
    equal "$(ls "${bin%/bin/rootlet}/libexec/rootlet")" "$(printf "%s\n" rootlet-image rootlet-pack)"
}

@test "every command has its page where man looks, and shells their completions" {
    local command
    for command in run build pull images doctor; do
        [ -s "$share/man/man1/rootlet-$command.1" ] || [ ! -e "$ROOTLET_TEST_STAGE/build/doc/rootlet.1" ]
    done
    bash -c '. "$1" && complete -p rootlet' - "$share/bash-completion/completions/rootlet"
    [ -s "$share/zsh/site-functions/_rootlet" ]
    [ -s "$share/fish/vendor_completions.d/rootlet.fish" ]
}

@test "nothing installed can be written by others, and programs are no set-id programs" {
    equal "$(find "$INSTALLED" ! -type l -perm /6022)" ""
}
