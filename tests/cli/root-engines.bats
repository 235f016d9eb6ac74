# SPDX-License-Identifier: Apache-2.0
# One Dockerfile, every engine, each as the user it is for: the same image.
load ../support/common
load ../support/build

setup() {
    common_setup
    EVERYTHING=$BATS_TEST_DIRNAME/../support/everything
}

teardown() {
    common_teardown
}

# tools_of PROGRAM...: ./tools gets them, with their libraries, at the paths they have here.
tools_of() {
    local file
    mkdir -p tools
    for file in "$@" $(ldd "$@" | grep -o '/[^ :)]*\.so[^ :)]*' | sort -u); do
        cp -L --parents "$file" tools
    done
}

# who_runs ENGINE: the user whose engine it is.
who_runs() {
    case $1 in
    root) echo root ;;
    subid) echo rootlet-subid ;;
    *) echo rootlet-test ;;
    esac
}

# by_user USER CMD...: in an environment of his own; for engines without namespaces, without any to be had
by_user() {
    local user=$1
    shift
    setpriv --reuid "$user" --regid "$user" --init-groups env -u XDG_RUNTIME_DIR -u XDG_DATA_HOME -u ROOTLET_STORE \
        HOME="$(getent passwd "$user" | cut -d: -f6)" USER="$user" TMPDIR=/var/tmp "$@"
}

# build_by ENGINE: its digest becomes a file.
build_by() {
    local user without=()
    user=$(who_runs "$1")
    case $1 in
    tap | ptrace) without=("$DENY" userns,mount) ;;
    esac
    mkdir -p "for-$1" && chown "$user:" "for-$1"
    by_user "$user" "${without[@]}" rootlet -q --store "$PWD/for-$1/store" import "$(tiny_tar)" tiny
    ok by_user "$user" "${without[@]}" rootlet build --progress plain --store "$PWD/for-$1/store" --engine "$1" --no-cache \
        --source-date-epoch 1700000000 --build-context tools="$PWD/tools" -t everything "$PWD/context"
    ok by_user "$user" rootlet inspect --store "$PWD/for-$1/store" everything
    printf '%s\n' "$output" | grep -o 'sha256:[0-9a-f]*' >"layers-$1"
}

@test "engines: everything a build can do gives the same digests by each of them" {
    need gcc setcap setfacl setfattr getcap getfacl newuidmap
    chmod 755 "$BATS_RUN_TMPDIR"
    tools_of "$(command -v gcc)" "$(gcc -print-prog-name=cc1)" "$(command -v "$(gcc -print-prog-name=as)")" \
        "$(command -v setcap)" "$(command -v getcap)" "$(command -v setfacl)" "$(command -v getfacl)" "$(command -v setfattr)"
    mkdir -p context/tree/sub && cp "$EVERYTHING/Dockerfile" context
    echo file >context/tree/file && ln -s file context/tree/link && echo sub >context/tree/sub/file
    chmod 604 context/tree/sub/file
    for engine in userns subid root tap ptrace; do
        build_by "$engine"
    done
    [ "$(wc -l <layers-userns)" -gt 10 ]
    for engine in subid root tap ptrace; do
        echo "engine $engine"
        equal "$(cat "layers-$engine")" "$(cat layers-userns)"
    done
}
