# SPDX-License-Identifier: Apache-2.0
# rootlet build: what RUN sees of hosts, networks, shared memory, and build arguments.
load ../support/common
load ../support/build

setup() {
    common_setup
    need_userns
    import_tiny
}

teardown() {
    common_teardown
}

@test "--add-host adds lines to /etc/hosts, which reach no layer" {
    dockerfile <<'END'
FROM tiny
RUN cat /etc/hosts
END
    builds --add-host one:10.1.2.3 --add-host two=::1 --add-host 'three:[fe80::1]' --add-host gw:host-gateway -t hosts .
    for line in $'10.1.2.3\tone' $'::1\ttwo' $'fe80::1\tthree' $'127.0.0.1\tgw'; do
        expect_stderr "$line"
    done
    builds --add-host one:10.1.2.4 .
    cached 0
    expect_stderr $'10.1.2.4\tone'
    [ -z "$(find "$ROOTLET_STORE"/layers/*/etc/hosts 2>/dev/null)" ]
    for bad in one one: :1.2.3.4 one:nonsense "a b:1.2.3.4"; do
        refuses --add-host "$bad" .
        expect_stderr "is not NAME:ADDRESS"
    done
}

@test "--network none and RUN --network=none have only loopback" {
    dockerfile <<'END'
FROM tiny
RUN --network=none cat /proc/net/dev | sed -n 's/^ *\([a-z0-9]*\):.*/if \1/p'
END
    builds .
    equal "$(grep -c '^ *if ' <<<"$stderr")" 1
    expect_stderr "if lo"
    dockerfile <<'END'
FROM tiny
RUN true; cat /proc/net/dev | sed -n 's/^ *\([a-z0-9]*\):.*/if \1/p'
RUN --network=host echo host && cat /proc/net/dev | wc -l
END
    builds --network none .
    equal "$(grep -c '^ *if ' <<<"$stderr")" 1
}

@test "--shm-size is the size of /dev/shm" {
    dockerfile <<'END'
FROM tiny
RUN df -k /dev/shm | tail -n 1
END
    builds --shm-size 3m .
    expect_stderr " 3072 "
}

@test "a build argument that no ARG declares is warned about" {
    dockerfile <<'END'
FROM tiny
ARG USED
RUN echo "used is $USED"
END
    NOWHERE=x builds --build-arg USED=1 --build-arg UNUSED=2 --build-arg http_proxy= .
    expect_stderr "used is 1"
    expect_stderr "warning: *'UNUSED'"
    fails grep -q "'http_proxy'\|'USED'" <<<"$stderr"
}

@test "a build argument without a value takes the environment's" {
    dockerfile <<'END'
FROM tiny
ARG FROM_ENV=default
RUN echo "it is $FROM_ENV"
END
    FROM_ENV=given builds --build-arg FROM_ENV .
    expect_stderr "it is given"
    unset FROM_ENV
    builds --build-arg FROM_ENV .
    expect_stderr "it is default"
}
