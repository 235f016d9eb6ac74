# SPDX-License-Identifier: Apache-2.0
# Hosts that forbid something, made for one command each: files of /proc/sys and /etc are other ones in a
# mount namespace, and what a sysctl would refuse a filter refuses (tests/support/deny.c). For each: what
# doctor and --why say forbids it, the line that would change it, and the engine that is left.
load ../support/common

setup() {
    common_setup
    user=rootlet-test
    chmod 755 "$BATS_RUN_TMPDIR" .
    unshare --mount true 2>/dev/null || skip "root may not mount here"
    tiny_root root
    program=$(command -v rootlet)
    none=$BATS_TEST_TMPDIR/none # where nobody has a store
    mkdir -m 777 "$none"
    chmod 777 "$none"
}

teardown() {
    common_teardown
}

# host SETUP CMD...: as the ordinary user, after SETUP (a script) has run as root in a mount namespace.
host() {
    local setup=$1
    shift
    run --separate-stderr -- unshare --mount sh -e -c "
        sysctl() { # sysctl NAME VALUE...: the kernel says so
            if ! grep -q ' /proc/sys/kernel tmpfs' /proc/self/mountinfo; then mount -t tmpfs fake /proc/sys/kernel; fi
            mkdir -p /proc/sys/kernel/yama && echo \$2 >/proc/sys/kernel/\$1
        }
        put() { # put FILE TEXT: another content
            printf '%s\n' \"\$2\" >put && mount --bind put \$1
        }
        $setup
        exec \"\$@\"" sh setpriv --reuid "$user" --regid "$user" --init-groups env -u XDG_RUNTIME_DIR \
        HOME="/home/$user" USER="$user" TMPDIR=/var/tmp XDG_DATA_HOME="$none" ROOTLET_STORE="$none" "$@"
}

# says FACT REFUSED...: doctor calls it refused, and the words follow in that order.
says() {
    local fact=$1 text
    shift
    text=$(grep -F -A 6 "  $fact " <<<"$output" | tr '\n' ' ' | tr -s ' ')
    for word in "refused" "$@"; do
        [[ $text == *"$word"* ]] || { echo "of '$fact' expected: $word" >&2; show; return 1; }
    done
}

@test "host: no user namespaces by sysctl user.max_user_namespaces, for real" {
    host '' unshare -Ur sh -c "echo 0 >/proc/sys/user/max_user_namespaces && exec rootlet doctor"
    says "user namespaces" "No space left on device" "user.max_user_namespaces = 0" \
        "echo user.max_user_namespaces=15000 > /etc/sysctl.d/90-rootlet.conf && sysctl --system"
    says userns "user.max_user_namespaces = 0"
    host '' unshare -Ur sh -c "echo 0 >/proc/sys/user/max_user_namespaces && exec rootlet run --why --engine auto ./root echo fine"
    expect_status 0
    equal "$output" fine
    expect_stderr "userns: user namespaces: "
    expect_stderr "hint: sysctl user.max_user_namespaces = 0"
    expect_stderr "chosen"
}

@test "host: Debian's kernel.unprivileged_userns_clone" {
    host 'sysctl unprivileged_userns_clone 0' "$DENY" userns rootlet doctor
    says "user namespaces" "Operation not permitted" "kernel.unprivileged_userns_clone = 0" \
        "echo kernel.unprivileged_userns_clone=1 > /etc/sysctl.d/90-rootlet.conf && sysctl --system"
    expect_status 0 # tap is left
    [[ $output =~ tap\ +usable ]]
}

@test "host: Ubuntu's AppArmor restriction, with a profile that is ready" {
    host 'sysctl apparmor_restrict_unprivileged_userns 1' "$DENY" mount rootlet doctor
    says "mounts inside" "kernel.apparmor_restrict_unprivileged_userns = 1" \
        "profile rootlet $program flags=(unconfined) {userns,}" "> /etc/apparmor.d/rootlet && apparmor_parser -r"
    host 'sysctl apparmor_restrict_unprivileged_userns 1' "$DENY" userns rootlet run --engine userns ./root true
    expect_status 125
    expect_stderr "kernel.apparmor_restrict_unprivileged_userns = 1"
    expect_stderr "apparmor_parser -r"
}

@test "host: yama forbids tracing" {
    export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # which traces itself
    host 'sysctl yama/ptrace_scope 2' "$DENY" ptrace rootlet doctor
    says ptrace "ptrace" "kernel.yama.ptrace_scope = 2" "echo kernel.yama.ptrace_scope=1 > /etc/sysctl.d/90-rootlet.conf"
    host 'sysctl yama/ptrace_scope 3' "$DENY" ptrace rootlet run --engine ptrace ./root true
    expect_status 125
    expect_stderr "kernel.yama.ptrace_scope = 3, fixed until reboot"
}

@test "host: a container's filter" {
    export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # which traces itself
    host 'true' env container=docker "$DENY" userns,mount,ptrace,seccomp rootlet doctor
    expect_status 1
    for engine in userns tap ptrace; do
        says "$engine" "a seccomp filter refuses" "(this is a container: docker)" "you can: "
    done
}

@test "host: newuidmap is missing, or has no privilege; no line in /etc/subuid" {
    local user=rootlet-subid
    need newuidmap
    host 'cp "$(command -v newuidmap)" plain && chmod 755 plain && mount --bind plain "$(command -v newuidmap)"' rootlet doctor
    says "subordinate ids" "newuidmap is neither setuid nor has capabilities" "chmod u+s"
    host 'put /etc/subuid "other:100000:65536"; cp put put2; mount --bind put2 /etc/subgid' rootlet doctor
    says "subordinate ids" "no line for $user" "usermod --add-subuids 165536-231071 --add-subgids 165536-231071 $user"
    host ': >empty; for file in newuidmap newgidmap; do mount --bind empty "$(command -v $file)"; done' rootlet doctor
    says "subordinate ids" "newuidmap is not installed" "administrator: "
}

@test "host: a store on a file system mounted noexec" {
    host 'mkdir store && mount -t tmpfs -o noexec,mode=1777 fake store' rootlet doctor --store "$PWD/store"
    says "programs may run" "is mounted noexec" "rule: "
}
