# SPDX-License-Identifier: Apache-2.0
# rootlet build: ADD from the web and from git repositories.
load ../support/common
load ../support/build

setup() {
    common_setup
    need_userns
    import_tiny
    mkdir www
}

teardown() {
    web_stop
    git_stop
    common_teardown
}

# asked: what the server was asked for so far.
asked() {
    cat "$WEB_LOG"
}

@test "a file by URL: its name, mode, owner and time" {
    echo hello >www/file
    touch -d @1000000000 www/file
    web_start
    dockerfile <<END
FROM tiny
ADD $WEB/file /one/
ADD $WEB/file /two
ADD --chmod=644 --chown=12:34 $WEB/redirect/file?query=1#fragment /three/
RUN stat -c '%u:%g %a %Y %n' /one/file /two /three/file && cat /two
END
    builds .
    expect_stderr "0:0 600 1000000000 /one/file*0:0 600 1000000000 /two*12:34 644 1000000000 /three/file*hello"
}

@test "nothing is downloaded again unless the server says it changed" {
    echo one >www/tagged
    echo v1 >www/tagged.etag
    echo one >www/timed
    touch -d @1000000000 www/timed
    echo one >www/plain
    touch www/plain.nothing
    web_start
    dockerfile <<END
FROM tiny
ADD $WEB/tagged $WEB/timed $WEB/plain /to/
RUN cat /to/timed /to/plain /to/tagged
END
    builds .
    builds .
    cached 2
    equal "$(asked)" "GET /tagged 200
GET /timed 200
GET /plain 200
GET /tagged 304
GET /timed 304
GET /plain 200"
    echo two >www/tagged
    echo v2 >www/tagged.etag
    builds .
    expect_stderr "one*one*two"
    # the store may have lost the blob
    rm -rf "$ROOTLET_STORE/blobs/sha256/$(sha256sum www/tagged | cut -c 1-64)" "$ROOTLET_STORE/cache/steps"
    builds .
    expect_stderr "one*one*two"
}

