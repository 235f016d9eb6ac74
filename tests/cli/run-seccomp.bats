# SPDX-License-Identifier: Apache-2.0
# run --seccomp: profiles as docker and the OCI runtime specification write them.
load ../support/common

setup() {
    common_setup
    need_userns
    tiny_root root
}

teardown() {
    common_teardown
}

@test "calls are refused with the error of the rule, and only as their arguments say" {
    cat >profile.json <<'JSON'
{ "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
  "syscalls": [
    { "names": ["mkdir", "mkdirat", "no_such_call"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28 },
    { "names": ["symlink", "symlinkat"], "action": "SCMP_ACT_ERRNO" },
    { "names": ["kill"], "action": "SCMP_ACT_KILL_PROCESS",
      "args": [ { "index": 1, "value": 10, "op": "SCMP_CMP_EQ" } ] } ] }
JSON
    attempt rootlet run --write --seccomp profile.json ./root sh -c 'mkdir /new; ln -s a /link; touch /f && echo went on'
    expect_stderr "No space left"
    expect_stderr "Operation not permitted"
    expect_output "went on"
    attempt rootlet run --seccomp profile.json ./root sh -c "kill -10 \$\$"
    expect_status 159
    ok rootlet run --seccomp profile.json ./root sh -c "kill -0 \$\$"
    ok rootlet run --dry-run --seccomp profile.json ./root true
    expect_output seccompInstructions
}

@test "what counts for this machine: capabilities, architecture, kernel" {
    cat >profile.json <<'JSON'
{ "defaultAction": "SCMP_ACT_ALLOW",
  "archMap": [ { "architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] } ],
  "syscalls": [
    { "names": ["symlink", "symlinkat"], "action": "SCMP_ACT_ERRNO", "excludes": { "caps": ["CAP_SYS_ADMIN"] } },
    { "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "includes": { "arches": ["mips"] } },
    { "names": ["link", "linkat"], "action": "SCMP_ACT_ERRNO", "includes": { "minKernel": "999.0" } } ] }
JSON
    ok rootlet run --write --seccomp profile.json ./root sh -c 'ln -s a /one && mkdir /new && ln /new/../etc/passwd /new/two || true; [ -d /new ]'
    lacks_mounts && return # it cannot take capabilities away
    attempt rootlet run --write --cap-drop SYS_ADMIN --seccomp profile.json ./root ln -s a /three
    [ "$status" -eq 1 ]
    expect_stderr "Operation not permitted"
}

@test "the default profile of the container tools: programs run, also under root emulation" {
    profile=/usr/share/containers/seccomp.json
    [ -r $profile ] || skip "no profile of the container tools is installed"
    import_tiny
    ok rootlet run --seccomp $profile tiny sh -c 'touch /f && chown 12:34 /f && stat -c %u:%g /f'
    equal "$output" 12:34
    ok rootlet run --seccomp $profile ./root sh -c 'ls / >/dev/null && grep Seccomp: /proc/self/status'
    expect_output 2
}

@test "what is no profile is refused by name" {
    refused rootlet run --seccomp none.json ./root true
    expect_stderr "--seccomp: *none.json"
    echo '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [ { "names": ["x"], "action": "SCMP_ACT_NOTIFY" } ] }' >a.json
    refused rootlet run --seccomp a.json ./root true
    expect_stderr "syscalls*SCMP_ACT_NOTIFY"
    echo '{ "defaultAction": "SCMP_ACT_MAYBE" }' >b.json
    refused rootlet run --seccomp b.json ./root true
    expect_stderr "'SCMP_ACT_MAYBE' is not known"
    echo '{ "defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_LOG"] }' >c.json
    refused rootlet run --seccomp c.json ./root true
    echo 'no json' >d.json
    refused rootlet run --seccomp d.json ./root true
    echo '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [ { "names": ["dup"], "action": "SCMP_ACT_ERRNO", "args": [ { "index": 6, "value": 1, "op": "SCMP_CMP_EQ" } ] } ] }' >e.json
    refused rootlet run --seccomp e.json ./root true
    expect_stderr "no argument 6"
}
