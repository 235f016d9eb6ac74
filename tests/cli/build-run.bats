# SPDX-License-Identifier: Apache-2.0
# RUN: every kind of --mount, the forms of the command, --network, --security and --device.
load ../support/common
load ../support/build

setup() {
    common_setup
    need_userns
    import_tiny
}

teardown() {
    [ -z "${agent_pid:-}" ] || kill "$agent_pid"
    common_teardown
}

# printed TEXT: these lines came out of the steps, one after the other.
printed() {
    local lines
    lines=$(sed 's/^\[[^]]*\] *//; s/^  //' <<<"$stderr")
    [[ $'\n'$lines$'\n' == *$'\n'"$1"$'\n'* ]] || { echo "expected among the output: $1" >&2; show; return 1; }
}

@test "what a command syncs is not waited for: its layer is synced as a whole" {
    local major minor
    rootlet doctor | grep -Eq '^ *overlay on the store +usable' || skip "layers are copied here"
    need_one_id # else what overlayfs leaves in its folder would not be the caller's
    IFS=.- read -r major minor _ <<<"$(uname -r)"
    ((major * 100 + minor >= 510)) || skip "the kernel is older than overlayfs's volatile"
    dockerfile <<'END'
FROM tiny
RUN grep -E '^[0-9]+ [0-9]+ [0-9:]+ / / .* overlay .*volatile' /proc/self/mountinfo && sync /etc/passwd && echo x >/file
END
    builds -t synced .
    equal "$(rootlet run synced cat /file)" x
    expect_empty_dir "$ROOTLET_STORE/tmp"
    # a shell in the same place is a second mount, which overlayfs would refuse
    printf 'FROM tiny\nRUN echo y >/file && false\n' >Dockerfile
    attempt rootlet build --progress plain --debug . <<<'cat /file'
    expect_stderr $'y\n'
}

