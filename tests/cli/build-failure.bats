# SPDX-License-Identifier: Apache-2.0
# rootlet build: what fails says where, what it said last, and what would change it.
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

# run_line COMMAND: a Dockerfile whose third line runs it.
run_line() {
    printf 'FROM tiny\n# a comment\nRUN %s\n' "$1" >Dockerfile
}

@test "the place has a caret, the end of the output is shown, and the status" {
    run_line 'echo first && for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22; do echo "line $i"; done; exit 3'
    refuses --progress none .
    expect_stderr "3 | RUN echo first*       | ^~~"
    expect_stderr "  > line 22"
    expect_stderr "Dockerfile:3: RUN: the command ended with status 3"
    # twenty lines are enough
    fails grep -q '  > line 2$' <<<"$stderr"
    expect_empty_dir "$ROOTLET_STORE/tmp"
}

@test "a command that the image lacks is named" {
    run_line 'true && nosuchtool --version'
    refuses .
    expect_stderr "status 127: command 'nosuchtool' not found in the image"
    expect_stderr "hint: install what brings 'nosuchtool'"
    run_line '["nosuchtool", "x"]'
    refuses .
    expect_stderr "Dockerfile:3: RUN: command 'nosuchtool' not found"
    run_line '["/no/such/tool"]'
    refuses .
    expect_stderr "'/no/such/tool'"
    run_line '/etc/passwd'
    refuses .
    expect_stderr "status 126"
}

@test "an image without a shell says so" {
    dockerfile <<'END'
FROM scratch
COPY Dockerfile /
RUN echo hello
END
    refuses .
    expect_stderr "Dockerfile:3: RUN: *'/bin/sh'"
    expect_stderr "hint: the image has no shell"
}

@test "a signal is named, and what SIGKILL may mean" {
    run_line 'kill -TERM $$'
    refuses .
    expect_stderr "ended by signal 15 (Terminated)"
    run_line 'kill -KILL $$'
    refuses .
    expect_stderr "ended by signal 9 (Killed)"
    expect_stderr "hint: *memory"
}

@test "a privilege that was refused is named, with what gives it" {
    need_one_id
    run_line 'chown nobody /etc/passwd'
    builds .
    refuses --root-emulation none .
    expect_stderr "it seems that chown(2) was refused under --root-emulation none"
    expect_stderr "hint: --root-emulation tap"
    dockerfile <<'END'
FROM tiny
USER nobody
RUN chown 12345 /tmp
END
    refuses .
    expect_stderr "chown(2) was refused to 'chown', which is user 65534"
    expect_stderr "hint: USER above"
    run_line 'swapon /etc/passwd'
    refuses .
    expect_stderr "swapon(2) was refused to 'swapon': a build has no real privilege"
    # seen, not read from what it prints
    run_line 'swapon /etc/passwd >/dev/null 2>&1'
    refuses .
    expect_stderr "swapon(2) was refused to 'swapon': a build has no real privilege"
    # nor taken for the reason of what failed of something else
    run_line 'swapon /etc/passwd 2>/dev/null; echo "main.c:3: error"; exit 1'
    refuses .
    expect_stderr "the command ended with status 1"
    case $stderr in *swapon\(2\)*) false ;; esac
    # without the tap there is only what it prints
    run_line 'echo "date: cannot set date: Operation not permitted"; exit 1'
    refuses --root-emulation seccomp .
    expect_stderr "it seems that clock_settime(2) was refused: a build has no real privilege"
    run_line 'echo "tool: Operation not permitted"; exit 1'
    refuses --root-emulation none .
    expect_stderr "hint: something was refused that takes a privilege; with --root-emulation tap this tells"
}

@test "one stage's failure is told once, and the others stop" {
    dockerfile <<'END'
FROM tiny AS good
RUN echo good
FROM tiny AS bad
RUN echo bad; exit 9
FROM tiny
COPY --from=good /etc/passwd /a
COPY --from=bad /etc/passwd /b
END
    refuses .
    equal "$(grep -c 'error:' <<<"$stderr")" 1
    expect_stderr "Dockerfile:4: RUN: the command ended with status 9"
}

