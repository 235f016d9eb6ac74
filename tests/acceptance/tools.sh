#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs inside of an image, as root: what programs copy, pack and unpack is what was set before.
set -eu
cd "$(mktemp -d)"

make_tree() {
    mkdir -p tree/dir/deep tree/tmp tree/group
    echo one >tree/dir/file
    echo two >tree/dir/secret
    ln tree/dir/file tree/dir/hard
    ln -s dir/file tree/link
    mkfifo tree/fifo
    mknod tree/null c 1 3
    mknod tree/disk b 8 17
    cp /bin/true tree/suid
    cp /bin/true tree/capable
    truncate -s 3M tree/sparse
    chown 101:102 tree/dir tree/dir/file
    chown -h 103:104 tree/link
    chown 105:106 tree/fifo tree/null
    chown 70000:4000000000 tree/sparse
    chown 0:8 tree/suid tree/group
    chmod 1777 tree/tmp
    chmod 2775 tree/group
    chmod 6755 tree/suid
    chmod 000 tree/dir/secret
    chmod 660 tree/disk
    setcap cap_net_raw,cap_net_admin=ep tree/capable
    setfacl -m u:1234:rwx,g:5678:r tree/dir/deep
    setfacl -d -m g:5678:rx tree/dir/deep
    setfattr -n user.note -v text tree/dir/file
    setfattr -n trusted.note -v more tree/dir/file
    touch -hd '2001-02-03 04:05:06' tree/link
    find tree ! -type l -exec touch -d '2001-02-03 04:05:06' {} +
}

# list DIR WHAT: of every file type, owner, mode, links, device, and what WHAT holds of: times acl cap
# trusted (attributes, and the user's)
list() {
    (
        cd "$1"
        find . -printf '%P %y %U:%G %m %n %l\n' | sort
        case $2 in *times*) find . -printf '%P %Ts\n' | sort ;; esac
        find . -type b -o -type c | sort | xargs stat -c '%n %t,%T'
        case $2 in *acl*) find . ! -type l | sort | xargs getfacl -n --absolute-names 2>/dev/null ;; esac
        case $2 in *cap*) getcap -n -r . | sort ;; esac
        case $2 in *trusted*) getfattr -R -h -d -m '^(user|trusted)\.' . | sort ;; esac
    )
}

# same NAME WHAT DIR: it lists as the tree does.
same() {
    if diff <(list tree "$2") <(list "$3" "$2"); then
        echo "ok: $1"
    else
        echo "FAILED: $1"
    fi
}

check() {
    if [ "$2" = "$3" ]; then echo "ok: $1"; else echo "FAILED: $1: '$2', not '$3'"; fi
}

make_tree
list tree "times acl cap trusted" >first
for command in "cp -a tree copy" "rsync -aAXH --devices --specials tree/ rsynced" \
    "tar --xattrs --xattrs-include=* --acls -cf tree.tar tree" "mksquashfs tree tree.squashfs -quiet -no-progress"; do
    $command
done
same "cp -a" "times acl cap trusted" copy
same "rsync -aAXH" "times acl cap trusted" rsynced
mkdir tarred && tar --xattrs --xattrs-include='*' --acls --same-owner -xpf tree.tar -C tarred
same "tar" "times acl cap trusted" tarred/tree
unsquashfs -q -no-progress -d unsquashed tree.squashfs
same "mksquashfs, unsquashfs" "times cap trusted" unsquashed
(cd tree && find . -depth | cpio -o -H newc --quiet) >tree.cpio
mkdir unpacked && (cd unpacked && cpio -idm --quiet <../tree.cpio)
same "cpio" "" unpacked
mkdir passed && (cd tree && find . -depth | cpio -pdm --quiet ../passed)
same "cpio -p" "" passed
install -d -o 31 -g 32 -m 2750 installed
install -o 33 -g 34 -m 4711 tree/capable installed/program
check "install" "$(stat -c '%u:%g %a' installed installed/program | tr '\n' ' ')" "31:32 2750 33:34 4711 "
list tree "times acl cap trusted" | cmp - first && echo "ok: nobody changed the tree"
check "the tar's own list" "$(tar --numeric-owner -tvf tree.tar | awk '/sparse|suid/ { print $1, $2 }' | sort | tr '\n' ' ')" \
    "-rw-r--r-- 70000/4000000000 -rwsr-sr-x 0/8 "

# What they make belongs to whom it should.
export HOME=$PWD
mkdir repo && cd repo && git init -q && git config user.email a@b && git config user.name n
echo x >f && git add f && git commit -qm first && git checkout -qb other && echo y >>f
git commit -qam second && git checkout -q master && git merge -q other && git gc -q && git fsck
git clone -q . ../clone && git worktree add -q ../worktree other
check "git" "$(git -C ../clone log --format=%s | tr '\n' ' ')" "second first "
chown -R 1000:1000 .
git status >/dev/null 2>../said || check "git in somebody else's folder" "$? $(grep -c dubious ../said)" "128 1"
cd ..
mkdir -p pkg/thing && echo 'def f(): return 42' >pkg/thing/__init__.py
echo 'from setuptools import setup; setup(name="thing", version="1", packages=["thing"])' >pkg/setup.py
pip install --break-system-packages --no-build-isolation --no-index --root-user-action=ignore ./pkg >log 2>&1 || cat log
check "pip" "$(cd / && python3 -c 'import thing; print(thing.f(), thing.__file__)')" "42 /usr/local/lib/python3.11/dist-packages/thing/__init__.py"
check "pip, owner" "$(stat -c %u:%g:%a /usr/local/lib/python3.11/dist-packages/thing/__init__.py)" 0:0:644
mkdir mod app
echo '{"name":"mod","version":"1.0.0","scripts":{"install":"id -u > who"}}' >mod/package.json
tar -C mod --transform 's,^\./,package/,' -czf mod.tgz ./package.json
echo '{"name":"app","version":"1.0.0"}' >app/package.json
(cd app && npm install --offline --foreground-scripts ../mod.tgz >../npm.log 2>&1 || cat ../npm.log)
check "npm as root" "$(cat app/node_modules/mod/who) $(stat -c %u:%g app/node_modules/mod/package.json)" "0 0:0"
