# SPDX-License-Identifier: Apache-2.0
"""Shared by the measurements: interleaved runs by bench/lap, medians, and tables with ratios."""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
sys.dont_write_bytecode = True
from machine import make_users, ordinary_user, run_as  # noqa: E402


class Contender:
    """A command to be timed, or the reason why it is not."""

    def __init__(self, name, argv, program=None):
        self.name = name
        self.argv = argv
        self.why_not = None
        if program and not shutil.which(program, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"):
            self.why_not = "not installed"


class Bench:
    """A folder the ordinary user owns, with copies of our programs in it."""

    def __init__(self, build):
        make_users()
        self.user = ordinary_user()
        self.build = os.path.abspath(build)
        subprocess.run(["ninja", "-C", self.build, "bench/lap", "bench/probe"], check=True,
                       stdout=subprocess.DEVNULL)
        self.path = tempfile.mkdtemp(prefix="rootlet-bench-", dir="/var/tmp")
        self.bin = os.path.join(self.path, "bin")
        os.makedirs(self.bin)
        for program in ("src/rootlet", "src/rootlet-image", "bench/lap", "bench/probe"):
            if os.path.exists(os.path.join(self.build, program)):
                shutil.copy2(os.path.join(self.build, program), self.bin)
        self.env = {"PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                    "TMPDIR": self.path, "XDG_RUNTIME_DIR": os.path.join(self.path, "run")}
        os.makedirs(self.env["XDG_RUNTIME_DIR"], mode=0o700)
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", self.user, self.path], check=True)
            os.chmod(self.path, 0o755)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def run(self, argv, **kwargs):
        """Run something as the ordinary user; output is captured."""
        env = dict(self.env, **kwargs.pop("env", {}))
        return run_as(self.user, argv, env=env, cwd=self.path, text=True, stdout=subprocess.PIPE,
                      stderr=subprocess.PIPE, stdin=kwargs.pop("stdin", subprocess.DEVNULL), **kwargs)

    def must(self, argv, **kwargs):
        done = self.run(argv, **kwargs)
        if done.returncode != 0:
            sys.exit(f"bench: {' '.join(argv)}: {done.stderr.strip()}")
        return done.stdout

    def leave_out_what_fails(self, contenders):
        """One run each beforehand: warms caches, and a failing program is named, not timed."""
        for contender in contenders:
            if contender.why_not:
                continue
            done = self.run(contender.argv)
            if done.returncode != 0:
                lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
                contender.why_not = lines[-1][:100]

    def lap(self, contenders, rounds, at_once=1):
        """Interleaved times: {name: [milliseconds]}, {name: peak memory in MB}."""
        ready = [contender for contender in contenders if not contender.why_not]
        lines = "".join("\t".join(contender.argv) + "\n" for contender in ready)
        done = run_as(self.user, [os.path.join(self.bin, "lap"), str(rounds), str(at_once)],
                      env=self.env, cwd=self.path, input=lines, text=True, stdout=subprocess.PIPE,
                      check=True)
        times = {contender.name: [] for contender in ready}
        memory = dict.fromkeys(times, 0.0)
        for line in done.stdout.splitlines():
            index, nanoseconds, status, kilobytes = map(int, line.split())
            name = ready[index].name
            if status != 0:
                ready[index].why_not = f"status {status} in the middle"
            times[name].append(nanoseconds / 1e6)
            memory[name] = max(memory[name], kilobytes / 1024)
        return times, memory


def table(title, contenders, times, memory, base):
    """One line per contender; ratios are of medians, to the contender called `base`."""
    print(f"\n{title}")
    print(f"  {'':26} {'median':>9} {'fastest':>9} {'ratio':>7}" + (f" {'peak':>9}" if memory else ""))
    unit = statistics.median(times[base])
    for contender in contenders:
        if contender.why_not:
            print(f"  {contender.name:26} {'-':>9}  {contender.why_not}")
            continue
        median = statistics.median(times[contender.name])
        line = f"  {contender.name:26} {median:6.2f} ms {min(times[contender.name]):6.2f} ms {median / unit:6.2f}x"
        print(line + (f" {memory[contender.name]:6.2f} MB" if memory else ""))


def verdict(claim, value, limit):
    """Say whether a goal holds; the measurement itself never fails."""
    print(f"  goal: {claim}: {value:.2f} ({'holds' if value <= limit else 'MISSED'}, at most {limit})")
