# SPDX-License-Identifier: Apache-2.0
load ../support/common

setup() {
    common_setup
}

teardown() {
    common_teardown
}

# line_of TITLE: what doctor's text says about it.
line_of() {
    printf '%s\n' "$output" | grep -F "  $1" | head -n 1
}

# fact NAME EXPRESSION: python's view of one fact of the JSON in $output.
fact() {
    printf '%s' "$output" | python3 -c '
import json, sys
facts = {fact["name"]: fact for fact in json.load(sys.stdin)["facts"]}
print(facts[sys.argv[1]][sys.argv[2]])' "$1" "$2"
}

@test "doctor names every engine and facility and leaves nothing behind" {
    mkdir store
    ROOTLET_STORE=$PWD/store attempt rootlet doctor
    for title in userns "user namespaces" "subordinate ids" "overlay on the store" Landlock ptrace \
        "cgroup v2 delegation" "hard links"; do
        [[ $(line_of "$title") =~ (usable|refused) ]]
    done
    expect_empty_dir store
}

@test "doctor says which rule forbids user namespaces under a seccomp filter" {
    attempt deny userns rootlet doctor
    expect_status 0 # engine tap needs none
    [[ $(line_of "user namespaces") == *"refused"*"Operation not permitted"* ]]
    expect_output "rule: a seccomp filter refuses user namespaces"
    [[ $(line_of "userns ") == *refused* ]]
    [[ $(line_of "overlay on the store") == *"needs user namespaces"* ]]
}

@test "doctor says of engines and root emulation what was seen, which rule forbids it and what changes it" {
    export container=docker # where it is another, what changes it is known as well
    export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # which traces itself
    attempt deny userns,seccomp,ptrace rootlet doctor
    expect_status 1
    expect_output "  userns * refused: user namespaces: clone into new namespaces: Operation not permitted
*hint: a seccomp filter refuses user namespaces*; you can: "
    expect_output "  tap * refused: seccomp trap: install a seccomp filter: Operation not permitted
*hint: a seccomp filter refuses seccomp filters*; you can: "
    need python3
    deny userns,seccomp,ptrace rootlet doctor --json >said || :
    python3 - <<'END'
import json
said = json.load(open("said"))
kinds = {kind["name"]: kind for kind in said["engines"] + said["root_emulation"]}
for name in "userns", "tap", "seccomp":
    kind = kinds[name]
    assert not kind["usable"] and kind["errno"] == "EPERM", kind
    assert "Operation not permitted" in kind["reason"], kind
    assert "a seccomp filter refuses" in kind["hint"] and "you can: " in kind["hint"], kind
END
}

@test "doctor --for knows every command that needs something of the machine" {
    local command
    for command in $({ rootlet __options; rootlet-image __options; } | awk -F '\t' '$5 == "command" { print $1 }'); do
        case $command in
        help | version | completion | doctor | login | logout) continue ;;
        esac
        attempt rootlet doctor --for "$command"
        [ "$status" -le 1 ] || { show; return 1; }
    done
    # what is emulated does not need namespaces
    attempt deny userns rootlet doctor --for root
    expect_status 0
    expect_no_output "user namespaces"
    attempt deny seccomp rootlet doctor --for root
    expect_status 1
}

@test "doctor sees what else a filter takes away" {
    attempt deny ptrace,openat2,clone3,landlock rootlet doctor --json
    equal "$(fact ptrace errno)" EPERM
    equal "$(fact openat2 errno)" ENOSYS
    equal "$(fact clone3 errno)" ENOSYS
    equal "$(fact landlock errno)" ENOSYS
    equal "$(fact landlock usable)" False
}

@test "doctor tells the administrator's line for a user without subordinate ids" {
    need newuidmap
    need_userns
    fails grep -q "^$(id -un):" /etc/subuid || skip "$(id -un) has subordinate ids"
    attempt rootlet doctor
    expect_output "usermod --add-subuids"
    expect_output " $(id -un)"
}

@test "doctor tells who has one id only that no line would give a range" {
    need_userns
    attempt rootlet run --host-root --root-emulation none -- rootlet doctor
    expect_output "one id is mapped here"
    expect_no_output "usermod --add-subuids"
}

@test "doctor --json is JSON and agrees with the text" {
    attempt rootlet doctor --json
    for name in user-namespace overlay-tmpfs seccomp-trap store-write; do
        [[ $(fact "$name" usable) =~ (True|False) ]]
    done
    text=$(rootlet doctor || :)
    [ "$(fact seccomp-trap usable)" = True ]
    [[ $text == *"seccomp trap                    usable"* ]]
}

@test "doctor judges the store it is told, not the default" {
    attempt rootlet doctor --store /proc/nothing --json
    equal "$(fact store-write usable)" False
    attempt rootlet doctor --store "$PWD" --json
    equal "$(fact store-write usable)" True
}

@test "doctor --for says only what a command needs, in its exit status too" {
    attempt rootlet doctor --for pull
    expect_status 0
    expect_no_output "user namespaces"
    attempt rootlet doctor --for pull --store /proc/nothing
    expect_status 1
    refused rootlet doctor --for nonsense
    expect_stderr "'nonsense' is not one of"
}
