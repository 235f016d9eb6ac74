# SPDX-License-Identifier: Apache-2.0
# Instructions that say how an image is run: what ends up in the config, as docker would write it.
load ../support/common
load ../support/build

setup() {
    common_setup
    need_userns
    need jq
    import_tiny
}

teardown() { common_teardown; }

# config REF FILTER: a member of the image's config, by jq.
config() {
    rootlet inspect "$1" | jq -c ".[0].Config | $2"
}

@test "EXPOSE, HEALTHCHECK, STOPSIGNAL, VOLUME, LABEL, MAINTAINER, USER, ENTRYPOINT, CMD" {
    dockerfile <<'END'
FROM tiny
ARG FIRST=7000
MAINTAINER Some Body <some@body.example>
EXPOSE ${FIRST}-7003 80 53/udp 90-91/UDP
HEALTHCHECK --interval=1m30s --timeout=2s --start-period=500ms --start-interval=5s --retries=3 CMD test -f "$HOME/ok"
STOPSIGNAL RTMIN+3
VOLUME /data /more
VOLUME ["/with space", "/json"]
LABEL one=1 "two words"='a "quoted" $value' three=a\ b
LABEL multi="line \
continued"
USER nobody:nogroup
WORKDIR a
WORKDIR b/../c
SHELL ["/bin/sh", "-ec"]
ENTRYPOINT exec top -b
CMD ["-n", "1"]
END
    builds -t full .
    equal "$(config full '.ExposedPorts | keys')" '["53/udp","7000/tcp","7001/tcp","7002/tcp","7003/tcp","80/tcp","90/udp","91/udp"]'
    equal "$(config full .Healthcheck)" '{"Test":["CMD-SHELL","test -f \"$HOME/ok\""],"Interval":90000000000,"Timeout":2000000000,"StartPeriod":500000000,"StartInterval":5000000000,"Retries":3}'
    equal "$(config full '.Volumes | keys')" '["/data","/json","/more","/with space"]'
    equal "$(config full .Labels)" '{"multi":"line continued","one":"1","three":"a b","two words":"a \"quoted\" $value"}'
    equal "$(config full '[.User,.WorkingDir,.StopSignal]')" '["nobody:nogroup","/a/c","RTMIN+3"]'
    equal "$(config full '[.Shell,.Entrypoint]')" '[["/bin/sh","-ec"],["/bin/sh","-ec","exec top -b"]]'
    equal "$(config full .Cmd)" '["-n","1"]'
    equal "$(rootlet inspect full | jq -r '.[0].Author')" "Some Body <some@body.example>"

    # a child takes it over, switches off, resets
    printf 'FROM full\nHEALTHCHECK NONE\nENTRYPOINT ["/bin/true"]\nEXPOSE 7003\n' >Dockerfile
    builds -t child .
    equal "$(config child '[.Healthcheck,.Entrypoint,.Cmd]')" '[{"Test":["NONE"]},["/bin/true"],null]'
    equal "$(config child '.ExposedPorts | length')" 8
    local bad
    for bad in 'EXPOSE 9-3' 'EXPOSE 70000' 'EXPOSE 80/icmp' 'STOPSIGNAL SIGNOSUCH' 'HEALTHCHECK --interval=x CMD true' 'HEALTHCHECK MAYBE' \
        'SHELL sh -c' 'LABEL x' 'VOLUME' 'USER' 'ONBUILD FROM x' 'ONBUILD ONBUILD RUN true' 'ONBUILD MAINTAINER x'; do
        printf 'FROM tiny\n%s\n' "$bad" >Dockerfile
        refuses .
        expect_stderr "Dockerfile:2"
    done
}

@test "every form of expansion, with the values of ARG and ENV" {
    dockerfile <<'END'
# escape=`
ARG BASE=tiny
FROM ${BASE:-nothing}
ARG BASE
ARG path=/usr/local/lib/libx.so.1.2 empty= unset
ENV default="${unset:-w}|${empty:-w}|${empty-w}|${unset-w}" set="${path:+w}|${empty:+w}|${empty+w}|${unset+w}"
ENV cut="${path#*/}|${path##*/}|${path%.*}|${path%%.*}" replaced="${path/l/L}|${path//l/L}"
ENV nested="${unset:-${BASE}-${empty:-x}}" literal="`$path" single='$path'
ENV same=old other=$same
ENV same=new later=$same
ARG first=1 second=${first}2 first=3$second
LABEL all="$default $set $cut $replaced $nested $literal $single $other $later $first"
END
    builds --build-arg BASE=tiny:latest -t expanded .
    equal "$(config expanded .Labels.all | jq -r .)" 'w|w||w w||w| usr/local/lib/libx.so.1.2|libx.so.1.2|/usr/local/lib/libx.so.1|/usr/local/lib/libx /usr/Local/lib/libx.so.1.2|/usr/LocaL/Lib/Libx.so.1.2 tiny:latest-x $path $path  old 312'
    printf 'FROM tiny\nARG v\nENV x="${v:?give it with --build-arg}"\n' >Dockerfile
    refuses .
    expect_stderr "Dockerfile:3"
    expect_stderr "give it with --build-arg"
    builds --build-arg v=1 .
}