@test "--checksum is verified, and what the store has is not asked for" {
    echo hello >www/file
    sum=sha256:$(sha256sum www/file | cut -d ' ' -f 1)
    web_start
    printf 'FROM tiny\nADD --checksum=%s %s/file /\nRUN cat /file\n' "$sum" "$WEB" >Dockerfile
    builds .
    expect_stderr hello
    web_stop
    builds .
    cached 2
    builds --no-cache .
    web_start
    printf 'FROM tiny\nADD --checksum=sha256:%064d %s/file /\n' 7 "$WEB" >Dockerfile
    refuses .
    expect_stderr "Dockerfile:2: ADD: '$WEB/file'*sha256:0000"
    expect_stderr "${sum#sha256:}"
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

@test "archives by URL stay packed unless --unpack" {
    echo inside >inner
    tar -czf www/a.tar.gz inner
    web_start
    dockerfile <<END
FROM tiny
ADD $WEB/a.tar.gz /packed/
ADD --unpack=true $WEB/a.tar.gz /unpacked
RUN ls /packed && cat /unpacked/inner
END
    builds .
    expect_stderr "a.tar.gz*inside"
}

@test "what passes is tried again, what does not is told" {
    echo hello >www/file
    web_start
    printf 'FROM tiny\nADD %s/fail/2/file /file\nRUN cat /file\n' "$WEB" >Dockerfile
    builds --retry 2 --retry-delay 1ms .
    expect_stderr hello
    printf 'FROM tiny\nADD %s/fail/9/other /file\n' "$WEB" >Dockerfile
    refuses --retry 1 --retry-delay 1ms .
    expect_stderr "the server answers 503"
    printf 'FROM tiny\nADD %s/nothing /file\n' "$WEB" >Dockerfile
    refuses .
    expect_stderr "Dockerfile:2: ADD: '$WEB/nothing': the server answers 404 (not found)"
    web_stop
    refuses --retry 0 .
    expect_stderr "$WEB"
}

# git_start: repositories below ./git, served by git daemon; sets $GIT (git://HOST:PORT).
git_start() {
    local port try
    for try in 1 2 3 4 5; do # another program may get the port first
        port=$(free_port)
        git daemon --reuseaddr --listen=127.0.0.1 --port="$port" --export-all --base-path="$PWD/git" --informative-errors \
            --verbose --pid-file="$PWD/git.pid" >git.log 2>&1 3>&- &
        GIT_PID=$!
        GIT=git://127.0.0.1:$port
        while_alive "$GIT_PID" has_line Ready git.log && return
        cat git.log >&2
    done
    return 1
}

git_stop() {
    [ -z "${GIT_PID:-}" ] || kill "$GIT_PID" 2>/dev/null || :
    [ -z "${GIT_PID:-}" ] || wait "$GIT_PID" 2>/dev/null || :
}

# repository NAME: git/NAME with two commits on main, a tag on the first, a branch.
repository() {
    need git
    export HOME=$BATS_TEST_TMPDIR/home GIT_CONFIG_NOSYSTEM=1
    mkdir -p "$HOME" git
    git config --global user.name tester
    git config --global user.email tester@example.org
    git config --global protocol.file.allow always
    git init -q -b main "git/$1"
    mkdir "git/$1/sub"
    echo one >"git/$1/file"
    echo deep >"git/$1/sub/deep"
    echo tool >"git/$1/tool"
    chmod 700 "git/$1/tool"
    git -C "git/$1" add -A
    GIT_COMMITTER_DATE=@1000000000 git -C "git/$1" commit -q -m one
    git -C "git/$1" tag -a -m v1 v1
    echo two >"git/$1/file"
    GIT_COMMITTER_DATE=@1100000000 git -C "git/$1" commit -q -am two
    git -C "git/$1" branch side v1
}

@test "a git repository: HEAD, branch, tag, commit, subdirectory; modes and times are the commit's" {
    repository repo
    git_start
    first=$(git -C git/repo rev-parse v1^{})
    (
        umask 077
        dockerfile <<END
FROM tiny
ADD $GIT/repo /head
ADD $GIT/repo#v1 /tag
ADD $GIT/repo#side:sub /side/
ADD $GIT/repo?ref=$first /commit
ADD --exclude=sub $GIT/repo?branch=main /main
RUN cat /head/file /tag/file /side/deep /commit/file /main/file && stat -c '%u:%g %a %Y %n' /head/file /head/tool /head/sub /tag/file
RUN ls -A /head /main
END
        rootlet build --progress plain . 2>out
    )
    stderr=$(cat out)
    expect_stderr "two*one*deep*one*two*0:0 644 1100000000 /head/file*0:0 755 1100000000 /head/tool*0:0 755 1100000000 /head/sub*0:0 644 1000000000 /tag/file"
    fails grep -q '\.git' <<<"$(sed -n '/RUN ls -A/,$p' out)"
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

@test "the key is the commit: nothing is fetched for one that is known" {
    repository repo
    git_start
    printf 'FROM tiny\nADD %s/repo /repo\nRUN cat /repo/file\n' "$GIT" >Dockerfile
    builds .
    fetches=$(grep -c upload-pack git.log)
    builds .
    cached 2
    equal "$(($(grep -c upload-pack git.log) - fetches))" 1 # ls-remote
    echo three >git/repo/file
    git -C git/repo commit -q -am three
    builds .
    expect_stderr three
    commit=$(git -C git/repo rev-parse main)
    printf 'FROM tiny\nADD %s/repo#%s /repo\nRUN cat /repo/file\n' "$GIT" "$commit" >Dockerfile
    builds .
    git_stop
    builds .
    cached 2
}

@test "--keep-git-dir, --checksum and submodules" {
    repository part
    repository repo
    git_start
    git -C git/repo submodule --quiet add "$GIT/part" part
    git -C git/repo commit -q -am submodule
    commit=$(git -C git/repo rev-parse main)
    dockerfile <<END
FROM tiny
ADD $GIT/repo /without
ADD --keep-git-dir=true --checksum=$commit $GIT/repo#main /with
ADD $GIT/repo?submodules=false /alone
RUN cat /without/part/file; ls -A /without /without/part | tr '\n' ' '; ls -d /with/.git /with/part/.git; ls /alone/part
END
    builds .
    expect_stderr "two*/without:*.gitmodules*part*/with/.git*/with/part/.git"
    fails grep -q ' \.git ' <<<"$stderr"
    printf 'FROM tiny\nADD --checksum=%040d %s/repo#main /x\n' 7 "$GIT" >Dockerfile
    refuses .
    expect_stderr "'main' is commit $commit, the checksum says 000"
}

@test "a server without single commits: the branch, or all of it, is fetched" {
    repository repo
    git clone -q --bare git/repo www/repo.git
    git -C www/repo.git update-server-info
    web_start
    first=$(git -C git/repo rev-parse v1^{})
    dockerfile <<END
FROM tiny
ADD $WEB/repo.git /head
ADD $WEB/repo.git#$first /first
RUN cat /head/file /first/file
END
    builds .
    expect_stderr "two*one"
    printf 'FROM tiny\nADD %s/nothing.git /x\n' "$WEB" >Dockerfile
    refuses .
    expect_stderr "Dockerfile:2: ADD: git repository '$WEB/nothing.git'"
    printf 'FROM tiny\nADD %s/repo.git#%040d /x\n' "$WEB" 7 >Dockerfile
    refuses .
    expect_stderr "no branch or tag leads to commit 000"
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

@test "secrets of their own tell servers who asks; they stay in no file" {
    repository repo
    git clone -q --bare git/repo www/repo.git
    git -C www/repo.git update-server-info
    echo "basic $(printf x-access-token:hidden-token | base64)" >www/repo.git/.authorization
    mkdir www/bearers www/digests
    echo content | tee www/bearers/file >www/digests/file
    echo "Bearer hidden-token" >www/bearers/.authorization
    echo "Digest hidden-words" >www/digests/.authorization
    web_start
    host=${WEB#http://}
    echo hidden-token >token
    export words="Digest hidden-words" no_proxy=127.0.0.1 # for git
    printf 'FROM tiny\nADD %s/bearers/file /\n' "$WEB" >Dockerfile
    refuses .
    expect_stderr "Dockerfile:2*the server answers 401"
    builds --secret "id=HTTP_AUTH_TOKEN_$host,src=token" .
    echo "FROM tiny" >www/bearers/Dockerfile
    builds --secret "id=HTTP_AUTH_TOKEN_${host%:*},src=token" -f "$WEB/bearers/Dockerfile" .
    printf 'FROM tiny\nADD %s/digests/file /\n' "$WEB" >Dockerfile
    builds --secret "id=HTTP_AUTH_HEADER_$host,env=words" .
    printf 'FROM tiny\nADD %s/repo.git#v1 /repo\nRUN cat /repo/file\n' "$WEB" >Dockerfile
    refuses .
    refuses --secret "id=GIT_AUTH_TOKEN.elsewhere.example,src=token" .
    builds --secret "id=GIT_AUTH_TOKEN.$host,src=token" .
    expect_stderr one
    GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.userAgent GIT_CONFIG_VALUE_0=tests builds --secret id=GIT_AUTH_TOKEN,src=token --build-arg BUILDKIT_CONTEXT_KEEP_GIT_DIR=true -f - "$WEB/repo.git" <<'END'
FROM tiny
COPY . /
RUN ls -A /.git && cat /file
END
    fails grep -rF -e hidden-token -e hidden-words "$ROOTLET_STORE"
    printf 'two\nlines\n' >token
    refuses --no-cache --secret id=GIT_AUTH_TOKEN,src=token .
    expect_stderr "secret 'GIT_AUTH_TOKEN' is not one line of text"
}

@test "a server that is not there is named" {
    need git
    printf 'FROM tiny\nADD git://127.0.0.1:1/repo /x\n' >Dockerfile
    refuses .
    expect_stderr "git repository 'git://127.0.0.1:1/repo'"
}
