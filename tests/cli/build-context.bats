# SPDX-License-Identifier: Apache-2.0
# rootlet build: where the context and the Dockerfile come from.
load ../support/common
load ../support/build

setup() {
    common_setup
    need_userns
    import_tiny
}

teardown() {
    web_stop
    common_teardown
}

# context: ./ctx with a Dockerfile that shows what COPY . brings.
context() {
    mkdir -p ctx/sub
    echo hello >ctx/hello
    echo left out >ctx/ignored
    printf '#!/bin/sh\necho ran\n' >ctx/sub/tool
    chmod 755 ctx/sub/tool
    ln -s ../hello ctx/sub/link
    echo ignored >ctx/.dockerignore
    dockerfile ctx/Dockerfile <<'END'
FROM tiny
COPY . /ctx
RUN cd /ctx && find . -type f -o -type l | sort && cat sub/link && sub/tool && stat -c '%u:%g %a %n' hello sub/tool
END
}

expect_context() {
    expect_stderr "hello*ran*0:0 644 hello*0:0 755 sub/tool"
    fails grep -q 'ignored' <<<"$stderr"
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

@test "a directory, as a relative path, an absolute one and through a symlink" {
    context
    builds ctx
    expect_context
    ln -s ctx through
    for path in "$PWD/ctx" through ./ctx/../ctx/; do
        builds "$path"
        cached 2
    done
}

@test "a tar file is the same context, however it is compressed" {
    need zstd xz bzip2
    context
    builds ctx
    tar -C ctx -cf ctx.tar .
    gzip -k ctx.tar
    zstd -q ctx.tar
    xz -k ctx.tar
    bzip2 -k ctx.tar
    # the same names, modes and contents: the cache knows them whatever they came from
    for file in ctx.tar ctx.tar.gz ctx.tar.zst ctx.tar.xz ctx.tar.bz2; do
        builds "$file"
        cached 2
        expect_empty_dir "$ROOTLET_STORE/tmp"
    done
    rm -rf "$ROOTLET_STORE"
    import_tiny
    builds ctx.tar
    expect_context
}

@test "a tar on standard input" {
    context
    builds - < <(tar -C ctx -cz .)
    expect_context
    tar -C ctx -cf ctx.tar .
    builds - <ctx.tar
    cached 2
}

@test "a tar keeps what is no layer: names like whiteouts, unreadable files, hard links" {
    mkdir ctx
    echo one >ctx/.wh.one
    echo two >ctx/one
    ln ctx/one ctx/two
    dockerfile ctx/Dockerfile <<'END'
FROM tiny
COPY --exclude=.wh.* . /ctx
RUN --mount=type=bind,target=/all cd /ctx && cat /all/.wh.one one two && stat -c '%a %n' closed shut
END
    python3 - <<'END'
import io, tarfile
with tarfile.open("ctx.tar", "w") as tar:
    for name in ("Dockerfile", ".wh.one", "one"):
        tar.add("ctx/" + name, name)
    link = tarfile.TarInfo("two")
    link.type, link.linkname = tarfile.LNKTYPE, "one"
    tar.addfile(link)
    for name, kind, mode in (("closed", tarfile.REGTYPE, 0), ("shut", tarfile.DIRTYPE, 0o500)):
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = kind, mode
        tar.addfile(entry, io.BytesIO(b""))
END
    builds - <ctx.tar
    expect_stderr "one*two*two*0 closed*500 shut"
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

@test "a tar that leads out of itself is refused and nothing stays" {
    printf 'FROM tiny\n' >Dockerfile
    ln -s /etc link
    for name in ../outside link/passwd; do
        python3 - "$name" <<'END'
import io, sys, tarfile
with tarfile.open("bad.tar", "w") as tar:
    tar.add("Dockerfile")
    tar.add("link")
    tar.addfile(tarfile.TarInfo(sys.argv[1]), io.BytesIO(b""))
END
        refuses - <bad.tar
        expect_stderr "build context '-'"
        expect_empty_dir "$ROOTLET_STORE/tmp"
    done
    [ ! -e ../outside ]
    python3 -c 'import os; os.truncate("bad.tar", 700)'
    refuses bad.tar
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

@test "a Dockerfile alone on standard input has no files" {
    builds - <<'END'
FROM tiny
RUN echo alone
END
    expect_stderr "alone"
    refuses - <<'END'
FROM tiny
COPY nothing /
END
    expect_stderr "'nothing' is not there"
    refuses - </dev/null
    expect_stderr "it is empty"
    refuses - </bin/ls
    expect_stderr "neither a directory nor a tar"
}

@test "-f - is the Dockerfile on standard input, for any context" {
    context
    builds -f - ctx <<'END'
FROM tiny
COPY hello /
RUN cat /hello
END
    expect_stderr "hello"
    tar -C ctx -cf ctx.tar .
    builds -f - ctx.tar <<'END'
FROM tiny
COPY hello sub/tool /
RUN cat /hello && /tool
END
    expect_stderr "hello*ran"
    refuses -f - - <<<"FROM tiny"
    expect_stderr "cannot be both"
}

@test "-f is seen from the current directory, and inside a context that is none" {
    context
    mkdir -p elsewhere ctx/files
    echo 'RUN echo from elsewhere' | cat <(echo FROM tiny) - >elsewhere/Other
    echo 'RUN echo from inside' | cat <(echo FROM tiny) - >ctx/files/Other
    builds -f elsewhere/Other ctx
    expect_stderr "from elsewhere"
    refuses -f files/Other ctx
    expect_stderr "hint: *-f */ctx/files/Other"
    builds -f ctx/files/Other ctx
    expect_stderr "from inside"
    tar -C ctx -cf ctx.tar .
    builds -f files/Other ctx.tar
    expect_stderr "from inside"
    builds -f ./files/../files/Other - <ctx.tar
    refuses -f elsewhere/Other ctx.tar
    expect_stderr "'elsewhere/Other'"
}

@test "NAME.dockerignore beside the Dockerfile wins, on the host and in an archive" {
    context
    cp ctx/Dockerfile ctx/Other
    echo hello >ctx/Other.dockerignore
    sed -i 's/^RUN .*/RUN ls \/ctx/' ctx/Other
    builds -f ctx/Other ctx
    expect_stderr "ignored"
    fails grep -qx '  hello' <<<"$stderr"
    tar -C ctx -cf ctx.tar .
    builds -f Other ctx.tar
    cached 2
}

@test "what is no context is named" {
    refuses nowhere
    expect_stderr "build context 'nowhere'"
    echo FROM tiny >Dockerfile
    refuses Dockerfile
    expect_stderr "-f names a Dockerfile"
    mkdir empty
    refuses empty
    expect_stderr "empty/Dockerfile"
    echo FROM tiny >empty/Containerfile
    refuses empty
    expect_stderr "hint: *Containerfile"
    refuses -f nowhere empty
    expect_stderr "'nowhere'"
}

@test "an archive or a Dockerfile from the web, fetched again only when it changed" {
    context
    mkdir www
    tar -C ctx -czf www/ctx.tar.gz .
    printf 'FROM tiny\nRUN echo from the web\n' >www/Dockerfile
    web_start
    builds "$WEB/ctx.tar.gz"
    expect_context
    builds "$WEB/ctx.tar.gz"
    cached 2
    builds "$WEB/Dockerfile"
    expect_stderr "from the web"
    builds -f "$WEB/Dockerfile" ctx
    equal "$(cat "$WEB_LOG")" "GET /ctx.tar.gz 200
GET /ctx.tar.gz 304
GET /Dockerfile 200
GET /Dockerfile 304"
    refuses "$WEB/nothing"
    expect_stderr "'$WEB/nothing': the server answers 404"
}

# repository DIR: a git repository of ./ctx with a branch, a tag and a subdirectory.
repository() {
    need git
    export HOME=$BATS_TEST_TMPDIR/home GIT_CONFIG_NOSYSTEM=1
    mkdir -p "$HOME"
    git config --global user.name tester
    git config --global user.email tester@example.org
    git init -q -b main "$1"
    cp -a ctx/. "$1"
    mkdir -p "$1/deep/er"
    printf 'FROM tiny\nCOPY . /deep\nRUN ls -A /deep\n' >"$1/deep/er/Dockerfile"
    git -C "$1" add -A
    git -C "$1" commit -q -m one
    git -C "$1" tag -a -m v1 v1
    git -C "$1" checkout -q -b other
    echo changed >"$1/hello"
    git -C "$1" commit -q -am two
    git -C "$1" checkout -q main
}

@test "a git repository: branches, tags, commits, subdirectories" {
    context
    repository repo
    url=file://$PWD/repo
    (umask 077 && rootlet build --progress plain "$url") 2>out
    stderr=$(cat out)
    expect_context
    builds "$url#v1"
    cached 2
    builds "$url#$(git -C repo rev-parse main)"
    cached 2
    builds "$url#other"
    expect_stderr "changed"
    builds "$url#main:deep/er"
    expect_stderr "Dockerfile"
    builds "$url#:deep/../deep/er"
    cached 2
    expect_empty_dir "$ROOTLET_STORE/tmp"
    refuses "$url#nosuch"
    expect_stderr "there is no branch or tag 'nosuch'"
    refuses "$url#main:nowhere"
    expect_stderr "no directory 'nowhere'"
    refuses "$url#deadbeef"
    expect_stderr "40 digits"
    refuses "file://$PWD/nothing"
    expect_stderr "file://$PWD/nothing"
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

@test "a bare repository, also when rootlet is called by its hook" {
    context
    repository repo
    git clone -q --bare repo bare.git
    cat >bare.git/hooks/post-receive <<END
#!/bin/sh
exec rootlet build --progress plain file://$PWD/bare.git >hook.out 2>&1
END
    chmod +x bare.git/hooks/post-receive
    echo pushed >repo/hello
    git -C repo commit -q -am pushed
    git -C repo push -q ../bare.git main
    stderr=$(cat bare.git/hook.out)
    expect_stderr "pushed*ran"
}

@test ".git stays out, unless it is asked for" {
    context
    repository repo
    printf 'FROM tiny\nCOPY . /ctx\nRUN ls -A /ctx\n' >repo/Dockerfile
    git -C repo commit -q -am list
    builds "file://$PWD/repo"
    fails grep -qx '  \.git' <<<"$stderr"
    builds --build-arg BUILDKIT_CONTEXT_KEEP_GIT_DIR=1 "file://$PWD/repo"
    expect_stderr ".git"
}

@test "named contexts: a directory, an archive, a repository, a URL" {
    context
    repository repo
    mkdir www
    tar -C ctx -cf www/ctx.tar hello
    web_start
    dockerfile <<'END'
FROM tiny
COPY --from=more hello /
RUN --mount=type=bind,from=more,target=/more cat /hello /more/hello
END
    for source in ctx www/ctx.tar "file://$PWD/repo#main" "$WEB/ctx.tar"; do
        rm -rf "$ROOTLET_STORE"
        import_tiny
        builds --build-context "more=$source" .
        expect_stderr "hello*hello*hello"
        expect_empty_dir "$ROOTLET_STORE/tmp"
    done
    refuses --build-context more=nowhere .
    expect_stderr "Dockerfile:2: COPY: build context 'nowhere'"
    refuses --build-context "more=$WEB/nothing" .
    refuses --build-context more .
    refuses --build-context "more=-" .
}

@test "files of a named context are the base of a stage, or stand in for one" {
    mkdir -p files/sub && echo word >files/sub/word
    tiny_root files/root
    dockerfile <<'END'
FROM tools AS base
WORKDIR sub
FROM tiny AS made
RUN false
FROM scratch
COPY --from=base /sub/word /one
COPY --from=made word /two
COPY --from=1 word /three
FROM system
COPY --from=2 / /
RUN cat /one /two /three && stat -c %u:%g /one /bin
END
    builds --build-context tools=files --build-context made=files/sub --build-context system=files/root -t based .
    expect_stderr "word*word*word*0:0*0:0"
    ok rootlet inspect based
    equal "$(jq -c '.[0].Config | [.WorkingDir, .OnBuild]' <<<"$output")" '["/",null]'
    builds --build-context tools=files --build-context made=files/sub --build-context system=files/root .
    cached 9
    refuses --build-context tools=nowhere --build-context made=files/sub --build-context system=files/root .
    expect_stderr "build context 'nowhere'"
}

@test "an OCI layout as base image and as source, by tag and by digest" {
    need umoci
    tiny_root root
    umoci init --layout layout
    umoci new --image layout:base
    umoci unpack --rootless --image layout:base bundle >/dev/null 2>&1
    cp -a root/. bundle/rootfs/
    echo from the layout >bundle/rootfs/word
    umoci repack --image layout:base bundle >/dev/null 2>&1
    rm -rf "$ROOTLET_STORE"
    dockerfile <<'END'
FROM base
RUN cat /word
COPY --from=base /word /copied
END
    builds --build-context "base=oci-layout://$PWD/layout:base" .
    expect_stderr "from the layout"
    digest=$(python3 -c 'import json; print(json.load(open("layout/index.json"))["manifests"][0]["digest"])')
    builds --build-context "base=oci-layout://$PWD/layout@$digest" .
    cached 2
    builds --build-context base=oci-layout://layout .
    cached 2
    refuses --build-context "base=oci-layout://$PWD/layout:nosuch" .
    expect_stderr "it lists no image 'nosuch'"
    refuses --build-context "base=oci-layout://$PWD/nowhere" .
    expect_stderr "nowhere"
}