@test "platform and predefined arguments; proxies reach RUN and are no part of the image" {
    dockerfile <<'END'
FROM tiny
ARG TARGETPLATFORM TARGETOS TARGETARCH TARGETVARIANT BUILDPLATFORM
RUN echo "for $TARGETOS/$TARGETARCH = $TARGETPLATFORM on $BUILDPLATFORM; proxy $http_proxy $NO_PROXY"
END
    export no_proxy=localhost
    builds --build-arg http_proxy=http://proxy.example:1 --build-arg NO_PROXY=none -t proxied .
    expect_stderr "for linux/* = linux/* on linux/*; proxy http://proxy.example:1 none"
    fails grep -rqF proxy.example "$ROOTLET_STORE/blobs" "$ROOTLET_STORE/cache"
    builds --build-arg http_proxy=http://other.example:1 .
    cached 1
}

@test "arguments that builders know: a time, a host name, caches of one's own, an index, a cache in the image" {
    dockerfile <<'END'
FROM tiny
ARG SOURCE_DATE_EPOCH
RUN --mount=type=cache,target=/cache echo "$SOURCE_DATE_EPOCH on $(hostname)" && ls /cache && touch /cache/mine /file
END
    builds -t known --build-arg SOURCE_DATE_EPOCH=1000000000 --build-arg BUILDKIT_SANDBOX_HOSTNAME=sandbox --build-arg BUILDKIT_CACHE_MOUNT_NS=one \
        --build-arg BUILDKIT_INLINE_CACHE=1 --build-arg BUILDKIT_MULTI_PLATFORM=true -o type=oci,dest=layout,tar=false -o type=image .
    expect_stderr "1000000000 on sandbox"
    image_sh known "stat -c %Y /file"
    equal "$output" 1000000000
    index=layout/blobs/sha256/$(jq -r '.manifests[0].digest' layout/index.json | cut -d: -f2)
    equal "$(jq -r '.manifests[0].platform.os' "$index")" linux
    manifest=layout/blobs/sha256/$(jq -r '.manifests[0].digest' "$index" | cut -d: -f2)
    equal "$(jq '.annotations | keys[] | select(contains("cache")) | length > 0' "$manifest")" true
    SOURCE_DATE_EPOCH=1100000000 builds --build-arg BUILDKIT_CACHE_MOUNT_NS=two .
    expect_stderr "1100000000 on "
    fails grep -qx '.* mine' <<<"$stderr"
    builds --source-date-epoch 1200000000 --build-arg BUILDKIT_CACHE_MOUNT_NS=two .
    expect_stderr "1200000000 on *mine"
    sed -i '1i ARG SOURCE_DATE_EPOCH=1300000000' Dockerfile
    builds .
    expect_stderr "1300000000 on "
    for wrong in SOURCE_DATE_EPOCH=now BUILDKIT_SANDBOX_HOSTNAME="a b" BUILDKIT_INLINE_CACHE=perhaps BUILDKIT_MULTI_PLATFORM=perhaps BUILDKIT_CONTEXT_KEEP_GIT_DIR=perhaps; do
        refuses --build-arg "$wrong" .
        expect_stderr "${wrong%%=*}"
        expect_stderr "${wrong#*=}"
    done
}

@test "ONBUILD: triggers with copies, mounts and heredocs are the child's first steps" {
    dockerfile <<'END'
FROM tiny AS helper
RUN echo helper >/word
FROM tiny
ONBUILD COPY file /file
ONBUILD RUN --mount=type=bind,from=tools,source=/word,target=/word cat /file /word >/both
ONBUILD ENV FROM_BASE=yes
END
    builds -t parent .
    equal "$(config parent '.OnBuild | length')" 3
    echo mine >file
    dockerfile <<'END'
FROM tiny AS tools
RUN echo tool >/word
FROM parent
RUN cat /both && echo "$FROM_BASE"
END
    builds -t child .
    expect_stderr mine
    expect_stderr tool
    equal "$(config child '[.OnBuild, (.Env | index("FROM_BASE=yes") != null)]')" '[null,true]'
}

@test "parser directives: escape, syntax of any name, and what looks like one later is a comment" {
    printf '# syntax=docker/dockerfile:1.7-labs\r\n# escape=`\r\nFROM tiny\r\n# escape=\\\r\nRUN echo one `\r\n  # between\r\n  two\r\n' >Dockerfile
    builds .
    expect_stderr "one   two"
    printf '\xef\xbb\xbfFROM tiny\nRUN echo with a mark\n' >Dockerfile
    builds .
    expect_stderr "with a mark"
    printf '# escape=x\nFROM tiny\n' >Dockerfile
    refuses .
    expect_stderr "Dockerfile:1"
    printf '# check=skip=all;error=true\nFROM tiny\nMAINTAINER x\n' >Dockerfile
    builds .
}

@test "WORKDIR and --chown: who owns what is made, by name and by number" {
    mkdir dir && touch dir/file
    dockerfile <<'END'
FROM tiny
RUN mkdir /kept && printf 'app:x:77:88::/:/bin/sh\n' >>/etc/passwd
USER app
WORKDIR /made/by/app
WORKDIR /kept
USER 99
WORKDIR /by/number
USER 98:97
WORKDIR /by/both
USER nosuch
WORKDIR /by/nobody
USER 0
COPY --chown=55 dir /c/number
COPY --chown=app dir /c/name
COPY --chown=app:0 dir /c/both
END
    builds -t owners .
    image_sh owners "stat -c '%u:%g %n' /made /made/by/app /kept /by /by/number /by/both /by/nobody /c /c/number /c/number/file /c/name/file /c/both"
    equal "$output" "77:88 /made
77:88 /made/by/app
0:0 /kept
99:99 /by
99:99 /by/number
98:97 /by/both
0:0 /by/nobody
55:55 /c
55:55 /c/number
55:55 /c/number/file
77:88 /c/name/file
77:0 /c/both"
}
