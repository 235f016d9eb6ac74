# SPDX-License-Identifier: Apache-2.0
# rootlet build: repositories behind a real sshd, which lets in whom a real agent signs for.
load ../support/common
load ../support/build

setup() {
    PATH=$PATH:/usr/sbin:/sbin
    for tool in sshd ssh ssh-agent ssh-add ssh-keygen git; do
        command -v "$tool" >/dev/null || skip "no $tool here"
    done
    common_setup
    mkdir -p "$HOME"
    git config --global user.name tester
    git config --global user.email tester@example.org
    make_repository
    ssh-keygen -q -t ed25519 -N '' -C test@example -f key
    ssh-keygen -q -t ed25519 -N '' -f hostkey
    agent_start
    sshd_start
}

teardown() {
    for pid in "${SSHD_PID:-}" "${SSH_AGENT_PID:-}"; do
        [ -z "$pid" ] || kill "$pid" 2>/dev/null || :
    done
    [ -z "${SSHD_PID:-}" ] || wait "$SSHD_PID" 2>/dev/null || :
    common_teardown
}

make_repository() {
    git init -q -b main repo
    echo content >repo/file
    printf 'FROM scratch\nCOPY file /\n' >repo/Dockerfile
    git -C repo add file Dockerfile
    git -C repo commit -q -m first
}

# The key is known to the agent alone: no later program finds a file of it.
agent_start() {
    ssh-agent -a "$PWD/agent.sock" >agent
    SSH_AGENT_PID=$(sed -n 's/.*SSH_AGENT_PID=\([0-9]*\);.*/\1/p' agent)
    SSH_AUTH_SOCK=$PWD/agent.sock ssh-add -q key
    secret=$(sed -n 2p key)
    mv key.pub authorized
    rm key
}

# sshd as this user, on a loopback port; "box" is its name in ./ssh_config. Another program may get the
# port first.
sshd_start() {
    local try
    for try in 1 2 3 4 5; do
        sshd_at "$(free_port)" && return
    done
    skip "sshd does not run here: $(tail -n 1 sshd.log)"
}

sshd_at() {
    local port=$1
    cat >sshd_config <<END
ListenAddress 127.0.0.1
Port $port
HostKey $PWD/hostkey
AuthorizedKeysFile $PWD/authorized
PidFile $PWD/sshd.pid
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
END
    cat >ssh_config <<END
Host box
  HostName 127.0.0.1
  Port $port
  User $(id -un)
Host *
  HostKeyAlias box
  BatchMode yes
END
    echo "box $(cut -d' ' -f1,2 hostkey.pub)" >known_hosts
    "$(command -v sshd)" -D -e -f "$PWD/sshd_config" >sshd.log 2>&1 3>&- &
    SSHD_PID=$!
    while_alive "$SSHD_PID" test -e sshd.pid
}

# What a program of this machine needs where the image may not have it.
bring() {
    local program library
    mkdir -p tools/lib
    for program; do
        cp "$(command -v "$program")" tools
        ldd "tools/$program" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | while read -r library; do
            case ${library##*/} in libc.so.* | ld-linux* | libm.so.* | libpthread.so.* | libdl.so.* | libresolv.so.*) ;; *) cp -n "$library" tools/lib ;; esac
        done
    done
}

@test "a repository behind sshd: ADD, the context and git in a step, by the agent of --ssh" {
    need_debian
    rootlet import -q "$(debian_tar)" debian:12
    export GIT_SSH_COMMAND="ssh -F $PWD/ssh_config -o UserKnownHostsFile=$PWD/known_hosts"
    unset SSH_AUTH_SOCK
    dockerfile context/Dockerfile <<END
FROM scratch
ADD $(id -un)@box:$PWD/repo /scp
ADD ssh://box$PWD/repo#main /url
END
    # asked for no agent, there is none: sshd says no, and git's own words tell
    refuses context
    expect_stderr "Dockerfile:2: ADD: *Permission denied (publickey)"
    builds --ssh default=agent.sock -o out context
    equal "$(cat out/scp/file out/url/file)" "content
content"
    builds --ssh default=agent.sock -o out2 "ssh://box$PWD/repo"
    equal "$(cat out2/file)" content

    bring git ssh
    sed '/^  HostKeyAlias/s/$/\n  UserKnownHostsFile \/tools\/known_hosts/' ssh_config >tools/ssh_config
    cp known_hosts tools
    dockerfile step/Dockerfile <<END
FROM debian:12 AS cloned
ENV PATH=/tools:\$PATH LD_LIBRARY_PATH=/tools/lib GIT_SSH_COMMAND="/tools/ssh -F /tools/ssh_config"
RUN --mount=from=tools,target=/tools { git --version && ssh -V; } >/ran 2>&1 || mv /ran /missing
RUN --mount=type=ssh --mount=from=tools,target=/tools \\
    test -e /missing || git clone -q ssh://box$PWD/repo /clone
FROM scratch
COPY --from=cloned /missing* /clone* /
END
    SSH_AUTH_SOCK=$PWD/agent.sock attempt rootlet build --progress plain --ssh default --build-context tools=tools -o out3 step
    expect_status 0
    [ ! -e out3/missing ] || skip "the image runs no git of this machine: $(tail -n 1 out3/missing)"
    equal "$(cat out3/file)" content
    refuses --no-cache --build-context tools=tools step
    expect_stderr "Permission denied (publickey)"
    fails grep -rqaF -- "$secret" "$ROOTLET_STORE"
}