@test "bind: the context as .dockerignore has it, read-only unless rw, and what is written is lost" {
    mkdir -p src/deep
    echo one >src/one
    echo two >src/deep/two
    echo hidden >src/hidden
    echo src/hidden >.dockerignore
    dockerfile <<'END'
FROM tiny
WORKDIR /place
RUN --mount=target=/all ls /all/src && cat /all/src/deep/two && ! touch /all/new 2>/dev/null
RUN --mount=type=bind,source=src,target=here,rw cat here/one && echo changed >here/one && cat here/one
RUN --mount=type=bind,src=src/one,dst=/etc/one,readonly cat /etc/one && ! echo x 2>/dev/null >/etc/one
RUN --mount=type=bind,source=src/../src/./deep,target=/deep ls /deep && ! ls /all /place/here/* 2>/dev/null
END
    builds -t bound .
    printed $'deep\none\ntwo'
    printed $'one\nchanged'
    equal "$(cat src/one)" one
    # mount points are no part of the image, and what is mounted is part of the key
    ok rootlet run bound sh -c 'find /all /place /deep /etc/one 2>/dev/null || :'
    equal "$output" /place
    builds .
    cached 5
    echo other >src/deep/two
    builds .
    cached 2
}

@test "bind: from a stage or an image, with owners, modes and devices; source through a symlink" {
    need_one_id
    dockerfile <<'END'
FROM tiny AS first
RUN mkdir -p /data/sub && echo a >/data/file && chown 5:6 /data /data/file && chmod 4711 /data/file && \
    mknod /data/null c 1 3 && chown 7:8 /data/sub && ln -s data /link
FROM first AS second
RUN chown 9:9 /data/sub && echo b >/data/more && chown 3:4 /data/more
FROM tiny
RUN --mount=from=second,source=/link,target=/mnt cp -a /mnt /copy && stat -c '%u:%g %a %n' /mnt /mnt/* && stat -c '%t,%T' /mnt/null
RUN --mount=from=first,source=/data/file,target=/one stat -c '%u:%g %a' /one
RUN --mount=from=1,source=data/more,target=/more stat -c '%u:%g' /more
END
    builds -t copied .
    printed "5:6 755 /mnt
5:6 4711 /mnt/file
3:4 644 /mnt/more
0:0 644 /mnt/null
9:9 755 /mnt/sub
1,3"
    printed "5:6 4711"
    printed "3:4"
    ok rootlet export copied -o copied.tar
    equal "$(tar --numeric-owner -tvf copied.tar | awk '$6 ~ /copy/ { print $1, $2, $6 }')" "drwxr-xr-x 5/6 copy/
-rws--x--x 5/6 copy/file
-rw-r--r-- 3/4 copy/more
crw-r--r-- 0/0 copy/null
drwxr-xr-x 9/9 copy/sub/"
}

@test "COPY --from takes devices as what they are" {
    need_one_id
    dockerfile <<'END'
FROM tiny AS made
RUN mkdir /d && mknod /d/zero c 1 5 && mknod -m 660 /d/disk b 8 17 && mkfifo /d/pipe && chown 0:6 /d/disk
FROM tiny
COPY --from=made /d /d
COPY --from=made /d/zero /zero
RUN stat -c '%F %t,%T %a %g %n' /d/* /zero
END
    builds .
    printed "block special file 8,11 660 6 /d/disk
fifo 0,0 644 0 /d/pipe
character special file 1,5 644 0 /d/zero
character special file 1,5 644 0 /zero"
    # the number is a part of the key
    sed -i 's/zero c 1 5/zero c 1 7/' Dockerfile
    builds .
    expect_stderr "character special file 1,7 644 0 /zero"
}

@test "cache: kept from build to build, by id or target, in no layer; shared, private, filled from a stage" {
    dockerfile <<'END'
FROM tiny AS seed
RUN mkdir /seed && echo first >/seed/log
FROM tiny
ARG N
RUN --mount=type=cache,target=/cache,id=log,from=seed,source=/seed echo "run $N" >>/cache/log && cat /cache/log
RUN --mount=type=cache,target=/cache,id=log,ro tail -n 1 /cache/log; : $N
RUN --mount=type=cache,target=/owned,uid=7,gid=8,mode=0750 stat -c '%u:%g %a' /owned
RUN --mount=type=cache,target=/alone,sharing=private ls -d /alone && ! ls /cache
END
    builds --build-arg N=1 -t kept .
    printed $'first\nrun 1'
    printed "7:8 750"
    builds --build-arg N=2 .
    printed $'first\nrun 1\nrun 2'
    ok rootlet run kept ls /
    expect_no_output cache
    refuses - <<'END'
FROM tiny
RUN --mount=type=cache,target=/cache,sharing=never true
END
    expect_stderr "sharing"
}

@test "cache: locked lets one builder in at a time, also of two programs" {
    dockerfile <<'END'
FROM tiny
ARG N
RUN --mount=type=cache,target=/cache,sharing=locked mkdir /cache/busy && for i in $(seq 200); do : >/cache/busy/$i; done && rm -r /cache/busy && echo "$N" >>/cache/all && wc -l </cache/all
END
    local n pids=()
    for n in 1 2 3 4; do
        rootlet build -q --build-arg "N=$n" . >"out$n" 2>&1 &
        pids+=($!)
    done
    for n in "${pids[@]}"; do
        wait "$n" || { cat out*; return 1; }
    done
    builds --build-arg N=5 .
    printed 5
}

@test "tmpfs: memory of a size, nothing of it stays" {
    dockerfile <<'END'
FROM tiny
RUN --mount=type=tmpfs,target=/t,size=1m echo x >/t/x && df -k /t | awk 'END { print $2 "k" }' && ! head -c 2000000 /dev/zero >/t/big 2>/dev/null
RUN --mount=type=tmpfs,dst=/etc ls /etc
RUN test -e /etc/passwd && ! test -e /t/x
END
    builds -t gone .
    expect_stderr "1024k"
}

@test "secret: a file or a variable, where and for whom it is asked; required or not" {
    printf 'hidden text' >file
    export FROM_ENV=hidden-variable
    dockerfile <<'END'
FROM tiny
RUN --mount=type=secret,id=a cat /run/secrets/a && stat -c ' %a %u:%g' /run/secrets/a
RUN --mount=type=secret,id=a,dst=/etc/deep/secret,mode=0444,uid=5,gid=6 cat /etc/deep/secret && stat -c ' %a %u:%g' /etc/deep/secret
RUN --mount=type=secret,id=b,env=WORD echo "is $WORD" && ! ls /run/secrets 2>/dev/null
RUN --mount=type=secret,id=b,env=WORD,target=/both echo "$WORD=$(cat /both)"
RUN --mount=type=secret,id=absent cat /run/secrets/absent 2>/dev/null || echo none
RUN ls -AR /run /etc; env
END
    builds --secret id=a,src=file --secret type=env,id=b,env=FROM_ENV -t secrets .
    expect_stderr "hidden text 400 0:0"
    expect_stderr "hidden text 444 5:6"
    expect_stderr "is hidden-variable"
    expect_stderr "hidden-variable=hidden-variable"
    printed none
    [[ ${stderr##*RUN ls} != *hidden* ]]
    ok rootlet run secrets sh -c 'ls -A /run /etc/deep 2>&1; env'
    expect_no_output hidden
    fails grep -rqF -e "hidden text" -e hidden-variable "$ROOTLET_STORE"
    printf 'FROM tiny\nRUN --mount=type=secret,id=c,required true\n' >Dockerfile
    refuses .
    expect_stderr "Dockerfile:2: RUN: --mount: secret 'c' is required"
    [[ $stderr != *"no shell"* ]]
    refuses --secret id=c,src=nosuch .
    expect_stderr "--secret 'id=c,src=nosuch'"
    expect_stderr "nosuch"
}

@test "ssh: the caller's agent, where it is asked" {
    python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("agent.sock")'
    dockerfile <<'END'
FROM tiny
RUN --mount=type=ssh,required test -S "$SSH_AUTH_SOCK" && echo "at $SSH_AUTH_SOCK"
RUN --mount=type=ssh,id=other,target=/agent test "$SSH_AUTH_SOCK" = /agent && test -S /agent && echo other
RUN test -z "$SSH_AUTH_SOCK" && ! ls /agent 2>/dev/null
END
    SSH_AUTH_SOCK=$PWD/agent.sock builds --ssh default --ssh other=agent.sock .
    expect_stderr "at /run/buildkit/ssh_agent.0"
    refuses --no-cache .
    expect_stderr "ssh agent 'default' is required"
}

# is_running FILE: has any process the words in this file among its arguments?
is_running() {
    grep -qsFf "$1" /proc/[0-9]*/cmdline
}

