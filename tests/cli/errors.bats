# SPDX-License-Identifier: Apache-2.0
# What cannot be done is said in one line that names it, with status 125, and nothing stays behind.
load ../support/common

setup() {
    common_setup
    import_tiny >/dev/null
    mkdir folder context
    : >empty
    head -c 3000 /bin/busybox >junk 2>/dev/null || head -c 3000 "$BASH" >junk
    ln -s nowhere dangling
    ln -s loop loop
    printf x >locked
    chmod 0 locked
    printf 'FROM tiny\nLABEL a=b\n' >context/Dockerfile
}

teardown() {
    common_teardown
}

# one_error NAMED CMD...: one line of error, which holds NAMED, and perhaps a hint; nothing else.
one_error() {
    local named=$1
    shift
    attempt "$@"
    expect_status 125
    [ "$(grep -c '^rootlet [^ ]*: error: ' <<<"$stderr")" -eq 1 ] || { show; return 1; }
    [ -z "$(grep -v -e '^rootlet [^ ]*: error: ' -e '^hint: ' <<<"$stderr")" ] || { show; return 1; }
    fails grep -q '[[:cntrl:]]' <<<"$stderr"
    expect_stderr "$named"
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

@test "a file that is missing, of another kind or not to be read is named, by every command that takes one" {
    local name
    for name in missing folder empty junk loop locked; do
        [ "$name" = folder ] || one_error "$name" rootlet run "./$name" true
        [ "$name" = folder ] || one_error "$name" rootlet import "$name"
        one_error "$name" rootlet load -i "$name"
        one_error "$name" rootlet build -q "./$name"
        [ "$name" = empty ] || one_error "$name" rootlet run --env-file "$name" tiny true
    done
    for name in missing folder dangling loop locked; do
        one_error "$name" rootlet root -i "$name" true
        [ "$name" = folder ] || one_error "$name" rootlet build -q --secret "id=x,src=$name" context
    done
    for name in missing dangling loop; do
        one_error "$name" rootlet run -v "./$name:/x" tiny true
    done
    one_error context/nowhere rootlet build -q -f context/nowhere context
    one_error folder rootlet export -o folder tiny
    one_error folder rootlet save -o folder tiny
    one_error nowhere/out rootlet export -o nowhere/out tiny
}

@test "a name that is none is named, by every command that takes one" {
    local bad
    for bad in UPPER 'sn☃w' "$(printf '%0300d' 0)" ''; do
        one_error "${bad:0:20}" rootlet run "$bad" true
        one_error "${bad:0:20}" rootlet tag tiny "$bad"
        one_error "${bad:0:20}" rootlet rmi "$bad"
        one_error "${bad:0:20}" rootlet inspect "$bad"
        one_error "${bad:0:20}" rootlet history "$bad"
        one_error "${bad:0:20}" rootlet save -o out "$bad"
        one_error "${bad:0:20}" rootlet export -o out "$bad"
        one_error "${bad:0:20}" rootlet push --retry 0 tiny "$bad"
        one_error "${bad:0:20}" rootlet build -q -t "$bad" context
        [ ! -e out ]
    done
    one_error "'s390y' is neither" rootlet build -q --platform s390y context
    one_error "'a/b/c/d' is not OS/ARCH" rootlet build -q --platform a/b/c/d context
    one_error "unexpected 'x'" rootlet version x
    one_error "'nonsense'" rootlet help nonsense
    one_error "no such command" rootlet nonsense
}

@test "control characters in a name reach no terminal" {
    local bad
    bad=$(printf 'a\n\033[31m\302\233b')
    printf x >"$bad"
    one_error 'a\\n\\x1b\[31m\\xc2\\x9bb' rootlet inspect "$bad"
    one_error 'a\\n\\x1b\[31m\\xc2\\x9bb' rootlet import "$bad"
    one_error 'a\\n\\x1b\[31m\\xc2\\x9bb' rootlet run "./$bad"
    one_error 'a\\n\\x1b\[31m\\xc2\\x9bb' rootlet "$bad"
    one_error 'a\\n\\x1b\[31m\\xc2\\x9bb' rootlet run --hostname "$bad" tiny true
    attempt rootlet --log-format json inspect "$bad"
    attempt rootlet inspect --log-format json "$bad"
    expect_status 125
    expect_stderr 'a\\n\\u001b\[31m'
}

@test "the error of a root tar is told once, by the command that was typed" {
    : >nothing.tar
    one_error "rootlet run: error: root: './nothing.tar': *cut short" rootlet run ./nothing.tar true
    printf 'hsqs%092d' 0 >root.squashfs
    one_error "root: './root.squashfs': squashfs: not version 4.0 of squashfs" rootlet run ./root.squashfs true
    one_error "'root.squashfs': squashfs: not version 4.0 of squashfs" rootlet import root.squashfs
    one_error "rootlet run: error: root: '/dev/zero': *more than 64 MiB follow" rootlet run /dev/zero true
}

@test "what cannot be mounted there is refused, and said why: over the root, a file over a directory" {
    mkdir data
    echo x >file
    for target in / // /. /etc/.. /../.; do
        one_error "over the root itself ('$target')" rootlet run -v "./data:$target" tiny true
        one_error "over the root itself ('$target')" rootlet run --tmpfs "$target" tiny true
    done
    one_error "only a directory can be mounted over a directory" rootlet run -v ./file:/etc tiny true
    one_error "a directory cannot be mounted over what is no directory" rootlet run -v ./data:/etc/passwd tiny true
    ok rootlet run -v ./data:/..data tiny ls -d /..data
}

@test "what is asked of a box is checked: host names, variables, commands" {
    one_error "'a/b'" rootlet run --hostname a/b tiny true
    one_error "--hostname ''" rootlet run --hostname '' tiny true
    one_error "1 to 64 letters" rootlet run --hostname "$(printf %065d 1)" tiny true
    one_error "--uts host" rootlet run --hostname a --uts host tiny true
    printf 'GOOD=1\nbad name=2\n' >variables
    one_error "'variables' line 2: the name 'bad name' has blanks" rootlet run --env-file variables tiny true
    printf 'A=\0\n' >variables
    one_error "NUL" rootlet run --env-file variables tiny true
    need_userns
    attempt rootlet run tiny ''
    expect_status 127
    mkdir -p root/bin
    cp "$(command -v busybox)" root/bin/sh
    install -D -m 644 /dev/null root/first/tool
    printf '#!/bin/sh\necho found\n' | install -D -m 755 /dev/stdin root/second/tool
    ok rootlet run -e PATH=/first:/second ./root tool
    equal "$output" found
    attempt rootlet run -e PATH=/first:/bin ./root tool
    expect_status 126
    expect_stderr "execute '/first/tool': Permission denied"
}

# full CMD...: its output goes where nothing can be written, then nowhere.
full() {
    for to in /dev/full -; do
        status=0
        if [ "$to" = - ]; then "$@" >&- 2>stderr || status=$?; else "$@" >"$to" 2>stderr || status=$?; fi
        stderr=$(cat stderr) output=
        [ "$status" -eq 125 ] || { echo "status $status: $* >$to: $stderr" >&2; return 1; }
        expect_stderr ": error: "
    done
}

@test "a result that cannot be written is an error, also where standard output is closed" {
    full rootlet images
    full rootlet images --format json
    full rootlet inspect tiny
    full rootlet history tiny
    full rootlet help
    full rootlet run --help
    full rootlet version
    full rootlet --version
    full rootlet completion bash
    full rootlet doctor
    full rootlet doctor --json
    full rootlet save tiny
    full rootlet export tiny
    full rootlet build -q context
    full rootlet run --dry-run tiny true
    full rootlet cache ls
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

@test "a store that cannot be is named with what hinders it" {
    mkdir readonly
    chmod 500 readonly
    one_store_error "make directory '$PWD/readonly/a': Permission denied" "$PWD/readonly/a/b"
    expect_stderr "hint: --store DIR or "
    one_store_error "'$PWD/empty': open: Not a directory" "$PWD/empty"
    one_store_error "it holds 'Dockerfile'" "$PWD/context"
    attempt env -u ROOTLET_STORE -u XDG_DATA_HOME HOME=/nonexistent rootlet images
    expect_status 125
    expect_stderr "store '/nonexistent/.local/share/rootlet': make directory '/nonexistent': "
    attempt rootlet doctor --for pull --store "$PWD/empty"
    expect_status 1
    expect_output "Not a directory"
}

one_store_error() {
    local command
    for command in images "import folder" "build -q context" "run tiny true" "cache ls" "rmi x" "load -i junk" "save x"; do
        # shellcheck disable=SC2086
        ROOTLET_STORE=$2 attempt rootlet $command
        expect_status 125
        expect_stderr "error: store "
        expect_stderr "$1"
    done
}
