# SPDX-License-Identifier: Apache-2.0
"""Thirty packages that give files to many owners, and the comparison of images they were installed in."""
import fnmatch

from machine import PLAIN_USER, say

PACKAGES = """
openssh-client openssh-server dbus systemd sudo man-db iputils-ping postgresql munge polkitd apache2
exim4 mariadb-server cron tcpdump wireshark-common slurmd rsyslog uuid-runtime screen mailutils
avahi-daemon cups ssl-cert udev libpam-systemd fuse3 at dnsmasq-base policykit-1
""".split()
PATHS_MIN = 5000


def dockerfile(packages):
    lines = ["FROM base", "ARG DEBIAN_FRONTEND=noninteractive", "RUN apt-get update"]
    lines += [f"RUN apt-get install -y --no-install-recommends {package}" for package in packages]
    return "\n".join(lines) + "\n"


def ask_postgresql(acceptance, image="ours", front=(), options=()):
    """Not only installed: the cluster that its maintainer scripts made must serve."""
    script = ("pg_ctlcluster $(pg_lsclusters -h | cut -d' ' -f1,2) start && "
              "su postgres -c \"psql -Atc 'select 1'\" && "
              "pg_ctlcluster $(pg_lsclusters -h | cut -d' ' -f1,2) stop")
    said = acceptance.must(PLAIN_USER, [*front, "rootlet", "run", *options, image, "sh", "-c", script], "ask PostgreSQL")
    acceptance.verdict("1" in said.split(), f"the PostgreSQL cluster of {image} answers 'select 1'")


class Comparison:
    """Of two images' trees. Attributes whose names begin with `unwanted` are not compared, and paths that
    match a pattern of `explained` may differ."""

    def __init__(self, names, explained=(), unwanted=None):
        self.names, self.explained, self.unwanted = names, explained, unwanted

    def is_explained(self, path):
        return any(fnmatch.fnmatchcase(path, pattern) for pattern, _ in self.explained)

    def differences(self, ours, theirs):
        """Lines for what is not alike and not explained."""
        lines = []
        for path in sorted(set(ours) | set(theirs)):
            left, right = (tree[path].text(self.unwanted) if path in tree else "missing" for tree in (ours, theirs))
            if left != right and not self.is_explained(path):
                lines.append(f"/{path}: {self.names[0]} {left}, {self.names[1]} {right}")
        return lines

    def plant(self, tree):
        """A comparison that cannot fail shows nothing: one owner, one mode, one capability made wrong."""
        owned = next(path for path in sorted(tree) if tree[path].uid != 0 and not self.is_explained(path))
        tree[owned].uid += 1
        setuid = next(path for path in sorted(tree) if tree[path].mode & 0o4000 and path != owned)
        tree[setuid].mode &= ~0o4000
        planted = {owned, setuid}
        for path in sorted(tree):
            if "security.capability" in tree[path].xattrs:
                del tree[path].xattrs["security.capability"]
                planted.add(path)
                break
        return planted

    def judge(self, acceptance, ours, theirs, all_packages):
        common = set(ours) & set(theirs)
        owners = {(ours[path].uid, ours[path].gid) for path in ours}
        special = [path for path in ours if ours[path].mode & 0o6000 or ours[path].xattrs]
        say(f"{len(common)} paths in both, {len(owners)} different owners, {len(special)} with set-id bits or capabilities")
        lines = self.differences(ours, theirs)
        for line in lines[:200]:
            say("  " + line)
        acceptance.verdict(not lines, f"{len(lines)} unexplained differences of {' and '.join(self.names)}")
        if all_packages:
            acceptance.verdict(len(common) > PATHS_MIN, f"more than {PATHS_MIN} paths compared")
        planted = self.plant(ours)
        found = {line[1:].split(": ")[0] for line in self.differences(ours, theirs)}
        found -= {line[1:].split(": ")[0] for line in lines}
        acceptance.verdict(found == planted, f"what was made wrong on purpose is found: {', '.join(sorted(planted))}")