@test "ssh: keys in files are handed out by an agent that ends with the build" {
    command -v ssh-agent >/dev/null && command -v ssh-keygen >/dev/null || skip "no OpenSSH here"
    for name in key other; do
        ssh-keygen -q -t ed25519 -N '' -f "$name"
        mv "$name" "$name-of-$BATS_ROOT_PID"
    done
    ssh-keygen -q -t ed25519 -N words -f locked
    key=$PWD/key-of-$BATS_ROOT_PID other=$PWD/other-of-$BATS_ROOT_PID
    chmod 644 "$other" # as it comes out of an archive
    dockerfile <<'END'
FROM tiny
RUN --mount=type=ssh,required test -S "$SSH_AUTH_SOCK" && echo "at $SSH_AUTH_SOCK"
END
    SSH_AUTH_SOCK='' builds --ssh "default=$key,$other" .
    expect_stderr "at /run/buildkit/ssh_agent.0"
    echo "$key" >words
    for _ in $(seq 1200); do
        is_running words || break
        sleep 0.1
    done
    fails is_running words
    fails grep -rqaF -- "$(sed -n 2p "$key")" "$ROOTLET_STORE"
    refuses --no-cache --ssh default=locked .
    expect_stderr "--ssh 'default=locked': key 'locked' has a passphrase, and nobody can be asked for it"
    echo nonsense >nonsense
    refuses --ssh "default=$key,nonsense" .
    expect_stderr "'nonsense' is no key that ssh-add takes"
    refuses --ssh default=nosuch .
    expect_stderr "--ssh 'default=nosuch': 'nosuch': No such file or directory"
}

@test "ssh: a real agent lists its keys to a step and signs for it; no key comes along" {
    command -v ssh-agent >/dev/null && command -v ssh-keygen >/dev/null || skip "no OpenSSH here"
    need_debian
    rootlet import -q "$(debian_tar)" debian:12
    ssh-keygen -q -t ed25519 -N '' -C test@example -f key
    ssh-agent -a "$PWD/agent.sock" >agent
    agent_pid=$(sed -n 's/.*SSH_AGENT_PID=\([0-9]*\);.*/\1/p' agent)
    SSH_AUTH_SOCK=$PWD/agent.sock ssh-add -q key
    mkdir context tools
    cp key.pub context
    cp "$(command -v ssh-add)" "$(command -v ssh-keygen)" tools
    cat >context/Dockerfile <<'END'
FROM debian:12 AS signed
COPY key.pub /key.pub
RUN --mount=type=ssh,required --mount=from=tools,target=/tools ldd /tools/ssh-add | grep 'not found' >/missing || :; \
    test -s /missing || { /tools/ssh-add -l && echo data | /tools/ssh-keygen -q -Y sign -n file -f /key.pub >/signature; }
FROM scratch
COPY --from=signed /missing /signature* /
END
    SSH_AUTH_SOCK=$PWD/agent.sock attempt rootlet build --ssh default --build-context tools=tools -o out context
    expect_status 0
    [ ! -s out/missing ] || skip "this machine's ssh needs libraries that the image has not: $(head -n 1 out/missing)"
    expect_stderr "256 SHA256:*test@example (ED25519)"
    echo "test@example $(cut -d' ' -f1,2 key.pub)" >allowed
    echo data | ssh-keygen -Y verify -f allowed -I test@example -n file -s out/signature
    secret=$(sed -n 2p key)
    fails grep -rqaF -- "$secret" "$ROOTLET_STORE"
    rm -r out
    SSH_AUTH_SOCK='' attempt rootlet build --no-cache --ssh default=key --build-context tools=tools -o out context
    expect_status 0
    echo data | ssh-keygen -Y verify -f allowed -I test@example -n file -s out/signature
    fails grep -rqaF -- "$secret" "$ROOTLET_STORE"
    SSH_AUTH_SOCK='' refuses --ssh default context
    expect_stderr "--ssh 'default': no agent is running (SSH_AUTH_SOCK is not set)"
}

