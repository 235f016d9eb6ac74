# SPDX-License-Identifier: Apache-2.0
# For tests of rootlet build; after common.bash.

# dockerfile [FILE]: standard input becomes ./Dockerfile (or FILE).
dockerfile() {
    mkdir -p "$(dirname "${1:-Dockerfile}")"
    cat >"${1:-Dockerfile}"
}

# builds ARGS...: rootlet build, which must succeed; $stderr has what it said, plain.
builds() {
    ok rootlet build --progress plain "$@"
}

# refuses ARGS...: it must fail, by 125.
refuses() {
    refused rootlet build --progress plain "$@"
}

# image_sh REF SCRIPT: what a script in the image prints.
image_sh() {
    ok rootlet run "$1" sh -c "$2"
}

# cached N / no_cached: how many steps the last build took from the cache.
cached() {
    equal "$(grep -c CACHED <<<"$stderr" || :)" "$1"
}
