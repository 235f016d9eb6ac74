#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Build cases of tests/conformance/dockerfile with rootlet and with buildah, and compare what came of them.

    subid-buildah.py [--rootlet PROGRAM] [--bases DIR] [CASE...]

Run as a user with subordinate ids, which buildah cannot do without. Options as in dockerfile.py. Prints TAP. A
difference that is explained below is no failure; one that is explained and not there is.
"""
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ocilib  # noqa: E402
from dockerfile import (CASES, NAME, Runner, has_user_namespaces, judge_all, make_bases, parse_options,  # noqa: E402
                        read_expected, skip, unpack_case, without_applets)

# What comes out differently, and why ours is right: a text that the difference has in it.
EXPLAINED = {
    # buildah 1.28 has no heredocs: it takes the second line for an instruction, and the first for names of files.
    # BuildKit has them.
    "here-copy-quoted": "buildah did not build",
    "here-run": "buildah did not build",
    # What RUN puts below a VOLUME is gone after the step with buildah; BuildKit keeps it.
    "peer-volumerun": "tree +var/www/file3: f",
}


class Buildah:
    """Whichever of its stores works here, with the bases in it."""

    def __init__(self, bases, scratch):
        self.scratch = scratch
        for driver in ("overlay", "vfs"):
            folder = os.path.join(scratch, driver)
            self.words = ["buildah", "--storage-driver", driver, "--root", folder, "--runroot", folder + "-run"]
            self.why_not = self.import_bases(bases)
            if not self.why_not:
                break

    def run(self, *args):
        return subprocess.run(self.words + list(args), check=False, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def import_bases(self, bases):
        """Why it does not work here, or None: images come in, and a command runs."""
        for base in ("busybox", "alpine"):
            done = self.run("pull", "-q", f"oci-archive:{bases}/{base}.tar")
            if done.returncode == 0:
                done = self.run("tag", done.stdout.strip(), f"{base}:latest")
            if done.returncode != 0:
                return done.stderr.strip()
        done = self.run("from", "--pull-never", "--name", "probe", "busybox")
        if done.returncode == 0:
            done = self.run("run", "--isolation", "chroot", "probe", "true")
        return done.stderr.strip() if done.returncode != 0 else None

    def build(self, case, expected):
        """The built image's dump, or None and its message."""
        directory = os.path.join(self.scratch, "buildah-" + case)
        archive = os.path.join(directory, "image")
        words = unpack_case(case, expected, directory)
        # OCI's own format has neither HEALTHCHECK nor ONBUILD.
        done = self.run("bud", "-q", "--format", "docker", "--isolation", "chroot", "--pull-never", "-t", NAME, *words)
        if done.returncode == 0:
            done = self.run("push", "-q", NAME, f"docker-archive:{archive}:{NAME}")
        return (ocilib.dump(archive), None) if done.returncode == 0 else (None, done.stderr)

    def remove(self):
        """What it made belongs to other ids."""
        self.run("rm", "--all")
        subprocess.run(["buildah", "unshare", "rm", "-rf", os.path.join(self.scratch, "overlay"),
                        os.path.join(self.scratch, "vfs")], check=False)


def differences(rootlet, buildah, case):
    expected = read_expected(case)
    ours, our_failure = rootlet.build(case, expected)
    theirs, their_failure = buildah.build(case, expected)
    if ours is None and theirs is None:
        return []
    if ours is None:
        return [f"rootlet did not build: {our_failure}"]
    if theirs is None:
        return [f"buildah did not build: {their_failure}"]
    return ocilib.diff(without_applets(theirs), without_applets(ours))


def wrong_with(case, lines):
    explained = EXPLAINED.get(case)
    if explained and not any(explained in line for line in lines):
        return lines + [f"explained, and not there: {explained}"]
    return [line for line in lines if not explained or explained not in line]


def main():
    options, what = parse_options(), "as buildah does"
    if not shutil.which("buildah"):
        return skip(what, "buildah is not installed")
    if not has_user_namespaces():
        return skip(what, "user namespaces are refused here")
    with tempfile.TemporaryDirectory() as scratch:
        bases = options.bases or make_bases(scratch)
        buildah = Buildah(bases, scratch)
        try:
            if buildah.why_not:
                return skip(what, f"buildah does not work here: {buildah.why_not}")
            rootlet = Runner(options.rootlet, bases, scratch)
            return judge_all(options.cases or sorted(os.listdir(CASES)), what + ": ",
                             lambda case: wrong_with(case, differences(rootlet, buildah, case)))
        finally:
            buildah.remove()


if __name__ == "__main__":
    sys.exit(main())