@test "heredocs: the shell, an interpreter of its own, several, as input of a command" {
    dockerfile <<'END'
FROM tiny
ARG NAME=world
RUN <<EOF
set -e
x=1
echo "shell $NAME $x"
EOF
RUN <<"EOF"
#!/bin/awk -f
BEGIN { print "awk", 6 * 7 }
EOF
RUN cat <<one - <<two
a $NAME
one
b
two
RUN <<-EOF cat -
	indented $NAME
	EOF
RUN <<"EOF" sh -s x y
echo "$2 $1"
EOF
SHELL ["/bin/busybox", "sh", "-e", "-c"]
RUN <<EOF
echo "flags $-"
false
EOF
END
    attempt rootlet build --progress plain .
    expect_status 125
    expect_stderr "shell world 1"
    expect_stderr "awk 42"
    expect_stderr "indented world"
    expect_stderr "y x"
    expect_stderr "flags *e"
    expect_stderr "Dockerfile:24: RUN: the command ended with status 1"
}

@test "--network, --security and --device: what can be is done, what cannot is refused by its line" {
    dockerfile <<'END'
FROM tiny
RUN --network=none --security=sandbox ! grep -v lo: /proc/net/dev | grep :
RUN --network=default --network=host true
RUN --device=vendor.example/class=one,required=false true
END
    sed -i 's/--network=default //' Dockerfile
    builds .
    printf 'FROM tiny\nRUN --security=insecure true\n' >Dockerfile
    refuses .
    expect_stderr "Dockerfile:2: RUN: --security=insecure"
    printf 'FROM tiny\nRUN --device=vendor.example/class=one,required true\n' >Dockerfile
    refuses .
    expect_stderr "Dockerfile:2: RUN: --device 'vendor.example/class=one'"
    printf 'FROM tiny\nRUN --network=moon true\n' >Dockerfile
    refuses .
    expect_stderr "Dockerfile:2: "
}

