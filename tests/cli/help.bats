# SPDX-License-Identifier: Apache-2.0
# help, version, completion: what is generated from the option tables.
load ../support/common

setup() {
    common_setup
}

teardown() {
    common_teardown
}

# The options of both programs: "command<tab>--long" lines.
all_options() {
    {
        rootlet __options
        rootlet-image __options 2>/dev/null || :
    } | awk -F '\t' '$1 !~ /^__/ && $5 != "command" && $5 != "heading" && $5 != "refused" { print $1 "\t--" $3 }'
}

all_commands() {
    {
        rootlet __options
        rootlet-image __options 2>/dev/null || :
    } | awk -F '\t' '$5 == "command" { print $1 }' | sort -u
}

# complete_line LINE: what bash offers at the end of it, one a line.
complete_line() {
    rootlet completion bash >completion.bash
    bash --norc -c '
        . ./completion.bash
        COMP_LINE=$1 COMP_POINT=${#1}
        _rootlet
        printf "%s\n" "${COMPREPLY[@]}"' - "$1"
}

@test "rootlet alone, help and --help list every command" {
    for words in "" help --help -h; do
        ok rootlet $words
        for command in $(all_commands); do
            expect_output "  $command "
        done
    done
}

@test "every command answers --help with each of its options" {
    for command in $(all_commands); do
        ok rootlet "$command" --help
        expect_output "usage: rootlet $command"
        for option in $(all_options | awk -v c="$command" '$1 == c { print $2 }'); do
            expect_output "$option"
        done
    done
}

# page_text NAME: a built man page as plain characters.
page_text() {
    sed 's/\\//g' "$ROOTLET_TEST_STAGE/build/doc/$1.1"
}

@test "every command has a man page with each of its options" {
    [ -e "$ROOTLET_TEST_STAGE/build/doc/rootlet.1" ] || skip "built without scdoc"
    all=$(page_text rootlet)
    for command in $(all_commands); do
        page=$(page_text "rootlet-$command")
        [[ $all == *"rootlet-$command"* ]]
        for option in $(all_options | awk -v c="$command" '$1 == c { print $2 }'); do
            [[ $page == *"$option"* ]] || { echo "rootlet-$command.1 lacks $option"; return 1; }
        done
    done
}

@test "help COMMAND shows the man page, or --help where there is no man" {
    ok rootlet help doctor
    if command -v man >/dev/null && [ -e "$ROOTLET_TEST_STAGE/build/doc/rootlet.1" ]; then
        expect_output "NAME"
    else
        expect_output "usage: rootlet doctor"
    fi
    cp "$(command -v rootlet)" alone
    ok ./alone help run
    expect_output "usage: rootlet run"
    expect_output "--volume"
}

@test "help of a command that does not exist is refused by name" {
    refused rootlet help nonsense
    expect_stderr "'nonsense'"
}

@test "version is told three ways" {
    ok rootlet version
    [[ $output =~ ^rootlet\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    said=$output
    ok rootlet --version
    equal "$output" "$said"
}

@test "bash completion loads and offers every option of every command" {
    for command in $(all_commands); do
        offered=$(complete_line "rootlet $command --")
        for option in $(all_options | awk -v c="$command" '$1 == c || $1 == "*" { print $2 }'); do
            grep -qx -e "$option" <<<"$offered" || { echo "$command lacks $option"; return 1; }
        done
    done
}

@test "bash completion offers commands, choices and files" {
    equal "$(complete_line "rootlet doc")" doctor
    equal "$(complete_line "rootlet run --network n")" none
    equal "$(complete_line "rootlet run --network=n")" none
    touch a-file
    equal "$(complete_line "rootlet run --env-file a-")" a-file
    equal "$(complete_line "rootlet completion z")" zsh
    equal "$(complete_line "rootlet cache pr")" prune
}

@test "bash completion goes on after a cut at '=' as readline sees it" {
    equal "$(complete_line "rootlet run --log-format=js")" json
}

@test "zsh and fish scripts mention every option" {
    zsh=$(rootlet completion zsh)
    fish=$(rootlet completion fish)
    for option in $(all_options | cut -f 2 | sort -u); do
        [[ $zsh == *"$option"* ]] || { echo "zsh lacks $option"; return 1; }
        [[ $fish == *" -l ${option#--} "* ]] || { echo "fish lacks $option"; return 1; }
    done
}

@test "zsh and fish can read their scripts" {
    rootlet completion zsh >_rootlet
    rootlet completion fish >rootlet.fish
    need zsh fish
    zsh -n _rootlet
    fish -n rootlet.fish
    ok env HOME="$PWD" fish -c 'source rootlet.fish; complete -C "rootlet cache pr"; complete -C "rootlet build --chec"'
    expect_output prune
    expect_output --check
}

@test "completion of an unknown shell is refused" {
    refused rootlet completion tcsh
    expect_stderr "'tcsh'"
}