@test "nothing of a failed build is named or left, and the next one goes on from its cache" {
    printf 'FROM tiny\nRUN echo one >/one\nRUN [ -e /never ]\n' >Dockerfile
    refuses -t named .
    fails rootlet inspect named
    printf 'FROM tiny\nRUN echo one >/one\nRUN [ -e /one ]\n' >Dockerfile
    builds -t named .
    cached 1
}

@test "mistakes in the Dockerfile point at the word" {
    printf 'FROM tiny\nRUN --mout=type=cache,target=/c make\n' >Dockerfile
    refuses .
    expect_stderr "2 | RUN --mout=type=cache,target=/c make*       |     ^~~"
    printf 'FROM tiny\nCOPYY a b\n' >Dockerfile
    refuses .
    expect_stderr "Dockerfile:2:"
    printf 'FROM tiny\nCOPY --from=nosuchstage:1:2 a b\n' >Dockerfile
    refuses .
    expect_stderr "Dockerfile:2:*nosuchstage"
}
@test "a file that is not there: the nearest name, and whether .dockerignore is the reason" {
    mkdir -p src
    touch src/main.c src/other.h src/left.log
    echo '*.tmp' >.dockerignore
    echo 'src/*.log' >>.dockerignore
    printf 'FROM tiny\nCOPY src/mian.c /\n' >Dockerfile
    refuses .
    expect_stderr "Dockerfile:2: COPY: 'src/mian.c' is not there"
    expect_stderr "hint: did you mean 'src/main.c'?"
    printf 'FROM tiny\nCOPY src/left.log /\n' >Dockerfile
    refuses .
    expect_stderr "hint: .dockerignore leaves it out ('src/\*.log')"
    printf 'FROM tiny\nCOPY ../outside /\n' >Dockerfile
    touch ../outside
    refuses .
    expect_stderr "'../outside' is not there"
    expect_stderr "hint: *outside of the build context"
    printf 'FROM tiny\nCOPY completely-different /\n' >Dockerfile
    refuses .
    expect_stderr "'completely-different' is not there"
    fails grep -q 'did you mean' <<<"$stderr"
    # in a stage there is no .dockerignore
    printf 'FROM tiny AS a\nFROM tiny\nCOPY --from=a /etc/paswd /\n' >Dockerfile
    refuses .
    expect_stderr "hint: did you mean '/etc/passwd'?"
}


@test "--debug gives a shell where a RUN failed, with what it did, its mounts, variables and user" {
    dockerfile <<'END'
FROM tiny
ENV WORD=hello
WORKDIR /there
RUN --mount=type=cache,target=/c echo half >/half && echo kept >/c/kept && exit 7
RUN echo never
END
    attempt rootlet build --progress plain --debug . <<<'cat /half /c/kept; pwd; id -u; echo $WORD; exit 3'
    expect_status 125
    expect_stderr "RUN --mount=type=cache,target=/c * failed; this is a shell in its root"
    expect_stderr $'half\nkept\n/there\n0\nhello\n'
    expect_stderr "the command ended with status 7"
    [[ $stderr != *never* ]]
    expect_empty_dir "$ROOTLET_STORE/tmp"
    attempt "$ROOTLET_TEST_STAGE/tests/support/terminal" 'expect:exit' 'send:tty && cat /half\n' 'expect:half' 'send:exit\n' -- rootlet build --debug .
    expect_status 125
    expect_output "/dev/pts/"
    expect_output "the command ended with status 7"
    dockerfile <<'END'
FROM tiny
RUN rm -r /bin && false
END
    attempt rootlet build --debug . </dev/null
    expect_status 125
    expect_stderr "warning: --debug: "
}

@test "--debug: the shell sees owners as the failed command left them" {
    dockerfile <<'END'
FROM tiny
RUN echo low >/low && chown 3:4 /low && mkdir /d && chown 3:4 /d
RUN echo new >/new && chown 5:6 /new && chown 7:8 /low && exit 7
END
    attempt rootlet build --progress plain --debug . <<<"stat -c '%u:%g %F %n' /low /d /new"
    expect_status 125
    expect_stderr $'7:8 regular file /low\n3:4 directory /d\n5:6 regular file /new\n'
}
