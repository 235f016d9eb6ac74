# SPDX-License-Identifier: Apache-2.0
# Every option of run under the engines of an ordinary user: tests/support/options.bash.
load ../support/common
load ../support/options

setup() {
    options_setup
}

teardown() {
    common_teardown
}

@test "options: each has its effect under userns, tap and ptrace, or is refused by name" {
    options_of userns
    options_of tap
    options_of ptrace
}

@test "options: the table has every option of run" {
    local options option
    options=$(rootlet __options | awk -F '\t' '$1 == "run" { print }')
    [ -n "$options" ]
    for option in $(rootlet run --help 2>&1 | grep -o -- '--[a-z][a-z-]*' | sort -u); do
        case $option in
        --help | --quiet | --verbose | --store | --log-format | --engine | --dry-run | --why | --rm | --name | --interactive) continue ;;
        --detach | --publish | --restart | --privileged | --pull | --ownership | --bind | --env-file | --progress) continue ;;
        esac
        grep -qe "[\" ]$option\>" "$BATS_TEST_DIRNAME/../support/options.bash" || { echo "no row: $option" >&2; return 1; }
    done
}
