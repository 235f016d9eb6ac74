# SPDX-License-Identifier: Apache-2.0
# What the user and the site have set up for git, gpg, curl, ssh, pip, npm and CMake is not seen in an
# environment, nor without a jail by run --host-root --pure. Each bait is seen without them: a box stands
# in for a host whose user and administrator have set all this.
load ../support/common

setup() {
    common_setup
    need_userns
    need_mounts
    H=$(getent passwd "$(id -u)" | cut -d: -f6)
    [ -d "$H" ] || skip "this user has no home"
    unset GNUPGHOME GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM PIP_CONFIG_FILE NPM_CONFIG_USERCONFIG XDG_CONFIG_HOME
}

teardown() {
    common_teardown
}

# host CMD...: on a host with what is in home and etc. What may be missing there is put over /etc.
host() {
    local binds=(-v "$ROOTLET_TEST_STAGE:$ROOTLET_TEST_STAGE:ro" -v "$PWD:$PWD" -b "./home:$H") name
    for name in etc/*; do
        binds+=(-b "./$name:/$name")
    done
    rootlet -q run --host-root --read-only --pid private "${binds[@]}" -e HOME="$H" \
        -e PATH="$(dirname "$(command -v rootlet)"):/usr/bin:/bin" -w "$PWD" -- "$@"
}

make_baits() {
    mkdir -p home/{.gnupg,.ssh,.config/pip,.cmake/packages/Bait} etc/{gnupg,ssh} package
    chmod 700 home/.gnupg home/.ssh
    printf '[commit]\n\tgpgsign = true\n[bait]\n\tuser = seen\n[user]\n\tname = u\n\temail = u@example.org\n' >home/.gitconfig
    printf '[bait]\n\tsite = seen\n' >etc/gitconfig
    echo bait-option >home/.gnupg/gpg.conf
    echo site-option >etc/gnupg/gpg.conf
    echo 'write-out = "bait"' >home/.curlrc
    printf 'Host *\n  User bait\n' >home/.ssh/config
    printf 'Host *\n  Port 4242\n' >etc/ssh/ssh_config
    printf '[global]\nindex-url = http://bait/\n' >home/.config/pip/pip.conf
    printf '[global]\ntimeout = 4242\n' >etc/pip.conf
    echo bait=seen >home/.npmrc
    pwd >home/.cmake/packages/Bait/here
    echo 'set(Bait_FOUND TRUE)' >BaitConfig.cmake
    printf 'find_package(Bait QUIET)\nif(Bait_FOUND)\n  message("found")\nendif()\n' >find.cmake
    # a line for each bait that is seen
    cat >look <<'LOOK'
has() { command -v "$1" >/dev/null; }
! has git || { git config --get bait.user && echo git user; git config --get bait.site && echo git site; }
! has gpg || { gpg --version >/dev/null 2>gpg.log; grep -q '\.gnupg/gpg.conf' gpg.log && echo gpg user
    grep -q /etc/gnupg/gpg.conf gpg.log && echo gpg site; }
! has curl || { [ -z "$(curl -s file:///dev/null)" ] || echo curl user
    [ -z "$(HOME=/nonexistent curl -s file:///dev/null)" ] || echo curl passwd; }
! has ssh || { ssh -G host 2>/dev/null >ssh.log; grep -qx 'user bait' ssh.log && echo ssh user; grep -qx 'port 4242' ssh.log && echo ssh site; }
! has pip3 || { pip3 config list >pip.log 2>/dev/null; grep -q http://bait pip.log && echo pip user; grep -q 4242 pip.log && echo pip site; }
! has npm || { [ "$(npm config get bait 2>/dev/null)" != seen ] || echo npm user; }
! has cmake || { cmake -P find.cmake 2>&1 | grep -q found && echo cmake user; }
true
LOOK
}

# The baits that whoever looks on this host would see.
expected_baits() {
    local tool what
    while read -r tool what; do
        [ ! -x "/usr/bin/$tool" ] || echo "$tool $what"
    done <<'ALL'
git user
git site
gpg user
gpg site
curl user
curl passwd
ssh user
ssh site
pip3 user
pip3 site
npm user
cmake user
ALL
}

@test "settings of the user and the site for seven tools: seen on the host, not with --pure, not in an environment" {
    make_baits
    ok host sh ./look
    equal "$(grep -v '^seen$' <<<"$output")" "$(expected_baits | sed 's/^pip3/pip/')"
    ok host rootlet -q run --host-root --pure -- sh ./look
    equal "$output" ""
    ok host sh -c 'rootlet -q isolate create env --from host && rootlet -q run env -- sh ./look'
    equal "$output" ""
}

@test "--host-root --pure in a folder of the user's: that is there, the rest of the home is not" {
    make_baits
    mkdir home/project
    ok host sh -c 'cd ~/project && rootlet -q run --host-root --pure -- sh -c "pwd; ls -A ..; echo made >file"'
    equal "$output" "$(printf '%s/project\nproject' "$H")"
    equal "$(cat home/project/file)" made
    ok host sh -c 'cd ~/project && rootlet -q run --host-root --pure --read-only -- sh -c "cat file; touch other || echo held" 2>/dev/null'
    equal "$output" "$(printf 'made\nheld')"
}

@test "git commit --pure works where the user's settings make it fail, and leaves the user's keys alone" {
    need git gpg
    make_baits
    rm home/.gnupg/gpg.conf etc/gnupg/gpg.conf
    printf 'set -e; rm -rf repo; git init -q repo; cd repo; echo a >a; git add a; git -c user.name=a -c user.email=a@example.org commit -qm a; git log --format=%%s\n' >commit
    attempt host sh ./commit
    [ "$status" -ne 0 ]
    expect_stderr "gpg failed to sign"
    rm -rf home/.gnupg/*
    ok host rootlet -q run --host-root --pure -- sh ./commit
    equal "$output" a
    ok host rootlet -q isolate create env --from host
    ok host rootlet -q run env -- sh ./commit
    equal "$output" a
    equal "$(ls -A home/.gnupg)" ""
}
