# SPDX-License-Identifier: Apache-2.0
# The Dockerfiles of examples/ that install Debian packages, from the mirror this machine uses: built
# as they are by an ordinary user, and what came of it used. Takes some minutes and a gigabyte:
#
#	tests/support/run-tests --quick build tests/acceptance/examples.bats
load ../support/common
load ../support/build
load ../support/registry

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

teardown() {
    registry_stop
    common_teardown
}

teardown_file() {
    chmod -R u+rwX "$BATS_FILE_TMPDIR"
}

@test "c-multistage: the program without its compiler; objects are kept between builds" {
    builds -t primes c-multistage
    expect_stderr "-c -o /obj/sieve.o"
    ok rootlet run primes
    equal "$output" "10 primes below 30"
    ok rootlet run primes 1000
    equal "$output" "168 primes below 1000"
    ok rootlet run --entrypoint sh primes -c 'command -v gcc || echo none'
    equal "$output" none
    touch -d 2020-01-01 c-multistage/sieve.c
    echo '/* changed */' >>c-multistage/main.c
    builds -t primes c-multistage
    expect_stderr "-c -o /obj/main.o"
    [[ $stderr != *"-c -o /obj/sieve.o"* ]]
}

@test "go-static: one static program and nothing else" {
    builds -t words --build-arg VERSION=1.5 go-static
    ok rootlet run words a b 'c d'
    equal "$output" "words 1.5: 4 (uid 65532)"
    equal "$(rootlet export words | tar -tf - | sort | tr '\n' ' ')" "./ words "
}

@test "python-venv: an application from a folder, in a virtual environment" {
    builds -t greet python-venv
    ok rootlet run greet you
    equal "$output" "hello, you, from /opt/venv"
}

@test "node-local: a service with packages from a folder" {
    builds -t node node-local
    ok rootlet run node node server.js --once
    equal "$output" "hello, self"
    ok rootlet run node ls node_modules/greeting
    equal "$output" $'index.js\npackage.json'
}

@test "spack-environment: prefixes named by hashes, a view, libraries found by rpath" {
    builds -t spack spack-environment
    ok rootlet run spack
    equal "$output" "mean 3.0"
    ok rootlet run spack readlink -f /opt/view/bin/report
    expect_output "/opt/software/linux-debian12-*/gcc-12/report-0.3-*/bin/report"
    ok rootlet run spack cat /opt/spack-environment/spack.yaml
    expect_output "specs: ?report?"
}

@test "mpi-hello: ranks that talk to each other" {
    builds -t mpi mpi-hello
    ok rootlet run mpi
    equal "$output" "3 ranks, sum 3"
}

@test "debian-package: a package with another owner's folder, built and installed without root" {
    builds --target package -o debs debian-package
    [ -s debs/hello-rootless_1.0_all.deb ]
    builds -t packaged debian-package
    ok rootlet run packaged
    equal "$output" "hello from hello-rootless 1.0, state of games:games:2750"
}

@test "ci-chain: three images, each built from the one before in another user's store" {
    local stage
    need docker-registry
    registry_start
    for stage in mpi environment application; do
        # nothing is shared between the jobs but the registry, and Debian's image
        ROOTLET_STORE=$BATS_TEST_TMPDIR/$stage rootlet -q import "$(debian_tar)" debian:12
        ROOTLET_STORE=$BATS_TEST_TMPDIR/$stage builds --build-arg "REGISTRY=$REGISTRY" -f "ci-chain/$stage.Dockerfile" \
            -t "$REGISTRY/chain/$stage:1" --push ci-chain
    done
    ROOTLET_STORE=$BATS_TEST_TMPDIR/batch ok ci-chain/validate.sh "$REGISTRY/chain/application:1"
    expect_output "sum 3"
}
