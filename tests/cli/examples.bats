# SPDX-License-Identifier: Apache-2.0
# The Dockerfiles of examples/ that need nothing but the Debian base image: built as they are, and
# what came of it used. The others are in tests/acceptance/examples.bats.
load ../support/common
load ../support/build

setup_file() {
    [ -s "$(debian_tar)" ] || return 0
    ROOTLET_STORE=$BATS_FILE_TMPDIR/store rootlet -q import "$(debian_tar)" debian:12
}

setup() {
    common_setup
    need_userns
    need_debian
    ROOTLET_STORE=$BATS_FILE_TMPDIR/store
    cp -r "$ROOTLET_TEST_STAGE/examples/." .
    chmod -R u+w .
}

teardown() { common_teardown; }

teardown_file() {
    chmod -R u+rwX "$BATS_FILE_TMPDIR"
}

@test "heredoc-scripts: scripts of three interpreters, files with and without variables" {
    builds -t heredocs --build-arg GREETING=moin heredoc-scripts
    ok rootlet run heredocs
    equal "$output" "moin from the argument"
    ok rootlet run heredocs literal
    equal "$output" '${GREETING} as it stands'
    ok rootlet run --entrypoint sh heredocs -c 'cd /opt/tool/share && cat how squares letters stdin && stat -c %a /usr/local/bin/tool'
    expect_output "made by a shell with \$- = e
1 4 9 16 25
abcdea heredoc as standard input
755"
}

@test "onbuild-base: a base image says how its children are built" {
    builds -t site-base -f onbuild-base/base.Dockerfile onbuild-base
    builds -t site --build-arg TITLE="two pages" onbuild-base/site
    expect_stderr "COPY pages/ /site/pages/"
    ok rootlet run site
    equal "$output" "<title>two pages</title>
<h1>about</h1>
<p>tea &amp; biscuits</p>
<h1>index</h1>
<p>1 &lt; 2</p>"
    ok rootlet run site ls /site
    equal "$output" index.html
    # triggers were carried out once, and are no grandchild's
    ok rootlet inspect site
    expect_no_output OnBuild
    ok rootlet inspect site-base
    expect_output OnBuild
}

@test "non-root-user: an account of its own, in the build, in the config and in a run" {
    builds -t counter non-root-user
    ok rootlet run counter
    equal "$output" "counter:counter has counted to 2"
    ok rootlet run -u 0 --entrypoint sh counter -c 'stat -c "%U:%G %a %n" /usr/local/bin/counter data data/count .'
    equal "$output" "root:counter 750 /usr/local/bin/counter
counter:counter 750 data
counter:counter 644 data/count
counter:counter 755 ."
    ok rootlet inspect counter
    local word
    for word in '"User": "counter:counter"' '"7000/tcp"' '"7002/tcp"' '"7000/udp"' '"/var/lib/counter/spool"' \
        '"StopSignal": "SIGINT"' '"Retries": 2' '"Interval": 60000000000'; do
        expect_output "$word"
    done
}

# Everything in the store and in the image's archive, unpacked, is searched.
@test "secret-fetch: secrets are in no layer, no cache, no history, nowhere in the store" {
    local token=s3cr3t-tok3n-7f1b9c password=p4ssw0rd-2e8d4a
    printf %s "$token" >token.txt
    export PASSWORD=$password
    builds -t licensed --secret id=token,src=token.txt --secret id=password,env=PASSWORD \
        -o type=image -o type=oci,dest=image.oci -o type=tar,dest=image.tar --metadata-file meta.json secret-fetch
    printf '%s\n' "$stderr" >said
    ok rootlet run licensed
    equal "$output" "licence $(printf %s "$token" | sha256sum | cut -c1-16) of ${#token} characters"
    ok rootlet run licensed cat /out/mode /out/checksum
    equal "$output" "440 20
$(printf %s "$password" | sha256sum | cut -d' ' -f1)"

    mkdir archive blobs
    tar -C archive -xf image.oci
    local blob
    for blob in "$ROOTLET_STORE"/blobs/sha256/* archive/blobs/sha256/*; do
        gzip -cd "$blob" >"blobs/$(basename "$blob")" 2>/dev/null || zstd -qcd "$blob" >"blobs/$(basename "$blob")" 2>/dev/null ||
            cp "$blob" "blobs/$(basename "$blob")"
    done
    # the search finds what is there: the checksum of the password is
    grep -rqF "$(printf %s "$password" | sha256sum | cut -d' ' -f1)" blobs
    fails grep -rlF -e "$token" -e "$password" "$ROOTLET_STORE" archive blobs image.tar meta.json said
    fails grep -rlF -e "$(printf %s "$token" | base64)" -e "$(printf %s "$password" | base64)" "$ROOTLET_STORE" blobs

    # another secret is no other step; none at all is refused by name
    printf other >token.txt
    builds --secret id=token,src=token.txt --secret id=password,env=PASSWORD secret-fetch
    cached 7
    refuses --no-cache secret-fetch
    expect_stderr "secret 'token' is required"
}
