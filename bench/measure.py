# SPDX-License-Identifier: Apache-2.0
"""Shared by the measurements: interleaved runs by bench/lap, medians, and tables with ratios."""
import os
import shutil
import statistics
import subprocess
import sys

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
sys.dont_write_bytecode = True
from machine import (SUBID_USER, Stage, cache_folder, make_images, make_users,  # noqa: E402, F401
                     ordinary_user)


class Contender:
    """A command to be timed, or the reason why it is not."""

    def __init__(self, name, argv, program=None, user=None):
        self.name = name
        self.argv = argv
        self.user = user
        self.rounds = None  # fewer than the others, for what takes long
        self.why_not = None
        if program and not shutil.which(program, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"):
            self.why_not = "not installed"


def step_forward():
    """Where this user may, what is measured goes before all else on the machine. The kernel shares processors
    among sessions first (autogroups), so that nice(1) alone says nothing to who runs in another one."""
    try:
        os.setsid()
    except PermissionError:
        pass  # it leads one already
    try:
        with open("/proc/self/autogroup", "w", encoding="ascii") as group:
            group.write("-20")
    except OSError:
        return
    os.nice(-20)


class Bench(Stage):
    """The staged build with its measuring programs, and the one user everything is measured as.

    $ROOTLET_BENCH_FOLDER is where everything is written: /dev/shm leaves the disk out of it."""

    def __init__(self, build):
        if not os.path.exists(os.path.join(build, "build.ninja")):
            sys.exit(f"'{build}' is not a build directory of meson's")
        step_forward()
        make_users()
        subprocess.run(["ninja", "-C", build, "bench/lap", "bench/probe", "bench/binds"], check=True,
                       stdout=subprocess.DEVNULL)
        super().__init__(build, "bench", os.environ.get("ROOTLET_BENCH_FOLDER", "/var/tmp"))
        self.bin = os.path.join(self.path, "build", "bench")
        self.user = ordinary_user()
        self.folder = self.user_folder(self.user)

    def attempt(self, argv, user=None, **kwargs):
        """Run something as the ordinary user, or another; output is captured."""
        return self.run(user or self.user, argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                        stdin=subprocess.DEVNULL, **kwargs)

    def must(self, argv, **kwargs):
        done = self.attempt(argv, **kwargs)
        if done.returncode != 0:
            sys.exit(f"bench: {' '.join(argv)}: {done.stderr.strip()}")
        return done.stdout

    def leave_out_what_fails(self, contenders, seconds=60):
        """One run each beforehand: warms caches, and a failing program is named, not timed."""
        for contender in contenders:
            if contender.why_not:
                continue
            done = self.attempt(["timeout", "--kill-after=5", str(seconds), *contender.argv], user=contender.user)
            if done.returncode == 124:
                contender.why_not = f"not done after {seconds} s"
            elif done.returncode != 0:
                lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
                contender.why_not = lines[-1][:100]

    def lap_between_users(self, contenders, rounds):
        """As lap, for contenders of several users: each is timed alone, in turn."""
        times = {contender.name: [] for contender in contenders if not contender.why_not}
        for number in range(rounds):
            for contender in contenders:
                if not contender.why_not and (contender.rounds is None or number < contender.rounds):
                    once, _ = self.lap([contender], 1, user=contender.user)
                    times[contender.name] += once[contender.name]
        return times

    def lap(self, contenders, rounds, at_once=1, user=None):
        """Interleaved times: {name: [milliseconds]}, {name: peak memory in MB}."""
        ready = [contender for contender in contenders if not contender.why_not]
        times = {contender.name: [] for contender in ready}
        memory = dict.fromkeys(times, 0.0)
        rounds_of = {contender.name: min(contender.rounds or rounds, rounds) for contender in ready}
        past = 0
        for until in sorted(set(rounds_of.values())):
            still = [contender for contender in ready if rounds_of[contender.name] > past]
            self._lap_together(still, until - past, at_once, user, times, memory)
            past = until
        return times, memory

    def _lap_together(self, contenders, rounds, at_once, user, times, memory):
        lines = "".join("\t".join(contender.argv) + "\n" for contender in contenders)
        done = self.run(user or self.user, [os.path.join(self.bin, "lap"), str(rounds), str(at_once)],
                        input=lines, text=True, stdout=subprocess.PIPE, check=True)
        for line in done.stdout.splitlines():
            index, nanoseconds, status, kilobytes = map(int, line.split())
            name = contenders[index].name
            if status != 0:
                contenders[index].why_not = f"fails with status {status}"
            times[name].append(nanoseconds / 1e6)
            memory[name] = max(memory[name], kilobytes / 1024)


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
