#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Build every case of tests/conformance/dockerfile and compare config and tree with what is expected.

    dockerfile.py [--rootlet PROGRAM] [--bases DIR] [CASE...]

Run as an ordinary user. PROGRAM is the rootlet in PATH, unless given; DIR holds busybox.tar and
alpine.tar, which mkbases.sh makes when none is given. Each case gets a copy of one prepared store,
so that no case can lean on another's cache. Prints TAP.
"""
import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import ocilib  # noqa: E402

CASES = os.path.join(HERE, "dockerfile")
NAME = "conformance/case:test"


def without_applets(dump):
    """busybox's applets differ from version to version."""
    tree = {path: entry for path, entry in dump["tree"].items() if not path.startswith("bin/")}
    return {"config": dump["config"], "tree": tree}


def unpack_case(case, expected, directory):
    """The case's context below the new directory, and the last words of a build of it."""
    context = os.path.join(directory, "context")
    os.makedirs(context)
    with tarfile.open(os.path.join(CASES, case, "ctx.tar")) as archive:
        archive.extractall(context)
    words = ["-f", os.path.join(context, expected["dockerfile_in_context"])]
    for name, value in (expected.get("build_args") or {}).items():
        words += ["--build-arg", f"{name}={value}"]
    if expected.get("target"):
        words += ["--target", expected["target"]]
    return words + [context]


def read_expected(case):
    with open(os.path.join(CASES, case, "expected.json"), encoding="utf-8") as file:
        return json.load(file)


class Runner:
    def __init__(self, rootlet, bases, scratch):
        self.rootlet = rootlet
        self.scratch = scratch
        self.bases = {}
        self.prepared = os.path.join(scratch, "prepared")
        for base in ("busybox", "alpine"):
            archive = os.path.join(bases, base + ".tar")
            self.bases[base] = ocilib.dump(archive)
            self.run(self.prepared, "import", "-q", archive, base + ":latest")

    def run(self, store, *args):
        return subprocess.run([self.rootlet, "--store", store, *args], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def build(self, case, expected):
        """The built image's dump, or status and message of a build that failed."""
        directory = os.path.join(self.scratch, case)
        store = os.path.join(directory, "store")
        words = unpack_case(case, expected, directory)
        subprocess.run(["cp", "-a", self.prepared, store], check=True)
        try:
            self.run(store, "build", "-t", NAME, *words)
            archive = os.path.join(directory, "image")
            self.run(store, "export", NAME, "--format", "oci", "-o", archive)
            return ocilib.dump(archive), None
        except subprocess.CalledProcessError as failure:
            return None, (failure.returncode, failure.stderr)

    def wanted(self, expected):
        base = self.bases.get(expected.get("base"))
        return ocilib.unslim({"config": expected["config"], "tree": expected["added_or_changed"],
                              "removed_from_base": expected["removed"]}, base)

    def judge(self, case):
        """What is wrong with this case; empty when nothing is."""
        expected = read_expected(case)
        image, failure = self.build(case, expected)
        if not expected["builds"]:
            if image is not None:
                return ["built, and must not"]
            return [] if failure[0] == 125 else [f"exit status {failure[0]}, not 125", failure[1]]
        if image is None:
            return [f"did not build: exit status {failure[0]}", failure[1]]
        return ocilib.diff(without_applets(self.wanted(expected)), without_applets(image))


def make_bases(scratch):
    bases = os.path.join(scratch, "bases")
    subprocess.run(["sh", os.path.join(HERE, "mkbases.sh"), bases], check=True, stdout=subprocess.DEVNULL)
    return bases


def has_user_namespaces():
    return subprocess.run(["unshare", "-Ur", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0


def parse_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rootlet", default="rootlet")
    parser.add_argument("--bases")
    parser.add_argument("cases", nargs="*")
    return parser.parse_args()


def judge_all(cases, title, judge):
    """Print TAP about what is wrong with each, which judge(case) lists; the exit status."""
    failed = 0
    print(f"1..{len(cases)}")
    for number, case in enumerate(cases, 1):
        wrong = judge(case)
        failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {title}{case}", flush=True)
        for line in "\n".join(wrong).splitlines():
            print("# " + line)
    return 1 if failed else 0


def skip(what, reason):
    print(f"1..1\nok 1 {what} # skip {' '.join(reason.split())}")
    return 0


def main():
    options = parse_options()
    if not has_user_namespaces():
        return skip("all builds", "user namespaces are refused here")
    with tempfile.TemporaryDirectory() as scratch:
        runner = Runner(options.rootlet, options.bases or make_bases(scratch), scratch)
        return judge_all(options.cases or sorted(os.listdir(CASES)), "", runner.judge)


if __name__ == "__main__":
    sys.exit(main())