@test "--device: what the files of a device's maker say, the later folder first" {
    mkdir -p one two files
    echo from the maker >files/library
    cat >one/vendor.yaml <<END
cdiVersion: "0.6.0"
kind: vendor.example/class
containerEdits:
  env: [ "ALL=of them" ]
devices:
  - name: zero
    annotations:
      org.mobyproject.buildkit.device.class: calculators
    containerEdits:
      env: [ "ONE=two=2" ]
      deviceNodes:
        - path: /dev/vendor0
          hostPath: /dev/zero
          permissions: rw
      mounts:
        - hostPath: $PWD/files
          containerPath: /usr/vendor
          options: [ ro, nosuid, bind ]
  - name: other
    containerEdits:
      env: [ "OTHER=first" ]
  - name: hooked
    containerEdits:
      hooks:
        - hookName: createContainer
          path: /usr/bin/vendor-hook
END
    printf '{\n\t"cdiVersion": "0.5.0", "kind": "vendor.example/class",\n\t"devices": [{"name": "other", "containerEdits": {"env": ["OTHER=second"]}}]\n}\n' >two/vendor.json
    dockerfile <<'END'
FROM tiny
RUN --device=vendor.example/class=zero,required head -c 3 /dev/vendor0 | od -An -tx1 && cat /usr/vendor/library && echo "$ALL, $ONE, $OTHER."
RUN ls /dev/vendor0 /usr/vendor; echo "$ALL, $ONE."
RUN --device=vendor.example/class echo "the first: $ONE, $OTHER."
RUN --device=calculators --device=vendor.example/class=other --device=nothing echo "$ONE, $OTHER."
END
    builds --cdi-spec-dir one --cdi-spec-dir two .
    printed " 00 00 00
from the maker
of them, two=2, ."
    expect_stderr "/usr/vendor: No such file*, ."
    expect_stderr "the first: two=2, ."
    expect_stderr "two=2, second."
    printf 'FROM tiny\nRUN --device=vendor.example/class=other echo "a key: $OTHER."\n' >Dockerfile
    builds .
    expect_stderr "a key: ."
    builds --cdi-spec-dir one .
    expect_stderr "a key: first."
    printf 'FROM tiny\nRUN --device=vendor.example/class=hooked true\n' >Dockerfile
    refuses --cdi-spec-dir one .
    expect_stderr "Dockerfile:2: RUN: device 'vendor.example/class=hooked': one/vendor.yaml:*: the device needs hooks"
    printf 'cdiVersion: "0.6.0"\nkind: vendor.example/class\ndevices:\n  - name: hooked\n' >one/again.yaml
    refuses --cdi-spec-dir one .
    expect_stderr "one/vendor.yaml:*: another file has a device of this name"
    echo 'kind: [' >one/broken.json
    refuses --cdi-spec-dir one .
    expect_stderr "one/broken.json:"
}

@test "a file whose name would delete another in a layer is refused by its step" {
    printf 'FROM tiny\nRUN touch /etc/.wh.passwd\n' >Dockerfile
    refused rootlet build .
    expect_stderr "Dockerfile:2: RUN: make a layer: '/etc/.wh.passwd' cannot be in a layer"
    touch .wh.passwd
    printf 'FROM tiny\nCOPY .wh.passwd /etc/\n' >Dockerfile
    refused rootlet build .
    expect_stderr "Dockerfile:2: COPY: make a layer: '/etc/.wh.passwd' cannot be in a layer"
    printf 'FROM tiny\nRUN touch /.wh.etc && rm /.wh.etc\n' >Dockerfile
    ok rootlet build .
}

@test "what RUN makes does not depend on the builder's umask" {
    local mask images=()
    echo text >file
    dockerfile <<'END'
FROM tiny
COPY file /copied
RUN umask && : >/made && mkdir /folder
END
    for mask in 022 077; do
        umask "$mask"
        builds --no-cache --source-date-epoch 1000000000 -t "mask$mask" .
        printed 0022
        images+=("$(rootlet inspect "mask$mask" | jq -r '.[0].Id')")
    done
    umask 022
    equal "${images[0]}" "${images[1]}"
}

@test "cache: owners, modes and devices last from step to step, and through export and import" {
    need_one_id
    dockerfile <<'END'
FROM tiny
RUN --mount=type=cache,target=/c,id=kept,uid=3,gid=4 stat -c '%u:%g %n' /c && echo x >/c/f && mkdir -m 2750 /c/d && \
    chown 7:8 /c/f && chmod 4711 /c/f && chown 9:9 /c/d && mknod /c/null c 1 3
RUN --mount=type=cache,target=/k,id=kept stat -c '%u:%g %a %F %n' /k /k/d /k/f && test -c /k/null && \
    rm /k/f && echo y >/k/f && chown 11:12 /k
RUN --mount=type=cache,target=/k,id=kept stat -c '%u:%g %a %n' /k /k/f; chown 1:1 /k/d; exit 3
END
    fails_to_build() { attempt rootlet build "$@"; expect_status 125; }
    fails_to_build .
    printed "3:4 /c"
    printed $'3:4 755 directory /k\n9:9 2750 directory /k/d\n7:8 4711 regular file /k/f'
    printed $'11:12 755 /k\n0:0 644 /k/f' # a new file of that name is nobody else's
    sed -i 's/; exit 3/; stat -c "%u %n" \/k\/d/' Dockerfile
    builds .
    printed $'1 /k/d' # a step that failed leaves its cache all the same
    ok rootlet cache export --type mount -o kept kept
    ok rootlet cache prune --all
    ok rootlet cache import kept
    dockerfile <<'END'
FROM tiny
RUN --mount=type=cache,target=/k,id=kept stat -c '%u:%g %a %F %n' /k /k/d /k/f
END
    builds .
    printed $'11:12 755 directory /k\n1:1 2750 directory /k/d\n0:0 644 regular file /k/f'
}
