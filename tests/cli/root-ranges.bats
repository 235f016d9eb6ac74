# SPDX-License-Identifier: Apache-2.0
# A user with several ranges of subordinate ids. /etc/subuid and /etc/subgid are other files for these
# tests alone, in a mount namespace that root makes.
load ../support/common
load ../support/build

setup() {
    common_setup
    need newuidmap
    user=rootlet-subid
    chmod 755 "$BATS_RUN_TMPDIR"
    mkdir mine && chown "$user:" mine
    printf '%s\n' "$user:200000:1000" "other:1:5" "$user:300000:65000" >subuid
    printf '%s\n' "$user:210000:500" "$(id -u $user):310000:65000" >subgid
}

teardown() {
    common_teardown
}

# with_ranges CMD...: as this user, where these are his ranges.
with_ranges() {
    unshare --mount sh -c 'mount --bind subuid /etc/subuid && mount --bind subgid /etc/subgid && shift && exec "$@"' sh x \
        setpriv --reuid "$user" --regid "$user" --init-groups env -u XDG_RUNTIME_DIR -u XDG_DATA_HOME \
        HOME="/home/$user" USER="$user" TMPDIR=/var/tmp ROOTLET_STORE="$PWD/mine/store" "$@"
}

@test "ranges: all of a user's lines are mapped, one after the other" {
    with_ranges rootlet -q import "$(tiny_tar)" tiny
    ok with_ranges rootlet run --engine subid tiny sh -c 'echo $(cat /proc/self/uid_map); echo $(cat /proc/self/gid_map)'
    equal "$output" "0 $(id -u $user) 1 1 200000 1000 1001 300000 65000
0 $(id -g $user) 1 1 210000 500 501 310000 65000"
    ok with_ranges rootlet run --engine subid tiny sh -c 'touch /a /b /c; chown 1000:500 /a; chown 1001:501 /b; chown 66000:65500 /c
        stat -c %u:%g /a /b /c; ! chown 66001 /c && setpriv --reuid 66000 id -u 2>/dev/null || echo end'
    expect_output "1000:500
1001:501
66000:65500"
    ok with_ranges rootlet doctor
    expect_output "66000 uids from 200000"
}

@test "ranges: a build over two of them gives the image that one id gives" {
    with_ranges rootlet -q import "$(tiny_tar)" tiny
    mkdir context
    printf '%s\n' 'FROM tiny' 'RUN mkdir -p /d/e && touch /d/f /d/e/g && chown 999:499 /d && chown 1500:700 /d/f' \
        'RUN chown -R 65534:65000 /d/e && [ "$(stat -c %u:%g /d/f)" = 1500:700 ] && rm /d/f && touch /d/h && chown 1001:501 /d/h' >context/Dockerfile
    for engine in subid userns; do
        ok with_ranges rootlet build -q --engine $engine --no-cache --source-date-epoch 1700000000 -t built-$engine context
        echo "$output" >id-$engine
    done
    cmp id-subid id-userns
    with_ranges rootlet rmi -f tiny built-subid built-userns && with_ranges rootlet cache prune -af
    equal "$(find mine ! -user "$user")" ""
}

@test "ranges: what is beyond all of them is named before anything is done" {
    with_ranges rootlet -q import "$(tiny_tar)" tiny
    refused with_ranges rootlet run --engine subid -u 66001 tiny sh -c 'echo run""ning'
    expect_stderr "the command's user: uid 66001 is beyond the"
    expect_stderr "hint: "
    expect_no_output running
    mkdir context
    python3 -c '
import sys, tarfile
out = tarfile.open(fileobj=sys.stdout.buffer, mode="w|")
info = tarfile.TarInfo("far")
info.gid = 65501
out.addfile(info)
out.close()' >context/far.tar
    printf '%s\n' 'FROM tiny' 'ADD far.tar /' 'RUN echo run""ning' >context/Dockerfile
    refused with_ranges rootlet build --progress plain --engine subid context
    expect_stderr "'/far': gid 65501 is beyond the"
    [[ $stderr != *running* ]]
}
