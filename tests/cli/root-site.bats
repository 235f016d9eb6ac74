# SPDX-License-Identifier: Apache-2.0
# A store that one user keeps for all ($ROOTLET_ADDITIONAL_STORES): another one may only read it.
load ../support/common

setup() {
    common_setup
    need setpriv jq
    [ "$(id -u)" = 0 ] || skip "only root can be two users"
    FOLDER=$(mktemp -d /var/tmp/rootlet-site-XXXXXX)
    chmod 755 "$FOLDER"
    mkdir "$FOLDER/site" "$FOLDER/own"
    chown rootlet-test "$FOLDER/site"
    chown 54321 "$FOLDER/own"
    cp --no-preserve=mode "$(tiny_tar)" "$FOLDER/tiny.tar"
    unset XDG_RUNTIME_DIR XDG_DATA_HOME
    cd "$FOLDER"
    as rootlet-test env ROOTLET_STORE="$FOLDER/site/store" rootlet -q import tiny.tar site/tiny
    chmod -R a+rX site
    export ROOTLET_STORE=$FOLDER/own/store ROOTLET_ADDITIONAL_STORES=$FOLDER/site/store HOME=$FOLDER/own
    before=$(everything)
    as 54321 unshare -Ur true 2>/dev/null || skip "no user namespaces here"
}

teardown() {
    cd /
    rm -rf "${FOLDER:-/nonexistent}"
}

as() {
    local user=$1
    shift
    setpriv --reuid "$user" --regid "$(id -g "$user" 2>/dev/null || echo "$user")" --clear-groups -- "$@"
}

everything() {
    (cd "$FOLDER/site/store" && find . -printf '%p %s %T@ %C@ %m %u\n' | sort)
}

@test "an image in another user's store is run, built from and exported as if it were one's own" {
    ok as 54321 rootlet run site/tiny -- sh -ec 'echo new >/etc/new && chown 5:6 /etc/new && stat -c %u:%g /etc /bin/sh /etc/new'
    equal "$output" $'0:0\n0:0\n5:6'
    ok as 54321 rootlet run --read-only site/tiny -- sh -ec 'stat -c %u:%g /etc; ! touch /etc/new 2>/dev/null'
    equal "$output" 0:0
    refused as 54321 rootlet run --commit kept site/tiny -- true
    expect_stderr "another user's"
    mkdir context
    printf 'FROM site/tiny\nRUN echo one >/etc/one && chown 7:8 /etc/one\nRUN mv /etc/one /etc/two\n' >context/Dockerfile
    ok as 54321 rootlet -q build -t mine context
    ok as 54321 rootlet run mine -- sh -ec 'stat -c %u:%g /etc/two; cat /etc/two'
    equal "$output" $'7:8\none'
    equal "$(ls own/store/layers | wc -l)" 2
    ok as 54321 rootlet fsck
    equal "$(everything)" "$before"
    # as it was imported, with no owner but those the archive has
    as 54321 rootlet export site/tiny -o own/one.tar
    as rootlet-test env -u ROOTLET_ADDITIONAL_STORES ROOTLET_STORE="$FOLDER/site/store" rootlet export site/tiny >other.tar
    cmp own/one.tar other.tar
}
